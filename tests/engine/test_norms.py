"""The fused RMSNorm gives the values and gradients of the models' own, and leaves alone what it does not compute."""

import pytest
import torch
from torch import nn

from adtune.engine.norms import _forward, use_fused_norms


class OwnRMSNorm(nn.Module):
    def __init__(self, offset=0.0, power=2):
        super().__init__()
        self.weight, self.eps, self.offset, self.power = nn.Parameter(torch.rand(12)), 1e-6, offset, power

    def forward(self, hidden):
        x = hidden.float()
        x = x * torch.rsqrt(x.abs().pow(self.power).mean(-1, keepdim=True) + self.eps)
        return (self.weight + self.offset) * x.to(hidden.dtype)


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_values_and_gradients_equal_the_models_own(offset):
    own = OwnRMSNorm(offset)
    hidden = (torch.randn(2, 5, 12) * 3).requires_grad_(True)
    above = torch.randn(2, 5, 12)
    expected = own(hidden)
    expected.backward(above)
    by_hidden, by_weight = hidden.grad.clone(), own.weight.grad.clone()
    hidden.grad = own.weight.grad = None
    assert use_fused_norms(nn.Sequential(own)) == 1
    found = own(hidden)
    found.backward(above)
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.allclose(hidden.grad, by_hidden, atol=1e-5) and torch.allclose(own.weight.grad, by_weight, atol=1e-5)


def test_another_norm_is_left_alone():
    other = OwnRMSNorm(power=3)
    before = other(torch.ones(1, 12))
    assert use_fused_norms(nn.Sequential(other, nn.LayerNorm(12))) == 0
    assert torch.equal(other(torch.ones(1, 12)), before)


def test_precision_follows_autocast_for_hidden_states_only():
    own = OwnRMSNorm()
    own.weight.requires_grad_(False)
    hidden = torch.randn(4, 12)
    assert _forward(own, 1e-6, 0.0, hidden).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert _forward(own, 1e-6, 0.0, hidden).dtype == torch.bfloat16
        assert _forward(own, 1e-6, 0.0, hidden.bfloat16()).dtype == torch.float32  # as the weight's precision makes it


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gemma2", "gemma3", "stories260k"])
def test_every_norm_of_these_bases_is_replaced(kind, base_of):
    base = base_of(kind)
    norms = [module for module in base.model.modules() if type(module).__name__.endswith("RMSNorm")]
    assert norms and all("forward" in vars(module) for module in norms)
    ids = torch.arange(60).view(2, 30)
    with torch.no_grad():
        ours = base.model(input_ids=ids, use_cache=False).logits
        kept = [vars(module).pop("forward") for module in norms]
        own = base.model(input_ids=ids, use_cache=False).logits
    for module, forward in zip(norms, kept, strict=True):
        module.forward = forward
    assert (ours - own).abs().max() < 2e-5
