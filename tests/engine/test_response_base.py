"""The response base: methods keep their terms on it, rows are independent of one another, likelihoods are those of scipy."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from scipy import stats

from adtune.engine.bases import weight_hash
from adtune.engine.fit import Fit, FitData, FitPlan
from adtune.engine.methods import attach, attach_saved
from adtune.engine.response import history, kernels
from adtune.engine.response.base import ResponseBase, load_response
from adtune.engine.response.calendar import easter, mothers_day
from adtune.engine.response.contrasts import Contrasts
from adtune.engine.response.likelihood import as_rate, deviance, group_interval, interval, log_rate, nats
from adtune.engine.response.model import ResponseNet, Shape
from adtune.engine.response.moments import moments
from adtune.engine.tasks.response import Block, Reader, blocks_of, generated_blocks, measure, predict_rows, row_nats
from adtune.errors import BaseModelError
from adtune.pretrain.advertisers import Draw, generate
from adtune.settings import TuneSettings

OPTIONS = asdict(TuneSettings(rank=2, alpha=4))


@pytest.fixture
def base() -> ResponseBase:
    torch.manual_seed(3)
    net = ResponseNet(Shape(16, 2, 1, 16))
    with torch.no_grad():
        net.head.weight.normal_(std=0.05)  # an untrained head would hide the layers below it
    return ResponseBase("made", net, weight_hash(net))


def blocks(rows=90, known=60, count=2, seed=5):
    batch, _ = generate(Draw(seed), count, rows, known)
    return generated_blocks(batch, known, False)


@pytest.mark.parametrize("name", ["head", "lora", "full"])
def test_methods_keep_their_terms_on_a_response_base(name, base, tmp_path):
    rows = blocks()
    before = [nats_ for nats_, _ in measure(base, None, rows)]
    method = attach(name, base, OPTIONS, [])
    assert method.count == method.expected_count() > 0
    assert measure(base, method, rows) == measure(base, None, rows)
    optimizer = torch.optim.SGD(list(method.tensors.values()), lr=1e-3)
    losses = []
    for _ in range(3):
        loss = row_nats(base, method, rows).sum() / 60
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(method.tensors.values()), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    tuned = [nats_ for nats_, _ in measure(base, method, rows)]
    method.save(tmp_path)
    method.detach()
    assert weight_hash(base.model) == base.hash
    assert [nats_ for nats_, _ in measure(base, None, rows)] == before
    again = attach_saved(base, tmp_path)
    assert again.name == name and [nats_ for nats_, _ in measure(base, again, rows)] == pytest.approx(tuned)
    again.detach()


def test_a_prefix_is_refused_for_what_the_base_lacks(base):
    with pytest.raises(BaseModelError):
        attach("prefix", base, OPTIONS, [1] * 48)


def test_the_one_loop_trains_rows_and_goes_on_to_the_bit(base, tmp_path):
    train, val = blocks(seed=1), blocks(seed=2)
    plan = FitPlan(rate=3e-3, epochs=4, batch_tokens=30, micro_tokens=60, patience=99, replay=0.0, checkpoint_seconds=1e9)
    ends = []
    for cut in (False, True):
        method = attach("head", base, OPTIONS, [])
        fit = Fit(base, method, FitData(train, val, (), val), plan, tmp_path / str(cut))
        if cut:
            with pytest.raises(Exception, match="checkpoint saved"):
                fit.run(stop=lambda fit=fit: fit.step == 3)
            method.detach()
            method = attach("head", base, OPTIONS, [])
            fit = Fit(base, method, FitData(train, val, (), val), plan, tmp_path / str(cut))
            assert fit.restore()
        outcome = fit.run()
        ends.append((outcome.losses, [one.validation_loss for one in outcome.evaluations], method.state()))
        method.detach()
    assert ends[0][:2] == ends[1][:2] and len(ends[0][1]) >= 9
    assert all(torch.equal(ends[0][2][key], ends[1][2][key]) for key in ends[0][2])


def test_a_row_does_not_depend_on_the_rows_asked_beside_it_nor_on_its_own_outcome(base):
    block = blocks(count=1)[0]
    whole = predict_rows(base, block.batch, block.context, block.queries)
    alone = predict_rows(base, block.batch, block.context, block.queries[3:4])
    for many, one in zip(whole, alone, strict=True):
        assert torch.allclose(many[3:4], one, atol=1e-4)
    outcome = block.batch.outcome.clone()
    outcome[0, 60:] *= 7
    again = predict_rows(base, replace(block.batch, outcome=outcome), block.context, block.queries)
    assert all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))


def test_training_blocks_never_show_a_row_its_own_outcome_and_cover_all_rows():
    batch, _ = generate(Draw(1), 1, 80, 60)
    found = blocks_of(batch, np.arange(80), seed=3)
    assert all(not set(one.context) & set(one.queries) for one in found)
    assert {n for one in found for n in one.queries} == set(range(80))
    assert found[0].context.max() < found[0].queries.min()
    assert Block(batch, np.arange(60), np.arange(60, 80), 0).ids != Block(batch, np.arange(50), np.arange(60, 80), 0).ids


def test_many_context_rows_through_centres_agree_with_the_exact_posterior(base, monkeypatch):
    block = blocks(260, 220, 1)[0]
    exact = predict_rows(base, block.batch, block.context, block.queries)
    monkeypatch.setattr(history, "EXACT", 100)
    monkeypatch.setattr(history, "INDUCING", 190)
    near = predict_rows(base, block.batch, block.context, block.queries)
    assert (exact[0] - near[0]).abs().mean() < 0.05 < exact[0].std()


def test_rows_that_are_alike_are_worked_out_once_and_come_out_the_same(base, monkeypatch):
    block = blocks(260, 60, 1)[0]
    again = np.tile(block.queries[:50], 4)  # 200 rows of which 50 differ
    with torch.enable_grad():
        plainly = predict_rows(base, block.batch, block.context, again)
    looked_at = []
    monkeypatch.setattr(kernels, "PARTS", [replace(part, kernels=lambda left, right, part=part: looked_at.append(left.age.shape[1])
                                                   or part.kernels(left, right)) for part in kernels.PARTS])
    with torch.no_grad():
        reader = Reader(base, block.batch, block.context)
        looked_at.clear()
        once = reader(again)
    assert len(looked_at) == 5 and max(looked_at) <= 50
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(plainly, once, strict=True))
    assert torch.allclose(once[0][:50], once[0][150:], atol=1e-5)


def test_without_context_rows_a_base_answers_the_general_pattern_with_a_wide_spread(base):
    block = blocks(count=1)[0]
    eta, log_r, plain = predict_rows(base, block.batch, block.context[:0], block.queries)
    known = predict_rows(base, block.batch, block.context, block.queries)
    assert torch.isfinite(eta).all() and torch.isfinite(plain).all()
    assert log_r.mean() < known[1].mean()


@pytest.mark.parametrize("mu, r, n", [(0.3, 0.7, 40), (5.0, 3.0, 900), (200.0, 50.0, 1e6)])
def test_likelihoods_are_those_of_scipy(mu, r, n):
    tensor = torch.tensor
    y = torch.tensor([0.0, 1.0, 7.0], dtype=torch.float64)
    eta, log_r, e = (torch.full((3,), float(np.log(one)), dtype=torch.float64) for one in (mu / n, r, 1.0))
    e = e + n
    count = nats(tensor(1), y, e, eta, log_r)
    expected = -stats.nbinom.logpmf(y.numpy(), r, r / (r + e.numpy() * mu / n))
    assert count.numpy() == pytest.approx(expected, rel=1e-6)
    p = -np.expm1(-mu / n)
    whole = torch.full((3,), float(n), dtype=torch.float64)
    binomial = nats(tensor(0), y, whole, eta, log_r)
    assert binomial.numpy() == pytest.approx(-stats.betabinom.logpmf(y.numpy().astype(int), int(n), r, r * (1 - p) / p), rel=1e-4)
    amount = nats(tensor(2), y + 0.5, whole, eta, log_r)
    assert amount.numpy() == pytest.approx(-stats.gamma.logpdf(y.numpy() + 0.5, r, scale=mu / r), rel=1e-6)


def test_deviance_is_zero_where_the_rate_is_the_observed_one_and_intervals_cover():
    y, e = np.array([3.0, 0.0, 20.0]), np.array([30.0, 10.0, 40.0])
    for kind in (0, 1):
        assert deviance(kind, y, e, np.maximum(y / e, 1e-12)) == pytest.approx(0, abs=1e-6)
        assert (deviance(kind, y, e, np.full(3, 0.3)) > 0).all()
    low, high = interval(np.full(3, 0.2), np.full(3, 5.0), e, 0, 0.8)
    assert (low <= 0.2 * e).all() and (high <= e).all() and (high > low).all()


def test_moving_feasts():
    assert [easter(year).isoformat() for year in (2024, 2025)] == ["2024-03-31", "2025-04-20"]
    assert mothers_day(2025, "GB").isoformat() == "2025-03-30" and mothers_day(2025, "US").isoformat() == "2025-05-11"
    assert mothers_day(2024, "FR").isoformat() == "2024-05-26"


def test_broken_bases_are_refused(tmp_path):
    with pytest.raises(BaseModelError, match="config.json"):
        load_response(str(tmp_path))
    net = ResponseNet(Shape(16, 2, 1, 16))
    net.config.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(BaseModelError):
        load_response(str(tmp_path))
    starter = load_response()
    assert starter.starter and starter.parameters < 2_000_000 and starter.linears and starter.heads


@pytest.mark.parametrize("exposure", [1, 40])
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.6])
def test_rows_are_read_at_their_own_rate_however_few_or_many_outcomes_they_have(rate, exposure):
    """A limit on surprises below one outcome in a row that expects next to none made such rates up to half too low, a logarithm for a
    rate near its ceiling those of e-mails that half of all open a quarter too low."""
    batch, _ = generate(Draw(9), 1, 400, 400)
    draw = np.random.default_rng(4)
    outcome = torch.from_numpy(draw.binomial(exposure, rate, 400).astype(float))[None]
    batch = replace(batch, exposure=torch.full_like(batch.exposure, exposure), family=torch.zeros_like(batch.family),
                    context=torch.ones_like(batch.context), outcome=outcome)
    reading = history.read(batch, torch.zeros_like(batch.age), history.starting_log_tau())
    due = -torch.expm1(-torch.exp(reading.level[:, None] + reading.fitted.fit)) * exposure
    assert abs(float(due.mean()) / float(batch.outcome.mean()) - 1) < 0.03


def test_moments_are_those_of_the_likelihoods():
    batch, _ = generate(Draw(9), 1, 3, 3)
    r = torch.tensor([[2.5]], dtype=torch.float64)
    eta = torch.log(torch.tensor([[0.02, 0.3, 1.2]], dtype=torch.float64))
    for family in (1, 3, 4):
        rows = replace(batch, family=torch.tensor([family]), exposure=torch.full((1, 3), 30.0, dtype=torch.float64))
        now = moments(rows, eta)
        mu = 30 * eta.exp()[0].numpy()
        p = -np.expm1(-mu / 30)
        shape = r.item()
        due, variance = {1: (30 * p, stats.betabinom(30, shape, shape * (1 - p) / p).var()),
                         3: (mu, stats.nbinom(shape, shape / (shape + mu)).var()),
                         4: (mu, stats.gamma(shape, scale=mu / shape).var())}[family]
        assert np.allclose(now.due[0], due) and np.allclose(now.variance(r)[0], variance, rtol=1e-6)
        moved = (moments(rows, eta + 1e-5).due - now.due)[0] / 1e-5
        assert np.allclose(now.slope[0], moved, rtol=1e-3)


def test_ratios_near_a_ceiling_are_those_of_the_rates():
    centre = np.log(-np.log1p(-0.5))  # half of all
    one = Contrasts(np.array([0.4]), np.array([0.1]), np.array([-0.3]), float(centre), 0)
    mean, low, high, general = one.told()
    for found, difference in ((mean, 0.4), (low, 0.4 - 0.196), (high, 0.4 + 0.196), (general, -0.3)):
        assert np.exp(found[0]) == pytest.approx(-np.expm1(-np.exp(centre + difference)) / 0.5)
    assert replace(one, family=3).told()[0][0] == 0.4
    rare = replace(one, centre=-9.0).told()
    assert rare[0][0] == pytest.approx(0.4, abs=1e-3) and rare[3][0] == pytest.approx(-0.3, abs=1e-3)


@pytest.mark.parametrize("rate", [0.02, 0.15, 0.5, 0.85])
@pytest.mark.parametrize("r", [3.0, 40.0])
def test_intervals_of_shares_cover_rows_and_groups_near_the_ceiling_as_well(rate, r):
    draw, many = np.random.default_rng(1), 6000
    exposure = draw.integers(100, 400, many).astype(float)
    p, rs = np.full(many, rate), np.full(many, r)
    outcome = stats.betabinom(exposure.astype(int), r, r * (1 - rate) / rate).rvs(random_state=draw).astype(float)
    low, high = interval(p, rs, exposure, 0, 0.8)
    assert 0.76 < float(((outcome >= low) & (outcome <= high)).mean()) < 0.89 and (high <= exposure).all()
    seen, (low, high) = group_interval((outcome, exposure, p), rs, np.arange(many) // 12, 0.0, 0, 0.8)
    assert 0.74 < float(((seen >= low) & (seen <= high)).mean()) < 0.87


@pytest.mark.parametrize("mean", [0.7, 1.5, 4.0, 12.0, 60.0])
def test_intervals_of_few_outcomes_hold_about_as_many_as_asked_for(mean):
    draw, many, r = np.random.default_rng(2), 400, 5.0
    mu = mean * np.exp(0.4 * draw.normal(size=many))
    low, high = interval(mu / 100, np.full(many, r), np.full(many, 100.0), 1, 0.8)
    held = stats.nbinom.cdf(high, r, r / (r + mu)) - stats.nbinom.cdf(low - 1, r, r / (r + mu))
    quantile = [stats.nbinom.ppf(level, r, r / (r + mu)) for level in (0.1, 0.9)]
    more = stats.nbinom.cdf(quantile[1], r, r / (r + mu)) - stats.nbinom.cdf(quantile[0] - 1, r, r / (r + mu))
    assert abs(held.mean() - 0.8) < 0.035 and held.mean() < more.mean() - 0.001 and (low <= high).all()


@pytest.mark.parametrize("family", [0, 1, 2, 3, 4])
def test_a_rate_and_its_log_rate_turn_into_each_other(family):
    rates = np.array([1e-6, 0.02, 0.5, 0.9])
    assert as_rate(log_rate(rates, family), family) == pytest.approx(rates)
