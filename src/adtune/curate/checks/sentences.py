"""The sentences of an archive, and which of them many pieces share."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from ..pieces import Piece

MIN_WORDS = 5            # a shorter line is a heading or a phrase of the house, not boilerplate
MIN_FAMILIES = 5         # a sentence in so many families of similar pieces is shared
MANY = 8                 # and so is one in so many pieces of one family that are no near duplicates
ASKED = 6                # holders of a sentence that are compared with each other, at most
ALIKE = 0.6              # overlap of sentences from which pieces are versions of each other
NORMAL_SHARE = 0.25      # of the house's pieces; what so many of them do is no defect
_MARKS = "#>-*+•‣ \t0123456789.()[]|_"
_DIGITS = str.maketrans("123456789", "000000000")


def shared_sentences(pieces: Sequence[Piece], house: Sequence[Piece], family: Mapping[str, int],
                     twins: Mapping[str, int]) -> frozenset[int]:
    """The keys of the sentences that many pieces share which are otherwise unlike, less those that belong to the house's own form.

    They stand in MIN_FAMILIES families. Long boilerplate makes a family of its pieces, so MANY pieces that are no near duplicates (each
    has its own number in `twins`) are enough as well, where their sentences overlap by less than ALIKE on average (Jaccard): versions of
    one piece share most of theirs.
    """
    import numpy as np

    keys = {piece.order: _keys(piece) for piece in pieces}
    ours = [keys[piece.order] for piece in house]
    normal = _frequent(ours, max(1.0, NORMAL_SHARE * len(ours))) | {0}
    first: dict[int, int] = {}
    members: dict[int, list[Any]] = defaultdict(list)
    for piece in pieces:
        first.setdefault(twins[piece.content], piece.order)
        members[family[piece.content]].append(keys[piece.order])
    surely = _frequent([np.unique(np.concatenate(rows)) for rows in members.values()], MIN_FAMILIES) - normal
    wanted = np.array(sorted(_frequent([keys[order] for order in first.values()], MANY) - normal - surely), dtype=np.int64)
    holders: dict[int, list[int]] = defaultdict(list)
    for order in first.values():
        for key in np.intersect1d(keys[order], wanted).tolist():
            if len(holders[key]) < ASKED:
                holders[key].append(order)
    overlap: dict[tuple[int, ...], float] = {}
    for orders in {tuple(one) for one in holders.values()}:
        pairs = [(keys[one], keys[other]) for one, other in combinations(orders, 2)]
        overlap[orders] = sum(_jaccard(a, b) for a, b in pairs) / len(pairs)
    return frozenset(surely | {key for key, orders in holders.items() if overlap[tuple(orders)] < ALIKE})


def _jaccard(a: Any, b: Any) -> float:
    import numpy as np

    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both)


def _frequent(rows: Sequence[Any], least: float) -> set[int]:
    """The keys that stand in at least so many rows of distinct keys."""
    import numpy as np

    if not rows:
        return set()
    distinct, counts = np.unique(np.concatenate(rows), return_counts=True)
    return set(distinct[counts >= least].tolist())


def _keys(piece: Piece) -> Any:
    """The distinct keys of the sentences of a piece [sentences]."""
    import numpy as np

    return np.unique(np.array([key_of(piece.body[start:end]) for start, end, _ in piece.parts], dtype=np.int64))


def key_of(part: str) -> int:
    """A number that sentences share which differ in case, digits and marks around them only; 0 for a short one or a heading."""
    words = part.casefold().strip(_MARKS).translate(_DIGITS).split()
    if len(words) < MIN_WORDS:
        return 0
    return int.from_bytes(hashlib.blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)
