"""The verb `rate`: logged edits, and blind ratings of drafts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from . import show_rate
from .desk import Answer, Desk, Job
from .words import CLIENT, Verb, option, read_map


def _rate(said: SimpleNamespace) -> Job:
    mapping = read_map(said.map)

    def run(desk: Desk) -> Answer:
        from ..steps.rating import Asked, rate

        asked = Asked(Path(said.edits) if said.edits else None, mapping or {}, said.other_minutes)
        return rate(desk.workspace, said.client, asked, desk.progress)

    def follow(answer: Answer) -> str:
        return f"evaluate {said.client}" if answer["minutes"]["calibrated"] else f"rate {said.client} --edits FILE"

    return Job("rate", run, show_rate.rated, follow)


RATE = Verb(
    "rate", "Take in logged edits and their minutes.", _rate,
    (CLIENT,
     option("--edits", str, "PATH", "A log of edits: a table (draft, final, minutes, editor, rounds, arm), or a folder of Word or Google "
                                    "Docs files with both versions of each piece, and a table of their minutes."),
     option("--map", list[str], "FIELD=COLUMN", "Which column of the log holds a field; may be repeated."),
     option("--other-minutes", float, "MINUTES", "Minutes that a piece takes beside editing; from them follows how many more get done.")),
    ("adtune rate acme --edits edits.csv", "adtune rate acme --edits edits.xlsx --map minutes=Time --other-minutes 61.4",
     "adtune rate acme --edits both-versions/"),
    ("Each row of a log is kept or rejected with its place and reason; the same log again adds nothing, and a later edit of the same pair "
     "holds. Under 30 edits with minutes there is only the effort index.",))
