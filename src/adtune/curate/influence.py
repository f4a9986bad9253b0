"""How far one more answer about the voice would move the pieces like the one that was asked about, without learning anew.

The classifier of likeness is a logistic regression with a Gaussian prior, so that its margins have the covariance (Laplace; Bishop,
Pattern Recognition and Machine Learning, 4.5 and 6.4.6)

    S = K - K_T (1 / d + K_TT)^-1 K_T'        d_i = w_i p_i (1 - p_i)

over the pieces at stake, with K the inner products of their traits and T the pieces learned from, w their weights (C included) and p
their chances. One more piece x with answer y and weight w moves the margin of every z by

    S_zx w (y - p_x) / (1 + w p_x (1 - p_x) S_xx)

the first step of Newton's method (Cook and Weisberg 1982; Koh and Liang 2017), and leaves S - S_x S_x' w p_x (1 - p_x) / (1 + ...).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..voice.likeness import Likeness

POOL = 400            # pieces nearest to the limit, among which answers are looked for and counted
LEARNED = 400         # pieces learned from that weigh the most on the margins
DIGITS = 6


class Influence:
    """The pieces nearest to the limit, by their places, and how answers about them would move one another."""

    def __init__(self, found: Likeness, limit: float, places: Sequence[int]):
        import numpy as np
        from scipy.special import expit, logit

        from ..voice.likeness import NAMED_WEIGHT

        fit = found.fit
        self.edge = (float(logit(min(max(limit, 1e-6), 1 - 1e-6))) - fit.offset) / fit.slope
        margins = np.round(fit.margins, DIGITS)
        order = np.argsort(np.abs(margins[list(places)] - self.edge), kind="stable")[:POOL]
        self.places = np.asarray(places, dtype=int)[order]
        self.margins = margins[self.places]
        self.chances = np.asarray(found.scores)[self.places]
        self.own = expit(self.margins)            # as the classifier itself puts it
        sides = [fit.weights[fit.truth == side].sum() for side in (0, 1)]
        counts = [float((fit.truth == side).sum()) for side in (0, 1)]
        # a new answer weighs what the classifier would give it: one of its side, or NAMED_WEIGHT of the others
        self.weights = {True: sides[1] / max(counts[1], 1.0), False: sides[0] * NAMED_WEIGHT / (counts[0] + NAMED_WEIGHT)}
        chances = expit(np.round(fit.margins[fit.places], DIGITS))
        known = np.round(fit.weights * chances * (1 - chances), DIGITS)
        heavy = np.argsort(-known, kind="stable")[:LEARNED]
        self.covariance = _covariance(found.traits.rows, self.places, fit.places[heavy], np.maximum(known[heavy], 1e-6))

    def moved(self, place: int, answer: bool) -> Any:
        """Which of the pieces would change sides, [pieces] true or false, the asked one left out; `place` is a place in this pool."""
        import numpy as np

        weight, chance = self.weights[answer], self.own[place]
        spread = 1 + weight * chance * (1 - chance) * self.covariance[place, place]
        after = self.margins + self.covariance[place] * weight * (float(answer) - chance) / spread
        changed = (after >= self.edge) != (self.margins >= self.edge)
        changed[place] = False
        return np.asarray(changed)

    def learn(self, place: int) -> None:
        """Leaves the covariance that an answer about the piece would leave, whichever it is."""
        chance = self.own[place]
        known = 0.5 * (self.weights[True] + self.weights[False]) * chance * (1 - chance)
        column = self.covariance[place].copy()
        self.covariance -= column[:, None] * column[None, :] * known / (1 + known * column[place])


def _covariance(rows: Any, at: Any, learned: Any, known: Any) -> Any:
    """S over the rows `at`, given the rows `learned` with their d; the intercept is one more column of ones."""
    import numpy as np
    from scipy.linalg import cho_factor, cho_solve

    pool, told = (rows[one].toarray().astype(np.float32) for one in (at, learned))
    prior = (pool @ pool.T).astype(float) + 1.0
    across = (pool @ told.T).astype(float) + 1.0
    inner = (told @ told.T).astype(float) + 1.0
    inner[np.diag_indices_from(inner)] += 1.0 / known
    return prior - across @ cho_solve(cho_factor(inner), across.T)
