"""Likelihoods of counts and amounts, with exposure inside: nats, deviance, quantiles.

mu = exposure x rate is the expected outcome, r > 0 the concentration: a beta-binomial has alpha = r and beta = r (1 - p) / p, a negative
binomial the variance mu + mu^2 / r, a gamma the shape r. All three are over-dispersed the more the smaller r is. float64 throughout:
lgamma of a million impressions has no digit to lose.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

HIGHEST = 1 - 1e-7  # of a probability


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


def quantiles(rate: np.ndarray, r: np.ndarray, exposure: np.ndarray, kind: int, levels: tuple[float, float]) -> Pair:
    """Quantiles of the outcome of each row: of the negative binomial for counts (no more than the exposure where that is the ceiling), of
    the gamma for amounts."""
    from scipy.stats import gamma, nbinom

    mu = np.maximum(exposure * rate, 1e-12)
    if kind == 2:
        return tuple(gamma.ppf(level, r, scale=mu / r) for level in levels)  # type: ignore[return-value]
    found = tuple(nbinom.ppf(level, r, r / (r + mu)) for level in levels)
    return tuple(np.minimum(one, exposure) for one in found) if kind == 0 else found  # type: ignore[return-value]
