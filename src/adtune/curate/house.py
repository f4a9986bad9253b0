"""The house as its pieces show it: which habits of spelling and form it has, learned from its gold pieces where there are enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from .pieces import Piece

if TYPE_CHECKING:
    from ..voice.house import Habit, Kept, Shown

FEWEST_GOLD = 20         # families of gold pieces that are enough to learn habits from; fewer rarely show one often enough
MOST = 1500              # families that are learned from


class House:
    """The habits that the pieces nobody refused show, in `kept`, and the pieces that they were learned from.

    Each family of similar pieces counts once. `english` says whether the habits that know English words alone are asked of a piece.
    """

    def __init__(self, usable: Sequence[Piece], family: Mapping[str, int], english: Callable[[Piece], bool]):
        from ..voice.house import HABITS, learned

        self._english = english
        gold, archive = _lone([piece for piece in usable if piece.gold], family), _lone(usable, family)
        self.by_gold = len(gold) >= FEWEST_GOLD
        self.pieces: list[Piece] = gold if self.by_gold else archive
        self.shown: list[Shown] = [self.read(piece, HABITS) for piece in self.pieces]
        self.kept: list[Kept] = learned(self.shown, [self.read(piece, HABITS) for piece in archive] if self.by_gold else ())

    def read(self, piece: Piece, habits: Sequence[Habit]) -> Shown:
        from ..voice.house import shown_in

        return shown_in(piece.body, piece.asset.title or "", self._english(piece), habits)


def _lone(pieces: Sequence[Piece], family: Mapping[str, int]) -> list[Piece]:
    """One piece of each family, at most MOST, in the order of their contents: the order of import decides nothing."""
    first: dict[int, Piece] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.content, piece.asset.id)):
        first.setdefault(family[piece.content], piece)
    lone = list(first.values())
    return lone if len(lone) <= MOST else [lone[place * len(lone) // MOST] for place in range(MOST)]
