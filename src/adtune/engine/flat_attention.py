"""Causal attention within documents on a CUDA GPU: torch's FlashAttention kernels for sequences laid end to end, without any mask.

Rows of several documents are read as one list of documents, each with a beginning (FlashAttention-2, Dao 2023, arXiv 2307.08691). No
product across two documents is made, and a mask of T x T a row is neither made nor read. B = rows, H = query heads, K = key/value heads,
T = tokens of a row, D = head size.
"""

from __future__ import annotations

import inspect
from typing import NamedTuple

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


class Starts(NamedTuple):
    """Where the documents of a batch begin (documents + 1,), and what none of them is longer than; None is the rows' own length."""

    starts: torch.Tensor
    longest: int | None = None


def flat_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, begin: Starts, scale: float) -> torch.Tensor:
    """Attention of queries (B, H, T, D) to keys and values (B, K, T, D) of one 16-bit type, within the documents that begin as `begin`
    says; (B, T, H, D)."""
    B, H, T, D = query.shape
    flat = [some.transpose(1, 2).reshape(B * T, -1, D) for some in (query, key, value)]
    longest, starts = begin.longest or T, begin.starts
    return varlen_attn(*flat, starts, starts, longest, longest, scale=scale, window_size=(-1, 0), **_GROUPED).view(B, T, H, D)
