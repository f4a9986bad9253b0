"""Effects of the own rows are read to the mode, however far it lies from where the reading starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adtune.engine.response import history
from adtune.engine.response.batch import FIELDS
from adtune.engine.response.history import read
from adtune.engine.response.model import ResponseNet, Shape
from adtune.pretrain.advertisers import AdvertiserSettings, Draw, generate

PLAIN = AdvertiserSettings(rules=0.0, families=(0.0, 1.0, 0.0, 0.0, 0.0), absent=(0.0,) * 11, absent_numbers=(0.0,) * 6, undated=0.0)


@pytest.mark.parametrize("rows", [240, 700])   # all read exactly, and through centres
def test_effects_that_lie_far_apart_are_read_as_they_are(rows):
    """Campaigns whose rates are up to a thousand times apart, with outcomes enough to know each."""
    batch, _ = generate(Draw(11), 1, rows, rows, PLAIN)
    campaign = batch.ids[0, :, FIELDS.index("campaign")]
    wide = torch.from_numpy(np.random.default_rng(5).uniform(-5.5, 1.5, int(campaign.max()) + 1))
    truth = np.log(0.05) + wide[campaign]
    exposure = torch.full_like(batch.exposure, 400_000.0)
    chance = np.random.default_rng(2)
    outcome = torch.from_numpy(chance.binomial(400_000, (1 - np.exp(-np.exp(truth.numpy()))).clip(0, 1)).astype(float))[None]
    batch = replace(batch, context=torch.ones_like(batch.context), exposure=exposure, outcome=outcome)
    with torch.no_grad():
        found = read(batch, torch.zeros_like(batch.age), ResponseNet(Shape(16, 2, 1, 16)).log_tau + 1.5)
    told = (found.level[:, None] + found.fitted.fit)[0]
    many = outcome[0] > 40
    assert float((told - truth)[many].abs().mean()) < 0.1 and float((told - truth)[many].abs().max()) < 0.5


def test_a_reading_is_the_same_with_many_more_steps(monkeypatch):
    batch, _ = generate(Draw(3), 6, 120, 120, replace(PLAIN, counts=(20.0, 400.0)))
    batch = replace(batch, context=torch.ones_like(batch.context))
    tau, general = ResponseNet(Shape(16, 2, 1, 16)).log_tau.detach() + 1.0, torch.zeros_like(batch.age)
    found = read(batch, general, tau)
    monkeypatch.setattr(history, "SCORING", 80)
    monkeypatch.setattr(history, "SETTLED", 1e-6)
    assert torch.allclose(found.fitted.fit, read(batch, general, tau).fitted.fit, atol=0.03)
