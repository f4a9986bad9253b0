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


def packed(lengths_of_rows):
    """(B, T) document numbers for rows of documents of these lengths."""
    return torch.stack([torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)) for lengths in lengths_of_rows])


LENGTHS = [[50, 100, 1, 149], [300], [1, 1, 298], [150, 150]]


def test_documents_of_one_row_do_not_see_each_other():
    """A row of documents gives each of them what it gets alone, and their gradients."""
    numbers = packed(LENGTHS)
    B, T = numbers.shape
    given, again = tensors(B, 4, 2, T, T, torch.float32), tensors(B, 4, 2, T, T, torch.float32)
    out, _ = attention._forward(Module(), *given, attention_mask=None, documents=attention.Documents(numbers))
    above = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    (out * above).sum().backward()
    for row, lengths in enumerate(LENGTHS):
        start = 0
        for length in lengths:
            part = slice(start, start + length)
            alone = reference(*(tensor[row:row + 1, :, part] for tensor in again))[0].transpose(0, 1)
            assert (out[row, part] - alone).abs().max() < 2e-6
            (alone * above[row, part]).sum().backward()
            start += length
    for ours, theirs in zip(given, again, strict=True):
        assert (ours.grad - theirs.grad).abs().max() < 2e-5


def test_documents_for_torchs_own_attention_are_the_same_mask():
    numbers = packed(LENGTHS)
    query, key, value = (part.detach() for part in tensors(4, 4, 4, 300, 300, torch.float32))
    documents = attention.Documents(numbers)
    ours, _ = attention._forward(Module(), query, key, value, attention_mask=None, documents=documents)
    theirs = F.scaled_dot_product_attention(query, key, value, attn_mask=attention.seen(numbers))
    assert (ours - theirs.transpose(1, 2)).abs().max() < 2e-6
    assert [block.first for block in attention.Documents(numbers[:1]).blocks] == [0, 0, 0, 128, 128]


def test_documents_are_refused_where_attention_is_not_plain():
    query, key, value = (part.detach() for part in tensors(1, 2, 2, 4, 4, torch.float32))
    documents = attention.Documents(torch.zeros(1, 4, dtype=torch.int32))
    with pytest.raises(NotImplementedError):
        attention._forward(Module(), query, key, value, attention_mask=torch.ones(1, 1, 4, 4, dtype=torch.bool), documents=documents)
