"""The peak: arg-min of everything that was measured; noise and patience only decide when to stop."""

from __future__ import annotations

import random

import numpy as np
import pytest

from adtune.engine.peak import Peak, mean_loss, paired_noise
from adtune.records import Stopped


def measured(loss, pieces=20, spread=0.0, seed=0):
    """Pieces of 100 tokens with a mean of `loss` nats per token and `spread` of each piece's own."""
    rng = random.Random(seed)
    extra = [rng.gauss(0, spread) for _ in range(pieces)]
    middle = sum(extra) / pieces
    return [(100 * (loss + e - middle), 100) for e in extra]


def follow(losses, patience=3, spread=0.0):
    """Feed losses until the peak says stop; each evaluation's pieces wobble by `spread`."""
    peak = Peak(patience)
    for n, loss in enumerate(losses):
        peak.add(measured(loss, spread=spread, seed=n))
        if peak.stop():
            break
    return peak


def test_mean_loss_weighs_by_tokens():
    assert mean_loss([(10.0, 10), (90.0, 30)]) == 2.5


def test_the_best_is_the_arg_min_over_random_schedules():
    for seed in range(100):
        rng = random.Random(seed)
        losses = [3 + rng.gauss(0, rng.choice([0.001, 0.1, 1])) for _ in range(rng.randint(1, 14))]
        peak, kept = Peak(10**6), None
        for n, loss in enumerate(losses):
            if peak.add(measured(loss, spread=rng.choice([0, 0.3]), seed=n)):
                kept = n
        assert peak.best_index == kept == int(np.argmin(peak.losses))
        assert peak.losses == pytest.approx(losses)
        assert mean_loss(peak.best_measured) == pytest.approx(min(losses))


def test_step_0_may_be_the_best():
    peak = follow([3.0, 3.1, 3.2, 3.3, 2.0])
    assert peak.best_index == 0 and len(peak.losses) == 4 and peak.stop() is Stopped.PEAK


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_patience_counts_evaluations_after_the_last_progress(patience):
    peak = follow([3.0, 2.5, 2.0, *[2.2] * 10], patience)
    assert len(peak.losses) == 3 + patience and peak.best_index == 2 and peak.stop() is Stopped.PEAK


def test_a_flat_curve_is_no_improvement():
    peak = follow([3.0, 2.0, *[2.0] * 10])
    assert len(peak.losses) == 5 and peak.stop() is Stopped.NO_IMPROVEMENT


def test_a_rise_within_the_noise_is_no_improvement():
    peak = follow([3.0, 2.0, 2.01, 2.012, 2.014, 2.016], spread=0.5)
    assert peak.stop() is Stopped.NO_IMPROVEMENT and peak.noise > 0.02


def test_an_improvement_within_the_noise_is_kept_but_does_not_reset_the_patience():
    peak = follow([3.0, 2.0, 1.999, 1.998, 1.997, 1.996], spread=0.5)
    assert len(peak.losses) == 5 and peak.best_index == 4


def test_slow_steady_progress_beyond_the_noise_does_not_stop():
    """Each step is smaller than the noise, three of them together are not."""
    rng = random.Random(0)
    peak, losses = Peak(4), []
    for n in range(40):
        losses.append(3 - 0.01 * n)
        peak.add([(100 * (losses[-1] + rng.gauss(0, 0.06)), 100) for _ in range(30)])
        assert peak.stop() is None, n
    assert peak.best_index > 30


def test_noise_is_the_standard_error_of_the_paired_difference():
    rng = np.random.default_rng(0)
    hard, change = rng.normal(300, 80, 400), rng.normal(0, 10, 400)
    before = [(float(h), 100) for h in hard]
    after = [(float(h + c), 100) for h, c in zip(hard, change, strict=True)]
    assert paired_noise(after, before) == pytest.approx(change.std() / 100 / 20, rel=0.15)
    assert paired_noise(before, before) == 0.0
    assert paired_noise([(1.0, 5)], [(2.0, 5)]) == 0.0  # one piece can't tell
