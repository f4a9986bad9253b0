"""Which pieces stay when more pass than are to be kept: gold first, then spread over the categories."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from .pieces import Piece


def choose(pieces: Sequence[Piece], keep: int | None) -> set[int]:
    """The orders of the pieces that stay, at most `keep` of them; the same pieces give the same choice in any order."""
    if keep is None:
        return {piece.order for piece in pieces}
    ranked = [*_spread([p for p in pieces if p.gold]), *_spread([p for p in pieces if not p.gold])]
    return {piece.order for piece in ranked[:keep]}


def _spread(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """One piece of each category in turn, the pieces of a category by a hash of their content."""
    categories: dict[str, list[Piece]] = defaultdict(list)
    for piece in sorted(pieces, key=_lot):
        categories[piece.asset.category or ""].append(piece)
    queues = [iter(categories[name]) for name in sorted(categories)]
    while queues:
        drawn = [(queue, next(queue, None)) for queue in queues]
        yield from (piece for _, piece in drawn if piece is not None)
        queues = [queue for queue, piece in drawn if piece is not None]


def _lot(piece: Piece) -> str:
    # not the hash that decides splits, else the choice would favour one of them
    return hashlib.sha256(f"keep\0{piece.content}".encode()).hexdigest()
