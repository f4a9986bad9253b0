"""Causal attention in blocks of queries, for training on a CPU: 2 to 3 times as fast as torch's own there, and no larger.

    O = softmax(Q K^T / sqrt(D) + causal) V, one block of queries at a time against the keys up to its end

Blocks above the diagonal are never computed, the probabilities of a block stay near the processor, and they are computed again on
the way back rather than kept (as in FlashAttention, Dao et al. 2022, arXiv 2205.14135). Rows that hold several documents are given
with `documents=Documents(...)`, on a CUDA GPU with `starts=starts_of(...)` (flat_attention): attention then stays within each of them.
B = rows, H = query heads, K = key/value heads (H = G K, grouped queries), T = queries, S = keys (S - T stand in a cache before the first
query), D = head size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from .devices import product_dtype
from .flat_attention import Starts, flat_attention

NAME = "adtune_blocks"
BLOCK = 64  # queries


class Block(NamedTuple):
    """Queries from `start` to `stop` against the keys from `first` to `seen`; `hidden` (…, queries, W) is True where a query does not
    see one of the last W of these keys."""

    start: int
    stop: int
    first: int
    seen: int
    hidden: torch.Tensor


class Documents:
    """Rows of several documents, one after another: `numbers` (B, T) says which one a token belongs to, and never falls along a row."""

    def __init__(self, numbers: torch.Tensor):
        self.numbers, self.blocks = numbers, []
        if numbers.device.type != "cpu":  # torch's own attention takes the mask instead
            return
        for start, stop, _, seen, hidden in _blocks(numbers.shape[1], numbers.shape[1], numbers.device):
            earlier = int((numbers < numbers[:, start, None]).sum(1).min())  # keys that no query of the block sees in any row
            first = earlier // BLOCK * BLOCK  # a library makes and keeps a kernel for every shape
            other = numbers[:, start:stop, None] != numbers[:, None, first:seen]
            other[..., seen - first - (stop - start):] |= hidden
            self.blocks.append(Block(start, stop, first, seen, other[:, None]))


def use_blocks(model: Any) -> None:
    """Let a model that uses torch's attention use this one where it applies, and torch's own everywhere else."""
    if model.config._attn_implementation == "sdpa" and model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)


def _mask(*, q_length: int, kv_length: int, **given: Any) -> torch.Tensor | None:
    """None where plain causal attention is meant, the queries being the last of the keys; else transformers' own mask."""
    queries_from, local = given.get("q_offset", 0), given.get("local_size")
    if (given.get("allow_is_causal_skip", True) and given.get("attention_mask") is None and (local is None or kv_length < local)
            and isinstance(queries_from, int) and queries_from + q_length == kv_length and not given.get("kv_offset", 0)):
        return None
    return sdpa_mask(q_length=q_length, kv_length=kv_length, **given)


def _forward(module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None,
             **given: Any) -> tuple[torch.Tensor, None]:
    queries, keys = query.shape[2], key.shape[2]
    causal = given.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    documents, starts, longest = given.pop("documents", None), given.pop("starts", None), given.pop("longest", None)
    unmasked = attention_mask is None or starts is not None  # rows laid end to end bring a mask that nobody reads
    plain = unmasked and causal and queries > 1 and given.get("position_bias") is None and given.get("softcap") is None
    if starts is not None:
        if not plain:
            raise NotImplementedError("documents within a row are for plain causal attention")
        scale = query.shape[-1] ** -0.5 if given.get("scaling") is None else given["scaling"]
        return flat_attention(query.to(value.dtype), key.to(value.dtype), value, Starts(starts, longest), scale), None
    if plain and query.device.type == "cpu" and not given.get("dropout"):
        scale = query.shape[-1] ** -0.5 if given.get("scaling") is None else given["scaling"]
        dtype = product_dtype(value)
        blocks = documents.blocks if documents is not None else _blocks(queries, keys, query.device)
        return _Blocks.apply((query * scale).to(dtype), key.to(dtype), value.to(dtype), blocks).transpose(1, 2).contiguous(), None
    if documents is not None:
        if not plain:
            raise NotImplementedError("documents within a row are for plain causal attention")
        attention_mask = seen(documents.numbers)
    elif plain and queries != keys:  # torch's own would align the queries with the first keys
        attention_mask = torch.ones(queries, keys, dtype=torch.bool, device=query.device).tril(keys - queries)[None, None]
    return sdpa_attention_forward(module, query, key, value, attention_mask, **given)


AttentionInterface.register(NAME, _forward)
AttentionMaskInterface.register(NAME, _mask)


def seen(numbers: torch.Tensor) -> torch.Tensor:
    """(B, 1, T, T) from document numbers (B, T), True where a query sees a key: the form that torch's own attention takes."""
    return (numbers[:, :, None] == numbers[:, None, :]).tril()[:, None]


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, blocks: list[Block]) -> torch.Tensor:
        """`query` is scaled already; all three are of one precision."""
        B, H, T, D = query.shape
        K, S = key.shape[1], key.shape[2]
        q, k, v = query.reshape(B * K, H // K, T, D), key.reshape(B * K, S, D), value.reshape(B * K, S, value.shape[-1])
        out = q.new_empty(B * K, H // K, T, v.shape[-1])
        for block in blocks:
            start, stop, first, seen, _ = block
            out[:, :, start:stop] = torch.bmm(_probabilities(q, k, block, B), v[:, first:seen]).view(B * K, H // K, stop - start, -1)
        ctx.save_for_backward(q, k, v)
        ctx.shapes, ctx.blocks = (query.shape, key.shape, value.shape), blocks
        return out.view(B, H, T, -1)

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        q, k, v = ctx.saved_tensors
        of_query, of_key, of_value = ctx.shapes
        N, G, T, D = q.shape
        above = above.reshape(N, G, T, -1)
        by_q, by_k, by_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for block in ctx.blocks:
            start, stop, first, seen, _ = block
            p = _probabilities(q, k, block, of_query[0])
            g = above[:, :, start:stop].reshape(N, G * (stop - start), -1)
            by_v[:, first:seen].baddbmm_(p.transpose(1, 2), g)
            slope = torch._softmax_backward_data(torch.bmm(g, v[:, first:seen].transpose(1, 2)), p, -1, p.dtype)
            by_q[:, :, start:stop] = torch.bmm(slope, k[:, first:seen]).view(N, G, stop - start, D)
            by_k[:, first:seen].baddbmm_(slope.transpose(1, 2), q[:, :, start:stop].reshape(N, G * (stop - start), D))
        return by_q.view(of_query), by_k.view(of_key), by_v.view(of_value), None


def _blocks(T: int, S: int, device: torch.device) -> list[Block]:
    """The blocks of T queries that are the last of S keys, one document a row."""
    places = [(start, min(start + BLOCK, T)) for start in range(0, T, BLOCK)]
    return [Block(start, stop, 0, S - T + stop, torch.ones(stop - start, stop - start, dtype=torch.bool, device=device).triu(1))
            for start, stop in places]


def _probabilities(q: torch.Tensor, k: torch.Tensor, block: Block, B: int) -> torch.Tensor:
    """Attention of a block's queries to its keys, (N, G queries, keys)."""
    start, stop, first, seen, hidden = block
    N, G, _, D = q.shape
    size = stop - start
    scores = torch.bmm(q[:, :, start:stop].reshape(N, G * size, D), k[:, first:seen].transpose(1, 2))
    scores = scores.view(B, N // B * G, size, seen - first)
    scores[..., seen - first - hidden.shape[-1]:].masked_fill_(hidden, -torch.inf)
    return torch.softmax(scores, -1).view(N, G * size, seen - first)
