"""Attention in blocks gives what torch's own attention gives, with its gradients, and steps aside where it does not apply."""

import pytest
import torch
import torch.nn.functional as F

from adtune.engine import attention

SHAPES = [(2, 4, 2, 130, 130), (1, 3, 3, 64, 64), (3, 2, 1, 5, 5), (2, 4, 2, 70, 83), (1, 2, 2, 65, 200)]  # B, H, K, T, S


def tensors(B, H, K, T, S, dtype):
    generator = torch.Generator().manual_seed(B * 1000 + T)
    return [torch.randn(B, heads, length, 16, generator=generator).to(dtype).requires_grad_(True)
            for heads, length in ((H, T), (K, S), (K, S))]


def reference(query, key, value):
    """Masked attention in fp64 with the queries as the last of the keys."""
    repeat = query.shape[1] // key.shape[1]
    key, value = (part.double().repeat_interleave(repeat, 1) for part in (key, value))
    seen = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).tril(key.shape[2] - query.shape[2])
    return F.scaled_dot_product_attention(query.double(), key, value, attn_mask=seen)


class Module(torch.nn.Module):
    is_causal = True
    num_key_value_groups = 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 2e-6), (torch.bfloat16, 4e-2)])
def test_blocks_equal_masked_attention_and_its_gradients(shape, dtype, limit):
    given, again = tensors(*shape, dtype), tensors(*shape, dtype)
    out, _ = attention._forward(Module(), *given, attention_mask=None)
    expected = reference(*again)
    assert (out.transpose(1, 2) - expected).abs().max() < limit
    above = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    (out.transpose(1, 2).double() * above).sum().backward()
    (expected * above).sum().backward()
    for ours, theirs in zip(given, again, strict=True):
        assert (ours.grad.double() - theirs.grad.double()).abs().max() < limit * 10


def test_later_tokens_change_nothing_before_them():
    query, key, value = (part.detach() for part in tensors(1, 2, 2, 150, 150, torch.float32))
    first, _ = attention._forward(Module(), query, key, value, attention_mask=None)
    key[:, :, 100:], value[:, :, 100:] = 9.0, -9.0
    second, _ = attention._forward(Module(), query, key, value, attention_mask=None)
    assert torch.equal(first[:, :100], second[:, :100]) and not torch.equal(first[:, 100:], second[:, 100:])


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2", "gemma", "gemma3", "stories260k"])
def test_a_model_gives_the_same_logits_as_with_torchs_own_attention(kind, base_of):
    base = base_of(kind)
    assert base.model.config._attn_implementation == attention.NAME
    ids = torch.arange(2 * 90).view(2, 90) % 250
    padded = torch.ones_like(ids)
    padded[0, :7] = 0
    for mask in (None, padded):
        with torch.no_grad():
            ours = base.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
            base.model.set_attn_implementation("sdpa")
            theirs = base.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
            base.model.set_attn_implementation(attention.NAME)
        shown = slice(None) if mask is None else mask.bool()
        assert (ours[shown] - theirs[shown]).abs().max() < 2e-5


def test_the_name_of_the_attention_is_not_written_into_a_saved_model(base_of, tmp_path):
    base_of("llama").model.save_pretrained(tmp_path)
    assert attention.NAME not in (tmp_path / "config.json").read_text()
