"""How likely a text is in the client's voice, with its topic held apart.

The scorer learns to tell the client's own pieces from contrast pieces by the three views of a text in `views.py`, none of
which shows what the text is about; a text scores the mean of its stretches. The probability comes from scores that were
cross-fitted by piece (Platt 1999), classes balanced: 0.5 means as likely as not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from ..errors import TrainingError
from ..records import Interval
from .habits import HABITS, words
from .views import Views, habit_table, stretches_of

FEWEST = 6            # own or contrast pieces under which nothing can be measured
MOST = 400            # pieces of a side that are learned from; more only cost time
TRUSTED_AUC = 0.75    # a scorer that tells the client from others less well than this is not used
REGULARISATION = 30.0  # C of the logistic regression over unit-length views


class OnBrandScorer:
    """Calibrated probability that a text is in the client's voice; made by `fit`, the same for the same pieces and seed."""

    def __init__(self, views: Views, model: LogisticRegression, platt: tuple[float, float], auc: Interval):
        self._views, self._model, self._platt = views, model, platt
        self.auc: Interval | None = auc

    @classmethod
    def fit(cls, own: Sequence[str], contrast: Sequence[str], seed: int = 0) -> OnBrandScorer:
        """Learn from the client's own pieces and contrast pieces (other voices, best on the same topics).

        Raises TrainingError under 6 pieces with words on either side: the voice is then not measured.
        """
        order = np.random.default_rng(seed)
        sides = [side("own", own, order), side("contrast", contrast, order)]
        pieces = sides[0] + sides[1]
        labels = np.repeat([1, 0], [len(one) for one in sides])
        folds = np.concatenate([np.arange(len(one)) % min(5, min(map(len, sides)) // 2) for one in sides])
        stretches, piece_of = stretches_of(pieces)
        views = Views(pieces, labels)
        rows = views.learn(stretches)
        cross_fitted = np.zeros(len(pieces))
        for fold in range(folds.max() + 1):
            learned, left = folds[piece_of] != fold, folds[piece_of] == fold
            model = _classifier(rows[learned], labels[piece_of[learned]], piece_of[learned])
            margins = _by_piece(model.decision_function(rows[left]), piece_of[left], len(pieces))
            cross_fitted[folds == fold] = margins[folds == fold]
        auc = auc_interval(cross_fitted[labels == 1], cross_fitted[labels == 0])
        return cls(views, _classifier(rows, labels[piece_of], piece_of), platt(cross_fitted, labels), auc)

    @property
    def trusted(self) -> bool:
        """Whether its word may be taken."""
        return self.auc is not None and self.auc.value is not None and self.auc.value >= TRUSTED_AUC

    def score(self, texts: Sequence[str]) -> list[float]:
        """The probability for each text, in [0, 1]; a text without words is in nobody's voice: 0."""
        slope, offset = self._platt
        chances = expit(slope * self._margins(texts) + offset)
        return [float(chance) if words(text) else 0.0 for chance, text in zip(chances, texts, strict=True)]

    def rate(self, texts: Sequence[str]) -> float | None:
        """The share of texts that are more likely than not in the client's voice; None without texts."""
        return sum(score >= 0.5 for score in self.score(texts)) / len(texts) if texts else None

    def auc_on(self, own_unseen: Sequence[str], contrast_unseen: Sequence[str]) -> Interval:
        """The AUC on pieces that `fit` did not see; Interval(None) where a side is empty."""
        return auc_interval(self._margins(own_unseen), self._margins(contrast_unseen))

    def explain(self, text: str) -> list[tuple[str, float]]:
        """The habits that pull `text` towards the client's voice (positive) or away from it (negative), strongest first.

        The pull is the habit's part of the log-odds before calibration.
        """
        stretches, _ = stretches_of([text])
        pulls = self._views.habit_rows(habit_table(stretches)).mean(axis=0) * self._model.coef_[0, -len(HABITS):]
        return sorted(((name, float(pull)) for name, pull in zip(HABITS, pulls, strict=True)), key=lambda pair: -abs(pair[1]))

    def _margins(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty(0)
        stretches, piece_of = stretches_of(texts)
        return _by_piece(self._model.decision_function(self._views.rows(stretches)), piece_of, len(texts))


def side(name: str, texts: Sequence[str], order: np.random.Generator) -> list[str]:
    """The pieces of one side that have words, shuffled, at most MOST of them."""
    usable = [text for text in texts if words(text)]
    if len(usable) < FEWEST:
        raise TrainingError("on-brand scorer", f"{len(usable)} {name} pieces", f"at least {FEWEST}",
                            "Give more pieces; until then the voice is not measured.")
    return [usable[place] for place in order.permutation(len(usable))[:MOST]]


def _classifier(rows: csr_matrix, labels: np.ndarray, piece_of: np.ndarray) -> LogisticRegression:
    """Logistic regression in which every piece weighs the same within its side, and both sides weigh the same."""
    weights = 1.0 / np.bincount(piece_of)[piece_of]
    for side in (0, 1):
        weights[labels == side] *= 0.5 * len(labels) / weights[labels == side].sum()
    return LogisticRegression(C=REGULARISATION, solver="liblinear", max_iter=1000, random_state=0).fit(rows, labels, sample_weight=weights)


def _by_piece(margins: np.ndarray, piece_of: np.ndarray, pieces: int) -> np.ndarray:
    """The mean margin of each piece's stretches; 0 for pieces without any."""
    return np.bincount(piece_of, margins, pieces) / np.maximum(np.bincount(piece_of, minlength=pieces), 1)


def platt(margins: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the probability over cross-fitted margins, sides balanced, targets smoothed as Platt (1999) does."""
    sizes = np.bincount(labels)
    targets = np.where(labels == 1, (sizes[1] + 1) / (sizes[1] + 2), 1 / (sizes[0] + 2))
    weights = 0.5 / sizes[labels]

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        odds = np.exp(parameters[0]) * margins + parameters[1]
        error = weights * (expit(odds) - targets)
        return float(weights @ (np.logaddexp(0, odds) - targets * odds)), np.asarray([error @ (odds - parameters[1]), error.sum()])

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-6, 4), (-10, 10)]).x
    return float(np.exp(found[0])), float(found[1])


def auc_interval(own: np.ndarray, contrast: np.ndarray) -> Interval:
    """P(own > contrast) with a 95 % score interval (Newcombe 2006, method 5), which stays open where the sample is parted."""
    if not len(own) or not len(contrast):
        return Interval(None)
    ranks = np.searchsorted(np.sort(contrast), own, "left") + np.searchsorted(np.sort(contrast), own, "right")
    value = float(ranks.sum() / (2 * len(own) * len(contrast)))
    pairs, half = len(own) * len(contrast), (len(own) + len(contrast)) / 2 - 1

    def beyond(bound: float) -> float:
        spread = bound * (1 - bound) * (1 + half * ((1 - bound) / (2 - bound) + bound / (1 + bound))) / pairs
        return (value - bound) ** 2 - 1.959964 ** 2 * spread

    inside = min(max(value, 1e-9), 1 - 1e-9)
    return Interval(value, float(brentq(beyond, 0.0, inside)), float(brentq(beyond, inside, 1.0)))
