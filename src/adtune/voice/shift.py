"""Where a series changes once and stays changed: a change-point with a permutation test.

Rows come in the order of time, in units (months) that are exchanged as a whole, since what stands close in time is alike. For the mean of
many columns the statistic of a split into n1 and n2 rows is the scan of Srivastava and Worsley (1986) with the columns taken as
independent; for names it asks that one goes where another comes:

    T(t) = n1 n2 / n * |mean1 - mean2|^2 / columns            N(t) = sqrt(fall(t) * rise(t))

with fall and rise the largest score n1 n2 / n * (p1 - p2)^2 / (p (1 - p)) of a name whose share falls, or rises. The split is where the
statistic is largest, and p says how often the largest one of the same units in another order is as large. (ruptures finds splits but
has no test for one; with cumulative sums all splits of all orders are reckoned at once.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ORDERS = 499             # orders of the units that a split is compared with: p is 0.002 or more
LEAST_ROWS = 10          # on each side of a split
LEAST_SHARE = 0.1        # of the rows
LEAST_UNITS = 8
_BATCH = 2_000_000       # numbers in memory at a time


@dataclass(frozen=True)
class Split:
    """`place` is the first row after the change; `p` how often chance does as much."""

    place: int
    p: float


def style_split(units: np.ndarray, rows: np.ndarray) -> Split | None:
    """The change in the means of `rows` [rows, columns], standardised; `units` [rows] never falls. None where too few rows or units."""
    def statistic(before: np.ndarray, total: np.ndarray, n1: np.ndarray, n: int) -> np.ndarray:
        n2 = n - n1
        gap = before / n1[..., None] - (total - before) / n2[..., None]
        return n1 * n2 / n * (gap ** 2).mean(axis=-1)

    return _split(units, rows, statistic)


def name_split(units: np.ndarray, held: np.ndarray) -> Split | None:
    """The change at which one name goes and another comes; `held` [rows, names] says which row holds which name."""
    if held.shape[1] < 2:
        return None

    def statistic(before: np.ndarray, total: np.ndarray, n1: np.ndarray, n: int) -> np.ndarray:
        n2 = n - n1
        gap = before / n1[..., None] - (total - before) / n2[..., None]
        share = np.clip(total / n, 1 / n, 1 - 1 / n)
        score = (n1 * n2 / n)[..., None] * gap ** 2 / (share * (1 - share))
        fall, rise = np.where(gap > 0, score, 0).max(axis=-1), np.where(gap < 0, score, 0).max(axis=-1)
        return np.sqrt(fall * rise)

    return _split(units, held.astype(np.float64), statistic)


def _split(units: np.ndarray, rows: np.ndarray, statistic: Callable[..., np.ndarray]) -> Split | None:
    from scipy import stats

    numbers, starts, counts = np.unique(units, return_index=True, return_counts=True)
    n, least = len(units), max(LEAST_ROWS, LEAST_SHARE * len(units))
    if len(numbers) < LEAST_UNITS or n < 2 * least:
        return None
    sums, total = np.add.reduceat(rows, starts, axis=0), rows.sum(axis=0)

    def curve(order: np.ndarray) -> np.ndarray:
        """The statistic at the end of every unit but the last, for orders of units [..., units]; nothing where a side is too small."""
        n1 = np.cumsum(counts[order], axis=-1)[..., :-1]
        before = np.cumsum(sums[order], axis=-2)[..., :-1, :]
        return np.where((n1 >= least) & (n - n1 >= least), statistic(before, total, np.minimum(n1, n - 1), n), 0.0)

    def largest(order: Any, axis: int = -1) -> np.ndarray:
        return np.round(curve(np.asarray(order).astype(int)).max(axis=-1), 9)

    own = curve(np.arange(len(numbers)))
    batch = max(1, min(ORDERS, _BATCH // max(1, sums.size)))
    tested = stats.permutation_test((np.arange(len(numbers)),), largest, permutation_type="pairings", vectorized=True, n_resamples=ORDERS,
                                    batch=batch, alternative="greater", rng=np.random.default_rng(0))
    return Split(int(np.cumsum(counts)[int(np.round(own, 9).argmax())]), float(tested.pvalue))


def steps_beat_drift(rows: np.ndarray, place: int) -> bool:
    """Whether one step at `place` tells more of the rows' variance than a straight line over their order does."""
    n1, n2 = place, len(rows) - place
    centred = rows - rows.mean(axis=0)
    step = (n1 * n2 / len(rows) * (rows[:place].mean(axis=0) - rows[place:].mean(axis=0)) ** 2).sum()
    time = np.arange(len(rows)) - (len(rows) - 1) / 2
    line = ((time @ centred) ** 2 / (time ** 2).sum()).sum()
    return bool(round(float(step), 6) > round(float(line), 6))
