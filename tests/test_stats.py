"""Intervals cover what they promise, agree with other implementations and survive degenerate input."""

import math

import numpy as np
import pytest

from adtune import stats
from adtune.records import Interval

REPEATS = 200


def coverage(truth, draw, measure):
    rng = np.random.default_rng(7)
    intervals = [measure(*draw(rng)) for _ in range(REPEATS)]
    return sum(i.low <= truth <= i.high for i in intervals) / REPEATS


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(stats, "RESAMPLES", 300)


def test_mean_covers():
    share = coverage(2.0, lambda rng: (rng.gamma(4.0, 0.5, 40),), stats.mean_interval)
    assert 0.88 <= share <= 0.99


def test_paired_difference_covers():
    def draw(rng):
        piece = rng.normal(0, 5, 40)
        return piece + rng.normal(0.3, 1, 40), piece + rng.normal(0, 1, 40)

    assert 0.88 <= coverage(0.3, draw, stats.paired_difference) <= 0.99


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(1)
    piece, gain = rng.normal(0, 5, 60), rng.normal(0.3, 0.5, 60)
    paired = stats.paired_difference(piece + gain, piece)
    alone = stats.mean_interval(piece + gain)
    assert paired.high - paired.low < (alone.high - alone.low) / 4


def test_ratio_covers():
    def draw(rng):
        tokens = rng.integers(20, 400, 50)
        return tokens * rng.normal(3.0, 0.4, 50), tokens

    assert 0.88 <= coverage(3.0, draw, stats.ratio_interval) <= 0.99


def test_paired_ratio_difference_covers():
    def draw(rng):
        tokens = rng.integers(20, 400, 50)
        hard = rng.normal(3.0, 0.4, 50)
        return tokens * (hard - 0.1 + rng.normal(0, 0.05, 50)), tokens * hard, tokens

    assert 0.88 <= coverage(-0.1, draw, stats.paired_ratio_difference) <= 0.99


def test_rate_covers():
    share = coverage(0.1, lambda rng: (int(rng.binomial(60, 0.1)), 60), stats.rate_interval)
    assert 0.88 <= share <= 0.99


def test_auc_covers():
    truth = 0.5 * (1 + math.erf(1.0 / 2))  # two unit normals, one standard deviation apart
    share = coverage(truth, lambda rng: (rng.normal(1, 1, 40), rng.normal(0, 1, 50)), stats.auc_interval)
    assert 0.88 <= share <= 0.99


def test_noise_floor_is_the_standard_error():
    nats = np.random.default_rng(3).normal(300, 30, 100)
    floor = stats.noise_floor(nats, np.full(100, 100))
    assert floor == pytest.approx(np.std(nats / 100, ddof=1) / 10, rel=0.15)


def test_wilson_published_value():
    interval = stats.rate_interval(81, 263)  # Newcombe, Statistics in Medicine 17, 1998, table I
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    assert stats.rate_interval(0, 10).low == 0.0 and stats.rate_interval(0, 10).high > 0.2


def test_auc_agrees_with_sklearn_on_ties():
    from sklearn.metrics import roc_auc_score

    positives, negatives = [1, 2, 2, 3], [0, 2, 2, 1, 1]
    expected = roc_auc_score([1] * 4 + [0] * 5, positives + negatives)
    assert stats.auc_interval(positives, negatives).value == pytest.approx(expected)


def test_same_seed_same_limits():
    values = np.random.default_rng(5).normal(0, 1, 30)
    assert stats.mean_interval(values, 1) == stats.mean_interval(list(values), 1)
    assert stats.mean_interval(values, 1) != stats.mean_interval(values, 2)


@pytest.mark.parametrize(
    ("interval", "value"),
    [
        (lambda: stats.mean_interval([0.1] * 7), 0.1),
        (lambda: stats.paired_difference([0.3, 0.4, 0.5], [0.2, 0.3, 0.4]), 0.1),
        (lambda: stats.ratio_interval([3.0, 6.0, 9.0], [1, 2, 3]), 3.0),
        (lambda: stats.paired_ratio_difference([3, 6], [3, 6], [1, 2]), 0.0),
        (lambda: stats.paired_rate_difference([True, False], [True, False]), 0.0),
        (lambda: stats.auc_interval([1, 1, 1], [1, 1]), 0.5),
        (lambda: stats.auc_interval([2, 3], [0, 1]), 1.0),
    ],
)
def test_equal_values_have_no_width(interval, value):
    found = interval()
    assert found.value == pytest.approx(value)
    assert found.low <= found.value <= found.high
    assert found.high - found.low < 1e-12


def test_one_value_has_no_limits():
    assert stats.mean_interval([2.0]) == Interval(2.0)
    assert stats.paired_difference([2.0], [1.5]) == Interval(0.5)
    assert stats.ratio_interval([6.0], [3]) == Interval(2.0)
    assert stats.rate_interval(1, 1) == Interval(1.0)
    assert stats.auc_interval([1.0], [0.0, 2.0]) == Interval(0.5)
    assert stats.noise_floor([6.0], [3]) == math.inf


def test_nothing_measured_is_none():
    nothing = Interval(None)
    assert stats.mean_interval([]) == nothing
    assert stats.paired_rate_difference([], []) == nothing
    assert stats.ratio_interval([], []) == nothing
    assert stats.ratio_interval([0, 0], [0, 0]) == nothing
    assert stats.rate_interval(0, 0) == nothing
    assert stats.auc_interval([], [1.0]) == nothing


def test_a_resample_without_denominator_gives_no_limits():
    assert stats.ratio_interval([2.0, 0.0, 0.0], [4, 0, 0]) == Interval(0.5)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="finite"):
        stats.mean_interval([1.0, float("nan")])
    with pytest.raises(ValueError, match="different lengths"):
        stats.paired_difference([1, 2], [1])
    with pytest.raises(ValueError, match="3 successes of 2"):
        stats.rate_interval(3, 2)
