"""What an advertiser's own rows say: a Gaussian process over the log rate, around the general pattern and the own level.

    f ~ GP(0, sum_g tau_g^2 k_g),   outcome ~ counts of exposure x exp(general + level + f), over-dispersed

Each grouping g is a kernel: rows alike in a channel, in a campaign, in product and season, near in time, near in price, ... It is the
hierarchical model of the field (random effects with variances tau_g^2), all effects found jointly, by Fisher scoring (Laplace's
approximation, Rasmussen and Williams 2006, chapter 3). The variances are learned over generated advertisers, and by fine-tuning.
B, N as in batch.py; C = context rows, the first ones; G = number of GROUPINGS.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .batch import FIELDS, LEVELS, NUMBERS, Batch
from .calendar import YEARLY

HALF_LIFE = 90.0      # days after which a row counts half for the level
SCORING = 4           # steps of Fisher scoring
EXACT, INDUCING = 512, 320  # context rows up to which all of them are centres; centres of a longer history
PAIRS = (("channel", "product"), ("channel", "audience"), ("channel", "device"), ("other1", "channel"), ("other1", "audience"),
         ("other1", "device"), ("product", "audience"), ("product", "device"))
CROSSED = ("other1", "product", "channel")  # with price, and with the weekend
SLOW, QUICK, CAMPAIGN_SLOW = 90.0, 12.0, 45.0  # days over which drift is remembered
GROUPINGS = ("level", *FIELDS, *(" x ".join(pair) for pair in PAIRS), *(f"{name} x price" for name in CROSSED),
             *(f"{name} x weekend" for name in CROSSED), "weekday", "events", "season", "product x season", "channel x season",
             "slow drift",
             "quick drift", "campaign drift", *NUMBERS, "price curve", "spend curve", "number1 curve", "words")
FEATURES = len(GROUPINGS) + 9
_STARTS = {"level": 0.3, "channel": 0.5, "campaign": 0.3, "product": 0.3, "audience": 0.3, "other1": 0.3, "other2": 0.2,
           "product x season": 0.4,
           "slow drift": 0.2, "weekday": 0.08, "events": 0.15, "price": 0.35}
SMALLEST_R, LARGEST_R = 0.2, 100.0  # concentration of outcomes that is looked for
SHRUNK = 1.15         # residuals of a fit are smaller than errors of a prediction


@dataclass(frozen=True)
class History:
    """`level` (B,) log of the own rate against the general pattern; `effects` (B, N, G) what each grouping adds to the log rate; `spread`
    (B, N) variance of f; `r` (B,) concentration of outcomes; `residual`, `weight` (B, C) of context rows; `features` (B, N, FEATURES)."""

    level: Tensor
    effects: Tensor
    spread: Tensor
    r: Tensor
    residual: Tensor
    weight: Tensor
    features: Tensor


def starting_log_tau() -> Tensor:
    """(G,) logs of the standard deviations before any training."""
    return torch.tensor([math.log(_STARTS.get(name, 0.12)) for name in GROUPINGS])


def kernels(left: Batch, right: Batch) -> Iterator[Tensor]:
    """The kernels in the order of GROUPINGS, (B, N, M) each, between the rows of two batches of the same advertisers."""

    def same(a: Tensor, b: Tensor) -> Tensor:
        return a[:, :, None] == b[:, None]

    equal = {name: same(left.ids[..., n], right.ids[..., n]) & (left.ids[..., n:n + 1] > 0) for n, name in enumerate(FIELDS)}
    one = torch.ones_like(equal["channel"], dtype=torch.float32)
    yield one
    for name in FIELDS:
        yield equal[name].float()
    for a, b in PAIRS:
        yield (equal[a] & equal[b]).float()
    numbers = [part.numbers * part.told for part in (left, right)]
    gaps = {name: (numbers[0][:, :, None, n] - numbers[1][:, None, :, n]) for n, name in ((0, "price"), (1, "spend"), (3, "number1"))}
    both = {name: left.told[:, :, None, n] * right.told[:, None, :, n] for n, name in ((0, "price"), (1, "spend"), (3, "number1"))}
    curves = {name: torch.exp(-(gaps[name] ** 2) / (2 * 0.35**2)) * both[name] for name in gaps}
    for name in CROSSED:
        yield equal[name] * curves["price"]
    free = [part.calendar[..., YEARLY + 5:YEARLY + 7].sum(-1) for part in (left, right)]
    weekend = same(free[0], free[1])
    for name in CROSSED:
        yield (equal[name] & weekend).float()
    yield left.calendar[..., YEARLY:YEARLY + 7] @ right.calendar[..., YEARLY:YEARLY + 7].mT
    yield left.calendar[..., YEARLY + 7:-1] @ right.calendar[..., YEARLY + 7:-1].mT
    season = torch.exp(3 * (left.calendar[..., :2] @ right.calendar[..., :2].mT - 1)) * left.calendar[..., -1:]
    yield season
    yield equal["product"] * season
    yield equal["channel"] * season
    days = (left.age[:, :, None] - right.age[:, None]).abs()
    yield torch.exp(-days / SLOW)
    yield torch.exp(-days / QUICK)
    yield torch.exp(-days / CAMPAIGN_SLOW) * equal["campaign"]
    for n in range(len(NUMBERS)):
        yield numbers[0][:, :, None, n] * numbers[1][:, None, :, n]
    yield from curves.values()
    yield _bags(left) @ _bags(right).mT


def _bags(batch: Batch) -> Tensor:
    """(B, N, BUCKETS) words of each row, of length one."""
    from .names import BUCKETS

    bag = torch.zeros(*batch.words.shape[:2], BUCKETS, device=batch.words.device).scatter_(-1, batch.words, 1.0)
    bag[..., 0] = 0
    return bag / bag.sum(-1, keepdim=True).clamp(min=1).sqrt()


def level_of(batch: Batch, general: Tensor) -> Tensor:
    """(B,) log of the own rate, relative to the general pattern, from context rows that count the less the older they are."""
    weight = batch.context * torch.exp2(-batch.age.clamp(min=0) / HALF_LIFE).double()
    prior = torch.tensor(LEVELS, dtype=torch.float64, device=general.device)[batch.family]
    expected = (weight * batch.exposure * general.double().exp()).sum(1)
    observed, amount = (weight * batch.outcome).sum(1), batch.family == 4
    half = torch.full_like(prior, 0.5)  # of an event, or of an order at the usual level
    return torch.log(observed + torch.where(amount, half * prior, half)) - torch.log(expected + torch.where(amount, half, half / prior))


def summarise(batch: Batch, general: Tensor, log_tau: Tensor, until: int) -> History:
    """The history of every advertiser. `general` (B, N) is the log of the general pattern, the first `until` rows hold the context.

    More than EXACT context rows are read through INDUCING of them (Nyström's approximation): all rows count, at a linear cost.
    """
    level = level_of(batch, general)
    earlier = batch.rows(torch.arange(until, device=general.device))
    power = torch.exp(2 * log_tau).clamp(max=9.0)
    base = earlier.exposure * torch.exp(general[:, :until].double() + level[:, None])
    if until <= EXACT:
        centres, span = earlier, None
    else:
        centres = batch.rows(torch.linspace(0, until - 1, INDUCING, device=general.device).round().long())
        span = covariance_of(power, earlier, centres)
    fitted = _laplace(covariance_of(power, centres, centres), span, earlier, base)
    effects, crossed = [], None
    for p, kernel in zip(power, kernels(batch, centres), strict=True):
        effects.append(p * (kernel @ fitted.alpha.float()[..., None]).squeeze(-1))
        crossed = p.detach() * kernel if crossed is None else crossed.addcmul_(p.detach(), kernel)
    spread = (_own_variance(batch, power.detach()) - (crossed @ fitted.inner.float() * crossed).sum(-1)).clamp(min=1e-4)
    effects_, r = torch.stack(effects, -1), fitted.r
    mu = base * fitted.fit.exp()
    size = torch.where((batch.family == 4)[:, None], torch.full_like(mu, 1e6), mu)
    weight = torch.where(earlier.context, 1 / (1 / size.clamp(min=1e-6) + 1 / r[:, None]), 0.0)
    residual = ((earlier.outcome - mu) / (mu + 0.5)).clamp(-1, 4)
    return History(level, effects_, spread, r, residual.float(), weight.float(), _features(batch, effects_, spread, r, weight))


def posterior_covariance(batch: Batch, general: Tensor, log_tau: Tensor, until: int) -> Tensor:
    """(B, Q, Q) covariance of f at the rows from `until` on, given the context rows before them."""
    earlier, later = batch.rows(torch.arange(until)), batch.rows(torch.arange(until, batch.age.shape[1]))
    power = torch.exp(2 * log_tau).clamp(max=9.0)
    base = earlier.exposure * torch.exp(general[:, :until].double() + level_of(batch, general)[:, None])
    centres, span = earlier, None
    if until > EXACT:
        centres = batch.rows(torch.linspace(0, until - 1, INDUCING).round().long())
        span = covariance_of(power, earlier, centres)
    fitted = _laplace(covariance_of(power, centres, centres), span, earlier, base)
    crossed = covariance_of(power, later, centres)
    return covariance_of(power, later, later) - crossed @ fitted.inner @ crossed.mT


def exact_fit(batch: Batch, general: Tensor, log_tau: Tensor) -> tuple[Tensor, Tensor]:
    """(V^-1 y (N,), V^-1 (N, N)) of one advertiser all of whose rows are context: y working outcomes, V their covariance with noise."""
    power = torch.exp(2 * log_tau).clamp(max=9.0)
    base = batch.exposure * torch.exp(general.double() + level_of(batch, general)[:, None])
    fitted = _laplace(covariance_of(power, batch, batch), None, batch, base)
    return fitted.alpha[0], fitted.inner[0]


def covariance_of(power: Tensor, left: Batch, right: Batch) -> Tensor:
    """(B, N, M) prior covariance of f between rows, float64."""
    return sum(p * k for p, k in zip(power, kernels(left, right), strict=True)).double()  # type: ignore[union-attr]


@dataclass(frozen=True)
class _Fitted:
    """f at a row x is k(x, centres) alpha, its variance k(x, x) - k(x, centres) inner k(centres, x); `fit` is f at the context rows."""

    alpha: Tensor
    inner: Tensor
    fit: Tensor
    r: Tensor


def _laplace(covariance: Tensor, span: Tensor | None, earlier: Batch, base: Tensor) -> _Fitted:
    """Fisher scoring, exact or through the centres (`span` is the covariance between context rows and centres).

    Gradients flow through the last step only: at the optimum that of Newton's method is exact.
    """
    amount = (earlier.family == 4)[:, None]
    fit = torch.zeros_like(base)
    r = torch.full((len(base),), 4.0, dtype=torch.float64, device=base.device)
    solve = _Exact(covariance) if span is None else _Centred(covariance, span)
    for step in range(SCORING):
        with torch.set_grad_enabled(torch.is_grad_enabled() and step == SCORING - 1):
            mu = (base * fit.exp()).clamp(1e-9, 1e12)
            counted = torch.where(amount, 0.0, 1 / mu)
            weight = torch.where(earlier.context, 1 / (counted + 1 / r[:, None]), 0.0)
            # a row with next to no expected outcome is told by what it counts for, not by a wild ratio
            working = fit + ((earlier.outcome - mu) / torch.where(amount, mu, mu.clamp(min=0.3))).clamp(-1.0, 1.5)
            alpha, fit = solve.step(weight, working)
            fit = fit.clamp(-6, 6)
        with torch.no_grad():
            r = _concentration(earlier.outcome, (base * fit.exp()).clamp(1e-9, 1e12), earlier.context, amount)
    with torch.no_grad():
        return _Fitted(alpha, solve.inner(), fit, r)


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


def _concentration(outcome: Tensor, mu: Tensor, context: Tensor, amount: Tensor) -> Tensor:
    """(B,) the largest r of a grid for which Pearson's statistic is at most one; six rows that say r = 4 stand in where there are few."""
    grid = torch.logspace(math.log10(LARGEST_R), math.log10(SMALLEST_R), 16, dtype=torch.float64, device=mu.device)
    variance = torch.where(amount, 0.0, mu)[..., None] + mu[..., None] ** 2 / grid
    pearson = torch.where(context[..., None], ((outcome - mu) ** 2)[..., None] / variance, 0.0).clamp(max=25).sum(1)
    fitted = (SHRUNK * pearson + 6 * grid / 4) / (context.sum(1, keepdim=True) + 6)
    good = fitted <= 1
    return torch.where(good.any(1), grid[good.double().argmax(1)], grid[-1])


def _own_variance(batch: Batch, power: Tensor) -> Tensor:
    """(B, N) prior variance of f at each row: the diagonal of the kernels."""
    there = (batch.ids > 0).float()
    at = {name: there[..., n] for n, name in enumerate(FIELDS)}
    numbers = batch.numbers * batch.told
    dated = batch.calendar[..., -1]
    price = batch.told[..., 0]
    one, events, crossed = torch.ones_like(dated), batch.calendar[..., YEARLY + 7:-1].sum(-1), [at[name] for name in CROSSED]
    parts = [one, *(at[name] for name in FIELDS), *(at[a] * at[b] for a, b in PAIRS), *(part * price for part in crossed), *crossed,
             dated, events, dated, at["product"] * dated, at["channel"] * dated, one, one, at["campaign"], *numbers.unbind(-1),
             *(batch.told[..., n] for n in (0, 1, 3)), (batch.words > 0).any(-1).float()]
    squares = [part**2 if name in NUMBERS else part for name, part in zip(GROUPINGS, parts, strict=True)]
    return torch.stack(squares, -1) @ power


def _features(batch: Batch, effects: Tensor, spread: Tensor, r: Tensor, weight: Tensor) -> Tensor:
    """(B, N, FEATURES): the effects, their sum, the spread, and how much history there is."""
    rows = batch.context.sum(1).double()
    ages = torch.where(batch.context, batch.age, 0.0).clamp(min=0).amax(1) / 365
    whole = torch.stack([r.log() / 3, torch.log1p(rows) / 4, torch.log1p(weight.sum(1)) / 6, ages.double()], -1).float()
    horizon = (-batch.age).clamp(-60, 365) / 100
    each = torch.stack([effects.sum(-1), spread.sqrt(), spread.log() / 4, horizon, torch.exp(-horizon.clamp(min=0))], -1)
    return torch.cat([effects, each, whole[:, None].expand(-1, effects.shape[1], -1)], -1)
