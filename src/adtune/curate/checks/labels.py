"""Categories that look wrong: confident learning (Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 70, 2021).

A classifier over the words of title and text gives each piece, cross-validated, a probability p_k of every category k. The threshold of
a category is what its own pieces get on average:

    t_k = mean over pieces x labelled k of p_k(x)

A piece labelled i counts as one of j where j has the largest p among all k with p_k >= t_k. Where that j is another category, the label is
likely an error where it is TIMES as probable, for many pieces belong to two categories. That is what cleanlab's find_label_issues does but
for the last condition; its package is left out, since it brings pandas for these few lines. Pieces of one family stand in one fold, so
that no version of a piece speaks for its label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...stats import rate_interval
from ..pieces import Piece, plain_words
from .finding import Found, Judge

FOLDS = 10
LEAST = 10               # families of a category, under which nothing is learned about it
MOST = 4000              # pieces that are learned from, evenly spread over the content hashes; more only cost time
TERMS = 20_000
STRENGTH, ITERATIONS = 10.0, 300             # C of the logistic regression, and its steps at most
LEAST_CHANCE = 1e-4
TIMES = 6.0              # how many times as probable as the given category the likelier one is
LEARNED = 0.6            # share of the pieces, fold after fold, whose category is found where categories go by words


def category_labels(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Pieces whose category confident learning doubts, with the likelier one; the confidence is what parts the two."""
    import numpy as np

    families = Counter()
    for category, _ in {(piece.asset.category, judge.family[piece.content]) for piece in pieces if piece.asset.category and piece.plain}:
        families[category] += 1
    names = sorted(name for name, count in families.items() if count >= LEAST)
    asked = sorted((piece for piece in pieces if piece.asset.category in names and piece.plain), key=lambda one: (one.content, one.order))
    if len(names) < 2:
        return {}
    given = np.array([names.index(piece.asset.category or "") for piece in asked])
    chances = _chances(asked, given, len(names), judge)
    if chances is None:
        return {}
    thresholds = np.array([chances[given == k, k].mean() for k in range(len(names))])
    confident = np.where(chances >= thresholds, chances, -1.0)
    likelier = confident.argmax(axis=1)
    every = np.arange(len(asked))
    mine, other = chances[every, given], chances[every, likelier]
    found = {}
    for place in np.flatnonzero((confident.max(axis=1) >= 0) & (likelier != given) & (other >= TIMES * mine)).tolist():
        evidence = f"'{names[given[place]]}' at {mine[place]:.2f}; likelier is '{names[likelier[place]]}' at {other[place]:.2f}"
        found[asked[place].order] = Found(evidence, round(float(other[place] - mine[place]), 2))
    return {order: found[order] for order in sorted(found)}


def _chances(asked: Sequence[Piece], given: Any, categories: int, judge: Judge) -> Any:
    """The cross-validated probability of every category for every piece [pieces, categories]; None where words tell too little of it."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    rows = TfidfVectorizer(analyzer=_terms, sublinear_tf=True, min_df=2, max_features=TERMS).fit_transform(asked)
    numbers = {family: n for n, family in enumerate(dict.fromkeys(judge.family[piece.content] for piece in asked))}
    folds = np.array([numbers[judge.family[piece.content]] % FOLDS for piece in asked])
    learned = np.zeros(len(asked), dtype=bool)
    learned[np.unique(np.linspace(0, len(asked) - 1, min(len(asked), MOST)).astype(int))] = True
    right = 0
    chances = np.full((len(asked), categories), LEAST_CHANCE)
    for fold in range(FOLDS):
        taught, held = learned & (folds != fold), folds == fold
        if held.any() and len(np.unique(given[taught])) > 1:
            model = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS, tol=1e-3).fit(rows[taught], given[taught])
            chances[np.ix_(held, model.classes_)] = np.maximum(model.predict_proba(rows[held]), LEAST_CHANCE)
            right += int((chances[held].argmax(axis=1) == given[held]).sum())
            if (rate_interval(right, int((folds <= fold).sum())).high or 1.0) < LEARNED:
                return None
    return chances


def _terms(piece: Piece) -> list[str]:
    """The words of title and text, those of the title twice."""
    return [word for word in (*piece.plain, *2 * plain_words(piece.asset.title or "")) if len(word) > 2]
