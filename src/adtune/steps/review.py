"""A person overrules curation: the questions that matter most, the answers kept as they are given, and the dataset made anew."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import Progress, silent
from ..records import Decision, Source
from .curation import make, published, with_last_settings
from .revising import user_name

if TYPE_CHECKING:
    from ..curate.pieces import Piece
    from ..curate.review import Question
    from ..workspace import Workspace

RELABEL = "relabel"   # what a no to a category says
REVIEW = "review"     # where an answer in the terminal is said to come from
OTHER_TYPICAL = 10    # typical pieces of each voice that is not meant, which are taken as other voices


@dataclass(frozen=True)
class Wanted:
    """What a review is about: the words of `curate`, and who answers (else $ADTUNE_USER, else who is logged in)."""

    task: str | None = None
    brand_guide: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    who: str | None = None


class Review:
    """One sitting. Every answer is kept at once, so that a stop loses none; `finish` makes the dataset anew and publishes it.

    Where no settings are given, those of the client's newest dataset hold. Raises as `curate` does.
    """

    def __init__(self, ws: Workspace, client: str, wanted: Wanted, progress: Progress = silent):
        from ..curate.review import queue

        self.ws, self.client, self.who = ws, client, who_answers(wanted.who)
        self._wanted = wanted
        self._settings, told = with_last_settings(ws, client, wanted.overrides)
        self.curated, settings, notes = make(ws, client, wanted.task, wanted.brand_guide, self._settings, progress)
        self._notes = [*told, *notes]
        progress("looking for what to ask", 0, 1)
        self.questions: list[Question] = queue(self.curated, settings)
        progress("looking for what to ask", 1, 1, f"{len(self.questions)} questions")
        self._given: list[tuple[Question, list[Decision]]] = []
        self._changed = False

    @property
    def answered(self) -> int:
        """How many answers of this sitting stand."""
        return len(self._given)

    def answer(self, question: Question, says: str | int) -> None:
        """Keeps an answer: `keep` or `drop`, or the number (from 0 on) of the group that is the voice. A no to the category of a piece
        keeps the piece and gives it the likelier one."""
        decisions = [Decision(piece.asset.id, piece.content, word, self.who, question.about, question.kind, source=Source(REVIEW))
                     for piece, word in _said(question, says)]
        self.ws.decide(self.client, decisions)
        self._given.append((question, decisions))
        self._changed = True

    def undo(self) -> str | None:
        """Takes the last answer back, of this sitting or else of an earlier one, and says which it was; None where there is none."""
        if self._given:
            question, decisions = self._given.pop()
            told = question.piece.name
        else:
            decisions = self._earlier()
            if not decisions:
                return None
            first = decisions[0]
            piece = self.ws.pieces(self.client, [first.asset]).get(first.asset)
            told = f"{(piece.title if piece else None) or first.asset[:12]} ({first.says} by {first.who}, {first.when[:10]})"
        self.ws.decide(self.client, [Decision(one.asset, one.content, "open", self.who, one.about, one.kind, source=Source(REVIEW))
                                     for one in decisions])
        self._changed = True
        return told

    def finish(self, progress: Progress = silent) -> dict[str, Any]:
        """The JSON object of `adtune curate`, with `review{asked answered by joined left}` and, as `queue`, what was not answered."""
        before = {item.asset for item in self.curated.dataset.items}
        curated, notes = self.curated, self._notes
        if self._changed:
            curated, _, told = make(self.ws, self.client, self._wanted.task, self._wanted.brand_guide, self._settings, progress)
            notes = list(dict.fromkeys([*notes, *told]))
        after = {item.asset for item in curated.dataset.items}
        answered = {question.piece.asset.id for question, _ in self._given}
        review = {"asked": len(self.questions), "answered": self.answered, "by": self.who, "joined": len(after - before),
                  "left": len(before - after)}
        return {**published(self.ws, self.client, curated, notes), "review": review, "queue": self.rows(answered)}

    def rows(self, without: set[str] | None = None) -> list[dict[str, Any]]:
        """The questions as rows of JSON, those about the pieces `without` left out."""
        from ..curate.review import as_row

        return [as_row(one) for one in self.questions if one.piece.asset.id not in (without or ())]

    def _earlier(self) -> list[Decision]:
        """The last answer given in a review that still stands: all its decisions, which have one moment."""
        latest = {one.asset: one for one in self.ws.decisions(self.client)}
        standing = [one for one in latest.values() if one.says != "open" and one.source.file == REVIEW]
        last = max((one.when for one in standing), default="")
        return [one for one in standing if one.when == last]


def curate_with_files(ws: Workspace, client: str, wanted: Wanted, files: tuple[Path | None, Path | None],
                      progress: Progress = silent) -> dict[str, Any]:
    """Takes the decisions of the first file, curates, and writes the decisions that hold and the open questions to the second one.

    Gives the JSON object of `adtune curate` with `taken` and `queue`. Raises InputError also for files that can't be read or written.
    """
    from .decisions_file import check_name, take_decisions, write_decisions

    given, out = files
    ws.require_client(client)
    for path in (given, out):
        if path is not None:
            check_name(path)
    taken = take_decisions(ws, client, given, who_answers(wanted.who)) if given else None
    review = Review(ws, client, wanted, progress)
    if out is not None:
        write_decisions(out, review.curated.pieces, review.questions)
    return {**review.finish(progress), "review": None, "taken": taken}


def who_answers(given: str | None) -> str:
    """The name under which answers are kept."""
    return " ".join((given or os.environ.get("ADTUNE_USER") or user_name()).split()) or "unknown"


def _said(question: Question, says: str | int) -> Iterator[tuple[Piece, str]]:
    """What an answer says of which pieces."""
    if isinstance(says, str):
        if says not in ("keep", "drop") or question.groups:
            raise InputError("the answer", f"'{says}'", "the number of a group" if question.groups else "keep or drop", "Answer again.")
        yield question.piece, RELABEL if says == "drop" and question.instead else says
        return
    if not 0 <= says < len(question.groups):
        raise InputError("the answer", f"group {says + 1}", f"one of the groups 1 to {len(question.groups)}", "Answer again.")
    for number, group in enumerate(question.groups):
        for piece in group.typical if number == says else group.typical[:OTHER_TYPICAL]:
            if piece.ruling is None:
                yield piece, "voice" if number == says else "other"
