"""What would a row's rate be on another day, or in another channel: differences with the posterior's own uncertainty.

A contrast is a weighted sum of log rates of made-up rows; its variance comes from the joint posterior of f, so that what two rows share
(level, product, ...) cancels. Q = made-up rows, P = contrasts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from .base import ResponseBase
from .batch import BETA_BINOMIAL, FIELDS, KNOWN, Batch
from .calendar import day_table, rows_of_days
from .history import posterior_covariance
from .kernels import GROUPINGS
from .likelihood import as_rate

SEASON_STEPS = 24
# Seasons are asked for to see whether a client departs from the general pattern. The variances of pre-training are of all advertisers:
# best for rates, but of one that does depart 95 % intervals held the truth in 85 to 95 % of worlds. With a wider prior 95 to 97 %.
SEASONS, DEPARTS = ("season", "product x season"), 1.5


@dataclass(frozen=True)
class Contrasts:
    """`mean` and `sd` (P,) of differences of the tuned model's log rates, and `general` (P,) what the general pattern says of the same;
    `centre` is the mean log rate of the made-up rows, `family` their likelihood."""

    mean: np.ndarray
    sd: np.ndarray
    general: np.ndarray
    centre: float
    family: int

    def interval(self, width: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
        return self.mean - width * self.sd, self.mean + width * self.sd

    def told(self, width: float = 1.96) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(mean, low, high, general) as logs of ratios of rates; the same but near a ceiling, where rates move less."""
        low, high = self.interval(width)
        mean, low, high, general = (self._ratio(one) for one in (self.mean, low, high, self.general))
        return mean, low, high, general

    def _ratio(self, difference: np.ndarray) -> np.ndarray:
        if self.family not in BETA_BINOMIAL:
            return difference
        return np.log(as_rate(self.centre + difference, self.family)) - np.log(as_rate(np.asarray(self.centre), self.family))


@contextmanager
def _wider(base: ResponseBase, groupings: tuple[str, ...]) -> Iterator[None]:
    """While it holds, these groupings' standard deviations are DEPARTS times as large."""
    own = base.model.own_tau
    base.model.own_tau = own | {name: float(base.model.tau[GROUPINGS.index(name)]) + math.log(DEPARTS) for name in groupings}
    try:
        yield
    finally:
        base.model.own_tau = own


def contrasts(base: ResponseBase, rows: tuple[Batch, int, int], weights: np.ndarray, wider: tuple[str, ...] = ()) -> Contrasts:
    """`rows` is (batch with the context first, number of context rows, of them looked at); `weights` (P, Q) over the rows behind them;
    `wider` are groupings in which the client may depart from the general pattern: SEASONS where seasons are asked for."""
    batch, until, seen = rows
    with torch.no_grad(), _wider(base, wider):
        eta, _, plain = base.model(batch, until, seen)
        covariance = posterior_covariance(batch, base.model.expected(batch), base.model.tau, until)
    weight = torch.from_numpy(weights).double()
    variance = ((weight @ covariance[0].cpu()) * weight).sum(-1).clamp(min=0)
    for rule in base.model.lifts:
        variance += (weight @ rule.holds(batch)[0, until:].double().cpu()) ** 2 * rule.sd**2
    return Contrasts((weight @ eta[0].double().cpu()).numpy(), variance.sqrt().numpy(), (weight @ plain[0].double().cpu()).numpy(),
                     float(eta.mean()), int(batch.family))


def season_rows(batch: Batch, pattern: np.ndarray, year: int, country: str) -> tuple[Batch, np.ndarray]:
    """(rows `pattern` on SEASON_STEPS days of a year, ages of today, weights (SEASON_STEPS, Q) of each step against the year's mean)."""
    from datetime import date

    first = date(year, 1, 1).toordinal()
    days = np.array([first + round((step + 0.5) * 365 / SEASON_STEPS) for step in range(SEASON_STEPS)])
    table = torch.from_numpy(day_table(country)[rows_of_days(days)])
    table[:, 8:15] = 1 / 7  # an average weekday; events stay out of a season
    table[:, 15:-1] = 0
    many = len(pattern)
    part = batch.rows(torch.from_numpy(np.tile(pattern, SEASON_STEPS)))
    part = replace(part, calendar=table.repeat_interleave(many, 0)[None], age=torch.zeros_like(part.age))
    weights = np.kron(np.eye(SEASON_STEPS) - 1 / SEASON_STEPS, np.full((1, many), 1 / many))
    return part, weights


def swapped_rows(batch: Batch, pattern: np.ndarray, field: str, values: list[tuple[int, int]]) -> tuple[Batch, np.ndarray]:
    """(rows `pattern` with `field` set to each of `values` (own id, meaning), campaigns and ads unsaid; weights of each against
    the mean)."""
    many, count = len(pattern), len(values)
    part = batch.rows(torch.from_numpy(np.tile(pattern, count)))
    ids, known = part.ids.clone(), part.known.clone()
    for name in ("campaign", "ad_group", "ad"):
        ids[..., FIELDS.index(name)] = 0
    for n, (own, meaning) in enumerate(values):
        ids[:, n * many:(n + 1) * many, FIELDS.index(field)] = own
        if field in KNOWN:
            known[:, n * many:(n + 1) * many, KNOWN.index(field)] = meaning
    part = replace(part, ids=ids, known=known, words=torch.zeros_like(part.words), age=torch.zeros_like(part.age))
    return part, np.kron(np.eye(count) - 1 / count, np.full((1, many), 1 / many))


def worded_rows(batch: Batch, pattern: np.ndarray, buckets: list[int]) -> tuple[Batch, np.ndarray]:
    """(rows `pattern` with each word of `buckets` among their own and then without it, weights of each word against rows without it)."""
    many, count = len(pattern), len(buckets)
    part = batch.rows(torch.from_numpy(np.tile(pattern, 2 * count)))
    words = part.words.clone()
    for n, bucket in enumerate(buckets):
        own = batch.words[0, torch.from_numpy(pattern)].clone()
        own[own == bucket] = 0
        words[0, (count + n) * many:(count + n + 1) * many] = own
        others = own.sort(-1, descending=True).values[:, :-1]  # a full row gives a word for it
        words[0, n * many:(n + 1) * many] = torch.cat([torch.full_like(others[:, :1], bucket), others], 1)
    part = replace(part, words=words, age=torch.zeros_like(part.age))
    return part, np.kron(np.hstack([np.eye(count), -np.eye(count)]), np.full((1, many), 1 / many))
