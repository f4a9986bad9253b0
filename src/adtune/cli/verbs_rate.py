"""The verb `rate`: logged edits, and blind ratings of drafts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from ..errors import InputError
from ..settings import RateSettings
from . import show_rate
from .desk import Answer, Desk, Job
from .words import CLIENT, Verb, option, read_map, read_sets, sets, switch


def _rate(said: SimpleNamespace) -> Job:
    mapping, options = read_map(said.map) or {}, read_sets(said.set)
    raters = tuple(name for part in (said.raters or "").split(",") if (name := " ".join(part.split())))
    if said.terminal and (said.edits or said.filled or said.out or raters or said.results):
        raise InputError("adtune rate", "--terminal beside other work", "one of them at a time", "Rate first, then take in files.")

    def run(desk: Desk) -> Answer:
        from dataclasses import replace

        from ..steps.rating import Asked, Sitting, rate

        asked = Asked(Path(said.edits) if said.edits else None, mapping, tuple(map(Path, said.filled or ())),
                      Path(said.out) if said.out else None, raters, said.results, said.adapter, said.by, said.other_minutes, options)
        if said.terminal:
            if desk.words.json:
                raise InputError("adtune rate", "--terminal with --json", "one of them", "Rate in the terminal without --json.")
            from .rating import run as ask

            sitting = Sitting(desk.workspace, said.client, asked, desk.progress)
            getattr(desk.progress, "close", lambda: None)()   # no bar stands in the way of the questions
            ask(sitting)
            asked = replace(asked, results=True)
        return rate(desk.workspace, said.client, asked, desk.progress)

    def follow(answer: Answer) -> str:
        if answer["sheet"]:
            return f"rate {said.client} --in {answer['sheet']['files'][-1]}"
        return f"evaluate {said.client}" if answer["minutes"]["calibrated"] or answer["ratings"] else f"rate {said.client} --edits FILE"

    return Job("rate", run, show_rate.rated, follow, resume=f"rate {said.client} --terminal" if said.terminal else None)


RATE = Verb(
    "rate", "Take in logged edits, and rate drafts blind.", _rate,
    (CLIENT,
     option("--edits", str, "PATH", "A log of edits: a table (draft, final, minutes, editor, rounds, arm), or a folder of Word or Google "
                                    "Docs files with both versions of each piece, and a table of their minutes."),
     option("--map", list[str], "FIELD=COLUMN", "Which column of the log holds a field; may be repeated."),
     option("--other-minutes", float, "MINUTES", "Minutes that a piece takes beside editing; from them follows how many more get done."),
     option("--out", str, "FILE", "Where the sheet for raters is written (.csv or .xlsx); by default ./CLIENT-rating, both."),
     option("--raters", str, "NAMES", "Who will rate, with commas between: a sheet in an order of its own for each."),
     option("--in", list[str], "FILE", "Take in a filled sheet; may be repeated.", name="filled"),
     switch("--terminal", "Rate here, draft after draft, with keys or lines of standard input; goes on where you stopped."),
     switch("--results", "Only tell what edits and ratings say so far."),
     option("--adapter", str, "ADAPTER", "Rate the drafts of this adapter's newest evaluation; by default of the newest one."),
     option("--by", str, "NAME", "Who rates; else the sheet's column `rater`, $ADTUNE_USER or who is logged in."),
     sets(RateSettings)),
    ("adtune rate acme --edits edits.csv", "adtune rate acme --edits versions/ --other-minutes 61.4", "adtune rate acme --raters Ann,Bo",
     "adtune rate acme --in acme-rating-Ann.xlsx --in acme-rating-Bo.xlsx", "adtune rate acme --terminal --by Ann"),
    ("Without --edits, --in, --terminal or --results it writes sheets: drafts of all arms to the same briefs, shuffled, some of them "
     "twice. Which arm wrote what stays in the workspace.",
     "Each row of a log is kept or rejected with its place and reason; the same log again adds nothing, and a later edit of the same pair "
     "holds. Under 30 edits with minutes there is only the effort index."))
