"""Intervals cover what they promise, agree with other implementations and survive degenerate input."""

import math

import numpy as np
import pytest

from adtune import stats
from adtune.records import Interval
from adtune.voice.on_brand import auc_interval

REPEATS = 200
TWO_NORMALS = 0.5 * (1 + math.erf(1.0 / 2))  # the AUC of two unit normals, one standard deviation apart


def coverage(truth, draw, measure):
    rng = np.random.default_rng(7)
    intervals = [measure(*draw(rng)) for _ in range(REPEATS)]
    return sum(i.low <= truth <= i.high for i in intervals) / REPEATS


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(stats, "RESAMPLES", 300)


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(1)
    piece, gain = rng.normal(0, 5, 60), rng.normal(0.3, 0.5, 60)
    paired = stats.paired_difference(piece + gain, piece)
    alone = stats.mean_interval(piece + gain)
    assert paired.high - paired.low < (alone.high - alone.low) / 4


def _flags(rng, pieces, first, second, alike):
    """Two flags of each piece with these rates; in a share `alike` of the pieces both come from one throw."""
    throw, other, same = rng.random(pieces), rng.random(pieces), rng.random(pieces) < alike
    return throw < first, np.where(same, throw, other) < second


def _hard(rng, pieces, less):
    """Losses of the same pieces with two models: pieces differ far more than models do."""
    tokens = rng.integers(20, 400, pieces)
    loss = rng.normal(3.0, 0.4, pieces)
    return tokens * (loss - less + rng.normal(0, 0.05, pieces)), tokens * loss, tokens


def _pairs(rng, pieces):
    piece = rng.normal(0, 5, pieces)
    return piece + rng.normal(0.3, 1, pieces), piece + rng.normal(0, 1, pieces)


# every kind of interval that a report shows: (truth, a draw of so many pieces, the interval)
KINDS = {
    "mean": (2.0, lambda rng, n: (rng.gamma(4.0, 0.5, n),), stats.mean_interval),
    "mean of counts": (0.8, lambda rng, n: (rng.poisson(0.8, n).astype(float),), stats.mean_interval),
    "difference": (0.3, _pairs, stats.paired_difference),
    "ratio": (3.0, lambda rng, n: _hard(rng, n, 0.0)[1:], stats.ratio_interval),
    "difference of ratios": (-0.1, lambda rng, n: _hard(rng, n, 0.1), stats.paired_ratio_difference),
    "rate": (0.3, lambda rng, n: (int(rng.binomial(n, 0.3)), n), stats.rate_interval),
    "rare rate": (0.1, lambda rng, n: (int(rng.binomial(n, 0.1)), n), stats.rate_interval),
    "difference of rates": (0.3, lambda rng, n: _flags(rng, n, 0.6, 0.3, 0.3), stats.paired_rate_difference),
    "difference of far rates": (0.85, lambda rng, n: _flags(rng, n, 0.9, 0.05, 0.0), stats.paired_rate_difference),
    "difference of near rates": (0.05, lambda rng, n: _flags(rng, n, 0.95, 0.9, 0.3), stats.paired_rate_difference),
    "AUC": (TWO_NORMALS, lambda rng, n: (rng.normal(1, 1, n), rng.normal(0, 1, n)), auc_interval),
    "AUC by bootstrap": (TWO_NORMALS, lambda rng, n: (rng.normal(1, 1, n), rng.normal(0, 1, n)), stats.auc_interval),
}


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_of_24_pieces_cover_in_90_to_98_of_100(kind):
    """An evaluation drafts 36 briefs, fewer where fewer are held out; a rating and advice take 24."""
    truth, draw, measured = KINDS[kind]
    share = coverage(truth, lambda rng: draw(rng, 24), measured)
    assert 0.90 <= share <= (1.0 if kind == "difference of near rates" else 0.98)


def test_intervals_of_12_pieces_are_wide_enough():
    for kind in ("mean", "difference", "ratio", "difference of ratios", "difference of rates"):
        truth, draw, measured = KINDS[kind]
        assert 0.90 <= coverage(truth, lambda rng, draw=draw: draw(rng, 12), measured) <= 0.985, kind


def test_a_difference_of_rates_stays_open_where_all_pieces_agree():
    apart, same = stats.paired_rate_difference([True] * 24, [False] * 24), stats.paired_rate_difference([True] * 24, [True] * 24)
    assert (apart.value, apart.high) == (1.0, 1.0) and 0.75 < apart.low < 1
    assert same.value == 0.0 and same.low < 0 < same.high and same.high < 0.2
    few = stats.paired_rate_difference([True, False], [True, False])
    assert few.value == 0.0 and few.low < -0.3 and stats.paired_rate_difference([True], [False]) == Interval(1.0)


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
