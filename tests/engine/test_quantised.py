"""Frozen bases in int8 and int4: smaller, near the whole base, tuned and resumed like it, and bound to it by hash."""

from __future__ import annotations

import builtins
import logging
from dataclasses import asdict

import pytest
import torch
from made_bases import pieces, write_model
from torch import nn

from adtune.engine import quantised
from adtune.engine.bases import load_base
from adtune.engine.devices import Form
from adtune.engine.fit import Fit, FitData, FitPlan
from adtune.engine.methods import attach, attach_saved
from adtune.engine.peak import mean_loss
from adtune.engine.quantised import QuantisedLinear, check_quantise, dequantised, stored_bytes
from adtune.engine.tasks.drafting import make_rows, measure, row_nats
from adtune.errors import BaseModelError, Interrupted, SettingError
from adtune.settings import TuneSettings

peft = pytest.importorskip("peft")
pytest.importorskip("torchao", reason="the extra `quantised` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft 0.21's own
OPTIONS = asdict(TuneSettings(rank=4, alpha=8, prefix_tokens=5))
PROMPT = [0, 20, 31, 42, 53]
PLAN = FitPlan(rate=5e-3, epochs=3, batch_tokens=128, micro_tokens=128, patience=99, replay=0.0, checkpoint_seconds=1e9)
# the largest difference in loss on the tiny base with weights as real ones have them (standard deviation 0.02), nats a token
NEAR = {"int8": 0.02, "int4": 0.02}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model("llama", tmp_path_factory.mktemp("quantised") / "base", initializer_range=0.05, hidden_size=128,
                       intermediate_size=256, head_dim=32)


@pytest.fixture(scope="module")
def whole(folder):
    return load_base(str(folder))


@pytest.fixture(scope="module", params=["int8", "int4"])
def small(request, folder):
    return load_base(str(folder), form=Form("cpu", request.param))


def rows(base, count=6, seed=0):
    return make_rows(base.renderer, pieces(count, 8, seed), 128)[0]


def data(base):
    return FitData(rows(base, 9), rows(base, 4, 1))


def method_of(base, name):
    torch.manual_seed(5)
    return attach(name, base, OPTIONS, PROMPT)


def test_only_the_linear_layers_get_small_and_the_hash_is_that_of_the_whole_base(small, whole):
    assert small.hash == whole.hash and small.parameters == whole.parameters and small.form["quantised"] == small.quantised
    assert set(small.linears) == set(whole.linears) and all(type(m) is QuantisedLinear for m in small.linears.values())
    held = sum(stored_bytes(m.weight) for m in small.linears.values())
    assert held < (0.3 if small.quantised == "int8" else 0.16) * sum(stored_bytes(m.weight) for m in whole.linears.values())
    for one, other in ((small.model.get_output_embeddings(), whole.model.get_output_embeddings()),
                       (small.model.get_input_embeddings(), whole.model.get_input_embeddings())):
        assert type(one.weight) is nn.Parameter and torch.equal(one.weight, other.weight)


def test_the_loss_stays_near_that_of_the_whole_base(small, whole):
    near, far = (measure(base, None, rows(base, 12)) for base in (small, whole))
    assert 0 < abs(mean_loss(near) - mean_loss(far)) < NEAR[small.quantised]


def test_gradients_are_those_of_the_weight_that_it_stands_for_and_no_whole_weight_is_kept(small):
    layer = next(iter(small.linears.values()))
    weight = dequantised(layer.weight, torch.float32)
    one, other = torch.randn(7, layer.in_features, requires_grad=True), torch.randn(7, layer.in_features)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        out = layer(one)
    assert not kept and torch.allclose(out, one @ weight.T, atol=1e-5)
    out.backward(torch.ones_like(out))
    assert torch.allclose(one.grad, torch.ones_like(out) @ weight, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        low = layer(other)
    assert low.dtype == torch.bfloat16 and torch.allclose(low.float(), other @ weight.T, atol=0.1)


@pytest.mark.parametrize("name", ["lora", "prefix"])
def test_tuning_lowers_the_loss_and_goes_on_to_the_bit(name, small, tmp_path):
    found = []
    for stops in ((), (4,)):
        outcome, at = None, list(stops)
        while outcome is None:
            method = method_of(small, name)
            fit = Fit(small, method, data(small), PLAN, tmp_path / str(len(stops)))
            fit.restore()
            try:
                outcome = fit.run(stop=lambda fit=fit, at=at: bool(at) and fit.step == at[0])
            except Interrupted:
                at.clear()
            state = method.state()
            method.detach()
        found.append((outcome, state))
    (once, state), (twice, again) = found
    losses = [e.validation_loss for e in once.evaluations]
    assert once.best.validation_loss < losses[0] - (0.05 if name == "lora" else 0.01)
    assert losses == [e.validation_loss for e in twice.evaluations] and once.losses == twice.losses
    assert all(torch.equal(state[key], again[key]) for key in state)


def test_the_adapter_loads_on_the_whole_base_in_peft_and_merges_only_there(small, folder, whole, tmp_path):
    method = method_of(small, "lora")
    Fit(small, method, data(small), PLAN).run()
    method.save(tmp_path)
    tuned = row_nats(small, method, rows(small)).detach()
    with pytest.raises(BaseModelError, match=small.quantised):
        method.merge()
    method.detach()
    with torch.no_grad():
        ids = torch.tensor([PROMPT])
        theirs = peft.PeftModel.from_pretrained(load_base(str(folder)).model, tmp_path)(input_ids=ids).logits
        mine = attach_saved(whole, tmp_path)
        try:
            assert torch.allclose(whole.model(input_ids=ids).logits, theirs, atol=1e-4)
            apart = (row_nats(whole, mine, rows(whole)) - tuned).abs().sum() / sum(row.targets for row in rows(whole))
        finally:
            mine.detach()
    assert apart < 2 * NEAR[small.quantised]


def test_dropout_and_bf16_reach_a_quantised_layer(small):
    torch.manual_seed(1)
    method = attach("lora", small, OPTIONS | {"dropout": 0.3}, PROMPT)
    try:
        method.train_mode(True)
        loss = row_nats(small, method, rows(small), torch.bfloat16).sum()
        loss.backward()
        assert torch.isfinite(loss) and all(t.grad is not None and t.dtype == torch.float32 for t in method.tensors.values())
    finally:
        method.detach()


def test_what_needs_whole_weights_or_cannot_be_held_is_refused(small, folder, tmp_path, monkeypatch):
    with pytest.raises(SettingError, match="quantise=none"):
        check_quantise("int8", "full")
    with pytest.raises(BaseModelError, match="whole weights"):
        attach("full", small, OPTIONS, PROMPT)
    with pytest.raises(SettingError, match="int8") as error:
        load_base(str(folder), form=Form("cpu", "int9"))
    assert "one of none, int8, int4" in str(error.value)
    with pytest.raises(BaseModelError, match="Conv1D"):
        load_base(str(write_model("gpt2", tmp_path / "gpt2")), form=Form("cpu", "int8"))
    with pytest.raises(BaseModelError, match="a multiple of 64"):
        load_base(str(write_model("llama", tmp_path / "odd", hidden_size=36, intermediate_size=50, head_dim=10)), form=Form("cpu", "int4"))
    assert stored_bytes(torch.zeros(3, 5)) == 60
    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *given, **named: (_ for _ in ()).throw(ImportError("No module named torchao"))
                        if name.startswith("torchao") else real(name, *given, **named))
    with pytest.raises(SettingError, match=r"adtune\[quantised\]"):
        quantised.check_quantise("int8")


def test_what_torchao_remarks_while_it_loads_is_not_said_to_people(caplog):
    for logger, remark in (("torchao", "Failed to load _C_mxfp8.so"), ("torch.utils._pytree", "Calling register_constant()")):
        logging.getLogger(logger).warning(remark)
        assert not caplog.records
        logging.getLogger(logger).warning("something else")
        assert caplog.records.pop().name == logger
