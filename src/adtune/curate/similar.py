"""Which pieces are alike: MinHash finds candidates, the true Jaccard similarity decides.

J(A, B) = |A ∩ B| / |A ∪ B| over the sets of word n-grams (shingles) of two pieces: n = 5, or 3 where one of the two has fewer than
30 words. Candidates come from rensa's MinHash by banded locality-sensitive hashing: with R rows a band and B bands, two pieces
meet with probability 1 - (1 - J^R)^B, 0.9998 at J = 0.5 (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4). The share
of equal MinHash values estimates J with a standard error of sqrt(J (1 - J) / (R B)), at most 0.036.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

ROWS, BANDS, SEED = 3, 64, 42
MARGIN = 0.12            # over three standard errors: a pair whose estimate lies further below the floor is not looked at
SHORT_WORDS = 30
LONG_SHINGLE, SHORT_SHINGLE = 5, 3
# a piece of 30 to 59 words can be half alike to a short one, so it is compared with those by short shingles as well
_NEIGHBOUR_WORDS = 2 * SHORT_WORDS
_CHUNK = 512             # pieces whose shingles are in memory as Python objects at a time
_PAIRS = 20_000          # pairs whose MinHash values are compared at a time


class Alike:
    """The similar pairs among distinct contents, found once and clustered at any threshold from `floor` up.

    `texts` gives the plain words of each distinct content. `pairs` is an array of (earlier, later) places [P, 2] and `values` their
    true Jaccard similarities [P], all at least `floor`.
    """

    def __init__(self, texts: Mapping[str, Sequence[str]], floor: float):
        import numpy as np

        self._names = list(texts)
        self._words = list(texts.values())
        self._places = {name: place for place, name in enumerate(self._names)}
        lengths = np.array([len(words) for words in self._words], dtype=np.int64)
        longer = np.flatnonzero(lengths >= SHORT_WORDS)
        near_short = np.flatnonzero((lengths > 0) & (lengths < _NEIGHBOUR_WORDS))
        pairs, values = self._meetings(near_short, SHORT_SHINGLE, floor)
        with_short = lengths[pairs].min(axis=1) < SHORT_WORDS
        more_pairs, more_values = self._meetings(longer, LONG_SHINGLE, floor)
        self.pairs = np.concatenate([pairs[with_short], more_pairs])
        self.values = np.concatenate([values[with_short], more_values])

    def similarity(self, one: str, other: str) -> float:
        """The true Jaccard similarity of two contents."""
        words = [self._words[self._places[name]] for name in (one, other)]
        size = SHORT_SHINGLE if min(map(len, words)) < SHORT_WORDS else LONG_SHINGLE
        a, b = (set(_shingles(each, size)) for each in words)
        return len(a & b) / len(a | b)

    def groups(self, contents: Iterable[str], threshold: float) -> list[list[str]]:
        """Clusters of `contents` that hang together by pairs of Jaccard similarity `threshold` or more; singles included.

        Clusters and their members come in the order of the texts given at the start.
        """
        import numpy as np
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        member = np.zeros(len(self._names), dtype=bool)
        member[[self._places[name] for name in contents]] = True
        linked = self.pairs[(self.values >= threshold) & member[self.pairs].all(axis=1)]
        graph = coo_array((np.ones(len(linked), dtype=bool), (linked[:, 0], linked[:, 1])), shape=(len(member), len(member)))
        labels = connected_components(graph, directed=False)[1]
        clusters: dict[int, list[str]] = defaultdict(list)
        for place in np.flatnonzero(member).tolist():
            clusters[labels[place]].append(self._names[place])
        return list(clusters.values())

    def _meetings(self, places: Any, size: int, floor: float) -> tuple[Any, Any]:
        """Pairs [P, 2] and similarities [P] of the pieces at `places` [N] by shingles of `size` words."""
        import numpy as np

        texts = [self._words[place] for place in places]
        met = _candidates(_signatures(texts, size), floor - MARGIN)
        rows, met = np.unique(met, return_inverse=True)
        met = met.reshape(-1, 2)
        shingles = _numbered([texts[row] for row in rows.tolist()], size)
        sizes = np.array([len(ids) for ids in shingles], dtype=np.int64)
        held = np.zeros(1 + max((int(ids[-1]) for ids in shingles), default=0), dtype=bool)
        values = np.empty(len(met))
        bounds = np.append(np.flatnonzero(np.diff(met[:, 1], prepend=-1)), len(met))    # pairs come in the order of the later piece
        for start, end in pairwise(bounds.tolist()):
            row, others = met[start, 1], met[start:end, 0]
            held[shingles[row]] = True
            firsts = np.concatenate([[0], np.cumsum(sizes[others])[:-1]])
            both = np.add.reduceat(held[np.concatenate([shingles[k] for k in others])], firsts, dtype=np.int64)
            held[shingles[row]] = False
            values[start:end] = both / (sizes[others] + sizes[row] - both)
        alike = values >= floor
        return places[rows[met[alike]]].reshape(-1, 2), values[alike]


def _candidates(signs: Any, least: float) -> Any:
    """The pairs of rows (earlier, later) that meet in a band and whose share of equal MinHash values is at least `least` [P, 2], by the
    later row."""
    import numpy as np

    keys = np.zeros((len(signs), BANDS), dtype=np.uint64)
    for step in range(ROWS):
        keys = (keys ^ signs[:, step::ROWS]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    found = [np.empty((0, 2), dtype=np.int64)]
    for band in range(BANDS):
        for pairs in equal_pairs(keys[:, band]):
            first, later = keys[pairs[:, 0], :band], keys[pairs[:, 1], :band]
            pairs = pairs[~(first == later).any(axis=1)]            # those that met before are known
            found.append(pairs[(signs[pairs[:, 0]] == signs[pairs[:, 1]]).mean(axis=1) >= least])
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]


def equal_pairs(keys: Any, most: int | None = None) -> Iterator[Any]:
    """The pairs of places (earlier, later) with equal keys, at most _PAIRS or one place's at a time [P, 2]; a key at over `most` places
    makes none."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]])) if len(keys) else np.zeros(0, dtype=int)
    sizes = np.diff(np.append(starts, len(keys)))
    for size in np.unique(sizes[(sizes > 1) & (sizes <= (most or len(keys)))]).tolist():
        groups = order[starts[sizes == size][:, None] + np.arange(size)]
        for step in range(1, size):
            each = max(1, _PAIRS // (size - step))
            for start in range(0, len(groups), each):
                part = groups[start:start + each]
                yield np.stack([part[:, :-step].ravel(), part[:, step:].ravel()], axis=1)


def _shingles(words: Sequence[str], size: int) -> list[str]:
    return [" ".join(words[i:i + size]) for i in range(max(1, len(words) - size + 1))]


def _signatures(texts: Sequence[Sequence[str]], size: int) -> Any:
    """The MinHash values of each text's shingles [texts, ROWS * BANDS]."""
    import numpy as np
    import rensa

    signs = np.empty((len(texts), ROWS * BANDS), dtype=np.uint32)
    for start in range(0, len(texts), _CHUNK):
        tokens = [_shingles(words, size) for words in texts[start:start + _CHUNK]]
        sketches = rensa.RMinHash.from_token_sets(tokens, ROWS * BANDS, SEED)
        signs[start:start + _CHUNK] = [sketch.digest() for sketch in sketches]
    return signs


def _numbered(texts: Sequence[Sequence[str]], size: int) -> list[Any]:
    """The set of shingles of each text as sorted numbers from 0 on."""
    import numpy as np
    import rensa

    hashes: list[Any] = []
    for start in range(0, len(texts), _CHUNK):
        tokens = [_shingles(words, size) for words in texts[start:start + _CHUNK]]
        hashes += [np.unique(np.array(row, dtype=np.uint64)) for row in rensa.RMinHash.hash_token_sets(tokens)]
    if not hashes:
        return []
    numbers = np.unique(np.concatenate(hashes), return_inverse=True)[1]
    return np.split(numbers, np.cumsum([len(row) for row in hashes])[:-1])
