"""Facts that differ between pieces: near-same sentences about the same subject, each with another figure.

A sentence becomes its words with each figure masked by its kind. Two sentences tell of the same where nearly all words are the same and
the subject is: the pieces are versions of each other or have one title, or the sentences share a name. Where a sentence stands in many
pieces with ever other figures it is a form ("Bake for 30 minutes"), and where dates differ along with the rest, or half of all figures,
it is another occasion: neither is a contradiction. What contradicts is shown with both pieces and both values; a person decides.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from functools import cached_property
from itertools import combinations
from sys import intern

from ...voice.figures import DATE, NAME, NUMBER, PHONE, TIME, YEAR, Figure
from ..pieces import Piece, plain_words
from ..similar import equal_pairs
from .finding import Found, Judge, excerpt

LEAST_WORDS = {PHONE: 2, TIME: 3, DATE: 4}   # words beside the figures from which a sentence says what they are of
WORDS = 5                # and for all other kinds
MANY_WORDS = 14          # from which the sentence itself names its subject
NEAR = 0.8               # share of the words in common, in order, from which two sentences are nearly the same
RAREST = 5               # words of a sentence by whose threes it meets others
MOST = 40                # sentences that meet by the same three words, at most; more are a form
FORM = 4                 # values of one sentence from which it is a form
AGED = 0.8               # of the confidence where the pieces lie YEARS apart: a price may have changed
YEARS = 2
SURE, NAMED, ALONE = 0.9, 0.7, 0.4           # the same subject; a name in common; the same long sentence
LOOSE, FIRM = 0.9, 0.75  # parts of the confidence left for sentences that are only nearly the same, and for the side that more pieces hold
LOWEST = 0.3
LONGEST = 1000          # characters of a sentence; a longer one is a table or a list
OCCASION_DAYS = 60       # between two pieces, from which a date near each of them is of another occasion
EVERYWHERE, FEW_HOLDERS = 0.05, 5            # share of the pieces, and pieces, beyond which a name is the house's own and names no subject
_BITS = 256
_WHOLE = 2**63 - 1       # beyond two million words a code may stand for two threes: they then meet, and are not alike
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*|_\w+_")
_CAPITAL = re.compile(r"(?<![.!?:*#>\"“]\s)(?<!^)\b[A-Z][\w’'-]*[a-z]\w*|\b[A-Z]{2,}\b")
# what a number counts off before it, or measures of a file behind it, is no fact
_ORDINAL = re.compile(r"(?:\b(?:step|post|part|week|day|version|episode|chapter|page|module|lesson|figure|table|release|issue|session|"
                      r"round|no|number|level|phase|item|question|tip|rule|section|unit|season|volume|edition)\b\.?|#) ?$", re.I)
_SIZE = re.compile(r"^ ?(?:[kKMG]i?B|pages?|slides?)\b")
_DAYS = frozenset("Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September "
                  "October November December I".split())


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence with figures: its piece, its words in order with figures as `_kind_`, the figures, and where it stands."""

    piece: Piece
    words: tuple[str, ...]
    figures: tuple[Figure, ...]
    start: int
    end: int

    def names(self) -> frozenset[str]:
        """The names in it, but those that are figures."""
        part = self.piece.body[self.start:self.end]
        for one in self.figures:
            if one.kind == NAME:
                part = part[:one.start] + "_" * (one.end - one.start) + part[one.end:]
        return frozenset(name for name in _CAPITAL.findall(part.strip()) if name not in _DAYS)

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(one.value for one in self.figures)


def inconsistent_facts(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Pieces with a figure that another piece contradicts; the evidence names both and both values.

        confidence = sure(subject) x LOOSE where only nearly the same x FIRM where more pieces hold the value x AGED where years apart
    """
    subjects = _Subjects(pieces, judge)
    forms: dict[tuple[str, ...], list[Told]] = defaultdict(list)
    for piece in sorted(subjects.asked, key=lambda one: (one.content, one.order)):
        for told in _told(piece):
            forms[told.words].append(told)
    best: dict[int, Found] = {}
    for one, other, near in (*_within(forms, subjects), *_between(forms)):
        sure = _sure(one, other, near, subjects)
        for mine, theirs in ((one, other), (other, one)) if sure else ():
            found = _contradiction(mine, theirs, near, sure, forms)
            order = mine.piece.order
            if found and (order not in best or (found.confidence, found.evidence) > (best[order].confidence, best[order].evidence)):
                best[order] = found
    return {order: best[order] for order in sorted(best)}


class _Subjects:
    """What pieces are about: which are versions of each other, which have the same title, and how two pieces agree on the whole."""

    def __init__(self, pieces: Sequence[Piece], judge: Judge):
        self.asked = [piece for piece in pieces if piece.body]
        self._family = judge.family
        self._twins = judge.twins
        self._titles = {piece.order: plain_words(piece.asset.title or "") for piece in self.asked}
        self._numbers = {order: tuple(word for word in title if any(map(str.isdigit, word))) for order, title in self._titles.items()}

    @cached_property
    def _held(self) -> Counter[str]:
        """In how many pieces each name stands."""
        return Counter(name for piece in self.asked for name in set(_CAPITAL.findall(piece.body)))

    def same(self, one: Piece, other: Piece) -> bool:
        """Whether two pieces are about the same: versions of each other, one title, or a family whose titles are half the same."""
        mine, theirs = self._titles[one.order], self._titles[other.order]
        if self._twins[one.content] == self._twins[other.content] or (mine and mine == theirs):
            return True
        alike = 2 * len(set(mine) & set(theirs)) > max(len(set(mine)), len(set(theirs)))
        return alike and self._family[one.content] == self._family[other.content]

    def named(self, one: Told, other: Told) -> bool:
        """Whether both sentences hold a name that is not all over the archive."""
        return any(self._held[name] <= max(FEW_HOLDERS, EVERYWHERE * len(self.asked)) for name in one.names() & other.names())

    def series(self, one: Piece, other: Piece) -> bool:
        """Whether the titles number the pieces, as releases and years do: other numbers, and years or half of the words the same."""
        mine, theirs = self._numbers[one.order], self._numbers[other.order]
        if mine == theirs or not mine or not theirs:
            return False
        words = [set(self._titles[piece.order]) - set(mine) - set(theirs) for piece in (one, other)]
        years = all(any(len(number) == 4 for number in numbers) for numbers in (mine, theirs))
        return years or 2 * len(words[0] & words[1]) >= max(map(len, words))

    def group(self, piece: Piece) -> tuple[str, ...] | int:
        return self._titles[piece.order] or self._family[piece.content]


def _told(piece: Piece) -> Iterator[Told]:
    """The sentences of a piece that hold figures and enough words; one that stands twice with other figures is left out."""
    held: dict[tuple[str, ...], Told] = {}
    twice: set[tuple[str, ...]] = set()
    for start, end, figures in piece.parts:
        part = piece.body[start:end] if figures and end - start <= LONGEST else "|"
        if "|" in part:
            continue
        found = tuple(one for one in figures if one.kind != NUMBER or not (
            _ORDINAL.search(part[:one.start]) or _SIZE.match(part[one.end:])))
        if not found:
            continue
        words, place = "", 0
        for one in found:
            words, place = f"{words}{part[place:one.start]} _{one.kind}_ ", one.end
        tokens = tuple(map(intern, _TOKEN.findall(f"{words}{part[place:]}".casefold())))
        if len(tokens) - len(found) < min(LEAST_WORDS.get(one.kind, WORDS) for one in found):
            continue
        told = Told(piece, tokens, found, start, end)
        if tokens in held and held[tokens].values != told.values:
            twice.add(tokens)
        held.setdefault(tokens, told)
    yield from (told for tokens, told in held.items() if tokens not in twice)


def _within(forms: dict[tuple[str, ...], list[Told]], subjects: _Subjects) -> Iterator[tuple[Told, Told, float]]:
    """Pairs whose words are the same and whose values differ: of one subject, or any where the sentence is no form."""
    for rows in forms.values():
        if len({told.values for told in rows}) < 2:
            continue
        groups: dict[object, list[Told]] = defaultdict(list)
        for told in rows:
            groups[subjects.group(told.piece)].append(told)
        for group in (*groups.values(), rows):
            first = {told.values: told for told in reversed(group)}
            if 2 <= len(first) < FORM:
                yield from ((told, other, 1.0) for told in group for other in first.values() if told.values != other.values)


def _between(forms: dict[tuple[str, ...], list[Told]]) -> Iterator[tuple[Told, Told, float]]:
    """Pairs of sentences that are nearly the same, found by three of their rarest words."""
    numbers: dict[tuple[str, ...], int] = {}
    said = [{numbers.setdefault(told.values, len(numbers)) for told in each} for each in forms.values()]
    rows = list(forms)
    for one, other in _meeting(rows, [min(each) if len(each) == 1 else -1 - place for place, each in enumerate(said)]):
        mine, theirs = rows[one], rows[other]
        if len(said[one] | said[other]) >= FORM:
            continue
        near = SequenceMatcher(None, mine, theirs, autojunk=False).ratio()
        if near >= NEAR:
            yield from ((told, other, near) for told in forms[mine][:FORM] for other in forms[theirs][:FORM])


def _meeting(rows: Sequence[tuple[str, ...]], said: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The places of two sentences (earlier, later) that hold the same three of their rarest words, as no more than MOST do, and a share of
    NEAR of their words in common in any order. Sentences with an equal number in `said`, which stands for their figures, are left out.

    Of n and m words as many are in common where the others are at most (1 - NEAR)(n + m); the bits in which two sentences differ, one
    for each word that stands a first, second ... time, are never more than the others.
    """
    import numpy as np

    spread = Counter(word for tokens in rows for word in set(tokens) if word[0] != "_")
    rank = {word: place for place, word in enumerate(sorted(spread, key=lambda word: (spread[word], word)))}
    threes, owners = array("q"), array("q")
    numbers: dict[tuple[str, int], int] = {}
    marks = bytearray()
    for place, tokens in enumerate(rows):
        rare = sorted({rank[word] for word in tokens if spread[word] > 1})[:RAREST]
        threes.extend(((a << 42) + (b << 21) + c) & _WHOLE for a, b, c in combinations(rare, 3))
        owners.extend([place] * (len(threes) - len(owners)))
        each = (numbers.setdefault((word, n), len(numbers)) for word, count in Counter(tokens).items() for n in range(count))
        marks += sum(1 << bit for bit in {number * 167 % _BITS for number in each}).to_bytes(_BITS // 8, "little")
    bits, owner = np.frombuffer(bytes(marks), dtype=np.uint64).reshape(-1, _BITS // 64), np.frombuffer(owners, dtype=np.int64)
    most, figures = np.array([(1 - NEAR) * len(tokens) for tokens in rows]), np.array(said)
    codes = [np.zeros(0, dtype=np.int64)]
    for pairs in equal_pairs(np.frombuffer(threes, dtype=np.int64), MOST):
        first, later = owner[pairs].T
        differ = figures[first] != figures[later]
        first, later = first[differ], later[differ]
        near = np.bitwise_count(bits[first] ^ bits[later]).sum(axis=1) <= most[first] + most[later] + 1e-9
        codes.append(first[near] * len(rows) + later[near])
    for code in np.unique(np.concatenate(codes)).tolist():
        one, other = rows[code // len(rows)], rows[code % len(rows)]
        if 2 * sum((Counter(one) & Counter(other)).values()) >= NEAR * (len(one) + len(other)):
            yield divmod(code, len(rows))


def _sure(one: Told, other: Told, near: float, subjects: _Subjects) -> float:
    """How sure it is that two sentences tell of the same thing; 0 where nothing says so."""
    if one.piece.content == other.piece.content or subjects.series(one.piece, other.piece):
        return 0.0
    if subjects.same(one.piece, other.piece):
        return SURE
    return NAMED if subjects.named(one, other) else ALONE if near == 1 and len(one.words) >= MANY_WORDS else 0.0


def _contradiction(mine: Told, theirs: Told, near: float, sure: float, forms: dict[tuple[str, ...], list[Told]]) -> Found | None:
    """What is found in the first piece, or None where the two sentences tell the same or of different things."""
    one, other = mine.piece, theirs.piece
    pairs = list(_aligned(mine, theirs))
    differ = [(a, b) for a, b in pairs if a.value != b.value]
    if not differ or (len(pairs) > 1 and 2 * len(differ) > len(pairs)) or near < 1 and _renamed(mine, theirs):
        return None
    dated = [(a, b) for a, b in differ if a.kind in (DATE, YEAR)]
    if dated and (len(differ) > 1 or _another_occasion(one, other, *dated[0])):
        return None
    if differ[0][0].kind == NUMBER and sure != SURE and near < 1:
        return None
    holders = Counter(told.values for tokens in {mine.words, theirs.words} for told in forms[tokens])
    sure *= LOOSE if near < 1 else 1.0
    sure *= FIRM if holders[mine.values] > holders[theirs.values] else 1.0
    sure *= AGED if _years_apart(one, other) else 1.0
    if sure < LOWEST:
        return None
    a, b = differ[0]
    dated = f" ({other.asset.date[:10]})" if other.asset.date else ""
    return Found(f"'{one.name}' says {excerpt(one.body, mine.start + a.start, mine.start + a.end)}; '{other.name}'{dated} says "
                 f"{excerpt(other.body, theirs.start + b.start, theirs.start + b.end)}", round(sure, 3))


def _aligned(mine: Told, theirs: Told) -> Iterator[tuple[Figure, Figure]]:
    """The figures that stand at the same place in both sentences, of the same kind."""
    if mine.words == theirs.words:
        yield from zip(mine.figures, theirs.figures, strict=True)
        return
    place = [{at: one for at, one in zip((n for n, word in enumerate(told.words) if word[0] == "_"), told.figures, strict=False)}
             for told in (mine, theirs)]
    for block in SequenceMatcher(None, mine.words, theirs.words, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            if block.a + step in place[0] and block.b + step in place[1]:
                yield place[0][block.a + step], place[1][block.b + step]


def _renamed(mine: Told, theirs: Told) -> bool:
    """Whether each sentence has a name that the other has not: it may be of another person or product."""
    return bool(mine.names() - theirs.names()) and bool(theirs.names() - mine.names())


def _another_occasion(one: Piece, other: Piece, mine: Figure, theirs: Figure) -> bool:
    """Whether two dates lie each within a year of its own piece, and the pieces apart: the same was to happen again."""
    days = [_day(piece) for piece in (one, other)]
    if days[0] is None or days[1] is None or abs((days[0] - days[1]).days) < OCCASION_DAYS:
        return False
    years = [re.match(r"\d{4}", figure.value) for figure in (mine, theirs)]
    return all(year is None or abs(int(year.group()) - day.year) <= 1 for year, day in zip(years, days, strict=True) if day)


def _day(piece: Piece) -> date | None:
    """The day of a piece, the first of its month or year where it has no more."""
    told = piece.asset.date or ""
    try:
        return date.fromisoformat((told + "-01-01")[:10] if len(told) == 4 else (told + "-01")[:10] if len(told) == 7 else told[:10])
    except ValueError:
        return None


def _years_apart(one: Piece, other: Piece) -> bool:
    days = [_day(piece) for piece in (one, other)]
    return days[0] is not None and days[1] is not None and abs((days[0] - days[1]).days) >= 365 * YEARS
