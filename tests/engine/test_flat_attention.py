"""Documents laid end to end: where each begins, and that attention stays within it, as a mask would keep it."""

import pytest
import torch
import torch.nn.functional as F

from adtune.engine import attention, flat_attention
from adtune.engine.flat_attention import starts_of

NUMBERS = torch.tensor([[0, 0, 0, 1, 1, 2, 2, 2], [0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 2, 2, 2, 3, 3]], dtype=torch.int32)


def test_each_document_begins_where_its_number_does_and_no_later_than_its_row():
    starts = starts_of(NUMBERS)
    assert starts.dtype == torch.int32 and starts.tolist() == [0, 3, 5, 8, 16, 17, 18, 22, 24]


class Module(torch.nn.Module):
    is_causal = True


def given(device, dtype, heads=4, groups=2, width=64):
    torch.manual_seed(0)
    shapes = [(len(NUMBERS), count, NUMBERS.shape[1], width) for count in (heads, groups, groups)]
    return [torch.randn(shape, device=device, dtype=dtype).requires_grad_() for shape in shapes]


def by_mask(query, key, value):
    masked = attention.seen(NUMBERS.to(query.device))
    key, value = (some.repeat_interleave(query.shape[1] // some.shape[1], 1) for some in (key, value))
    return F.scaled_dot_product_attention(query, key, value, attn_mask=masked).transpose(1, 2)


def kernels_in_words(query, key, value, starts, *ends_and_longest, **given):
    """What torch's kernels do, document by document: (tokens, H, D)."""
    (ends, *longest), scale = ends_and_longest, given["scale"]
    assert longest == [NUMBERS.shape[1]] * 2 and given["window_size"] == (-1, 0) and torch.equal(starts, ends)
    rows = []
    for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        q, k, v = (some[first:last].transpose(0, 1) for some in (query, key, value))
        k, v = (some.repeat_interleave(q.shape[0] // some.shape[0], 0) for some in (k, v))
        rows.append(F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale).transpose(0, 1))
    return torch.cat(rows)


def test_a_model_that_is_told_the_starts_attends_within_documents(monkeypatch):
    monkeypatch.setattr(flat_attention, "varlen_attn", kernels_in_words)
    query, key, value = given("cpu", torch.float32)
    out, _ = attention._forward(Module(), query, key, value, attention_mask=None, starts=starts_of(NUMBERS))
    assert torch.allclose(out, by_mask(query, key, value), atol=1e-6)


def test_starts_are_for_causal_attention_alone():
    query, key, value = given("cpu", torch.float32)
    with pytest.raises(NotImplementedError, match="plain causal"):
        attention._forward(Module(), query, key, value, attention_mask=None, starts=starts_of(NUMBERS), is_causal=False)


@pytest.mark.gpu
def test_the_kernels_give_what_a_mask_gives(gpu):
    if gpu != "cuda" or not flat_attention.USABLE:
        pytest.skip("these kernels are CUDA's, from torch 2.11")
    query, key, value = given("cuda", torch.bfloat16)
    out, _ = attention._forward(Module(), query, key, value, attention_mask=None, starts=starts_of(NUMBERS).cuda())
    wanted = by_mask(*(some.float() for some in (query, key, value)))
    above = torch.randn_like(wanted)
    slopes = [torch.autograd.grad(found, (query, key, value), above.to(found.dtype)) for found in (out, wanted)]
    for found, expected in [(out, wanted), *zip(*slopes, strict=True)]:
        assert ((found.float() - expected.float()).norm() / expected.float().norm()).item() < 1e-2
