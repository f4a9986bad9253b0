"""Krippendorff's alpha: how far raters agree beyond chance, for any number of raters and missing values.

    alpha = 1 - D_o / D_e = 1 - (n - 1) sum_{c<k} o_ck d2_ck / sum_{c<k} n_c n_k d2_ck

o_ck are the coincidences of values c and k within units, each unit's pairs of m_u values weighing 1 / (m_u - 1); n_c = sum_k o_ck, n their
sum. The distance d2_ck is 1 for nominal values; for ordinal ones it is (sum_{g=c..k} n_g - (n_c + n_k) / 2)^2, for interval ones (c - k)^2
(Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011). 1 is agreement, 0 is chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..records import Interval

NOMINAL, ORDINAL, INTERVAL = LEVELS = ("nominal", "ordinal", "interval")
RELIABLE, TENTATIVE = 0.8, 0.667   # Krippendorff's own limits (Content Analysis, 2004, p. 241)
DRAWS = 1000


def alpha(units: Sequence[Sequence[float]], level: str = NOMINAL, seed: int = 0) -> Interval:
    """Alpha over units, each the values that it was given; the interval resamples units. None where no unit has two values, and where
    all values are equal: agreement on nothing is not agreement."""
    pairable = [unit for unit in units if len(unit) > 1]
    names = sorted({value for unit in pairable for value in unit})
    if len(names) < 2:
        return Interval(None)
    counts = np.zeros((len(pairable), len(names)))
    for row, unit in enumerate(pairable):
        for value in unit:
            counts[row, names.index(value)] += 1
    value = _of(counts, np.array(names), level)
    chance = np.random.default_rng(seed)
    drawn = [_of(counts[chance.integers(len(counts), size=len(counts))], np.array(names), level) for _ in range(DRAWS)]
    known = [one for one in drawn if one is not None]
    if value is None or len(counts) < 2 or len(known) < DRAWS / 2:
        return Interval(value)
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, min(float(low), value), max(float(high), value))


def _of(counts: np.ndarray, names: np.ndarray, level: str) -> float | None:
    """Alpha of a table of units by values; None where all values are equal."""
    of_unit = counts.sum(axis=1)
    coincidences = (counts.T / (of_unit - 1)) @ counts - np.diag((counts / (of_unit - 1)[:, None]).sum(axis=0))
    marginal = coincidences.sum(axis=1)
    apart = _distances(marginal, names, level)
    expected = marginal @ apart @ marginal
    return None if expected <= 0 else float(1 - (marginal.sum() - 1) * (coincidences * apart).sum() / expected)


def _distances(marginal: np.ndarray, names: np.ndarray, level: str) -> np.ndarray:
    if level == NOMINAL:
        return 1.0 - np.eye(len(names))
    if level == INTERVAL:
        return (names[:, None] - names[None, :]) ** 2.0
    place = np.arange(len(names))
    upto, first = np.cumsum(marginal), np.minimum.outer(place, place)
    between = np.abs(upto[:, None] - upto[None, :]) + marginal[first]   # all values from c to k, both included
    return (between - (marginal[:, None] + marginal[None, :]) / 2) ** 2 * (1.0 - np.eye(len(names)))


def in_words(found: Interval, raters: int) -> str:
    """What an alpha means for the figures beside it."""
    if raters < 2:
        return "One rater: nobody else has judged the same drafts, so how far people agree is not known."
    if found.value is None:
        return "Agreement cannot be told: no draft was judged by two raters, or all judged every draft alike."
    if found.value >= RELIABLE:
        return "The raters agree: their rates can be relied upon."
    if found.value >= TENTATIVE:
        return "The raters mostly agree: take their rates as tentative."
    return ("The raters disagree on what is on-brand: do not rely on the rates. Talk through the drafts that parted them, agree on "
            "examples, and rate again.")
