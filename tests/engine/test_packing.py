"""Rows laid end to end give the losses and gradients of rows one under another."""

from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F
from made_bases import make_base, pieces

from adtune.engine import flat_attention
from adtune.engine.head import _nats_and_slope
from adtune.engine.methods import attach
from adtune.engine.packing import SHORTEST, agrees, can_pack, filled, pack
from adtune.engine.tasks.drafting import Row, make_rows, row_nats
from adtune.settings import TuneSettings


def kernels_in_words(query, key, value, starts, *ends_and_longest, **given):
    """What torch's kernels do: (tokens, H, D); documents of no tokens are passed over, longer ones than `longest` are an error."""
    ends, longest, most = ends_and_longest
    assert longest == most and torch.equal(starts, ends) and starts[-1] == len(query)
    rows = []
    for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        assert last - first <= longest
        q, k, v = (some[first:last].transpose(0, 1) for some in (query, key, value))
        k, v = (some.repeat_interleave(q.shape[0] // some.shape[0], 0) for some in (k, v))
        rows.append(F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=given["scale"]).transpose(0, 1))
    return torch.cat(rows)


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("name", ["lora", "full"])
def test_packed_equals_separate_in_losses_and_gradients(kind, name, tmp_path, monkeypatch):
    monkeypatch.setattr(flat_attention, "varlen_attn", kernels_in_words)
    base = make_base(kind, tmp_path)
    rows = make_rows(base.renderer, pieces(9, 30), 256, masked=[[(9, 20)], *[()] * 8])[0]
    assert rows[0].labels is not None and rows[1].labels is None
    method = attach(name, base, asdict(TuneSettings(rank=3, alpha=6)), [])
    for key, tensor in method.tensors.items():
        if key.endswith("lora_B"):
            torch.nn.init.normal_(tensor, std=0.05)
    found = []
    for packed in (None, pack(rows, 1024, base.device)):
        nats = row_nats(base, method, rows, packed=packed)
        nats.sum().backward()
        found.append((nats.detach(), [tensor.grad.clone() for tensor in method.tensors.values()]))
        for tensor in method.tensors.values():
            tensor.grad = None
    (separate, by_separate), (laid, by_laid) = found
    assert torch.allclose(separate, laid, rtol=1e-4)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-4 * a.abs().max()) for a, b in zip(by_separate, by_laid, strict=True))
    assert agrees(separate.tolist(), laid.tolist(), [row.targets for row in rows])
    assert not agrees(separate.tolist(), [nats * 1.1 for nats in laid.tolist()], [row.targets for row in rows])


def test_every_token_has_its_place_and_shapes_are_few():
    rows = [Row(tuple(range(10 * n + 1, 10 * n + 4 + n)), 1 + n % 2, n) for n in range(9)]
    laid = pack(rows, 256, torch.device("cpu"))
    assert laid.ids.shape == laid.positions.shape == (1, 64) and laid.longest == 16
    assert laid.ids[0, :sum(len(row.ids) for row in rows)].tolist() == [token for row in rows for token in row.ids]
    assert [int(laid.positions[0, at]) for at in laid.starts[:len(rows)].tolist()] == [0] * len(rows)
    assert laid.starts.diff().max() <= laid.longest and laid.starts[-1] == 64
    for n, row in enumerate(rows):
        assert tuple(laid.targets[laid.owner == n].tolist()) == row.ids[row.first:]
        assert laid.ids[0, laid.places[laid.owner == n] + 1].tolist() == list(row.ids[row.first:])
    assert {filled(tokens, 1024) for tokens in range(1, 1025)} == {256, 512, 1024} and filled(1100, 1024) == 1152
    assert {len(pack(rows[:n], 256, torch.device("cpu")).starts) for n in range(1, 10)} <= {16, 32}
    assert len(pack([Row(tuple(range(200)), 1, 0)] * 3, 4096, torch.device("cpu")).starts) == 1024 // SHORTEST


def test_rows_are_packed_only_where_that_is_exact(tmp_path):
    base = make_base("llama", tmp_path)
    assert not can_pack(base, 0, torch.bfloat16)  # a CPU has no such kernels


def test_a_fused_chunk_gives_cross_entropy_and_its_slope():
    torch.manual_seed(1)
    logits = (3 * torch.randn(12, 50)).requires_grad_()
    targets = torch.randint(50, (12,))
    targets[3] = -1
    nats, slope = _nats_and_slope(logits, targets)
    expected = F.cross_entropy(logits, targets, reduction="none", ignore_index=-1)
    expected.sum().backward()
    counted = targets >= 0
    assert torch.allclose(nats[counted], expected[counted], atol=1e-5) and torch.allclose(slope, logits.grad, atol=1e-6)
    assert not slope[3].any()


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_packed_equals_separate_on_a_gpu(gpu, compiled, tmp_path):
    from contextlib import nullcontext

    from adtune.engine.compiled import compiled_layers

    if gpu != "cuda":
        pytest.skip("these kernels are CUDA's")
    base = make_base("llama", tmp_path)
    base.model.to("cuda")
    if not can_pack(base, 0, torch.bfloat16):
        pytest.skip("this torch has no such kernels")
    rows = make_rows(base.renderer, pieces(9, 30), 256)[0]
    method = attach("lora", base, asdict(TuneSettings(rank=3, alpha=6)), [])
    separate = row_nats(base, method, rows, torch.bfloat16).tolist()
    with compiled_layers(base.model, dynamic=False) if compiled else nullcontext():
        laid = row_nats(base, method, rows, torch.bfloat16, pack(rows, 1024, base.device))
        laid.sum().backward()
    assert agrees(separate, laid.tolist(), [row.targets for row in rows])
    assert all(torch.isfinite(tensor.grad).all() for tensor in method.tensors.values())
