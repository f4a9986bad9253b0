"""What outcomes of rows are expected at a log rate, how fast that moves with it, and how far they scatter: one step of Fisher scoring.

Rows whose exposure is a ceiling (clicks of impressions, conversions of clicks) have p = 1 - exp(-exp(eta)), the complementary log-log link
(McCullagh and Nelder 1989, section 4.3.1), and the variance of a beta-binomial with alpha = r and beta = r (1 - p) / p; counts without a
ceiling mu = exposure exp(eta) and the variance mu + mu^2 / r of a negative binomial; amounts mu^2 / r. B, N as in batch.py, float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .batch import BETA_BINOMIAL, GAMMA, LEVELS, Batch

LEAST_DUE = 0.1       # expected outcomes under which a row's surprise is counted as if so many had been expected
LEAST_LEFT = 1e-4     # share of an exposure that is left without an outcome, at least
NEWTON = 8            # steps to the level of rows with a ceiling


@dataclass(frozen=True)
class Moments:
    """`due` expected outcomes, `slope` their derivative by the log rate, `p` share of the exposure (nothing without a ceiling); all
    (B, N)."""

    rows: Batch
    due: Tensor
    slope: Tensor
    p: Tensor

    def variance(self, r: Tensor) -> Tensor:
        """Of the outcomes, for concentrations (..., 1 or N) against the last dimension of (B, N)."""
        ceiling, amount = _is(self.rows, BETA_BINOMIAL), _is(self.rows, GAMMA)
        alike = (self.rows.exposure - 1).clamp(min=0) * self.p / (r + self.p)
        counted = torch.where(ceiling, self.due * (1 - self.p) * (1 + alike), self.due + self.due**2 / r)
        return torch.where(amount, self.due**2 / r, counted)

    def weight(self, r: Tensor) -> Tensor:
        """Fisher's information of each row about its log rate; `r` (B, 1)."""
        return self.slope**2 / self.variance(r).clamp(min=1e-12)

    def step(self) -> Tensor:
        """How far each outcome lies from what is expected, in log rates.

        The limits are wide: the lower the upper one, the more of the one row in many that had an outcome is lost, and rates come out low.
        """
        ceiling, amount = _is(self.rows, BETA_BINOMIAL), _is(self.rows, GAMMA)
        found = (self.rows.outcome - self.due) / torch.where(amount, self.slope, self.slope.clamp(min=LEAST_DUE))
        most = 1 / LEAST_DUE
        return found.maximum(torch.where(ceiling, -most, -1.0)).minimum(torch.where(amount, 1.5, most))


def _is(rows: Batch, families: tuple[int, ...]) -> Tensor:
    """(B, 1) whether an advertiser's outcome is of one of the families."""
    return torch.isin(rows.family, torch.tensor(families, device=rows.family.device))[:, None]


def moments(rows: Batch, eta: Tensor) -> Moments:
    """Of the outcomes of `rows` at log rates `eta` (B, N)."""
    ceiling = _is(rows, BETA_BINOMIAL)
    mu = (rows.exposure * eta.exp()).clamp(1e-9, 1e12)
    p = torch.where(ceiling, (-torch.expm1(-eta.exp())).clamp(max=1 - LEAST_LEFT), 0.0)
    return Moments(rows, torch.where(ceiling, rows.exposure * p, mu), mu * (1 - p), p)


def level_of(rows: Batch, general: Tensor, half_life: float) -> Tensor:
    """(B,) log of the own rate, relative to the general pattern (B, N), from context rows that count the less the older they are.

    Half an event at the usual level (or half an order) stands beside the rows; with a ceiling the level is found by Newton's steps.
    """
    weight = rows.context * torch.exp2(-rows.age.clamp(min=0) / half_life).double()
    prior = torch.tensor(LEVELS, dtype=torch.float64, device=general.device)[rows.family]
    pattern = general.double()
    observed, amount = (weight * rows.outcome).sum(1), rows.family == 4
    half = torch.full_like(prior, 0.5)
    beside = torch.where(amount, half, half / prior)
    wanted = observed + torch.where(amount, half * prior, half)
    level = torch.log(wanted) - torch.log((weight * rows.exposure * pattern.exp()).sum(1) + beside)
    ceiling = _is(rows, BETA_BINOMIAL)[:, 0]
    if not bool(ceiling.any()):
        return level
    exact = level
    for _ in range(NEWTON):
        mu, own = (pattern + exact[:, None]).exp(), exact.exp()
        due = (weight * rows.exposure * -torch.expm1(-mu)).sum(1) + beside * -torch.expm1(-own)
        slope = (weight * rows.exposure * mu * torch.exp(-mu)).sum(1) + beside * own * torch.exp(-own)
        exact = exact + ((wanted - due) / slope.clamp(min=1e-9)).clamp(-1, 1)
    return torch.where(ceiling, exact.clamp(max=3.0), level)
