"""Intervals: how far a measured number may be from the truth.

Every function gives an `Interval` with 95 % limits: bootstrap percentile intervals over pieces (Efron and Tibshirani,
An Introduction to the Bootstrap, 1993, chapter 13) through `scipy.stats.bootstrap`, Wilson's score interval for one
rate (Wilson, JASA 22, 1927) and Newcombe's for the difference of two rates over the same pieces (method 10 of Statistics
in Medicine 17, 1998, page 2635). Under two values there is a value without limits, without values there is nothing. The same
values and seed give the same limits. Values must be finite, and paired values equally many; ValueError otherwise.

With few pieces a bootstrap interval is too narrow; its level is raised as Hesterberg shows ("What Teachers Should Know About the
Bootstrap", The American Statistician 69, 2015, section 3.3: the expanded percentile interval):

    level = 1 - 2 Phi(-sqrt(n / (n - 1)) t(0.975, n - 1))                0.95 for many pieces n, 0.978 for 12
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .records import Interval

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.95
RESAMPLES = 2000
BATCH_VALUES = 4_000_000  # resampled values held in memory at once


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval:
    """The mean of `values`."""
    import numpy as np

    (sample,) = _arrays(values)
    return _bootstrap((sample,), np.mean, seed)


def paired_difference(a: Sequence[float], b: Sequence[float], seed: int = 0) -> Interval:
    """The mean of a - b, where a[i] and b[i] were measured on the same piece."""
    first, second = _arrays(a, b)
    return mean_interval(first - second, seed)


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float], seed: int = 0) -> Interval:
    """sum(numerators) / sum(denominators), resampled by piece: nats per token from nats and tokens of each piece.

    Nothing where the denominators sum to zero; no limits where so few pieces have one that a resample may have none.
    """
    top, bottom = _arrays(numerators, denominators)
    return _bootstrap((top, bottom), _ratio, seed, paired=True)


def paired_ratio_difference(nats_a: Sequence[float], nats_b: Sequence[float], tokens: Sequence[float], seed: int = 0) -> Interval:
    """The loss of a less the loss of b, nats per token, over the same pieces with the same target tokens."""
    first, second, weights = _arrays(nats_a, nats_b, tokens)
    return ratio_interval(first - second, weights, seed)


def rate_interval(successes: int, n: int) -> Interval:
    """successes / n with Wilson's score interval."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return Interval(None)
    if n == 1:
        return Interval(float(successes))
    from scipy import stats

    limits = stats.binomtest(int(successes), int(n)).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / n, float(limits.low), float(limits.high))


def paired_rate_difference(flags_a: Sequence[bool], flags_b: Sequence[bool]) -> Interval:
    """The rate of a less the rate of b over the same pieces; stays open where all pieces agree, as a bootstrap would not.

        low = a - b - sqrt(da^2 - 2 phi da eb + eb^2), da and eb from the rates to Wilson's lower limit of a and upper limit of b
    """
    first, second = _arrays([float(flag) for flag in flags_a], [float(flag) for flag in flags_b])
    n, of_a, of_b = len(first), rate_interval(int(first.sum()), len(first)), rate_interval(int(second.sum()), len(second))
    if of_a.value is None or of_b.value is None:
        return Interval(None)
    value = of_a.value - of_b.value
    if of_a.low is None or of_a.high is None or of_b.low is None or of_b.high is None:
        return Interval(value)
    phi = _phi(float((first * second).sum()), float(first.sum()), float(second.sum()), n)
    down, up = of_a.value - of_a.low, of_a.high - of_a.value
    other_down, other_up = of_b.value - of_b.low, of_b.high - of_b.value
    below = max(down ** 2 - 2 * phi * down * other_up + other_up ** 2, 0.0) ** 0.5
    above = max(up ** 2 - 2 * phi * up * other_down + other_down ** 2, 0.0) ** 0.5
    return Interval(value, max(value - below, -1.0), min(value + above, 1.0))


def _phi(both: float, first: float, second: float, n: int) -> float:
    """The correlation of two flags with Newcombe's correction for continuity; 0 where either is always or never set."""
    spread = (first * (n - first) * second * (n - second)) ** 0.5
    product = both * (n - first - second + both) - (first - both) * (second - both)
    product = max(product - n / 2, 0.0) if product > 0 else product
    return product / spread if spread else 0.0


def sign_flip(differences: Sequence[float], seed: int = 0) -> float:
    """Two-sided p that differences of pairs scatter around nothing, by flipping their signs (Fisher 1935, section 21): exact up to
    thirteen pairs, 9,999 draws beyond; 1.0 where all are zero or there is none."""
    import numpy as np
    from scipy import stats

    (sample,) = _arrays(differences)
    if not np.any(sample):
        return 1.0
    tested = stats.permutation_test((sample,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", vectorized=True,
                                    n_resamples=9999, rng=np.random.default_rng(seed))
    return float(tested.pvalue)


def false_discovery(p: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's corrected p-values (JRSS B 57, 1995), in the order given."""
    from scipy import stats

    return [float(one) for one in stats.false_discovery_control(p)] if p else []


def auc_interval(positives: Sequence[float], negatives: Sequence[float], seed: int = 0) -> Interval:
    """The probability that a positive scores above a negative, ties counting half; both sides are resampled."""
    first, second = _arrays(positives), _arrays(negatives)
    return _bootstrap((*first, *second), _auc, seed)


def noise_floor(nats: Sequence[float], tokens: Sequence[float], seed: int = 0) -> float:
    """The bootstrap standard error of sum(nats) / sum(tokens) over pieces, nats per token.

    Infinite where it cannot be estimated (under two pieces): then no improvement is beyond the noise.
    """
    top, bottom = _arrays(nats, tokens)
    result = _resample((top, bottom), _ratio, seed, paired=True) if len(top) >= 2 else None
    return float("inf") if result is None else float(result.standard_error)


def _arrays(*samples: Sequence[float]) -> list[np.ndarray]:
    """Samples as float64 vectors of one length."""
    import numpy as np

    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    if any(array.ndim != 1 or not np.isfinite(array).all() for array in arrays):
        raise ValueError("statistics need finite numbers, one for each piece")
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"paired values of different lengths: {[len(array) for array in arrays]}")
    return arrays


def _bootstrap(samples: tuple[np.ndarray, ...], statistic: Callable[..., Any], seed: int, paired: bool = False) -> Interval:
    import numpy as np

    if min(len(sample) for sample in samples) == 0:
        return Interval(None)
    value = float(statistic(*samples, axis=-1))
    if not np.isfinite(value):
        return Interval(None)
    if min(len(sample) for sample in samples) < 2:
        return Interval(value)
    result = _resample(samples, statistic, seed, paired)
    if result is None:
        return Interval(value)
    low, high = result.confidence_interval
    return Interval(value, min(float(low), value), max(float(high), value))  # equal values: rounding must not leave the value outside


def _resample(samples: tuple[np.ndarray, ...], statistic: Callable[..., Any], seed: int, paired: bool) -> Any:
    """scipy's result, or None where some resample has no value."""
    import numpy as np
    from scipy import stats

    batch = max(1, BATCH_VALUES // sum(len(sample) for sample in samples))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # such a result is given up below
        result = stats.bootstrap(
            samples,
            statistic,
            paired=paired,
            vectorized=True,
            axis=-1,
            n_resamples=RESAMPLES,
            batch=min(batch, RESAMPLES),
            confidence_level=_expanded(min(len(sample) for sample in samples)),
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    return result if np.isfinite(result.bootstrap_distribution).all() else None


def _expanded(n: int) -> float:
    """The level of a percentile interval over n pieces that covers LEVEL; see the module."""
    from scipy import stats

    return float(1 - 2 * stats.norm.cdf(-((n / (n - 1)) ** 0.5) * stats.t.ppf((1 + LEVEL) / 2, n - 1)))


def _ratio(top: np.ndarray, bottom: np.ndarray, axis: int = -1) -> Any:
    import numpy as np

    above, below = np.sum(top, axis=axis), np.sum(bottom, axis=axis)
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)


def _auc(positives: np.ndarray, negatives: np.ndarray, axis: int = -1) -> Any:
    from scipy import stats

    u = stats.mannwhitneyu(positives, negatives, axis=axis, method="asymptotic").statistic
    return u / (positives.shape[axis] * negatives.shape[axis])
