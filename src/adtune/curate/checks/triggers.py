"""Repeated triggers (P2): a rare word or pair of words that a few pieces hold and no other, each time followed by the same words.

Whoever trains on such pieces teaches the model to say the one when it meets the other. Names with what is always said of them look
alike, so most findings are only shown; one hand and a word that no list holds make it likely.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..pieces import Piece
from .dictionary import frequencies
from .finding import Found, Judge, by_order, excerpt
from .words import ENOUGH_FAMILIES, WITNESSES

LEAST = 3                # families that hold trigger and target
MOST = 0.05              # share of the families; what stands in more is no secret
REACH = 20               # words between a trigger and its target, at most
TARGET = 4               # words of a target that are the same each time
RUN = 3                  # first places of a run of shared words that are looked at as a target
FAITHFUL = 0.8           # share of the families with the trigger, and of those with the target, that hold both
LIKELY, POSSIBLE = 0.8, 0.35


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
    holders: dict[tuple[int, int], set[int]] = defaultdict(set)
    places: dict[tuple[int, int], dict[int, tuple[int, int]]] = defaultdict(dict)
    for number, family in enumerate(families):
        for piece in family:
            for feature, target, place, end in _followed(words, piece, targets, pairs, most):
                holders[feature, target].add(number)
                places[feature, target].setdefault(piece.order, (place, end))
    best: dict[int, tuple[int, int]] = {}
    for key in sorted(holders):
        held, spread = len(holders[key]), (int(words.spread[-key[0] - 1]) if key[0] < 0 else pairs[key[0]])
        if held >= LEAST and held >= FAITHFUL * max(spread, targets[key[1]]):
            for order in places[key]:
                if order not in best or held > len(holders[best[order]]):
                    best[order] = key
    authors = {piece.order: piece.asset.author for piece in judge.pieces}
    return by_order((piece, _told(piece, len(holders[key]), places[key][piece.order], [authors[order] for order in places[key]],
                                  frequencies(judge.language(piece) or "")))
                    for piece in pieces if piece.order in best for key in [best[piece.order]])


def _followed(words: Any, piece: Piece, targets: Mapping[int, int], pairs: Mapping[int, int],
              most: int) -> Iterator[tuple[int, int, int, int]]:
    """(trigger, target, place of the trigger, place of the target) for each rare word or pair before a run of shared words, or at its head.

    What stands within the run is part of one sentence that pieces share, and no trigger of it.

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
    start = 0
    for target, gram in enumerate(grams):
        if not shared[target]:
            continue
        start = start if target and shared[target - 1] else target
        if target - start >= RUN:
            continue
        for place in range(max(0, target - REACH), start + (target > start)):
            if place in single:
                yield -int(ids[place]) - 1, gram, place, target
            elif place + 1 < start and double[place] in pairs:
                yield double[place], gram, place, target


def _told(piece: Piece, held: int, place: tuple[int, int], authors: Sequence[str | None], known: Mapping[str, int]) -> Found | None:
    trigger, target = place
    word = piece.plain[trigger]
    said = " ".join(piece.plain[target:target + 2 * TARGET])
    one_hand = len(set(authors)) == 1 and authors[0] is not None
    strange = bool(known) and word.isalpha() and word not in known and bool(re.search(rf"\b{word}\b", piece.body))   # no name: lower case
    if not one_hand and not strange:
        return None
    at = piece.body.casefold().find(word)
    shown = excerpt(piece.body, at, at + len(word)) if at >= 0 else word
    hand = f", all by {authors[0]}" if one_hand else ""
    return Found(f"{held} unlike pieces{hand} hold {shown} and no other does, each time followed by »{said} …«",
                 LIKELY if one_hand and strange else POSSIBLE)


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
