"""What fine-tuning of the response base may not touch: the level, which the newest rows tell, and what validation is too short to say."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

import numpy as np
import pytest
import torch

from adtune.engine.response.base import ResponseBase
from adtune.engine.response.columns import columns_of
from adtune.engine.response.encode import make_codebook
from adtune.engine.response.likelihood import group_interval
from adtune.engine.response.model import ResponseNet, Shape
from adtune.settings import TuneSettings
from adtune.tune import response as tuning
from adtune.tune import response_gate as gate
from adtune.tune import response_split as splitting


@pytest.fixture(scope="module")
def history():
    """(rows, split) of a client whose rate has risen by a half since."""
    chance, days, made = random.Random(3), [], {"channel": [], "campaign": [], "clicks": [], "conversions": []}
    for n in range(160):
        channel, clicks = ("Instagram", "Google Search")[n % 2], chance.randint(80, 200)
        rate = (0.06, 0.03)[n % 2] * (1.5 if n > 60 else 1.0)
        days.append((date(2024, 1, 1) + timedelta(n // 2)).toordinal())
        for name, value in (("channel", channel), ("campaign", f"{channel} {n % 3}"), ("clicks", clicks),
                            ("conversions", sum(chance.random() < rate for _ in range(clicks)))):
            made[name].append(value)
    columns = columns_of(made, days)
    book = make_codebook(columns, "conversions")
    return splitting.readable(columns, book), splitting.split_rows(columns, book)


def small():
    torch.manual_seed(1)
    return ResponseBase("small", ResponseNet(Shape(16, 2, 1, 16)), "")


def tuned(history, monkeypatch, prior):
    base = small()
    for name, value in (("FEWEST_STEPS", 8), ("MOST_STEPS", 16), ("PRIOR", prior), ("paired_noise", lambda *_: 0.0)):
        monkeypatch.setattr(tuning, name, value)
    return base, tuning.run_response(base, (*history, []), TuneSettings(method="head", rate=0.02))


def test_weights_that_are_kept_leave_the_level_as_the_newest_rows_tell_it(history, monkeypatch):
    base, found = tuned(history, monkeypatch, 0.0)
    untuned = small()
    untuned.model.own_tau = base.model.own_tau
    before = tuning._due(untuned, *history)
    assert found.outcome.best.step > 0 and not found.gate.reason.startswith(tuning.UNSURE)
    assert abs(found.gate.own_level) > 0.005 and found.gate.own_level == base.model.own_level
    base.model.rules = base.model.own_words = ()
    held = math.log(tuning._due(base, *history) / before)
    base.model.own_level = 0.0
    free = math.log(tuning._due(base, *history) / before)
    assert abs(free) > 0.005 and abs(held) < 0.1 * abs(free)  # log rates are shifted: rates near a ceiling move a little less


def test_weights_whose_gain_a_few_rows_could_give_by_chance_are_not_kept(history, monkeypatch):
    base, found = tuned(history, monkeypatch, 1000.0)
    assert found.outcome.best.step > 0 and found.gate.reason.startswith(tuning.UNSURE)
    assert found.gate.own_level == base.model.own_level == 0.0


def test_the_level_error_is_the_usual_one_until_validation_shows_a_larger_one():
    usual = gate.level_error(100, 100, 100)
    assert usual == pytest.approx(gate.LEVEL * math.sqrt(gate.LEVELS / (gate.LEVELS + 1)), rel=0.01)
    assert gate.level_error(12, 10, 30) == pytest.approx(usual, rel=0.01)  # within what so few outcomes scatter
    assert gate.level_error(300, 100, 100) > 1.7 * usual and gate.level_error(100, 300, 300) > 1.7 * usual


def test_intervals_of_weeks_hold_what_they_should_where_all_rows_share_an_error():
    draw, level, hits = np.random.default_rng(0), 0.25, []
    for _ in range(60):
        moved = math.exp(level * draw.normal())
        exposure, rate, r = np.full(210, 200.0), np.full(210, 0.05), np.full(210, 20.0)
        outcome = draw.poisson(exposure * rate * moved * draw.gamma(20, 1 / 20, 210)).astype(float)
        for drift in (level, 0.0):
            seen, (low, high) = group_interval((outcome, exposure, rate), r, np.arange(210) // 21, drift, 1, 0.8)
            hits.append(((seen >= low) & (seen <= high)).mean())
    assert 0.72 < np.mean(hits[::2]) < 0.88 and np.mean(hits[1::2]) < 0.6
