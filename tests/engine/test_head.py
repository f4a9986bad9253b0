"""Nats at the head in chunks equal cross-entropy over all logits, with the gradients of a frozen and of a trained head."""

import pytest
import torch
import torch.nn.functional as F

from adtune.engine import head as module
from adtune.engine.head import head_nats


def made(bias, trained, positions=37, width=16, vocabulary=300):
    torch.manual_seed(3)
    layer = torch.nn.Linear(width, vocabulary, bias=bias).requires_grad_(trained)
    hidden = torch.randn(positions, width, requires_grad=True)
    return layer, hidden, torch.randint(vocabulary, (positions,))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("step", [1, 4, 64])
def test_chunks_equal_cross_entropy(bias, trained, alike, step, monkeypatch):
    monkeypatch.setattr(module, "ROW_STEP", step)
    monkeypatch.setitem(module.FEWEST_ROWS, "cpu", 10)  # four chunks, the last one smaller, or with positions that have no target
    monkeypatch.setattr(module, "CHUNK_LOGITS", 1)
    layer, hidden, targets = made(bias, trained)
    weights = torch.full((len(targets),), 0.3) if alike else torch.rand(len(targets))
    nats = head_nats(hidden, layer, targets)
    (nats * weights).sum().backward()
    found = [hidden.grad, *(p.grad for p in layer.parameters() if trained)]
    layer, again, _ = made(bias, trained)
    expected = F.cross_entropy(layer(again), targets, reduction="none")
    (expected * weights).sum().backward()
    assert torch.allclose(nats, expected, atol=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, [again.grad, *(p.grad for p in layer.parameters() if trained)],
                                                               strict=True))


@pytest.mark.parametrize("trained", [False, True])
def test_no_more_than_a_chunk_of_logits_is_ever_held_and_none_is_made_twice(trained, monkeypatch):
    seen = []
    whole = module._log_probabilities
    monkeypatch.setattr(module, "ROW_STEP", 4)
    monkeypatch.setitem(module.FEWEST_ROWS, "cpu", 8)
    monkeypatch.setattr(module, "CHUNK_LOGITS", 8 * 300)
    monkeypatch.setattr(module, "_log_probabilities", lambda *a: seen.append(whole(*a)) or seen[-1])
    layer, hidden, targets = made(False, trained)
    head_nats(hidden, layer, targets).sum().backward()
    assert [len(part) for part in seen] == [8, 8, 8, 8, 8]  # 37 positions, filled up to 40


def test_products_come_in_few_shapes(monkeypatch):
    """Over all counts of targets, as batches have them."""
    seen = set()
    whole = module._log_probabilities
    monkeypatch.setattr(module, "CHUNK_LOGITS", 512 * 30)
    monkeypatch.setattr(module, "_log_probabilities", lambda *a: seen.add(len(a[0])) or whole(*a))
    layer, hidden, targets = made(False, False, positions=1200, vocabulary=30)
    for count in range(1, 1200, 7):
        assert len(head_nats(hidden[:count], layer, targets[:count])) == count
    assert seen <= set(range(64, 513, 64))


def test_under_bf16_the_gradient_keeps_the_precision_of_the_hidden_states():
    layer, hidden, targets = made(False, False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        nats = head_nats(hidden, layer, targets)
    nats.sum().backward()
    assert nats.dtype == torch.float32 and hidden.grad.dtype == torch.float32
    exact = F.cross_entropy(layer(hidden.detach()), targets, reduction="none")
    assert (nats - exact).abs().max() < 0.05 and (nats - exact).abs().max() > 0


def test_a_very_unlikely_target_costs_what_it_costs():
    layer = torch.nn.Linear(1, 2, bias=False).requires_grad_(False)
    layer.weight[:] = torch.tensor([[400.0], [0.0]])
    assert head_nats(torch.ones(1, 1), layer, torch.tensor([1])).item() == pytest.approx(400)
