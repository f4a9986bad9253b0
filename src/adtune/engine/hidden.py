"""What a base makes of a text, as one vector: the mean of its last hidden states."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .bases import Base

ROW_TOKENS = 4096  # of one forward pass, padding included


def mean_hidden(base: Base, rows: Sequence[Sequence[int]]) -> list[list[float]]:
    """A unit vector (H,) for each row of ids, in their order; each row counts its own tokens only."""
    order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
    found: list[list[float]] = [[] for _ in rows]
    with torch.inference_mode():
        while order:
            most = max(1, ROW_TOKENS // len(rows[order[-1]]))
            group, order = order[-most:], order[:-most]
            width = max(len(rows[n]) for n in group)
            ids = torch.tensor([[*rows[n], *[0] * (width - len(rows[n]))] for n in group], device=base.device)
            mask = torch.tensor([[1] * len(rows[n]) + [0] * (width - len(rows[n])) for n in group], device=base.device)
            hidden = base.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state.float()  # (B, T, H)
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            for n, vector in zip(group, torch.nn.functional.normalize(mean, dim=-1).tolist(), strict=True):
                found[n] = vector
    return found
