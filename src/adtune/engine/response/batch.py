"""Rows of advertisers as tensors: what the network reads.

B = advertisers, N = rows of each (padded), F = FIELDS, M = NUMBERS. Ids number an advertiser's own values from 1, 0 is missing; `known`
numbers what a value means everywhere (names.py). Numbers are logarithms relative to the advertiser's own median, or standardised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

FIELDS = ("channel", "placement", "device", "audience", "product", "campaign", "ad_group", "ad", "other1", "other2", "other3")
KNOWN = ("channel", "placement", "device", "audience", "product")
NUMBERS = ("price", "spend", "carry_over", "number1", "number2", "number3")
# What is counted for what: the family decides likelihood and usual level. Conversions or clicks for spend, and value for traffic, have no
# ceiling; an average order's value is a positive amount.
FAMILIES = ("clicks|impressions", "conversions|clicks", "conversions|impressions", "count|spend", "value|conversions")
LEVELS = (0.012, 0.025, 0.0004, 0.05, 60.0)  # where nothing of the advertiser is known
BETA_BINOMIAL, NEGATIVE_BINOMIAL, GAMMA = (0, 1, 2), (3,), (4,)


@dataclass(frozen=True)
class Batch:
    """Rows of B advertisers.

    ids (B, N, F); known (B, N, 5); words (B, N, W); calendar (B, N, C) from calendar.day_table; numbers and told (B, N, M), told 1 where
    a number is there; age (B, N) days before the newest context row, negative after it; exposure, outcome (B, N) float64; family (B,);
    context (B, N) True for the advertiser's earlier rows, whose outcome may be read; real (B, N) False for padding.
    """

    ids: Tensor
    known: Tensor
    words: Tensor
    calendar: Tensor
    numbers: Tensor
    told: Tensor
    age: Tensor
    exposure: Tensor
    outcome: Tensor
    family: Tensor
    context: Tensor
    real: Tensor

    def to(self, device: torch.device | str) -> Batch:
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def rows(self, index: Tensor) -> Batch:
        """The rows `index` of every advertiser."""
        return replace(self, **{f.name: getattr(self, f.name)[:, index] for f in fields(self) if f.name != "family"})


def join_rows(parts: Sequence[Batch]) -> Batch:
    """Rows of the same advertisers one after another."""
    return replace(parts[0], **{f.name: torch.cat([getattr(part, f.name) for part in parts],
                                                  1) for f in fields(Batch) if f.name != "family"})
