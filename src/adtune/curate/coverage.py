"""Which good pieces together cover the archive: facility location, chosen greedily.

    F(S) = sum over demand points i of  w_i * max over j in S of  q_j * s_ij

s_ij is the TF-IDF cosine of two pieces with a little for the same category, content type and length; a demand point is a piece (w_i its
quality) or a brief of the months to come; q_j is the quality of the piece that serves it. F is submodular, so the greedy choice reaches
1 - 1/e of the best (Nemhauser, Wolsey and Fisher 1978), and lazily computed gains (Minoux 1978) give the same choice sooner. All is
reckoned in whole numbers, so that no order of summation decides; ties go by content hash.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from .pieces import Piece, plain_words
from .quotas import Quotas, length_band

MOST_DEMAND = 1500     # pieces that stand for all as demand points, evenly spread over the content hashes
ONE = 10_000           # a similarity of 1
_WORDS, _CATEGORY, _TYPE, _LENGTH = 8_000, 1_000, 500, 500   # parts of a similarity between pieces; together ONE
BRIEFS_WEIGHT = 0.5    # of all demand, where there are briefs
STEM = 6               # letters of a word that count: plurals and endings then seldom part two words
RESEMBLES = 0.5        # share of a brief's words, weighed by rarity, that a piece must hold to resemble it


def cover(pieces: Sequence[Piece], quality: Sequence[int], quotas: Quotas, briefs: Sequence[str] = ()) -> list[int]:
    """Places of the chosen pieces in the order of choice, as many as the quotas have places.

    `pieces` come in the order of their content hashes; `quality` is a whole number from 1 to 100 for each.
    """
    import numpy as np

    served, weights = _demand(pieces, quality, briefs)
    best = np.zeros(len(weights), dtype=np.int64)

    def gain(place: int) -> int:
        return int((weights * np.maximum(served[place].astype(np.int64) * quality[place] // 100 - best, 0)).sum())

    chosen: list[int] = []
    for gold in (True, False):
        waiting = [place for place, piece in enumerate(pieces) if piece.wanted == gold]
        for strictness in range(quotas.strictest, -1, -1):
            heap = [(-gain(place), place, len(chosen)) for place in waiting]
            heapq.heapify(heap)
            waiting = []
            while heap and quotas.left:
                _, place, when = heapq.heappop(heap)
                if not quotas.admits(place, strictness, forced=gold):
                    waiting.append(place)
                elif when != len(chosen):
                    heapq.heappush(heap, (-gain(place), place, len(chosen)))
                else:
                    chosen.append(place)
                    quotas.take(place)
                    best = np.maximum(best, served[place].astype(np.int64) * quality[place] // 100)
    return chosen


def uncovered(briefs: Sequence[str], pieces: Sequence[Piece], known: Sequence[Piece]) -> list[str]:
    """The briefs that no piece of `pieces` resembles, in their order; how rare a word is comes from `known`."""
    shares = shares_of(briefs, pieces, known)
    return [brief for brief, row in zip(briefs, shares, strict=True) if not len(row) or row.max() < round(RESEMBLES * ONE)]


def shares_of(briefs: Sequence[str], pieces: Sequence[Piece], known: Sequence[Piece]) -> Any:
    """The share of each brief's words that each piece holds, weighed by rarity, [briefs, pieces] in parts of ONE.

    Words count by their first STEM letters; one that no known piece holds is as rare as can be.
    """
    import numpy as np

    stems = [_stems(_whole(piece)) for piece in known]
    held: dict[str, int] = {}
    for one in stems:
        for stem in one:
            held[stem] = held.get(stem, 0) + 1
    by_piece = [_stems(_whole(piece)) for piece in pieces]
    rows = []
    for brief in briefs:
        rarity = {stem: np.log((1 + len(known)) / (1 + held.get(stem, 0))) for stem in sorted(_stems(brief))}
        whole = sum(rarity.values())
        rows.append([round(ONE * sum(value for stem, value in rarity.items() if stem in one) / whole) if whole else 0 for one in by_piece])
    return np.asarray(rows, dtype=np.int32).reshape(len(briefs), len(pieces))


def _demand(pieces: Sequence[Piece], quality: Sequence[int], briefs: Sequence[str]) -> tuple[Any, Any]:
    """How well each piece serves each demand point, [pieces, points] in parts of ONE, and the weights of the points."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    points = np.unique(np.linspace(0, len(pieces) - 1, min(len(pieces), MOST_DEMAND)).astype(int))
    rows = TfidfVectorizer(analyzer=_cut_words, sublinear_tf=True).fit_transform([_whole(piece) for piece in pieces])
    served = np.zeros((len(pieces), len(points)), dtype=np.int16)
    for start in range(0, len(pieces), 1000):
        served[start:start + 1000] = np.rint(_WORDS * (rows[start:start + 1000] @ rows[points].T).toarray())
    for part, value in ((_CATEGORY, [p.asset.category for p in pieces]), (_TYPE, [p.asset.content_type for p in pieces]),
                        (_LENGTH, [length_band(p) for p in pieces])):
        numbers = np.unique([str(one) for one in value], return_inverse=True)[1]
        served += (part * (numbers[:, None] == numbers[points][None, :])).astype(np.int16)
    weights = np.asarray(quality, dtype=np.int64)[points]
    if briefs:
        each = max(1, round(BRIEFS_WEIGHT / (1 - BRIEFS_WEIGHT) * int(weights.sum()) / len(briefs)))
        served = np.concatenate([served, shares_of(briefs, pieces, pieces).T.astype(np.int16)], axis=1)
        weights = np.concatenate([weights, np.full(len(briefs), each, dtype=np.int64)])
    return served, weights


def _whole(piece: Piece) -> str:
    return f"{piece.asset.title or ''}\n{piece.body}"


def _cut_words(text: str) -> list[str]:
    return [word[:STEM] for word in plain_words(text)]


def _stems(text: str) -> set[str]:
    return set(_cut_words(text))
