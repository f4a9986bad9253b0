"""The verbs `import` and `curate`: from a client's files to a dataset."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from ..errors import InputError
from ..settings import CurateSettings
from . import show_archive, verbs_media
from .desk import Answer, Desk, Job
from .review import reviewed
from .words import CLIENT, TASK, Verb, Word, argument, option, read_map, read_sets, sets, switch


def _import(said: SimpleNamespace) -> Job:
    mapping = read_map(said.map)
    kind = said.kind or "content"
    if said.rates and kind != "campaigns":
        raise InputError("--rates", f"rates for the kind '{kind}'", "rates for campaigns, whose money they convert", "Add --as campaigns.")

    def run(desk: Desk) -> Answer:
        if kind == "campaigns":
            from ..steps.campaigns import import_campaigns

            rates = Path(said.rates) if said.rates else None
            return import_campaigns(desk.workspace, Path(said.path), said.client, mapping, rates, desk.progress)
        from ..steps.archive import import_archive

        return import_archive(desk.workspace, Path(said.path), said.client, kind, mapping, desk.progress)

    if kind == "campaigns":
        return Job("import", run, show_archive.imported_campaigns, lambda answer: f"advise {answer['client']} --task response")
    return Job("import", run, show_archive.imported, lambda answer: f"curate {answer['client']}")


def _curate(said: SimpleNamespace) -> Job:
    overrides = read_sets(said.set, {"keep": said.keep, "mix": said.mix})
    guide = Path(said.brand_guide) if said.brand_guide else None
    files = tuple(Path(name) if name else None for name in (said.decisions, said.decisions_out))

    def made(desk: Desk) -> Answer:
        from ..steps.curation import curate, read_briefs

        asked = {**overrides, "briefs": read_briefs(Path(said.briefs))} if said.briefs else overrides
        if said.review or any(files):
            return reviewed(desk, said, guide, asked, files)
        if said.curve:
            from ..steps.curve import curate_with_curve

            given = {"task": said.task, "brand_guide": guide, "overrides": asked}
            return curate_with_curve(desk.workspace, said.client, given, {"base": said.base}, desk.progress, desk.stop)
        return curate(desk.workspace, said.client, task=said.task, brand_guide=guide, overrides=asked, progress=desk.progress)

    def run(desk: Desk) -> Answer:
        if verbs_media.is_response(desk, said):
            return verbs_media.curated(desk, said)
        if not said.draft_guide:
            return made(desk)
        from ..steps.guides import refuse_existing, write_draft

        refuse_existing(Path(said.draft_guide))   # before the work
        answer = made(desk)
        write_draft(answer["guide_draft"], Path(said.draft_guide))
        return answer

    return Job("curate", run, show_archive.curated, lambda answer: f"advise {said.client}", patient=said.curve)


def _client_option() -> Word:
    import typer

    return Word("client", str, typer.Option(..., "--client", metavar="CLIENT", help="The client whose archive this is."))


IMPORT = Verb(
    "import", "Read a client's files into the archive.", _import,
    (argument("path", "PATH", "A file or folder: tables (CSV, Excel, JSONL), "
                              "documents (Word, PDF, Markdown, web pages), feeds, WordPress, mail, zips; of campaigns what platforms "
                              "export."),
     _client_option(),
     option("--as", str, "KIND", "content (the default), images, campaigns or creatives. Built now: content, campaigns.", name="kind"),
     option("--map", list[str], "FIELD=COLUMN", "Which column holds a field; may be repeated."),
     option("--rates", str, "FILE", "Of campaigns: a table (from, to, rate, date) that converts money into one currency.")),
    ("adtune import posts.jsonl --client acme", "adtune import export.csv --client acme --map text=Body --map title=Headline",
     "adtune import corrections.csv --client acme", "adtune import exports/ --client acme --as campaigns --rates rates.csv"),
    ("Nothing disappears: kept and rejected add up to what was read, and each rejection says where and why.",
     "A table of ids with new values, approvals or withdrawals corrects the pieces that are there; their history is kept.",))

CURATE = Verb(
    "curate", "Make a dataset of the archive: clean, de-duplicate, split.", _curate,
    (CLIENT, TASK,
     option("--keep", int, "N", "Pieces to keep at most, over all splits: nearest to the gold pieces' voice, then well spread.", min=1),
     option("--mix", str, "KIND=SHARE,...", "What to keep of each category or content type, in percent; by default all categories alike."),
     option("--briefs", str, "FILE", "Titles of the next months' briefs, one a line or a CSV column `title`; the choice then serves them."),
     option("--brand-guide", str, "FILE", "The client's brand guide (.md, .txt, .docx, .pdf or .html); kept for later datasets."),
     option("--draft-guide", str, "FILE", "Write the draft of a brand guide, made of the archive's habits, to a new file to edit (.md)."),
     switch("--review", "Answer the questions that matter most, in the terminal or from standard input; --json only lists them."),
     option("--decisions", str, "FILE", "Take decisions about pieces from a table (.csv, .xlsx)."),
     option("--decisions-out", str, "FILE", "Write the decisions that hold and the open questions as a table to fill in (.csv, .xlsx)."),
     switch("--curve", "Tune on 50, 100, 200, ... of the pieces kept, and say how many are enough; told first how long it takes."),
     option("--base", str, "BASE", "The base that --curve tunes: `starter` (the default), a local directory or a hub id."),
     option("--by", str, "NAME", "Who decides; else $ADTUNE_USER, else who is logged in."),
     sets(CurateSettings)),
    ("adtune curate acme --brand-guide guide.md", "adtune curate acme --keep 300 --mix article=40,email=30 --briefs autumn.txt",
     "adtune curate acme --review", "adtune curate acme --decisions-out ask.xlsx", "adtune curate acme --decisions ask.xlsx --by Ann"),
    ("Of a client with campaigns alone, or with --task response, it tells which rows are learned from, which are not and why, and how they "
     "are split by time.",
     "With --review, --decisions and --decisions-out the settings of the newest dataset hold where none are given. Decisions survive "
     "imports and curation, and can be undone.",))
