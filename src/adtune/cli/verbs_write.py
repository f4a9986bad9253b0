"""The verbs that use a tuned model: `demo`, `draft`, `export`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from . import show_write
from .desk import Answer, Desk, Job
from .verbs_later import PICTURES_THEME, not_built
from .verbs_tune import checked
from .words import CLIENT, SEED, Verb, argument, option

DEMOS = {"voice": None, "media": None, "images": PICTURES_THEME}
FORMATS = {"peft": None, "merged": None, "gguf": None, "openai": None, "chat": None, "prompt-completion": None, "parquet": None}


def _built(verb: str, word: str, known: dict[str, str | None], what: str) -> str:
    checked(verb, word, dict.fromkeys(known, True), what)
    theme = known[word]
    if theme is not None:
        raise not_built(f"{verb} {word}", theme)
    return word


def _demo(said: SimpleNamespace) -> Job:
    kind = _built("demo", said.kind, DEMOS, "demo")

    def run(desk: Desk) -> Answer:
        if kind == "media":
            from ..steps.media_demo import demo_media

            return demo_media(desk.workspace, desk.progress, desk.stop)
        from ..steps.demonstration import demo

        return demo(desk.workspace, kind, desk.progress, desk.stop)

    return Job("demo", run, show_write.demonstrated, lambda answer: "import FILE --client CLIENT", patient=True, resume=f"demo {kind}")


def _draft(said: SimpleNamespace) -> Job:
    names = ("n", "adapter", "format", "category", "temperature", "seed", "max_tokens")
    options = {name: getattr(said, name) for name in names}

    def run(desk: Desk) -> Answer:
        from ..steps.drafting import draft

        return draft(desk.workspace, said.client, said.brief, options, desk.progress)

    def follow(answer: Answer) -> str | None:
        adapters = [one["adapter"] for one in answer["drafts"] if one["adapter"]]
        return f"export {adapters[0]} --to peft" if adapters else None

    return Job("draft", run, show_write.drafted, follow)


def _export(said: SimpleNamespace) -> Job:
    to = _built("export --to", said.to or ("chat" if said.adapter.startswith("dataset-") else "peft"), FORMATS, "format")
    out = Path(said.out or f"{said.adapter}-{to}")

    def run(desk: Desk) -> Answer:
        from ..steps.exporting import export

        return export(desk.workspace, said.adapter, to, out, desk.progress)

    return Job("export", run, show_write.exported, lambda answer: f"show {said.adapter}")


DEMO = Verb(
    "demo", "See the whole way on a made client, offline.", _demo,
    (argument("kind", "KIND", "voice, media or images. Built now: voice.", "voice"),),
    ("adtune demo", "adtune --workspace /tmp/try demo voice"),
    ("Figures that fall short of what we hold ourselves to are listed as misses; the exit code stays 0.",))

DRAFT = Verb(
    "draft", "Write drafts in the client's voice.", _draft,
    (CLIENT, argument("brief", "BRIEF", "What to write about: the title of the piece."),
     option("-n --n", int, "N", "Drafts to write (1).", min=1, max=64),
     option("--adapter", str, "ADAPTER", "The adapter; by default the live version, else the newest."),
     option("--format", str, "FORMAT", "Content type, such as article, e-mail, social post, search ad or product copy."),
     option("--category", str, "CATEGORY", "Category of the piece, as in the archive."),
     option("--temperature", float, "T", "0 always takes the likeliest word; higher is freer (0.7; a prompt's: its base's).", min=0, max=5),
     option("--max-tokens", int, "N", "Longest draft, in tokens (512).", min=1), SEED),
    ('adtune draft acme "How to choose a running shoe"', 'adtune draft acme "Spring sale" -n 3 --format e-mail --category Offers'))

EXPORT = Verb(
    "export", "Write an adapter, a merged model or a dataset for other tools.", _export,
    (argument("adapter", "ID", "The id of an adapter or a dataset (adtune ls)."),
     option("--to", str, "FORMAT", "An adapter: peft (the default), merged or gguf. "
                                   "A dataset: chat (the default), openai, prompt-completion or parquet."),
     option("--out", str, "DIR", "A new folder; by default ./ID-FORMAT.")),
    ("adtune export adapter-1a2b --to merged --out acme-model", "adtune export adapter-1a2b --to gguf",
     "adtune export dataset-1a2b --to openai --out acme-openai"),
    ("What was written is read again and compared with the adapter or dataset before it is shown.",))
