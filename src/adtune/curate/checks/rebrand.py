"""Pieces from before the house changed its name or its style, where the dates of the archive show that it did."""

from __future__ import annotations

from collections.abc import Sequence

from ..pieces import Piece
from ..rebrand import Rebrand
from .finding import Found, Judge, by_order

BY_NAME, BY_STYLE, UNDATED = 0.9, 0.7, 0.4   # how sure: a name that went, a style alone, an old name without a date


def before_rebrand(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Dated pieces from before the change, and undated ones that hold an old name and no new one."""
    change = judge.change.rebrand
    if change is None:
        return {}
    drops = judge.drops_also("before_rebrand")
    return by_order((piece, _look(piece, change, drops)) for piece in pieces)


def _look(piece: Piece, change: Rebrand, drops: bool) -> Found | None:
    day = piece.asset.date or ""
    if day:
        sure = BY_NAME if change.gone else BY_STYLE
        # a date without a day or month lies before only where all of its month or year does
        return Found(f"of {day}, before the change of {change.date}: {change.told}", sure, drops) if day < change.date[:len(day)] else None
    text = f"{piece.asset.title or ''}\n{piece.body}"
    old = next((name for name, *_ in change.gone if name in text), None)
    if old is None or any(name in text for name, *_ in change.new):
        return None
    return Found(f"without a date, with the name {old}, which went with the change of {change.date}", UNDATED, drops)
