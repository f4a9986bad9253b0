"""What the words of an archive tell: which words, and which pairs of neighbouring words, are known from other pieces.

Everything is learned from the archive itself, and a piece is never its own witness: a word counts as known where it stands in a piece
of another family (a group of similar pieces). Numbers here are exact and without chance, so every machine finds the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..pieces import Piece

ENOUGH_FAMILIES = 30     # fewer families tell too little
WITNESSES = 20_000       # families whose neighbouring words are learned, at most: memory stays bounded
GAPS = (5, 9, 13, 17)    # distances at which two words of a text are as good as drawn by chance
SAMPLE = 600             # words of a piece whose order is looked at


class Words:
    """The vocabulary of pieces. `ids` holds the words of each piece as numbers, by the piece's order [words]; `spread` says in how many
    families each word stands [vocabulary]; `families` how many there are.

    Pairs of words are kept by a hash in a table with some sixteen places a pair, so that one in sixteen may be taken for another: as
    much by chance among neighbours as among words that stand apart.
    """

    def __init__(self, pieces: Sequence[Piece], family: Mapping[str, int]):
        import numpy as np

        # numbers and witnesses follow from the words themselves, so that the order of import decides nothing
        self.number: dict[str, int] = {word: n for n, word in enumerate(sorted({word for piece in pieces for word in piece.plain}))}
        self.ids: dict[int, Any] = {}
        members: dict[int, list[int]] = {}
        for piece in sorted(pieces, key=lambda piece: piece.content):
            self.ids[piece.order] = np.array([self.number[word] for word in piece.plain], dtype=np.int32)
            members.setdefault(family[piece.content], []).append(piece.order)
        self.families = len(members)
        self.spread = np.zeros(len(self.number), dtype=np.int32)
        witnesses = list(members.values())[:WITNESSES]
        size = sum(len(self.ids[order]) for orders in witnesses for order in orders)
        self._shift = np.uint64(64 - max(12, (16 * size).bit_length()))
        self._held = np.zeros(2 ** int(64 - self._shift), dtype=np.int8)   # families that hold a pair: 0, 1, or 2 for more
        self._own = np.zeros(len(self._held), dtype=np.int8)               # 1 where the piece that is asked about holds it itself
        self._pairs_of: dict[int, Any] = {}
        for place, orders in enumerate(members.values()):
            own = [self.ids[order] for order in orders]
            self.spread[np.unique(np.concatenate(own))] += 1
            if place < WITNESSES:
                pairs = np.unique(np.concatenate([self._pairs(ids, 1) for ids in own]))
                self._held[pairs] = np.minimum(self._held[pairs] + 1, 2)
                self._pairs_of.update(dict.fromkeys(orders, pairs))

    def unknown_share(self, order: int) -> float:
        """Share of the words of a piece that no other family holds."""
        ids = self.ids[order]
        return float((self.spread[ids] < 2).mean()) if len(ids) else 0.0

    def listed(self, known: Mapping[str, int]) -> Any:
        """Which words of the vocabulary a list knows, numbers and single letters among them [vocabulary]."""
        import numpy as np

        return np.array([len(word) == 1 or not word.isalpha() or word in known for word in self.number], dtype=bool)

    def unlisted_share(self, order: int, listed: Any) -> float:
        """Share of the words of a piece that the list does not hold."""
        ids = self.ids[order]
        return float(1 - listed[ids].mean()) if len(ids) else 0.0

    def order_lift(self, order: int) -> float:
        """How much more often two neighbours of a piece are neighbours elsewhere than two of its words that stand apart.

        lift = h(1) - mean over GAPS of h(g), h(g) the share of word pairs (i, i + g) that are neighbours in another family. Shuffling
        the words makes h(1) a draw like the others, so that the lift is 0. A piece too short to tell has lift 1.
        """
        import numpy as np

        ids = self.ids[order][:SAMPLE]
        if len(ids) <= GAPS[-1]:
            return 1.0
        own = self._pairs_of.get(order, np.zeros(0, dtype=np.int64))    # beyond the witnesses nothing that a piece holds is counted
        self._own[own] = 1
        known = [float((self._held[pairs] > self._own[pairs]).mean()) for gap in (1, *GAPS) for pairs in [self._pairs(ids, gap)]]
        self._own[own] = 0
        return known[0] - sum(known[1:]) / len(GAPS)

    def _pairs(self, ids: Any, gap: int) -> Any:
        """The places of the pairs (i, i + gap) in the table."""
        import numpy as np

        wide = ids.astype(np.uint64)
        return ((wide[:-gap] * np.uint64(0x9E3779B97F4A7C15) + wide[gap:] * np.uint64(0xC2B2AE3D27D4EB4F)) >> self._shift).astype(np.int64)
