"""What a run will need of its memory is planned from the base and the settings, before anything is trained."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from adtune.engine import memory
from adtune.engine.bases import load_base
from adtune.engine.devices import Form
from adtune.engine.memory import planned_bytes
from adtune.engine.methods import attach
from adtune.settings import TuneSettings

SETTINGS = TuneSettings(rank=3, alpha=6, prefix_tokens=5)


@pytest.mark.parametrize("name", ["lora", "prefix", "full"])
def test_parts_follow_from_what_is_trained_and_nothing_stays_attached(name, llama):
    planned = planned_bytes(name, llama, SETTINGS)
    method = attach(name, llama, asdict(SETTINGS), [0, 20, 31, 42, 53])
    method.detach()
    assert planned.moments == 8 * method.count and planned.gradients == 4 * method.count
    assert planned.copies == (12 if name == "full" else 8) * method.count
    assert 4 * llama.parameters <= planned.weights < 4.2 * llama.parameters
    assert planned.total == sum(asdict(planned).values()) == planned.weights + planned.more
    assert type(llama.linears["model.layers.0.mlp.up_proj"]) is torch.nn.Linear


def test_a_plan_draws_nothing_from_the_seed(llama):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    planned_bytes("lora", llama, SETTINGS)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
@pytest.mark.parametrize("name", ["lora", "full"])
def test_what_is_kept_for_the_way_back_is_what_two_short_rows_foretell(name, kind, base_of):
    """Counted on rows of 250 tokens, most of a window; gemma2's attention keeps its probabilities, so that it grows faster."""
    base = base_of(kind)
    with memory._trainable(name, base, SETTINGS) as (method, _):
        short, long, whole = (memory._kept(base, method, tokens, False) for tokens in (64, 128, 250))
    by_length = max(0.0, (long - 2 * short) / (2 * 64**2))
    assert whole == pytest.approx(250 * (short / 64 + by_length * (250 - 64)), rel=0.15)
    assert (by_length > 20) == (kind == "gemma2")


def test_smaller_forward_passes_and_quantised_weights_need_less(any_llama):
    base, small = any_llama
    few, many = (planned_bytes("full", base, TuneSettings(micro_tokens=n, batch_tokens=32768)) for n in (1024, 32768))
    assert few.activations < many.activations
    assert many == planned_bytes("full", base, TuneSettings(micro_tokens=10**6, batch_tokens=32768))  # a batch is never larger
    assert planned_bytes("lora", small, SETTINGS).weights < planned_bytes("lora", base, SETTINGS).weights
    assert planned_bytes("lora", base, SETTINGS, bf16=True).activations < planned_bytes("lora", base, SETTINGS).activations


@pytest.fixture
def any_llama(llama):
    pytest.importorskip("torchao")
    return llama, load_base(llama.place, form=Form("cpu", "int8"))
