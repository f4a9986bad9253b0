"""`adtune curate --review`: one question after the other, with the piece, its evidence marked, and what depends on the answer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .desk import Answer, Desk
from .keys import QUIT, Keys, Lines, answers
from .page import Page, plain

if TYPE_CHECKING:
    from ..curate.review import Question
    from ..steps.review import Review

SHOWN_LINES, FIRST, AROUND, LAST = 30, 10, 2, 3   # lines of a long piece: its beginning, those around what is marked, its end
WIDTH = 100
TWIN = 200      # characters of a near-duplicate's twin
WORDS = {"y": "yes", "n": "no", "s": "skip", "u": "undo", "m": "more", "q": QUIT}
ASKS = "Keep it?  [y]es  [n]o  [s]kip  [u]ndo  [m]ore  [q]uit"
OTHERWISE = {"near_duplicate": "Its twin is kept; what differs is marked", "inconsistent_facts": "The piece that says otherwise"}


def reviewed(desk: Desk, said: SimpleNamespace, guide: Path | None, overrides: dict[str, Any],
             files: tuple[Path | None, ...]) -> Answer:
    """The answer of `curate` with --review or a table of decisions."""
    from ..steps.review import Review, Wanted, curate_with_files

    wanted = Wanted(said.task, guide, overrides, said.by)
    if said.review and any(files):
        raise InputError("adtune curate", "--review beside a table of decisions", "one of them at a time",
                         "Take or write the table first, then review.")
    if not said.review or desk.words.json:
        return curate_with_files(desk.workspace, said.client, wanted, (files[0], files[1]), desk.progress)
    review = Review(desk.workspace, said.client, wanted, desk.progress)
    getattr(desk.progress, "close", lambda: None)()   # no bar stands in the way of the questions
    with answers() as source:
        Sitting(review, source).run()
    return review.finish(desk.progress)


class Sitting:
    """The questions of a review on one sheet, until all are answered or skipped or the person quits."""

    def __init__(self, review: Review, source: Keys | Lines):
        self.review, self.source, self.page = review, source, Page()
        self._answered: list[int] = []   # places of the questions, in the order of their answers

    def run(self) -> None:
        questions, at, whole = self.review.questions, 0, False
        if not questions:
            self.page.line("Nothing to ask: no decision is uncertain or stands for others.")
        while at < len(questions):
            question = questions[at]
            self._show(question, at + 1, len(questions), whole)
            word = self._read(question)
            whole = word == "more"
            if word == QUIT:
                break
            if word == "undo":
                at = self._undo(at)
            elif word == "skip":
                at += 1
            elif not whole:
                self.review.answer(question, {"yes": "keep", "no": "drop"}.get(word) or int(word) - 1)
                self._answered.append(at)
                at += 1
        if questions:
            self.page.line(f"{self.review.answered} answers kept under the name {self.review.who}.", style="bold")

    def _undo(self, at: int) -> int:
        """Takes the last answer back; gives the place to go on at."""
        told = self.review.undo()
        self.page.line(f"Taken back: {told}." if told else "There is no answer to take back.", style="yellow")
        return self._answered.pop() if told and self._answered else at

    def _read(self, question: Question) -> str:
        numbers = {str(number): str(number) for number in range(1, len(question.groups) + 1)}
        words = {**{key: word for key, word in WORDS.items() if not numbers or word not in ("yes", "no", "more")}, **numbers}
        while True:
            word = self.source.read(words)
            if word:
                self.page.line(f"> {word}")
                return word
            self.page.line(f"Answer with one of: {', '.join(words)}.")
            sys.stdout.flush()

    def _show(self, question: Question, number: int, total: int, whole: bool) -> None:
        self.page.line()
        self.page.line(f"--- {number} of {total} ---", style="bold")
        if question.groups:
            self._show_voices(question)
        else:
            self._show_piece(question, whole)
        sys.stdout.flush()

    def _show_piece(self, question: Question, whole: bool) -> None:
        asset = question.piece.asset
        place = f"{asset.source.file}, line {asset.source.line}" if asset.source.line else asset.source.file
        about = ", ".join(part for part in (place, asset.content_type, asset.category, asset.date) if part)
        self.page.line(question.piece.name, style="bold underline")
        self.page.line(about)
        self._text(question, whole)
        state = "is kept" if question.kept else "is dropped"
        asked = "likeness to the voice" if question.of_voice else question.about.replace("_", " ")
        self.page.line(f"Without an answer it {state} ({asked}, confidence {question.confidence:.2f}): {question.evidence}", style="yellow")
        if question.twin:
            words = " ".join(question.twin.body.split())
            told = OTHERWISE.get(question.about, "The other piece")
            self.page.line(f"{told}: {question.twin.name}: {words[:TWIN]}{' …' if words[TWIN:] else ''}")
        self.page.line(f"Asked because {question.why}.")
        self.page.line(f"A yes moves about {_pieces(question.yes)} like it, a no {_pieces(question.no)}."
                       if question.yes or question.no else "Only this piece depends on the answer.")
        asks = f"Is its category right?  [y]es  [n]o, it is '{question.instead}'  [s]kip  [u]ndo  [m]ore  [q]uit"
        self.page.line(asks if question.instead else ASKS, style="bold")

    def _show_voices(self, question: Question) -> None:
        self.page.line("Which of these is the client's voice?", style="bold underline")
        for number, group in enumerate(question.groups, start=1):
            self.page.line(f"[{number}] {group.pieces} pieces: {', '.join(group.habits)}", style="bold")
            for piece in group.typical[:3]:
                words = " ".join(piece.body.split())
                self.page.line(f"    {piece.name}: {words[:160]}{' …' if len(words) > 160 else ''}")
        self.page.line(f"Asked because {question.why}. With --keep, the answer decides what every piece is measured by.")
        self.page.line(f"Its number, or  [s]kip  [u]ndo  [q]uit  (1 to {len(question.groups)})", style="bold")

    def _text(self, question: Question, whole: bool) -> None:
        """The piece with its evidence marked; a long one is shortened around it unless the whole is asked for."""
        from rich.text import Text

        from ..curate.review import segments

        console = self.page.console
        styled, colours = Text(), console.is_terminal
        for words, marked in segments(question.piece.body, question.marks):
            styled.append(plain(words) if colours or not marked else f">>{plain(words)}<<", style="bold reverse" if marked else "")
        lines = list(styled.wrap(console, min(console.width, WIDTH)))
        held = [at for at, line in enumerate(lines) if line.spans or ">>" in line.plain or "<<" in line.plain]
        near = {at for mark in held[:6] for at in range(mark - AROUND, mark + AROUND + 1)}
        whole = whole or len(lines) <= SHOWN_LINES
        shown = [at for at in range(len(lines)) if whole or at < FIRST or at >= len(lines) - LAST or at in near]
        before = -1
        for at in shown:
            if at > before + 1:
                console.print(f"  … {at - before - 1} lines left out; m shows them …", style="dim")
            console.print(lines[at])
            before = at


def _pieces(count: int) -> str:
    return "none" if not count else f"{count} more piece{'s' if count > 1 else ''}"
