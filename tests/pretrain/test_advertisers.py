"""The generator of advertisers: seeded, realistic in the ways that it says, and different enough from one another."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from adtune.engine.response.base import load_response
from adtune.engine.response.batch import FIELDS
from adtune.engine.response.model import Shape
from adtune.engine.response.names import CHANNELS, PRODUCTS, WORDS, known_number, word_number, word_numbers
from adtune.errors import BaseModelError, SettingError
from adtune.pretrain.advertisers import AdvertiserSettings, Draw, World, finished, generate
from adtune.pretrain.advertisers_levels import SEASON, season_curve, tables
from adtune.pretrain.response import ResponsePlan, evaluation_set, excess, finish, pretrain
from adtune.steps.response_pretraining import pretrain_response

ONE_KIND = AdvertiserSettings(families=(0.0, 1.0, 0.0, 0.0, 0.0), undated=0.0)


def test_one_seed_is_one_world_and_another_seed_another():
    (a, first), (b, _), (c, _) = (generate(Draw(seed), 3, 40, 20) for seed in (1, 1, 2))
    assert all(torch.equal(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)
    assert not torch.equal(a.outcome, c.outcome)
    assert torch.isfinite(first.eta).all() and (a.exposure > 0).all() and (a.outcome >= 0).all()


def test_outcomes_follow_their_rate_and_are_over_dispersed():
    batch, truth = generate(Draw(4), 60, 150, 10, ONE_KIND)
    rate = -torch.expm1(-truth.eta.double().exp())
    due = batch.exposure * rate
    assert 0.9 < float(batch.outcome.sum() / due.sum()) < 1.1
    assert (batch.outcome <= batch.exposure).all()
    pearson = ((batch.outcome - due) ** 2 / (due * (1 - rate))).mean(1)
    strong, weak = truth.concentration[:, 0] < 2, truth.concentration[:, 0] > 60
    assert float(pearson[strong].median()) > 1.3 * float(pearson[weak].median())
    assert torch.equal(batch.exposure, batch.exposure.round())


def test_the_context_comes_first_in_time_and_fields_are_missing():
    batch, truth = generate(Draw(5), 40, 60, 30)
    ordered = (truth.day[:, :30].amax(1) <= truth.day[:, 30:].amin(1)).float().mean()
    assert 0.7 < float(ordered) < 1  # the others are random parts
    absent = (batch.ids == 0).all(1).float().mean(0)
    assert 0 < float(absent[FIELDS.index("device")]) < 1 and float(absent[FIELDS.index("other3")]) > 0.5
    assert (batch.age[batch.context] >= 0).all()
    assert not batch.context[:, 30:].any()


def test_seasons_have_their_peak_where_the_tables_say_and_move_from_one_advertiser_to_the_next():
    days = torch.arange(365)
    for name in ("dresses", "coats"):
        peak, height = SEASON[name]
        curve = season_curve(2 * np.pi * days / 365.25, torch.tensor(float(peak)), torch.tensor(height))
        assert abs(int(curve.argmax()) - peak) <= 1 and abs(float(curve.mean())) < 0.01
    _, truth = generate(Draw(6), 200, 20, 5)
    general = tables()["season"][truth.products][..., 0]
    gap = (truth.peaks - general).abs()
    gap = torch.minimum(gap, 365.25 - gap)
    assert 10 < float(gap.median()) < 60


def test_a_rule_lifts_only_where_two_things_meet():
    world = World(Draw(7), 80, 100, AdvertiserSettings(rules=1.0))
    world.eta()
    rule = world.parts["rule"]
    met = rule != 0
    assert 0.02 < float(met.float().mean()) < 0.6
    assert all(len(row[row != 0].unique()) <= 1 for row in rule)
    assert finished(World(Draw(7), 2, 20, AdvertiserSettings(rules=0.0)), 5)[1].rule.abs().sum() == 0


def test_names_of_exports_have_their_meaning():
    meanings = {("channel", "Google Ads - Brand Search"): "brand search", ("channel", "Instagram"): "instagram",
                ("channel", "newsletter"): "e-mail",
                ("channel", "PMax | EU"): "performance max", ("product", "Summer dresses"): "dresses", ("product", "Winter Coats"): "coats"}
    for (field, value), name in meanings.items():
        assert (CHANNELS if field == "channel" else PRODUCTS)[known_number(field, value)] == name
    assert known_number("channel", "Xyzzy") == 0
    assert word_numbers("Sale SALE 2024 free") == (word_number("sale"), word_number("free"), 0, 0, 0, 0, 0, 0)
    assert len({word_number(word) for word in WORDS}) > 0.8 * len(WORDS)


def test_a_few_steps_bring_the_base_nearer_to_the_truth_and_are_repeatable():
    plan = ResponsePlan(steps=6, advertisers=2, rate=3e-3, warm_up=2)
    sets = evaluation_set("cpu", plan.settings, 2)[:1]
    nets = [pretrain(plan)[0] for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(nets[0].state_dict().values(), nets[1].state_dict().values(), strict=True))
    assert np.isfinite(list(excess(nets[0], sets).values())).all()


def test_a_run_goes_on_from_a_base_at_its_shape_and_its_card_tells_both(tmp_path):
    plan = ResponsePlan(steps=3, advertisers=2, shape=Shape(16, 2, 1, 16))
    net, log = pretrain(plan)
    finish(net, log, plan, tmp_path / "first")
    before = load_response(str(tmp_path / "first")).model.state_dict()
    still = replace(plan, rate=0.0, seed=1, steps=1, shape=Shape(), start_from=str(tmp_path / "first"))
    assert all(torch.equal(before[name], value) for name, value in pretrain(still)[0].state_dict().items())
    on = replace(still, rate=1e-3, steps=4)
    went, log = pretrain(on)
    assert went.config.shape == plan.shape and any(not torch.equal(before[name], value) for name, value in went.state_dict().items())
    both, _ = pretrain(replace(on, mean=True))
    assert all(torch.allclose(value, (before[name] + went.state_dict()[name]) / 2) for name, value in both.state_dict().items())
    finish(went, log, on, tmp_path / "second")
    figures = json.loads((tmp_path / "second" / "figures.json").read_text())
    assert (figures["went_on_from"]["steps"], figures["steps"], figures["plan"]["start_from"]) == (3, 4, "first")
    card = (tmp_path / "second" / "README.md").read_text()
    assert "4 steps" in card and "; before, " in card and "3 steps" in card and str(tmp_path) not in card


def test_a_start_that_is_no_base_or_asks_for_another_shape_is_refused(tmp_path):
    with pytest.raises(BaseModelError):
        pretrain(ResponsePlan(steps=1, start_from=str(tmp_path)))
    with pytest.raises(SettingError, match="keeps its shape"):
        pretrain_response({"start_from": "starter", "width": 32, "out": str(tmp_path / "out")})
    with pytest.raises(SettingError, match="mean"):
        pretrain_response({"mean": True, "out": str(tmp_path / "out")})
