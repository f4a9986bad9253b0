"""Rows laid end to end for training on a CUDA GPU: no token of padding between them, and shapes that hardly ever change.

A micro-batch becomes one row of N tokens in which attention stays within each training row (flat_attention) and positions begin anew. N is
one of few, so that compiled layers are compiled for a fixed shape; what is left of it is filled with tokens that nobody counts. Whether a
base gives the same losses packed as separate is tried before a run (`agrees`), never assumed.

N = tokens of a micro-batch, filled up; D = rows in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch

from . import flat_attention
from .attention import NAME
from .devices import sent

if TYPE_CHECKING:
    from .bases import Base

SHORTEST = 64        # tokens a row, to foresee how many rows a micro-batch has
SHAPES = (4, 2, 1)   # parts of a micro-batch's budget that N may be
MASKED = -1          # what stands among targets where none is learned
CLOSE = 0.02         # nats a token by which packed and separate may differ in bf16: rounding alone gives a few thousandths


class Row(Protocol):
    """A training row (engine.tasks.drafting.Row): its targets are `ids[first:]`."""

    ids: tuple[int, ...]
    first: int


class Packed(NamedTuple):
    """Model arguments `ids` and `positions` (1, N), `starts` of the rows in it, ended by repeated N, and `longest`, at least the longest
    of them; for the loss `places` and `targets` (all targets,) and the row that `owner` says they belong to."""

    ids: torch.Tensor
    positions: torch.Tensor
    starts: torch.Tensor
    longest: int
    places: torch.Tensor
    targets: torch.Tensor
    owner: torch.Tensor

    def arguments(self) -> dict[str, Any]:
        """What the model is called with. The mask is never read: it only keeps the model from making one of N x N."""
        mask = torch.zeros(1, 1, 1, 1, dtype=torch.bool, device=self.ids.device)
        return {"input_ids": self.ids, "position_ids": self.positions, "attention_mask": mask, "starts": self.starts,
                "longest": self.longest, "use_cache": False}


def filled(tokens: int, budget: int) -> int:
    """N for so many tokens: the smallest part of the budget that holds them."""
    return next((budget // part for part in SHAPES if tokens <= budget // part), -(-tokens // 128) * 128)


def pack(rows: Sequence[Row], budget: int, device: torch.device) -> Packed:
    """The rows end to end on the device."""
    lengths = [len(row.ids) for row in rows]
    total = sum(lengths)
    size, longest = filled(total, budget), 1 << (max(lengths) - 1).bit_length()
    ends = torch.tensor([0, *lengths]).cumsum(0)
    more = torch.arange(total, size, longest)  # what fills it up is cut, so that none of it is longer than the longest row may be
    count = len(lengths) + len(more) + 1
    starts = torch.full((max(1 << (count - 1).bit_length(), size // SHORTEST),), size, dtype=torch.int32)
    starts[:count - 1] = torch.cat([ends[:-1], more]).to(torch.int32)
    ids, positions = torch.zeros(1, size, dtype=torch.long), torch.zeros(1, size, dtype=torch.long)
    ids[0, :total] = torch.tensor([token for row in rows for token in row.ids])
    positions[0, :total] = torch.arange(total) - torch.repeat_interleave(ends[:-1], torch.tensor(lengths))
    shown = [(int(at) + max(row.first, 1), int(at) + len(row.ids)) for row, at in zip(rows, ends[:-1].tolist(), strict=True)]
    places = torch.cat([torch.arange(first - 1, end - 1) for first, end in shown])
    targets = torch.tensor([token for row in rows for token in row.learned])
    owner = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([end - first for first, end in shown]))
    places, targets, owner = without_masked(places, targets, owner)
    ids, positions, starts, places, targets, owner = (sent(some, device) for some in (ids, positions, starts, places, targets, owner))
    return Packed(ids, positions, starts, longest, places, targets, owner)


def without_masked(places: torch.Tensor, targets: torch.Tensor, owner: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Places, targets and owners of the loss where something is learned."""
    learned = targets != MASKED
    return (places, targets, owner) if learned.all() else (places[learned], targets[learned], owner[learned])


def can_pack(base: Base, context_tokens: int, dtype: torch.dtype) -> bool:
    """Whether rows may be laid end to end: on CUDA in 16 bits, with full causal attention of the engine's own, no prefix before a row."""
    config = base.model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    local = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    return bool(base.device.type == "cuda" and flat_attention.USABLE and dtype == torch.bfloat16 and not context_tokens and base.plain_head
                and base.model.config._attn_implementation == NAME and kinds == {"full_attention"} and not local)


def agrees(separate: Sequence[float], packed: Sequence[float], targets: Sequence[int]) -> bool:
    """Whether nats of the same rows, separate and packed, are the same but for rounding."""
    return all(abs(one - other) <= CLOSE * count for one, other, count in zip(separate, packed, targets, strict=True))
