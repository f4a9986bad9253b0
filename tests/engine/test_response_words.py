"""Words that tell a client's outcomes are believed by the evidence of its rows, at all channels or at each; noise is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adtune.engine.response import kernels
from adtune.engine.response.base import load_response
from adtune.engine.response.batch import FIELDS
from adtune.engine.response.contrasts import contrasts, worded_rows
from adtune.engine.response.kernels import GROUPINGS, WORDS, covariance_of, kernel_of, own_variance, read_across
from adtune.engine.response.rules import Rule
from adtune.engine.tasks.response import predict_rows
from adtune.pretrain.advertisers import AdvertiserSettings, Draw, generate
from adtune.steps.response_understanding import arranged_with
from adtune.tune.response import _own_words
from adtune.tune.response_split import Split

ROWS, KNOWN = 340, 240
PLAIN = AdvertiserSettings(rules=0.0, families=(0.0, 1.0, 0.0, 0.0, 0.0), absent=(0.0,) * 11, absent_numbers=(0.0,) * 6, undated=0.0)
CHANNEL = FIELDS.index("channel")


@pytest.fixture(scope="module")
def base():
    return load_response()


def rows(lift_of_word, seed=4):
    """One advertiser with three words a row, of twelve; `lift_of_word(words, channels)` (N,) is added to the log rate."""
    batch, truth = generate(Draw(seed), 1, ROWS, ROWS, PLAIN)
    draw = np.random.default_rng(seed)
    words = np.zeros((1, ROWS, 8), np.int64)
    words[0, :, :3] = np.array([draw.choice(np.arange(101, 113), 3, replace=False) for _ in range(ROWS)])
    channels = batch.ids.clone()
    channels[0, :, CHANNEL] = torch.from_numpy(draw.integers(1, 3, ROWS))
    lift = lift_of_word(words[0], channels[0, :, CHANNEL].numpy())
    rate = 0.03 * np.exp(0.3 * (truth.eta - truth.eta.mean())[0].numpy() + lift)
    outcome = np.minimum(draw.poisson(100 * rate * draw.gamma(8, 1 / 8, ROWS)), 100.0)
    return replace(batch, words=torch.from_numpy(words), ids=channels, context=torch.arange(ROWS)[None] < KNOWN,
                   exposure=torch.full_like(batch.exposure, 100.0), outcome=torch.from_numpy(outcome)[None].double()), rate


def telling(words, channels):
    return 1.6 * (words == 101).any(-1) - 1.2 * (words == 105).any(-1)


def at_one_channel(words, channels):
    return np.where(channels == 1, 1.5, -1.5) * (words == 101).any(-1)


def noise(words, channels):
    return np.zeros(len(words))


def error(base, batch, rate, own):
    base.model.own_tau = own
    try:
        with torch.no_grad():
            eta = predict_rows(base, batch, np.arange(KNOWN), np.arange(KNOWN, ROWS))[0].numpy()
    finally:
        base.model.own_tau = {}
    return float(((eta - np.log(rate[KNOWN:])) ** 2).mean())


def test_words_that_tell_are_believed_and_foretell_later_rows(base):
    batch, rate = rows(telling)
    found, gain = base.model.find_words(batch, np.arange(KNOWN))
    assert gain > 5
    assert found["words"] > float(base.model.log_tau[GROUPINGS.index("words")])
    assert error(base, batch, rate, found) < 0.6 * error(base, batch, rate, {})


def test_a_word_that_tells_at_one_channel_only_brings_in_the_words_of_each_channel(base):
    batch, rate = rows(at_one_channel)
    found, gain = base.model.find_words(batch, np.arange(KNOWN))
    assert gain > 5
    assert "words x channel" in found
    assert error(base, batch, rate, found) < 0.6 * error(base, batch, rate, {})


@pytest.mark.parametrize("seed", range(4, 10))
def test_words_that_tell_nothing_change_nothing(base, seed):
    assert base.model.find_words(rows(noise, seed)[0], np.arange(KNOWN)) == ({}, 0.0)


def test_rows_that_may_not_be_read_or_hold_no_words_say_nothing(base):
    batch, _ = rows(telling)
    assert base.model.find_words(replace(batch, words=torch.zeros_like(batch.words)), np.arange(KNOWN)) == ({}, 0.0)
    assert base.model.find_words(batch, np.arange(8)) == ({}, 0.0)
    assert base.model.find_words(batch, np.arange(ROWS)) == base.model.find_words(batch, np.arange(KNOWN))
    one = batch.ids.clone()
    one[..., CHANNEL] = 1
    assert set(base.model.find_words(replace(batch, ids=one), np.arange(KNOWN))[0]) == {"words"}


def test_tuning_keeps_what_the_words_tell_unless_validation_is_worse_for_it(base):
    split = Split(np.arange(160), np.arange(160, KNOWN), np.arange(KNOWN, ROWS))
    batch, _ = rows(telling)
    turned, _ = rows(lambda words, channels: telling(words, channels) * np.where(np.arange(ROWS) < 160, 1, -1))
    try:
        assert "words" in _own_words(base, batch, split)
        assert "words" in base.model.find_words(turned, split.train)[0] and _own_words(base, turned, split) == {}
    finally:
        base.model.own_tau = {}


def test_a_grouping_that_is_off_costs_nothing_and_on_it_is_its_kernel(base):
    batch, _ = rows(telling)
    part = batch.rows(torch.arange(80))
    power = torch.full((len(GROUPINGS),), 0.04)
    off = power.clone()
    off[-1] = 1e-6
    assert torch.allclose(covariance_of(power, part, part) - covariance_of(off, part, part),
                          0.04 * kernel_of("words x channel", part, part).double(), atol=1e-6)
    with torch.enable_grad():
        assert torch.allclose(covariance_of(power, part, part), covariance_of(power.requires_grad_(), part, part).detach(), atol=1e-5)
    alpha = torch.ones(1, 80, dtype=torch.float64)
    for one in (power.detach(), off):
        effects, _ = read_across(one, part, part, alpha)
        assert effects.shape[-1] == len(GROUPINGS) and bool((effects[..., -1] != 0).any()) == (one is not off)
    diagonal = covariance_of(power.detach(), part, part).diagonal(dim1=-2, dim2=-1)
    assert torch.allclose(own_variance(part, power.detach()).double(), diagonal, atol=1e-4)
    for name, kernel in zip(GROUPINGS, kernels.kernels(part, part), strict=True):
        assert torch.equal(kernel, kernel_of(name, part, part)), name
    assert WORDS == ("words", "words x channel") and kernels.PARTS[-1].many == 1


def one_tag(words, channels):
    """Ten rows in a hundred of the first channel name a word that lifts them twelve times."""
    return np.log(12) * (words == 101).any(-1) * (channels == 1)


@pytest.fixture
def alone(base):
    """The base, and its rules and words afterwards as they were."""
    yield base
    base.model.rules, base.model.own_words = (), ()


def test_a_single_word_of_one_channel_is_found_with_its_size_and_foretells_later_rows(alone):
    batch, rate = rows(one_tag)
    found = alone.model.find_single_words(batch, np.arange(KNOWN))
    best = max(found, key=lambda rule: rule.probability)
    assert (best.field, best.value, best.by, int(best.limit)) == ("channel", 1, "word", 101) and best.probability > 0.9
    assert abs(best.size - np.log(12)) < 3 * best.sd and 0 < best.sd < 0.5
    assert all(abs(rule.size) < 1 for rule in found if rule is not best)
    without = error(alone, batch, rate, {})
    alone.model.own_words = found
    assert error(alone, batch, rate, {}) < 0.5 * without


@pytest.mark.parametrize("seed", range(4, 10))
def test_no_single_word_is_found_where_none_tells(alone, seed):
    found = alone.model.find_single_words(rows(noise, seed)[0], np.arange(KNOWN))
    assert len(found) <= 1 and all(rule.probability < 0.95 for rule in found)


def test_few_rows_no_words_and_rows_that_may_not_be_read_tell_of_no_single_word(alone):
    batch, _ = rows(one_tag)
    assert alone.model.find_single_words(replace(batch, words=torch.zeros_like(batch.words)), np.arange(KNOWN)) == ()
    assert alone.model.find_single_words(batch, np.arange(4)) == ()
    assert alone.model.find_single_words(batch, np.arange(ROWS)) == alone.model.find_single_words(batch, np.arange(KNOWN))
    unnamed = batch.ids.clone()
    unnamed[..., CHANNEL] = 0
    assert {rule.value for rule in alone.model.find_single_words(replace(batch, ids=unnamed), np.arange(KNOWN))} <= {0}


def test_how_unsure_a_single_word_is_widens_differences_and_predictions(alone):
    batch, _ = rows(one_tag)
    pattern = np.flatnonzero(batch.ids[0, :KNOWN, CHANNEL].numpy() == 1)[-10:]
    made, weights = worded_rows(batch, pattern, [101])
    split = Split(np.arange(160), np.arange(160, KNOWN), np.arange(KNOWN, ROWS))
    found = {}
    for sd in (0.0, 0.5):
        alone.model.own_words = (Rule("channel", 1, "word", 101.0, 2.0, 0.9, sd),)
        one = contrasts(alone, arranged_with(batch, split, made), weights)
        with torch.no_grad():
            eta, log_r, _ = predict_rows(alone, batch, np.arange(KNOWN), np.arange(KNOWN, ROWS))
        found[sd] = (one.mean[0], one.sd[0], eta, log_r)
    named = (alone.model.own_words[0].holds(batch)[0, KNOWN:]).numpy()
    assert found[0.0][0] == pytest.approx(found[0.5][0]) and torch.equal(found[0.0][2], found[0.5][2])
    assert found[0.5][1] == pytest.approx(np.hypot(found[0.0][1], 0.45), rel=0.15) or found[0.5][1] > found[0.0][1]
    assert bool((found[0.5][3] < found[0.0][3])[named].all()) and torch.equal(found[0.5][3][~named], found[0.0][3][~named])
