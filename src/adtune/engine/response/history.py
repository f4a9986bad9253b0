"""What an advertiser's own rows say: a Gaussian process over the log rate, around the general pattern and the own level.

    f ~ GP(0, sum_g tau_g^2 k_g),   outcome ~ counts of exposure x exp(general + level + f), over-dispersed

Each grouping g is a kernel: rows alike in a channel, in a campaign, in product and season, near in time, near in price, ... It is the
hierarchical model of the field (random effects with variances tau_g^2), all effects found jointly, by Fisher scoring (Laplace's
approximation, Rasmussen and Williams 2006, chapter 3). The variances are learned over generated advertisers, and by fine-tuning.
B, N as in batch.py; C = context rows, the first ones; G = number of GROUPINGS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .batch import Batch
from .kernels import GROUPINGS, covariance_of, own_variance, read_across
from .likelihood import kind_of, nats
from .moments import Moments, level_of, moments

SCORING = 12          # steps of Fisher scoring at most; five to seven do for most advertisers
LONGEST = 1.0         # what f moves in a step at most: log rates that start far off overshoot and never come back
SETTLED = 0.01        # what f moves at most in the step before the last
EXACT, INDUCING = 512, 320  # context rows up to which all of them are centres; centres of a longer history
FEATURES = len(GROUPINGS) + 9
_STARTS = {"level": 0.3, "channel": 0.5, "campaign": 0.3, "product": 0.3, "audience": 0.3, "other1": 0.3, "other2": 0.2,
           "product x season": 0.4, "words x channel": 0.0025,
           "slow drift": 0.2, "weekday": 0.08, "events": 0.15, "price": 0.35}
SMALLEST_R, LARGEST_R = 0.2, 100.0  # concentration of outcomes that is looked for
SHRUNK = 1.15         # residuals of a fit are smaller than errors of a prediction


@dataclass(frozen=True)
class History:
    """What is said of rows: `effects` (B, N, G) what each grouping adds to the log rate; `spread` (B, N) variance of f; `features`
    (B, N, FEATURES)."""

    effects: Tensor
    spread: Tensor
    features: Tensor


@dataclass(frozen=True)
class Reading:
    """Context rows, read: `level` (B,) log of the own rate against the general pattern; `r` (B,) concentration of outcomes; `residual`,
    `weight` (B, C) of context rows; `whole` (B, 4) how much history there is; `power` (G,) the variances."""

    power: Tensor
    centres: Batch
    fitted: _Fitted
    level: Tensor
    residual: Tensor
    weight: Tensor
    whole: Tensor

    @property
    def r(self) -> Tensor:
        return self.fitted.r

    def of(self, rows: Batch) -> History:
        """What it says of `rows` (B, N)."""
        effects, crossed = read_across(self.power, rows, self.centres, self.fitted.alpha)
        spread = own_variance(rows, self.power.detach()) - ((crossed @ self.fitted.inner.float()) * crossed).sum(-1)
        spread = spread.clamp(min=1e-4)
        horizon = (-rows.age).clamp(-60, 365) / 100
        each = torch.stack([effects.sum(-1), spread.sqrt(), spread.log() / 4, horizon, torch.exp(-horizon.clamp(min=0))], -1)
        whole = self.whole[:, None].expand(-1, effects.shape[1], -1)
        return History(effects, spread, torch.cat([effects, each, whole], -1))


def starting_log_tau() -> Tensor:
    """(G,) logs of the standard deviations before any training."""
    return torch.tensor([math.log(_STARTS.get(name, 0.12)) for name in GROUPINGS])


def power_of(log_tau: Tensor) -> Tensor:
    """(G,) variances of the groupings from the logs of their standard deviations."""
    return torch.exp(2 * log_tau).clamp(max=9.0)


def centres_of(rows: int) -> Tensor:
    """Row numbers of INDUCING centres of a long history: its newest rows, and an even spread over the others."""
    newest = INDUCING // 2
    return torch.cat([torch.linspace(0, rows - newest - 1, INDUCING - newest).round().long(), torch.arange(rows - newest, rows)])


def read(earlier: Batch, general: Tensor, log_tau: Tensor) -> Reading:
    """Reads the context rows. `general` (B, C) is the log of the general pattern at them.

    More than EXACT rows are read through INDUCING of them (Nyström's approximation): all rows count, at a linear cost.
    """
    until = earlier.age.shape[1]
    level = level_of(earlier, general)
    power = power_of(log_tau)
    known = general.double() + level[:, None]
    if until <= EXACT:
        centres, span = earlier, None
    else:
        centres = earlier.rows(centres_of(until).to(general.device))
        span = covariance_of(power, earlier, centres)
    fitted = _laplace(covariance_of(power, centres, centres), span, earlier, known)
    now = moments(earlier, known + fitted.fit)
    weight = torch.where(earlier.context, now.weight(fitted.r[:, None]), 0.0)
    residual = ((earlier.outcome - now.due) / (now.due + 0.5)).clamp(-1, 4)
    ages = torch.where(earlier.context, earlier.age, 0.0).clamp(min=0)
    oldest = ages.amax(1) / 365 if until else ages.sum(1)
    whole = torch.stack([fitted.r.log() / 3, torch.log1p(earlier.context.sum(1).double()) / 4, torch.log1p(weight.sum(1)) / 6,
                         oldest.double()], -1).float()
    return Reading(power, centres, fitted, level, residual.float(), weight.float(), whole)


def posterior_covariance(batch: Batch, general: Tensor, log_tau: Tensor, until: int) -> Tensor:
    """(B, Q, Q) covariance of f at the rows from `until` on, given the context rows before them."""
    earlier, later = batch.rows(torch.arange(until)), batch.rows(torch.arange(until, batch.age.shape[1]))
    power = power_of(log_tau)
    known = general[:, :until].double() + level_of(batch, general)[:, None]
    centres, span = earlier, None
    if until > EXACT:
        centres = batch.rows(centres_of(until))
        span = covariance_of(power, earlier, centres)
    fitted = _laplace(covariance_of(power, centres, centres), span, earlier, known)
    crossed = covariance_of(power, later, centres)
    return covariance_of(power, later, later) - crossed @ fitted.inner @ crossed.mT


def exact_fit(batch: Batch, general: Tensor, log_tau: Tensor) -> tuple[Tensor, Tensor]:
    """(V^-1 y (N,), V^-1 (N, N)) of one advertiser all of whose rows are context: y working outcomes, V their covariance with noise."""
    power = power_of(log_tau)
    known = general.double() + level_of(batch, general)[:, None]
    fitted = _laplace(covariance_of(power, batch, batch), None, batch, known)
    return fitted.alpha[0], fitted.inner[0]


def covariance_fit(covariance: Tensor, batch: Batch, general: Tensor) -> tuple[Tensor, Tensor]:
    """As `exact_fit`, under a prior covariance (1, N, N) of f that allows for large effects."""
    solve = _Exact(covariance)
    alpha, _, _ = _scored(solve, batch, general.double() + level_of(batch, general)[:, None])
    return alpha[0], solve.inner()[0]


@dataclass(frozen=True)
class _Fitted:
    """f at a row x is k(x, centres) alpha, its variance k(x, x) - k(x, centres) inner k(centres, x); `fit` is f at the context rows."""

    alpha: Tensor
    inner: Tensor
    fit: Tensor
    r: Tensor


def evidence(covariance: Tensor, rows: Batch, general: Tensor) -> float:
    """log of the probability of one advertiser's outcomes under a prior covariance (1, N, N) of f, all rows being context: Laplace's
    approximation (Rasmussen and Williams 2006, equation 3.32)."""
    known = general.double() + level_of(rows, general)[:, None]
    solve = _Exact(covariance)
    alpha, fit, r = _scored(solve, rows, known)
    kind = torch.tensor(kind_of(int(rows.family)), device=fit.device)
    likely = -nats(kind, rows.outcome, rows.exposure, known + fit, r.log()[:, None].expand_as(fit)).sum()
    return float(likely - 0.5 * (alpha * fit).sum() - solve.factor.diagonal(dim1=-2, dim2=-1).log().sum())


def _laplace(covariance: Tensor, span: Tensor | None, earlier: Batch, known: Tensor) -> _Fitted:
    """The effects at the mode, exact or through the centres (`span` is the covariance between context rows and centres); `known` (B, C) is
    the log rate without them."""
    solve = _Exact(covariance) if span is None else _Centred(covariance, span)
    alpha, fit, r = _scored(solve, earlier, known)
    with torch.no_grad():
        return _Fitted(alpha, solve.inner(), fit, r)


def _scored(solve: _Exact | _Centred, earlier: Batch, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(alpha, f at the context rows, r (B,)) after Fisher scoring; `solve` is left at the last step.

    Gradients flow through the last step only: at the optimum that of Newton's method is exact. It is one step after f has settled.
    """
    fit, settled = torch.zeros_like(known), False
    r = torch.full((len(known),), 4.0, dtype=torch.float64, device=known.device)
    for step in range(SCORING):
        last = settled or step == SCORING - 1
        with torch.set_grad_enabled(torch.is_grad_enabled() and last):
            now = moments(earlier, known + fit)
            weight = torch.where(earlier.context, now.weight(r[:, None]), 0.0)
            alpha, moved = solve.step(weight, fit + now.step())
            before, fit = fit, (fit + (moved - fit).clamp(-LONGEST, LONGEST)).clamp(-6, 6)
        with torch.no_grad():
            r = _concentration(moments(earlier, known + fit))
            settled = bool((torch.where(earlier.context, fit - before, 0.0).abs() < SETTLED).all())
        if last:
            break
    return alpha, fit, r


class _Exact:
    """Solves with the covariance of all context rows."""

    def __init__(self, covariance: Tensor):
        self.covariance = covariance
        self.eye = torch.eye(covariance.shape[-1], dtype=torch.float64, device=covariance.device)

    def step(self, weight: Tensor, working: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha, f) for weights and working outcomes."""
        self.root = weight.sqrt()
        self.factor = torch.linalg.cholesky_ex(self.eye + self.root[:, :, None] * self.covariance * self.root[:, None])[0]
        alpha = self.root * torch.cholesky_solve((self.root * working)[..., None], self.factor).squeeze(-1)
        return alpha, (self.covariance @ alpha[..., None]).squeeze(-1)

    def inner(self) -> Tensor:
        return self.root[:, :, None] * torch.cholesky_inverse(self.factor) * self.root[:, None]


class _Centred:
    """Solves in the space that the centres span: phi = span L^-T with K = L L', so that f = phi beta, beta ~ N(0, 1)."""

    def __init__(self, covariance: Tensor, span: Tensor):
        self.eye = torch.eye(covariance.shape[-1], dtype=torch.float64, device=covariance.device)
        self.lower = torch.linalg.cholesky_ex(covariance + 1e-4 * self.eye)[0]
        self.phi = torch.linalg.solve_triangular(self.lower, span.mT, upper=False).mT

    def step(self, weight: Tensor, working: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha at the centres, f at the context rows)."""
        heavy = self.phi * weight[..., None]
        self.factor = torch.linalg.cholesky_ex(self.eye + self.phi.mT @ heavy)[0]
        beta = torch.cholesky_solve(heavy.mT @ working[..., None], self.factor)
        alpha = torch.linalg.solve_triangular(self.lower.mT, beta, upper=True)
        return alpha.squeeze(-1), (self.phi @ beta).squeeze(-1)

    def inner(self) -> Tensor:
        middle = self.eye - torch.cholesky_inverse(self.factor)
        half = torch.linalg.solve_triangular(self.lower.mT, middle, upper=True)
        return torch.linalg.solve_triangular(self.lower.mT, half.mT, upper=True).mT


def _concentration(now: Moments) -> Tensor:
    """(B,) the largest r of a grid for which Pearson's statistic is at most one; six rows that say r = 4 stand in where there are few."""
    grid = torch.logspace(math.log10(LARGEST_R), math.log10(SMALLEST_R), 16, dtype=torch.float64, device=now.due.device)
    surprise, context = (now.rows.outcome - now.due) ** 2, now.rows.context
    pearson = torch.stack([torch.where(context, surprise / now.variance(r).clamp(min=1e-12), 0.0).clamp(max=25).sum(1) for r in grid], -1)
    fitted = (SHRUNK * pearson + 6 * grid / 4) / (context.sum(1, keepdim=True) + 6)
    good = fitted <= 1
    return torch.where(good.any(1), grid[good.double().argmax(1)], grid[-1])
