"""The nats of each target of held-out rows, one by one: what a loss over some of them (a client's terms) is summed from."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..bases import Base
from ..methods.base import AbstractMethod
from .drafting import Row, split_by_budget, target_nats


def measure_targets(base: Base, method: AbstractMethod | None, rows: Sequence[Row], budget: int = 8192,
                    dtype: torch.dtype = torch.float32) -> list[tuple[float, ...]]:
    """The nats of each target of each row, in the rows' order; the first target of a row without anything before it is not predicted."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    found: list[tuple[float, ...]] = [()] * len(rows)
    with torch.no_grad():
        for group in split_by_budget(rows, order, budget):
            nats, _ = target_nats(base, method, [rows[i] for i in group], dtype)
            for i, own in zip(group, nats.split([len(rows[i].ids) - max(rows[i].first, 1) for i in group]), strict=True):
                found[i] = tuple(own.tolist())
    return found
