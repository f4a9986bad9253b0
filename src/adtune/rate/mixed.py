"""A linear model with one random effect: what all editors have in common, and how each of them differs, shrunk towards all.

    y = X b + u_g + e,   u_g ~ N(0, r s2),   e ~ N(0, s2)

g is the row's group (an editor). The ratio r maximises the restricted likelihood (REML, Patterson and Thompson 1971), b and s2 follow in
closed form (Laird and Ware, Biometrics 38, 1982):

    -2 log L(r) = sum_g log(1 + n_g r) + log |X'WX| + (n - p) log((y - Xb)'W(y - Xb) / (n - p)),   W = V^-1,  V_g = I + r J

Groups are pooled in part: u_g = n_g r / (1 + n_g r) times the mean residual of the group (empirical Bayes). Uncertainty of b and u together
is s2 C, C the inverse of Henderson's mixed-model equations [[X'X, X'Z], [Z'X, Z'Z + I/r]]; that of r is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

LEAST_RATIO, MOST_RATIO = 1e-4, 1e3
RIDGE = 1e-9   # keeps a column that says nothing from stopping the fit


@dataclass(frozen=True)
class Mixed:
    """A fitted model: `b` (p,), `u` (groups,), residual variance `s2`, `ratio` r, `spread` C (p + groups, p + groups), `residuals` (n,)."""

    b: np.ndarray
    u: np.ndarray
    s2: float
    ratio: float
    spread: np.ndarray
    residuals: np.ndarray
    freedom: int

    @property
    def between(self) -> float:
        """The variance of the groups' effects."""
        return self.ratio * self.s2

    def draws(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of b (count, p), u (count, groups) and s2 (count,): s2 scaled inverse chi-square, b and u normal given it."""
        chance = np.random.default_rng(seed)
        s2 = self.s2 * self.freedom / chance.chisquare(self.freedom, count)
        root = np.linalg.cholesky(self.spread + RIDGE * np.eye(len(self.spread)))
        noise = chance.standard_normal((count, len(self.spread))) @ root.T * np.sqrt(s2)[:, None]
        return self.b + noise[:, :len(self.b)], self.u + noise[:, len(self.b):], s2


def fit(y: np.ndarray, x: np.ndarray, groups: np.ndarray) -> Mixed:
    """The model of `y` (n,) from `x` (n, p) and `groups` (n,) of 0 .. k - 1; one group has no effect of its own.

    Raises ValueError where there are not more rows than columns.
    """
    n, p = x.shape
    if n <= p:
        raise ValueError(f"{n} rows for {p} columns")
    sizes = np.bincount(groups).astype(float)
    ratio = 0.0
    if len(sizes) > 1:
        found = minimize_scalar(lambda at: _deviance(float(np.exp(at)), y, x, groups, sizes)[0],
                                bounds=(np.log(LEAST_RATIO), np.log(MOST_RATIO)), method="bounded")
        ratio = float(np.exp(found.x)) if found.fun < _deviance(0.0, y, x, groups, sizes)[0] else 0.0
    _, b, s2 = _deviance(ratio, y, x, groups, sizes)
    left = y - x @ b
    u = np.bincount(groups, left, len(sizes)) * ratio / (1 + sizes * ratio)
    return Mixed(b, u, s2, ratio, _spread(x, groups, sizes, ratio), left - u[groups], n - p)


def _deviance(ratio: float, y: np.ndarray, x: np.ndarray, groups: np.ndarray, sizes: np.ndarray) -> tuple[float, np.ndarray, float]:
    """(-2 log of the restricted likelihood, b, s2) at a ratio."""
    shrink = ratio / (1 + sizes * ratio)

    def weighted(columns: np.ndarray) -> np.ndarray:
        """W times the columns (n, m): each less its group's sum, shrunk."""
        sums = np.zeros((len(sizes), columns.shape[1]))
        np.add.at(sums, groups, columns)
        return columns - (shrink[:, None] * sums)[groups]

    n, p = x.shape
    inner = x.T @ weighted(x) + RIDGE * np.eye(p)
    b = np.linalg.solve(inner, x.T @ weighted(y[:, None])[:, 0])
    left = (y - x @ b)[:, None]
    s2 = max(float((left * weighted(left)).sum()) / (n - p), 1e-12)
    return float(np.log1p(sizes * ratio).sum() + np.linalg.slogdet(inner)[1] + (n - p) * np.log(s2)), b, s2


def _spread(x: np.ndarray, groups: np.ndarray, sizes: np.ndarray, ratio: float) -> np.ndarray:
    """C; without effects of groups, their part is zero."""
    p, k = x.shape[1], len(sizes)
    out = np.zeros((p + k, p + k))
    if ratio == 0.0:
        out[:p, :p] = np.linalg.inv(x.T @ x + RIDGE * np.eye(p))
        return out
    cross = np.zeros((k, p))
    np.add.at(cross, groups, x)
    whole = np.block([[x.T @ x + RIDGE * np.eye(p), cross.T], [cross, np.diag(sizes + 1 / ratio)]])
    return np.linalg.inv(whole)
