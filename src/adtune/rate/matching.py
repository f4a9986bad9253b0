"""Which final texts belong to another draft than the one they stand beside.

Similarity is the cosine of two texts' word counts weighted by rarity (tf-idf over the log). An edit keeps most of its draft's words; a
draft that was of no use is written anew, and is then no nearer to its text than a stranger's. So a final text is taken for another's only
where one draft of another brief is far nearer to it than its own and than all others, or where its own is far below what strangers have in
common.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NEAR = 0.3         # similarity from which a draft and a text can be versions of one piece
FAR_NEARER = 1.7   # times the similarity to its own draft, and to the next of the others
SAME = 0.8         # similarity from which two final texts answer the same brief
ENOUGH = 8         # drafts of other briefs that say what strangers have in common
FAR_BELOW = 0.33   # times the least that strangers have in common
LONGEST_LOG = 4000   # edits that are compared with each other; of a longer log each with as many others


def misplaced(drafts: Sequence[str], finals: Sequence[str], briefs: Sequence[str | None]) -> dict[int, tuple[int | None, float, float]]:
    """{edit: (the edit whose draft its final text fits, None where none does; its own similarity; the other's, or the strangers')}."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(drafts) < 2:
        return {}
    vectors = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)
    try:
        vectors.fit([*drafts, *finals])
    except ValueError:   # no words at all
        return {}
    before, after = vectors.transform(drafts), vectors.transform(finals)
    out = {}
    for start in range(0, len(drafts), LONGEST_LOG):
        here = slice(start, start + LONGEST_LOG)
        near, alike = (after[here] @ before[here].T).toarray(), (after[here] @ after[here].T).toarray()
        for row in range(len(near)):
            titles = briefs[here]
            strange = np.array([alike[row, other] < SAME and (titles[row] is None or titles[other] != titles[row])
                                for other in range(len(near))])
            found = _of_another(near[row], near[row, row], strange)
            if found:
                out[start + row] = (None if found[0] is None else start + found[0], float(near[row, row]), found[1])
    return out


def _of_another(near: np.ndarray, own: float, strange: np.ndarray) -> tuple[int | None, float] | None:
    if not strange.any():
        return None
    others = np.where(strange, near, -1.0)
    best = int(others.argmax())
    second = np.partition(others, -2)[-2] if len(others) > 1 else 0.0
    if others[best] >= NEAR and others[best] > FAR_NEARER * max(own, second):
        return best, float(others[best])
    least = float(np.quantile(near[strange], 0.05))
    return (None, least) if strange.sum() >= ENOUGH and own < FAR_BELOW * least else None
