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

HALF_LIFE = 90.0      # days after which a row counts half for the level
LEAST_DUE = 0.1       # expected outcomes under which a row's surprise is counted as if so many had been expected
LEAST_LEFT = 1e-4     # share of an exposure that is left without an outcome, at least
NEWTON = 8            # steps to the level of rows with a ceiling


@dataclass(frozen=True)
class Moments:
    """`due` expected outcomes, `slope` their derivative by the log rate, `p` share of the exposure (nothing without a ceiling), all
    (B, N); `ceiling` and `amount` (B, 1) say which advertisers' outcomes have one, or are amounts."""

    rows: Batch
    due: Tensor
    slope: Tensor
    p: Tensor
    ceiling: Tensor
    amount: Tensor

    def variance(self, r: Tensor) -> Tensor:
        """Of the outcomes, for concentrations (..., 1 or N) against the last dimension of (B, N)."""
        alike = (self.rows.exposure - 1).clamp(min=0) * self.p / (r + self.p)
        counted = torch.where(self.ceiling, self.due * (1 - self.p) * (1 + alike), self.due + self.due**2 / r)
        return torch.where(self.amount, self.due**2 / r, counted)

    def weight(self, r: Tensor) -> Tensor:
        """Fisher's information of each row about its log rate; `r` (B, 1)."""
        return self.slope**2 / self.variance(r).clamp(min=1e-12)

    def step(self) -> Tensor:
        """How far each outcome lies from what is expected, in log rates.

        The limits are wide: the lower the upper one, the more of the one row in many that had an outcome is lost, and rates come out low.
        """
        found = (self.rows.outcome - self.due) / torch.where(self.amount, self.slope, self.slope.clamp(min=LEAST_DUE))
        most = 1 / LEAST_DUE
        return found.maximum(torch.where(self.ceiling, -most, -1.0)).minimum(torch.where(self.amount, 1.5, most))


def has_ceiling(family: Tensor) -> Tensor:
    """Whether outcomes of a family are a share of their exposure."""
    return family <= BETA_BINOMIAL[-1]


def moments(rows: Batch, eta: Tensor) -> Moments:
    """Of the outcomes of `rows` at log rates `eta` (B, N)."""
    ceiling, amount = has_ceiling(rows.family)[:, None], (rows.family == GAMMA[0])[:, None]
    mu = (rows.exposure * eta.exp()).clamp(1e-9, 1e12)
    p = torch.where(ceiling, (-torch.expm1(-eta.exp())).clamp(max=1 - LEAST_LEFT), 0.0)
    return Moments(rows, torch.where(ceiling, rows.exposure * p, mu), mu * (1 - p), p, ceiling, amount)


def level_of(rows: Batch, general: Tensor) -> Tensor:
    """(B,) log of the own rate, relative to the general pattern (B, N), from context rows that count the less the older they are.

    Half an event at the usual level (or half an order) stands beside the rows; with a ceiling the level is found by Newton's steps.
    """
    weight = rows.context * torch.exp2(-rows.age.clamp(min=0) / HALF_LIFE).double()
    prior = torch.tensor(LEVELS, dtype=torch.float64, device=general.device)[rows.family]
    pattern = general.double()
    observed, amount = (weight * rows.outcome).sum(1), rows.family == GAMMA[0]
    half = torch.full_like(prior, 0.5)
    beside = torch.where(amount, half, half / prior)
    wanted = observed + torch.where(amount, half * prior, half)
    level = torch.log(wanted) - torch.log((weight * rows.exposure * pattern.exp()).sum(1) + beside)
    ceiling = has_ceiling(rows.family)
    if not bool(ceiling.any()):
        return level
    exact = level
    for _ in range(NEWTON):
        mu, own = (pattern + exact[:, None]).exp(), exact.exp()
        due = (weight * rows.exposure * -torch.expm1(-mu)).sum(1) + beside * -torch.expm1(-own)
        slope = (weight * rows.exposure * mu * torch.exp(-mu)).sum(1) + beside * own * torch.exp(-own)
        exact = exact + ((wanted - due) / slope.clamp(min=1e-9)).clamp(-1, 1)
    return torch.where(ceiling, exact.clamp(max=3.0), level)
