"""The nats of each target of held-out rows, one by one: what a loss over some of them (a client's terms) is summed from."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..bases import Base
from ..head import head_nats
from ..methods.base import AbstractMethod
from .drafting import Row, split_by_budget


def measure_targets(base: Base, method: AbstractMethod | None, rows: Sequence[Row], budget: int = 8192,
                    dtype: torch.dtype = torch.float32) -> list[tuple[float, ...]]:
    """The nats of each target of each row, in the rows' order; the first target of a row without anything before it is not predicted."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    found: list[tuple[float, ...]] = [()] * len(rows)
    with torch.no_grad(), torch.autocast(base.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        for group in split_by_budget(rows, order, budget):
            for i, nats in zip(group, _nats(base, method, [rows[i] for i in group]), strict=True):
                found[i] = tuple(nats.tolist())
    return found


def _nats(base: Base, method: AbstractMethod | None, rows: Sequence[Row]) -> list[torch.Tensor]:
    """One vector of nats a row; rows are padded on the right, where causal attention never looks."""
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([[*row.ids, *[0] * (width - len(row.ids))] for row in rows], device=base.device)
    cache = method.cache(len(rows)) if method is not None else None
    arguments = {"input_ids": ids, "past_key_values": cache, "use_cache": cache is not None}
    shown = [(max(row.first, 1), len(row.ids)) for row in rows]
    if base.plain_head:
        hidden = base.model.base_model(**arguments).last_hidden_state
        parts = torch.cat([hidden[n, first - 1:end - 1] for n, (first, end) in enumerate(shown)])
        targets = torch.cat([ids[n, first:end] for n, (first, end) in enumerate(shown)])
        nats = head_nats(parts, base.model.get_output_embeddings(), targets)
    else:
        logits = base.model(**arguments).logits
        nats = torch.cat([torch.nn.functional.cross_entropy(logits[n, first - 1:end - 1].float(), ids[n, first:end], reduction="none")
                          for n, (first, end) in enumerate(shown)])
    return list(nats.split([end - first for first, end in shown]))
