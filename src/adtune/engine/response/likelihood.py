"""Likelihoods of counts and amounts, with exposure inside: nats, deviance, intervals.

mu = exposure x rate is the expected outcome, r > 0 the concentration: a beta-binomial has alpha = r and beta = r (1 - p) / p, a negative
binomial the variance mu + mu^2 / r, a gamma the shape r. All three are over-dispersed the more the smaller r is. float64 throughout:
lgamma of a million impressions has no digit to lose.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

HIGHEST = 1 - 1e-7  # of a probability
COMMON = 0.1        # share of an exposure from which a count is no rare event


def nats(kind: Tensor, outcome: Tensor, exposure: Tensor, eta: Tensor, log_r: Tensor) -> Tensor:
    """Minus the log-likelihood of each row. `kind` is 0 beta-binomial, 1 negative binomial, 2 gamma; `eta` = log(mu / exposure), but for
    the beta-binomial whose p = 1 - exp(-exp(eta)): the same for small rates, and never above one."""
    eta, r = eta.double(), log_r.double().exp()
    mu = exposure * eta.exp()
    p = (-torch.expm1(-eta.exp())).clamp(1e-12, HIGHEST)
    safe = torch.minimum(outcome, exposure)
    beta = r * (1 - p) / p
    binomial = (torch.lgamma(exposure + 1) - torch.lgamma(safe + 1) - torch.lgamma(exposure - safe + 1)
                + _beta(safe + r, exposure - safe + beta) - _beta(r, beta))
    count = (torch.lgamma(outcome + r) - torch.lgamma(r) - torch.lgamma(outcome + 1) - r * torch.log1p(mu / r)
             + outcome * (mu.log() - (mu + r).log()))
    amount = outcome.clamp(min=1e-9)
    gamma = r * (r.log() - mu.log()) - torch.lgamma(r) + (r - 1) * amount.log() - r * amount / mu
    return -torch.where(kind == 0, binomial, torch.where(kind == 1, count, gamma))


def as_rate(eta: np.ndarray, family: int) -> np.ndarray:
    """Rate per unit of exposure of a log rate: never above one where the exposure is a ceiling."""
    return -np.expm1(-np.exp(eta)) if family <= 2 else np.exp(eta)


def log_rate(rate: np.ndarray, family: int) -> np.ndarray:
    """The log rate of a rate per unit of exposure: what `as_rate` turns back."""
    return np.log(-np.log1p(-np.minimum(rate, 0.999))) if family <= 2 else np.log(rate)


def _beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


def deviance(kind: int, outcome: np.ndarray, exposure: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Unit deviance of each row against its saturated model: binomial, Poisson or gamma, whichever the outcome is."""
    mu = np.maximum(exposure * rate, 1e-12)
    if kind == 2:
        ratio = np.maximum(outcome, 1e-9) / mu
        return 2 * (ratio - 1 - np.log(ratio))
    hit = np.where(outcome > 0, outcome * np.log(np.maximum(outcome, 1e-300) / mu), 0.0)
    if kind == 1:
        return 2 * (hit - (outcome - mu))
    rest, left = exposure - outcome, np.maximum(exposure - mu, 1e-12)
    return 2 * (hit + np.where(rest > 0, rest * np.log(np.maximum(rest, 1e-300) / left), 0.0))


def kind_of(family: int) -> int:
    """0 beta-binomial, 1 negative binomial, 2 gamma."""
    return 0 if family <= 2 else family - 2


Pair = tuple[np.ndarray, np.ndarray]


def interval(rate: np.ndarray, r: np.ndarray, exposure: np.ndarray, kind: int, level: float) -> Pair:
    """Ends of the interval that holds the outcome of each row with a probability as near as can be to `level`: quantiles of the gamma for
    amounts, whole numbers of the negative binomial for counts. A share of COMMON or more of an exposure that is a ceiling
    has those of the beta distribution with the same mean and variance, rounded; no count exceeds its ceiling."""
    from scipy.stats import beta, gamma

    mu, tails = np.maximum(exposure * rate, 1e-12), ((1 - level) / 2, (1 + level) / 2)
    if kind == 2:
        return tuple(gamma.ppf(tail, r, scale=mu / r) for tail in tails)  # type: ignore[return-value]
    low, high = _whole_ends(mu, r, tails)
    if kind == 0:
        p = np.clip(rate, 1e-12, HIGHEST)
        exact = p * (1 - p) / np.maximum(variance(0, p, r, exposure) / exposure**2, 1e-12) - 1
        common = (p >= COMMON) & (exact > 1)
        for found, tail in ((low, tails[0]), (high, tails[1])):
            np.minimum(found, exposure, out=found)
            found[common] = np.rint(exposure[common] * beta.ppf(tail, (p * exact)[common], ((1 - p) * exact)[common]))
    return low, high


def _whole_ends(mu: np.ndarray, r: np.ndarray, tails: tuple[float, float]) -> Pair:
    """Of negative binomials. Their quantiles hold more than was asked for, the more so the fewer outcomes are expected: an end is moved
    inwards where that comes nearer to it."""
    from scipy.stats import nbinom

    low, high = (nbinom.ppf(tail, r, r / (r + mu)) for tail in tails)
    below, wanted = nbinom.cdf(low - 1, r, r / (r + mu)), tails[1] - tails[0]
    held, best = nbinom.cdf(high, r, r / (r + mu)) - below, (low, high)
    first, last = (nbinom.pmf(end, r, r / (r + mu)) for end in best)
    nearest = np.abs(held - wanted)
    for a, b in ((1, 0), (0, 1), (1, 1)):
        gap = np.abs(held - a * first - b * last - wanted)
        better = (gap < nearest) & (low + a <= high - b)
        best = np.where(better, low + a, best[0]), np.where(better, high - b, best[1])
        nearest = np.where(better, gap, nearest)
    return best


def variance(kind: int, rate: np.ndarray, r: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Of the outcome of each row."""
    mu = exposure * rate
    if kind == 0:
        return mu * (1 - rate) * (1 + np.maximum(exposure - 1, 0) * rate / (r + rate))
    return mu**2 / r + (mu if kind == 1 else 0)


def group_interval(rows: tuple[np.ndarray, np.ndarray, np.ndarray], r: np.ndarray, index: np.ndarray, drift: float, kind: int,
                   level: float) -> tuple[np.ndarray, Pair]:
    """(outcomes of each group, ends of their intervals); `rows` are outcome, exposure and rate, `index` (N,) the group of each row. A
    group's variance is that of its rows with `drift`, the error in logs that they share."""
    outcome, exposure, rate = rows
    seen, due, whole = (np.bincount(index, one) for one in (outcome, exposure * rate, exposure))
    scatter = np.bincount(index, variance(kind, rate, r, exposure)) + drift**2 * due**2
    if kind == 0:
        p = np.clip(due / whole, 1e-12, HIGHEST)
        beyond = np.maximum(scatter / np.maximum(whole * p * (1 - p), 1e-12) - 1, 1e-9)
        together = np.maximum(whole - 1, 1e-9) * p / beyond - p
    else:
        together = due**2 / np.maximum(scatter - (due if kind == 1 else 0), 1e-12)
    together = np.clip(together, 1e-3, 1e12)
    return seen, interval(due / whole, together, whole, kind, level)


def share_held(rows: tuple[np.ndarray, np.ndarray, np.ndarray], r: np.ndarray, index: np.ndarray, drift: float, kind: int,
               level: float = 0.8) -> float:
    """The share of groups whose outcomes lie within their intervals; as `group_interval`."""
    seen, (low, high) = group_interval(rows, r, index, drift, kind, level)
    return float(((seen >= low) & (seen <= high)).mean())
