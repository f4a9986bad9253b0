"""What the last word of a text tells of whether the text was cut: where words stand in the archive, and how many cuts that makes likely.

A cut falls anywhere, so that a word, or the start of one, is last as often as it is met; a writer ends with words that end sentences and
lines elsewhere too. The ratio of the two is the evidence of one ending. How often endings are cuts at all follows from all of them
together, by expectation-maximisation over the mixture of both (Dempster, Laird and Rubin 1977), and how often the house itself ends that
way without a cut from its own pieces.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate

from ...voice.dictionary import in_a_list
from .finding import Judge
from .sentences import NORMAL_SHARE

ALIKE_ENDINGS = 3        # families that end in the same line: nothing is cut off at the same line by chance
PRIOR = 5.0              # places at which an unknown word is taken to end as often as any
HALF = 0.5               # of a piece, added to what was counted
STEPS = 30
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENDING = re.compile(r"(?<![^\W\d_])[^\W\d_]++(?:['’][^\W\d_]++)*+(?=[\"”’'*_)\]]*(?:[.!?:…]|\n|\Z))")


class Places:
    """Where words stand in an archive: how often at all, how often at the end of a line or sentence, and which word starts go on."""

    def __init__(self, judge: Judge):
        self._words = judge.words
        self._all: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        lines: dict[str, set[int]] = defaultdict(set)
        for piece in judge.pieces:
            lines[last_line(piece.body)].add(judge.family[piece.content])
            text = piece.body.casefold()
            self._all.update(WORD.findall(text))
            self._last.update(_ENDING.findall(text))
        self._usual = frozenset(line for line, families in lines.items() if len(families) >= ALIKE_ENDINGS)
        self._count, self._ends = max(1, self._all.total()), max(1, self._last.total())
        bands: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for word, count in self._all.items():
            bands[count.bit_length()][0] += count
            bands[count.bit_length()][1] += self._last[word]
        self._rates = {band: (last + HALF) / (count + 2 * HALF) for band, (count, last) in bands.items()}
        self._letters = max(1, sum(len(word) * count for word, count in self._all.items()))
        self._sorted = sorted(self._all)
        self._passed = [0, *accumulate(self._all[word] for word in self._sorted)]

    def is_usual(self, line: str) -> bool:
        """Whether several unlike pieces end in the same line, so that it is a form of the house and no cut."""
        return last_line(line) in self._usual

    def is_part(self, word: str) -> bool:
        """Whether no other piece holds the word, but other pieces hold one that goes on from it, and no list of words knows it."""
        return len(word) > 1 and self._spread(word) < 2 and word in self._starts and not in_a_list(word)

    def goes_on(self, word: str) -> bool:
        """Whether words that go on from it are met far more often than the word."""
        return self._starting(word) > PRIOR * self._all[word]

    def ratio(self, word: str, whole: bool = False) -> float:
        """How many times likelier the word is last by a cut than by a writer; what is asked about is no witness. With `whole` the cut
        falls between words only, as those do that put an ellipsis in its place.

            cut    = (starting / letters + met / words) / 2, or met / words
            writer = met (last + k r) / (met + k) / ends,  k = PRIOR, r the share of ends of words met about as often
        """
        met, last = max(0, self._all[word] - 1) + HALF, max(0, self._last[word] - 1)
        rate = self._rates.get(max(1, self._all[word] - 1).bit_length(), self._ends / self._count)
        by_writer = met * (last + PRIOR * rate) / (met + PRIOR) / self._ends
        between = met / self._count
        return (between if whole else (max(0, self._starting(word) - 1) + HALF) / self._letters / 2 + between / 2) / by_writer

    def _starting(self, word: str) -> int:
        """How many of the words met begin with the word, itself included."""
        first, end = bisect_left(self._sorted, word), bisect_left(self._sorted, word + "\U0010ffff")
        return self._passed[end] - self._passed[first]

    def _spread(self, word: str) -> int:
        number = self._words.number.get(word)
        return 0 if number is None else int(self._words.spread[number])

    @cached_property
    def _starts(self) -> frozenset[str]:
        """Every proper start of a word that stands in two families or more."""
        return frozenset(word[:end] for word, number in self._words.number.items() if self._words.spread[number] > 1
                         for end in range(2, len(word)))


def chances(ratios: Mapping[int, float], house: frozenset[int], pieces: int) -> dict[int, float]:
    """The chance of each ending, by the order of its piece, that it is a cut; `ratios` holds the endings of one sort among `pieces`.

    With w the share of cuts among these endings, found by expectation-maximisation with half a cut and three halves of whole ones added,

        odds(i) = ratio(i) (w n / pieces) / natural,   natural = (sum over the house's others of 1 - chance + HALF) / (house + 1)

    so that a house that ends so itself has fewer cuts among such endings, and one that never does more: no more writers than among all
    the pieces then end so. A chance is 0 where a quarter of
    the house's other pieces end so: that is no defect.
    """
    if not ratios:
        return {}
    share = HALF
    for _ in range(STEPS):
        cut = {order: share * ratio / (share * ratio + 1 - share) for order, ratio in ratios.items()}
        share = (sum(cut.values()) + HALF) / (len(ratios) + 4 * HALF)
    own = sum(1 - cut[order] for order in ratios if order in house)
    ended = sum(order in house for order in ratios)
    rate = share * len(ratios) / max(1, pieces)
    found = {}
    for order, ratio in ratios.items():
        inside = order in house
        others = own - inside * (1 - cut[order])
        natural = (others + HALF) / (len(house) - inside + 1)
        natural = min(natural, (1 - share) * len(ratios) / max(1, pieces)) if others < HALF else natural
        odds = ratio * rate / natural
        usual = (ended - inside) / max(1, len(house) - inside)
        found[order] = odds / (1 + odds) if usual < NORMAL_SHARE else 0.0
    return found


def last_line(text: str) -> str:
    """The last line that holds a word, without case and marks; empty where there is none."""
    return next((plain for line in reversed(text.splitlines()) if (plain := " ".join(WORD.findall(line.casefold())))), "")
