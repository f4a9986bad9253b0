"""Usage rights that end soon: the piece may train today, and what it taught stays in the model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from ..pieces import Piece
from .finding import Found, Judge


def rights_expiring(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Rights that end within `expiring_days`; a date without a day or month lasts until the end of its month or year."""
    today, days = date.fromisoformat(judge.today), judge.settings.expiring_days
    last = (today + timedelta(days=days)).isoformat()
    ends = {piece.order: piece.asset.rights_until for piece in pieces}
    soon = {order: end for order, end in ends.items() if end and judge.today[:len(end)] <= end and _last_day(end) <= last}
    return {order: Found(f"usage rights end on {end}, within {days} days of {judge.today}") for order, end in soon.items()}


def _last_day(end: str) -> str:
    """The last day of an ISO date that may be a month or a year."""
    if len(end) == 4:
        return f"{end}-12-31"
    if len(end) == 7:
        year, month = int(end[:4]), int(end[5:])
        return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).isoformat()
    return end
