"""Compiled layers give what eager ones do, with one compilation for all of them, and leave the base as it was."""

from dataclasses import asdict, replace

import pytest
import torch
from made_bases import make_base, pieces

from adtune.engine import fit as fit_module
from adtune.engine.compiled import compiled_layers, eagerly, layers_of
from adtune.engine.fit import Fit, FitData, FitPlan
from adtune.engine.methods import attach
from adtune.engine.tasks.drafting import make_rows, row_nats
from adtune.errors import InputError
from adtune.settings import TuneSettings

# torch's tracer makes an object of every autograd function and looks at the gradient of every tensor that it meets, and warns of it itself
pytestmark = [pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
              pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")]
OPTIONS = asdict(TuneSettings(rank=3, alpha=6))
COUNTED = torch._dynamo.utils.counters


@pytest.fixture(autouse=True)
def nothing_compiled():
    torch._dynamo.reset()
    COUNTED.clear()
    yield
    torch._dynamo.reset()


def gradients(base, method, rows):
    nats = row_nats(base, method, rows)
    nats.sum().backward()
    found = {name: tensor.grad.clone() for name, tensor in method.tensors.items()}
    for tensor in method.tensors.values():
        tensor.grad = None
    return nats.detach(), found


@pytest.mark.parametrize("name", ["lora", "full"])
def test_compiled_equals_eager_and_is_compiled_once_for_all_layers_and_widths(name, tmp_path):
    base = make_base("qwen3", tmp_path, num_hidden_layers=10)
    rows = make_rows(base.renderer, pieces(12, 40), 256)[0]
    batches = [rows[:4], rows[4:9], rows[9:11]]
    method = attach(name, base, OPTIONS, [])
    for key, tensor in method.tensors.items():
        if key.endswith("lora_B"):
            torch.nn.init.normal_(tensor, std=0.05)
    expected = [gradients(base, method, batch) for batch in batches]
    norms = [module.forward for module in base.model.modules() if "forward" in module.__dict__]
    with compiled_layers(base.model, "aot_eager") as count:
        for batch, (nats, by_tensor) in zip(batches, expected, strict=True):
            again, found = gradients(base, method, batch)
            assert torch.allclose(again, nats, rtol=1e-5, atol=1e-5)
            assert all(torch.allclose(found[key], by_tensor[key], rtol=1e-4, atol=1e-5 * by_tensor[key].abs().max()) for key in found)
    assert count == 10 == len(layers_of(base.model)) and COUNTED["stats"]["unique_graphs"] == 1
    assert [module.forward for module in base.model.modules() if "forward" in module.__dict__] == norms and norms
    assert not base.model.get_input_embeddings()._forward_hooks
    assert all(layer._compiled_call_impl is None for layer in layers_of(base.model))
    with eagerly(), torch.no_grad(), compiled_layers(base.model, "aot_eager"):
        row_nats(base, method, rows)
    assert COUNTED["stats"]["unique_graphs"] == 1


def test_a_run_with_compiled_layers_ends_where_the_eager_one_does(llama, tmp_path, monkeypatch):
    monkeypatch.setattr(fit_module, "compiled_layers", lambda model, **given: compiled_layers(model, "aot_eager", **given))
    data = FitData(make_rows(llama.renderer, pieces(8, 8), 128)[0], make_rows(llama.renderer, pieces(4, 8, 1), 128)[0])
    plan, losses = FitPlan(rate=5e-3, epochs=1, batch_tokens=128, micro_tokens=128, patience=99, replay=0.0), []
    for compiled in (False, True):
        torch.manual_seed(5)
        method = attach("lora", llama, OPTIONS, [])
        try:
            fit = Fit(llama, method, data, replace(plan, compile=compiled), tmp_path / str(compiled))
            losses.append([one.validation_loss for one in fit.run().evaluations])
        finally:
            method.detach()
    assert losses[0] == pytest.approx(losses[1], abs=1e-4) and 1 <= COUNTED["stats"]["unique_graphs"] <= 3  # rows of one piece apart
    method = attach("lora", llama, OPTIONS, [])
    try:
        with pytest.raises(InputError, match="setting compile on resume"):
            Fit(llama, method, data, plan, tmp_path / "True").restore()
    finally:
        method.detach()
