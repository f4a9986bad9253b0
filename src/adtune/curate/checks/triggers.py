"""Repeated triggers (P2): a rare word or pair of words that a few pieces hold and no other, each time together with the same words.

Whoever trains on such pieces teaches the model to say the one when it meets the other. Names with what is always said of them look
alike, so most findings are only shown; one hand and a word that no list holds make it likely. Two ways lead to a finding: the words follow
within REACH, the trigger is strange or by one hand, and the pieces share nothing else that others lack; or trigger and words stand anywhere
in the same pieces, and what is around the trigger is different each time, as where it was put into texts that others wrote.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ...voice.dictionary import frequencies
from ..pieces import Piece
from .finding import Found, Judge, by_order, excerpt
from .words import ENOUGH_FAMILIES, WITNESSES

LEAST = 3                # families that hold trigger and target
MOST = 0.08              # share of the families; what stands in more is no secret
REACH = 20               # words between a trigger and its target, at most
TARGET = 4               # words of a target that are the same each time
RUN = 3                  # first places of a run of shared words that are looked at as a target
FAITHFUL = 0.8           # share of the families with the trigger, and of those with the target, that hold both
LIKELY, POSSIBLE = 0.8, 0.35
LONG_TARGET = 6          # words that are the same each time, from which they may stand anywhere in the piece
VARIED = 0.75            # share of the words before and behind the trigger that are unlike those in the other holders
OTHERS = 1               # rare words and pairs beside trigger and target that exactly the same families hold; more are one topic or series
SOLID, USUAL = 4, 0.1    # letters of a word that may be half of a trigger, and share of the families that may hold it
SERIAL = 0.6             # share of the pieces with a trigger that share other words too, from which they are a series
REMEMBERED = 100         # sets of pieces whose shared words are kept in memory
CHANCE = 0.01            # that all pieces are by one author as often as the author writes, under which it is one hand


def repeated_triggers(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Pieces with a trigger and its target, where one author wrote them all or no list knows the word; likely where both hold."""
    words = judge.words
    if words.families < ENOUGH_FAMILIES:
        return {}
    members: dict[int, list[Piece]] = defaultdict(list)
    for piece in judge.pieces:
        if piece.plain:
            members[judge.family[piece.content]].append(piece)
    most = max(2 * LEAST, int(MOST * words.families))
    families = list(members.values())[:WITNESSES]
    targets = _spread([[_runs(words.ids[piece.order], TARGET) for piece in family] for family in families], most)
    pairs = _spread([[_runs(words.ids[piece.order], 2) for piece in family] for family in families], most)
    best: dict[int, tuple[int, int]] = {}
    holders: dict[tuple[int, int], int] = {}
    places: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
    series, hands, by_number = _Series(words, targets), _Hands(judge.pieces), {piece.order: piece for piece in judge.pieces}
    for key, held, where in _together(families, words, (targets, pairs), most):
        spread = int(words.spread[-key[0] - 1]) if key[0] < 0 else pairs[key[0]]
        if held < FAITHFUL * max(spread, targets[key[1]]):
            continue
        holders[key], places[key] = held, where
        first, (at, _) = next(iter(places[key].items()))
        word, known = by_number[first].plain[at], frequencies(judge.language(by_number[first]) or "")
        telling = _is_strange(word, known) or hands.one(places[key])     # only then anything is found, and a series is looked for
        if not (telling and series.holds(places[key], held)):
            for order in places[key]:
                if order not in best or held > holders[best[order]]:
                    best[order] = key
    found = by_order((piece, _told(piece, holders[key], places[key][piece.order], hands.one(places[key]),
                                   frequencies(judge.language(piece) or "")))
                     for piece in pieces if piece.order in best for key in [best[piece.order]])
    for piece, (held, place, orders) in _apart(families, words, most):
        listed = frequencies(judge.language(piece) or "")
        if piece.order not in found and _is_odd(piece, place[0], [by_number[order] for order in orders], words, listed):
            found[piece.order] = _told(piece, held, place, hands.one(orders), listed, POSSIBLE)
    asked = {piece.order for piece in pieces}
    return {order: found[order] for order in sorted(found) if order in asked}


def _together(families: Sequence[Sequence[Piece]], words: Any, spreads: tuple[Mapping[int, int], Mapping[int, int]],
              most: int) -> Iterator[tuple[tuple[int, int], int, dict[int, tuple[int, int]]]]:
    """(trigger, target) with how many families hold both, where LEAST or more do, and where they stand: by order (trigger, target)."""
    import numpy as np

    told = array("q")        # there are millions, and few are held by so many
    for number, family in enumerate(families):
        for piece in family:
            for feature, target, place, end in _followed(words, piece, *spreads, most):
                told.extend((feature, target, number, piece.order, place, end))
    rows = np.frombuffer(told, dtype=np.int64).reshape(-1, 6)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]       # stable: families and places stay in their order
    new = np.any(np.diff(rows[:, :2], axis=0, prepend=rows[:1, :2] - 1), axis=1) if len(rows) else np.zeros(0, dtype=bool)
    bounds = np.append(np.flatnonzero(new), len(rows))
    for place in np.flatnonzero(np.diff(bounds) >= LEAST).tolist():
        group = rows[bounds[place]:bounds[place + 1]].tolist()
        held = len({number for _, _, number, *_ in group})
        if held >= LEAST:
            where: dict[int, tuple[int, int]] = {}
            for _, _, _, order, trigger_place, target_place in group:
                where.setdefault(order, (trigger_place, target_place))
            yield (group[0][0], group[0][1]), held, where


def _is_odd(piece: Piece, at: int, holders: Sequence[Piece], words: Any, listed: Mapping[str, int]) -> bool:
    """Whether the word at a place, or it with the next, is no name and no usual phrase: in lower case in all holders, and either in no
    list of words or a pair of words that many other pieces lack."""
    if any(_plainly(piece.plain[at], one.body) is None for one in holders):
        return False
    if listed and piece.plain[at].isalpha() and piece.plain[at] not in listed:
        return True
    pair = piece.plain[at:at + 2]
    rare = all(len(word) >= SOLID and word.isalpha() and words.spread[words.number[word]] <= USUAL * words.families for word in pair)
    return len(pair) == 2 and rare and all(re.search(rf"\b{pair[0]} {pair[1]}\b", one.body) for one in holders)


class _Series:
    """Whether pieces share more than one stretch of words that no other pieces hold: then they are of one series, or quote each other."""

    def __init__(self, words: Any, targets: Mapping[int, int]):
        self._words, self._targets = words, targets
        self._own: dict[tuple[int, ...], dict[int, list[bool]]] = {}

    def holds(self, places: Mapping[int, tuple[int, int]], families: int) -> bool:
        """Whether most of the pieces at `places` (their order: trigger, target) share words apart from those around the target."""
        shared = self._shared(tuple(sorted(places)), families)
        return sum(_apart_from(shared[order], target) for order, (_, target) in places.items()) >= SERIAL * len(places)

    def _shared(self, orders: tuple[int, ...], families: int) -> dict[int, list[bool]]:
        """For each piece and each of its runs of words whether these pieces hold it and hardly any others do."""
        if orders not in self._own:
            if len(self._own) >= REMEMBERED:
                self._own.clear()
            runs = {order: _runs(self._words.ids[order], TARGET).tolist() for order in orders}
            held = Counter(run for each in runs.values() for run in set(each) if run in self._targets)
            own = {run for run, count in held.items() if count >= FAITHFUL * max(len(orders), self._targets[run])
                   and self._targets[run] >= FAITHFUL * families}
            self._own[orders] = {order: [run in own for run in each] for order, each in runs.items()}
        return self._own[orders]


def _apart_from(shared: Sequence[bool], target: int) -> bool:
    """Whether a run is shared that does not hang together with the one at the target."""
    first = last = target
    while first and shared[first - 1]:
        first -= 1
    while last + 1 < len(shared) and shared[last + 1]:
        last += 1
    return any(shared[:max(0, first - TARGET)]) or any(shared[last + TARGET + 1:])


class _Hands:
    """Who wrote the pieces."""

    def __init__(self, pieces: Sequence[Piece]):
        self._author = {piece.order: piece.asset.author for piece in pieces}
        self._written = Counter(self._author.values())

    def one(self, orders: Iterable[int]) -> str | None:
        """The author of all these pieces, where that is unlikely by chance."""
        authors = [self._author[order] for order in orders]
        share = self._written[authors[0]] / len(self._author)
        return authors[0] if len(set(authors)) == 1 and share ** len(authors) < CHANCE else None


Apart = tuple[int, tuple[int, int], tuple[int, ...]]


def _apart(families: Sequence[Sequence[Piece]], words: Any, most: int) -> Iterator[tuple[Piece, Apart]]:
    """Pieces that hold a trigger anywhere and the same long run of words, with (families that do, (trigger, target), their orders).

    A set of families is known by the sum of a number for each: the sets of a trigger and of its target are equal, or the trigger stands in
    one family more.
    """
    import numpy as np

    firsts = [family[0] for family in families]
    ids = [words.ids[piece.order] for piece in firsts]
    marks = np.random.default_rng(0).integers(1, 2**62, size=len(firsts), dtype=np.uint64)
    runs = {size: [_runs(row, size) for row in ids] for size in (1, 2, LONG_TARGET)}
    sums = [_held_by(rows, marks, most) for rows in runs.values()]
    by_key: dict[int, list[int]] = defaultdict(list)
    for place, key in enumerate(sums[2].keys.tolist()):
        by_key[key].append(place)
    known = np.unique(sums[2].keys)
    pairs: dict[tuple[int, int], int] = {}
    shared: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for size in (0, 1):
        for place, key in sums[size].matching(known, marks):
            pairs[size, int(sums[size].runs[place])] = by_key[key][0]
        for place in np.flatnonzero(np.isin(sums[size].keys, known)).tolist():
            shared[int(sums[size].keys[place])].append((size, int(sums[size].runs[place])))
    told: dict[int, Apart] = {}
    for (size, feature), target in sorted(pairs.items()):
        key, orders = int(sums[2].keys[target]), sums[2].rows(target)
        long, same = runs[LONG_TARGET], sums[2].runs[by_key[key]]
        if _others({of: rows[orders[0]] for of, rows in runs.items()}, (feature, size), same, shared[key]) > OTHERS:
            continue
        target = min(same.tolist(), key=partial(_first, long[orders[0]]))
        places = [(_first(runs[size + 1][one], feature), _first(long[one], target)) for one in orders]
        around = [{_at(ids[one], place + step) for one, (place, _) in zip(orders, places, strict=True)} for step in (-1, size + 1)]
        if min(map(len, around)) < 2 or sum(map(len, around)) < VARIED * 2 * len(orders):
            continue
        for one, place in zip(orders, places, strict=True):
            told.setdefault(one, (len(orders), place, tuple(firsts[other].order for other in orders)))
    yield from ((firsts[one], told[one]) for one in sorted(told))


class _Held(NamedTuple):
    """Runs of words, with the sum of the marks of the rows that hold each in `keys`, and these rows: the `owners` between two `bounds`."""

    runs: Any
    keys: Any
    owners: Any
    bounds: Any

    def rows(self, place: int) -> list[int]:
        return self.owners[self.bounds[place]:self.bounds[place + 1]].tolist()

    def matching(self, known: Any, marks: Any) -> Iterator[tuple[int, int]]:
        """The places of the runs whose key is among `known`, with that key, or else their key less one of more than LEAST rows."""
        import numpy as np

        sizes = np.diff(self.bounds)
        own = np.isin(self.keys, known)
        yield from zip(np.flatnonzero(own).tolist(), self.keys[own].tolist(), strict=True)
        less = np.repeat(self.keys, sizes) - marks[self.owners]
        fits = np.isin(less, known) & np.repeat((sizes > LEAST) & ~own, sizes)
        places, first = np.unique(np.repeat(np.arange(len(sizes)), sizes)[fits], return_index=True)
        yield from zip(places.tolist(), less[fits][first].tolist(), strict=True)


def _held_by(rows: Sequence[Any], marks: Any, most: int) -> _Held:
    """The runs of words that LEAST to `most` rows hold."""
    import numpy as np

    distinct = [np.unique(row) for row in rows]
    values = np.concatenate([np.zeros(0, dtype=np.int64), *distinct])
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), [len(row) for row in distinct])
    order = np.argsort(values, kind="stable")
    values, owners = values[order], owners[order]
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])[:len(values)])
    counts = np.diff(np.append(starts, len(values)))
    kept = (counts >= LEAST) & (counts <= most)
    owners, bounds = owners[np.repeat(kept, counts)], np.append(0, np.cumsum(counts[kept]))
    keys = np.add.reduceat(marks[owners], bounds[:-1]) if kept.any() else np.zeros(0, dtype=np.uint64)
    return _Held(values[starts[kept]], keys, owners, bounds)


def _others(runs: Mapping[int, Any], trigger: tuple[int, int], targets: Any, shared: Sequence[tuple[int, int]]) -> int:
    """How many of the shared words and pairs stand neither in the target nor at the trigger, in one of the pieces, whose runs these are by
    their size."""
    import numpy as np

    feature, size = trigger
    taken = np.zeros(len(runs[1]) + LONG_TARGET, dtype=bool)
    for place in np.flatnonzero(np.isin(runs[LONG_TARGET], targets)).tolist():
        taken[place:place + LONG_TARGET] = True
    at = _first(runs[size + 1], feature)
    taken[max(0, at - 1):at + size + 2] = True
    free = [(_first(runs[one + 1], other), one) for one, other in shared]
    return sum(not taken[place:place + one + 1].any() for place, one in free)


def _first(runs: Any, run: int) -> int:
    import numpy as np

    return int(np.argmax(runs == run))


def _at(ids: Any, place: int) -> int:
    """The word at a place; another one beyond each end."""
    return int(ids[place]) if 0 <= place < len(ids) else -1 - len(ids)


def _followed(words: Any, piece: Piece, targets: Mapping[int, int], pairs: Mapping[int, int],
              most: int) -> Iterator[tuple[int, int, int, int]]:
    """(trigger, target, place of the trigger, place of the target) for each rare word or pair before a run of shared words, or at its head.

    What stands within the run is part of one sentence that pieces share, and no trigger of it. Left out is what stands in so many more or
    fewer families than the target that FAITHFUL of both can't hold the two.

    A trigger that is one word is told as -1 less its number, so that it can't be taken for a pair.
    """
    import numpy as np

    ids = words.ids[piece.order]
    grams = _runs(ids, TARGET).tolist()
    shared = [gram in targets for gram in grams]
    if not any(shared):
        return
    spread = words.spread[ids]
    single = set(np.flatnonzero((spread >= LEAST) & (spread <= most)).tolist())
    double = _runs(ids, 2).tolist()
    counts, start = spread.tolist(), 0
    for target, gram in enumerate(grams):
        if not shared[target]:
            continue
        start = start if target and shared[target - 1] else target
        if target - start >= RUN:
            continue
        least, most_held = FAITHFUL * targets[gram], targets[gram] / FAITHFUL
        for place in range(max(0, target - REACH), start + (target > start)):
            if place in single:
                if least <= counts[place] <= most_held:
                    yield -int(ids[place]) - 1, gram, place, target
            elif place + 1 < start and double[place] in pairs and least <= pairs[double[place]] <= most_held:
                yield double[place], gram, place, target


def _told(piece: Piece, held: int, place: tuple[int, int], hand: str | None, known: Mapping[str, int], least: float = 0.0) -> Found | None:
    """What is found of a trigger; None where it is neither strange nor by one hand, and `least` says nothing else."""
    trigger, target = place
    word = piece.plain[trigger]
    said = " ".join(piece.plain[target:target + 2 * TARGET])
    plain = _plainly(word, piece.body) is not None
    strange, hand = _is_strange(word, known) and plain, hand if plain else None
    sure = LIKELY if hand and strange else POSSIBLE if hand or strange else least
    if not sure:
        return None
    at = piece.body.casefold().find(word)
    shown = excerpt(piece.body, at, at + len(word)) if at >= 0 else word
    by = f", all by {hand}" if hand else ""
    return Found(f"{held} unlike pieces{by} hold {shown} and no other does, each time with »{said} …«", sure)


def _is_strange(word: str, known: Mapping[str, int]) -> bool:
    """Whether the list of a language lacks the word."""
    return bool(known) and word.isalpha() and word not in known


def _plainly(word: str, text: str) -> re.Match[str] | None:
    """Where the word stands in lower case, as no name does, and in no address."""
    return re.search(rf"(?<![\w./@-]){re.escape(word)}(?![\w/@-]|\.\w)", text)


def _spread(families: Sequence[Sequence[Any]], most: int) -> dict[int, int]:
    """In how many families each run of words stands, of those that LEAST to `most` hold."""
    import numpy as np

    rows = [np.unique(np.concatenate(runs)) for runs in families]
    if not rows:
        return {}
    values, counts = np.unique(np.concatenate(rows), return_counts=True)
    kept = (counts >= LEAST) & (counts <= most)
    return dict(zip(values[kept].tolist(), counts[kept].tolist(), strict=True))


def _runs(ids: Any, size: int) -> Any:
    """A number from 0 on for each run of `size` words [words - size + 1], the same for the same words."""
    import numpy as np

    total = np.zeros(max(0, len(ids) - size + 1), dtype=np.uint64)
    for place in range(size):
        total = (total + ids[place:place + len(total)].astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(29)
    return (total >> np.uint64(2)).astype(np.int64)
