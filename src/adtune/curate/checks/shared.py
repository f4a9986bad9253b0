"""Pieces that are mostly boilerplate: sentences that many pieces share, and the furniture of web pages and mails."""

from __future__ import annotations

from collections.abc import Sequence

from ..pieces import Piece
from .finding import Found, Judge, excerpt

MOSTLY = 0.5             # share of a piece's words from which it is mostly boilerplate, and dropped
WORTH_SHOWING = 0.1      # share from which it is shown


def boilerplate(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Sentences of five words and more that stand in five families and more, and lines of furniture, by their share of the words.

    Mostly boilerplate is dropped, some is shown. What a quarter of the house's pieces hold is the house's own form and counts as none.
    """
    found = {}
    for piece in pieces:
        parts = judge.boilerplate.get(piece.order, [])
        share = sum(len(piece.body[start:end].split()) for start, end in parts) / len(piece.body.split()) if parts else 0.0
        if share < WORTH_SHOWING:
            continue
        start, end = max(parts, key=lambda one: one[1] - one[0])
        evidence = f"{share:.0%} of the words stand in many pieces or are page furniture: {excerpt(piece.body, start, end)}"
        found[piece.order] = Found(evidence, min(0.95, 0.3 + share), share >= MOSTLY)
    return found
