"""Causal attention within documents on a CUDA GPU: torch's FlashAttention kernels for sequences laid end to end, without any mask.

Rows of several documents are read as one list of documents, each with a beginning (FlashAttention-2, Dao 2023, arXiv 2307.08691). No
product across two documents is made, and a mask of T x T a row is neither made nor read. B = rows, H = query heads, K = key/value heads,
T = tokens of a row, D = head size.
"""

from __future__ import annotations

import inspect

import torch

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # before torch 2.10
    varlen_attn = None

_KNOWN = inspect.signature(varlen_attn).parameters if varlen_attn is not None else {}
USABLE = "window_size" in _KNOWN  # the first releases said causal in another way
_GROUPED = {"enable_gqa": True} if "enable_gqa" in _KNOWN else {}  # older ones take fewer key/value heads without being told


def starts_of(numbers: torch.Tensor) -> torch.Tensor:
    """Where each document begins, (documents + 1,) int32, in rows laid end to end; the last is the end of all.

    `numbers` (B, T) says which document of its row a token belongs to; a document never goes on in the next row.
    """
    first = torch.ones_like(numbers, dtype=torch.bool)
    first[:, 1:] = numbers[:, 1:] != numbers[:, :-1]
    return torch.cat([first.flatten().nonzero()[:, 0], torch.tensor([numbers.numel()], device=numbers.device)]).to(torch.int32)


def flat_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, starts: torch.Tensor, scale: float) -> torch.Tensor:
    """Attention of queries (B, H, T, D) to keys and values (B, K, T, D) of one 16-bit type, within the documents that begin at `starts`;
    (B, T, H, D)."""
    B, H, T, D = query.shape
    flat = [some.transpose(1, 2).reshape(B * T, -1, D) for some in (query, key, value)]
    return varlen_attn(*flat, starts, starts, T, T, scale=scale, window_size=(-1, 0), **_GROUPED).view(B, T, H, D)
