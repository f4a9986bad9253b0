"""The device is chosen once and for a reason; the same runs hold on a GPU where there is one (marker `gpu`)."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch
from made_bases import pieces, write_model

from adtune.engine import devices
from adtune.engine import fit as fit_module
from adtune.engine.bases import bf16_is_faster, load_base
from adtune.engine.devices import Device, Form, available_memory, choose, peak_memory_bytes
from adtune.engine.fit import Fit, FitData, FitPlan
from adtune.engine.generate import Sampling, generate
from adtune.engine.methods import attach, attach_saved
from adtune.engine.peak import mean_loss
from adtune.engine.tasks.drafting import make_rows, measure
from adtune.errors import BaseModelError, Interrupted, SettingError
from adtune.settings import TuneSettings

OPTIONS = asdict(TuneSettings(rank=3, alpha=6, prefix_tokens=5))
PROMPT = [0, 20, 31, 42, 53]
PLAN = FitPlan(rate=5e-3, epochs=3, batch_tokens=128, micro_tokens=128, patience=99, replay=0.0, checkpoint_seconds=1e9)


@pytest.fixture
def fresh():
    """Nothing remembered of the devices, before and after."""
    cached = (choose, bf16_is_faster, devices._gpu_bf16)
    for one in cached:
        one.cache_clear()
    yield
    for one in cached:
        one.cache_clear()


@pytest.mark.parametrize("cuda, mps, expected", [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_takes_the_fastest_device_and_says_why(cuda, mps, expected, fresh, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda n: "A Card")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    device = choose()
    assert device.kind == expected and {"cuda": "A Card", "mps": "Apple MPS", "cpu": "no CUDA and no MPS"}[expected] in device.reason
    assert choose("cpu").kind == "cpu" and choose() is device


def test_a_device_that_is_not_here_or_does_not_exist_is_refused(fresh, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingError, match="torch does not find here"):
        choose("cuda")
    with pytest.raises(SettingError, match="one of auto, cpu, cuda, mps"):
        choose("cude")


@pytest.mark.parametrize("capability, fast", [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_weights_are_bf16_only_on_a_card_that_multiplies_it(capability, fast, fresh, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda n: capability)
    card = Device("cuda", "a card")
    assert card.bf16 is fast and Form().dtype(card) == (torch.bfloat16 if fast else torch.float32)
    assert Form(fp32=True).dtype(card) == torch.float32 and Form().dtype(Device("cpu", "")) == torch.float32


def test_memory_is_told(tmp_path):
    assert 2**20 < peak_memory_bytes() < 2**44 and 2**20 < available_memory() < 2**50


@pytest.mark.parametrize("name", ["lora", "prefix"])
def test_weights_in_bf16_are_tuned_measured_and_drafted_from(name, tmp_path):
    """What a GPU does, on the CPU: weights in bf16, adapters in fp32, with autocast and without."""
    base = load_base(str(write_model("llama", tmp_path)))
    for parameter in base.model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    assert base.form == {"device": "cpu", "weights": "bfloat16", "quantised": "none"}
    runs(base, name, tmp_path / "runs", bf16=True)
    with pytest.raises(BaseModelError, match="fp32 for full"):  # whose fine steps would be rounded away
        attach("full", base, OPTIONS, PROMPT)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_checkpoint_holds_the_random_state_of_the_device_in_use(kind, llama, tmp_path, monkeypatch):
    """On a made device whose generator counts what it drew."""
    drawn = [3]
    monkeypatch.setattr(getattr(torch, kind), "get_rng_state", lambda: torch.tensor(drawn, dtype=torch.uint8))
    monkeypatch.setattr(getattr(torch, kind), "set_rng_state", lambda state: drawn.__setitem__(0, int(state)))
    for name in ("random_states", "restore_random"):  # as if the base lay there
        monkeypatch.setattr(fit_module, name, lambda _, *given, name=name: getattr(devices, name)(kind, *given))
    rows = make_rows(llama.renderer, pieces(6, 8), 128)[0]
    method = attach("lora", llama, OPTIONS, PROMPT)
    try:
        fit = Fit(llama, method, FitData(rows, rows), PLAN, tmp_path)
        fit.save()
        expected, drawn[0] = torch.rand(2), 9
        assert fit.restore() and drawn == [3] and torch.equal(torch.rand(2), expected)
    finally:
        method.detach()
    restore = {"rng": torch.get_rng_state()}
    devices.restore_random(kind, restore)  # a checkpoint of a CPU
    assert drawn == [3] and set(devices.random_states("cpu")) == {"rng"}


@pytest.mark.gpu
def test_dropout_goes_on_to_the_bit_on_a_gpu(gpu, tmp_path):
    base = load_base(str(write_model("llama", tmp_path / "base")), form=Form(gpu))
    rows = make_rows(base.renderer, pieces(6, 8), 128)[0]
    method = attach("lora", base, OPTIONS | {"dropout": 0.3}, PROMPT)
    try:
        fit = Fit(base, method, FitData(rows, rows), PLAN, tmp_path / "run")
        fit.save()
        expected = torch.rand(4, device=gpu)
        assert fit.restore() and torch.equal(torch.rand(4, device=gpu), expected)
    finally:
        method.detach()


@pytest.mark.gpu
@pytest.mark.parametrize("quantise", ["none", "int8", "int4"])
@pytest.mark.parametrize("name", ["lora", "prefix", "full"])
def test_a_run_on_a_gpu(name, quantise, gpu, tmp_path):
    if name == "full" and quantise != "none":
        pytest.skip("full trains whole weights only")
    if quantise != "none":
        pytest.importorskip("torchao")
    folder = str(write_model("llama", tmp_path / "base", hidden_size=64, intermediate_size=128, head_dim=16))
    base = load_base(folder, form=Form(gpu, quantise, name == "full"))
    there = load_base(folder, form=Form("cpu", quantise))
    assert base.device.type == gpu and base.hash == there.hash
    rows = make_rows(base.renderer, pieces(6, 8), 128)[0]
    assert abs(mean_loss(measure(base, None, rows)) - mean_loss(measure(there, None, rows))) < 0.02
    runs(base, name, tmp_path / "runs", bf16=choose(gpu).bf16)


def runs(base, name, folder, bf16):
    """Tune, stop, go on, save, attach again, draft; everything that meets the base lies where the base does."""
    def rows(count, seed):
        return make_rows(base.renderer, pieces(count, 8, seed), 128)[0]

    data, plan = FitData(rows(9, 0), rows(4, 1)), replace(PLAN, bf16=bf16, rate=1e-3 if name == "full" else PLAN.rate)
    losses = []
    for stop_at in (None, 4):
        torch.manual_seed(5)
        method = attach(name, base, OPTIONS, PROMPT)
        assert all(t.device == base.device and t.dtype == torch.float32 for t in method.tensors.values())
        try:
            fit = Fit(base, method, data, plan, folder / str(stop_at))
            if stop_at is not None:
                with pytest.raises(Interrupted):
                    fit.run(stop=lambda: fit.step == stop_at)  # noqa: B023 - called at once
                fit = Fit(base, method, data, plan, folder / str(stop_at))
                assert fit.restore() and fit.step == stop_at
            outcome = fit.run()
            assert outcome.best.validation_loss < outcome.evaluations[0].validation_loss
            losses.append(mean_loss(measure(base, method, data.validation)))
            method.save(folder / "adapter")
        finally:
            method.detach()
    assert losses[0] == pytest.approx(losses[1], abs=0.05)
    method = attach_saved(base, folder / "adapter")
    try:
        assert mean_loss(measure(base, method, data.validation)) == pytest.approx(losses[-1], abs=1e-3)
        drafts = [generate(base, method, [PROMPT, PROMPT + [9]], [1, 2], Sampling(max_tokens=12)) for _ in range(2)]
        assert drafts[0] == drafts[1] and all(len(ids) <= 12 for ids in drafts[0])
    finally:
        method.detach()
