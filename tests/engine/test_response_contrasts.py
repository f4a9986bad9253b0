"""Differences between made-up rows: wider where a client may depart from the general pattern, and the base as it was afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adtune.engine.response.base import load_response
from adtune.engine.response.contrasts import SEASON_STEPS, SEASONS, contrasts, season_rows
from adtune.engine.response.kernels import GROUPINGS
from adtune.pretrain.advertisers import AdvertiserSettings, Draw, generate
from adtune.steps.response_understanding import arranged_with
from adtune.tune.response_split import Split

ROWS = 200
PLAIN = AdvertiserSettings(rules=0.0, families=(0.0, 1.0, 0.0, 0.0, 0.0), absent=(0.0,) * 11, absent_numbers=(0.0,) * 6, undated=0.0)


@pytest.fixture(scope="module")
def asked():
    batch, _ = generate(Draw(5), 1, ROWS, ROWS, PLAIN)
    batch = replace(batch, context=torch.ones_like(batch.context))
    made, weights = season_rows(batch, np.arange(ROWS - 20, ROWS), 2024, "US")
    rows = np.arange(ROWS)
    return arranged_with(batch, Split(rows, rows[:0], rows[:0]), made), weights


def test_a_season_is_asked_for_under_a_wider_prior_and_the_base_stays_as_it_was(asked):
    base = load_response()
    rows, weights = asked
    usual, wide = contrasts(base, rows, weights), contrasts(base, rows, weights, SEASONS)
    assert len(usual.mean) == SEASON_STEPS and (wide.sd > 1.15 * usual.sd).all()
    assert np.allclose(wide.general - wide.general.mean(), usual.general - usual.general.mean(), atol=1e-4)
    assert base.model.own_tau == {} and np.array_equal(contrasts(base, rows, weights).sd, usual.sd)


def test_what_a_client_s_own_rows_say_of_a_variance_is_what_is_widened(asked):
    base = load_response()
    rows, weights = asked
    place = GROUPINGS.index("season")
    base.model.own_tau = own = {"season": float(base.model.log_tau[place]) + 1.0}
    wide = contrasts(base, rows, weights, SEASONS)
    assert base.model.own_tau is own
    assert (wide.sd > contrasts(base, rows, weights).sd).all()
