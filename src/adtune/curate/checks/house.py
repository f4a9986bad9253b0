"""Breaks with the house's own habits of spelling and form: British or American, commas in lists, dashes, numbers, who speaks, and so on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..pieces import Piece
from .finding import Found, Judge, by_order, excerpt

if TYPE_CHECKING:
    from ...voice.choices import Mark
    from ...voice.house import Kept

TOLD = 3                 # breaks of a piece that are told


def house_habits(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Pieces that break a habit of the house, with the first place of each break.

    How sure a break is grows with the places m that choose otherwise and with the lower limit of the rate at which the house keeps to the
    habit: low * m / (m + 1). Several breaks are as sure as that one of them holds: 1 - product(1 - confidence).
    """
    from ...voice.house import against

    kept = judge.manner.kept
    habits, drops = [one.habit for one in kept], judge.drops_also("house_habits")

    def look(piece: Piece) -> Found | None:
        shown = judge.manner.read(piece, habits)
        breaks = [(one, marks) for one in kept if (marks := against(one.habit, one.choice, shown.get(one.habit.name, ())))]
        if not breaks:
            return None
        doubt = 1.0
        for one, marks in breaks:
            doubt *= 1 - (one.rate.low or 0.0) * len(marks) / (len(marks) + 1)
        told = "; ".join(_told(piece, one, marks) for one, marks in breaks[:TOLD])
        return Found(told + (f"; and {len(breaks) - TOLD} more" if len(breaks) > TOLD else ""), round(1 - doubt, 3), drops)

    return by_order((piece, look(piece)) for piece in pieces) if kept else {}


def _told(piece: Piece, one: Kept, marks: Sequence[Mark]) -> str:
    first = marks[0]
    text = (piece.asset.title or "") if one.habit.of_title else piece.body
    place = f": {excerpt(text, first.start, first.end)}" if first.end else ""
    more = f" ({len(marks)} places)" if len(marks) > 1 else ""
    return f"{one.habit.choices[first.choice]}{more}, where the house has {one.told} ({one.measured}){place}"
