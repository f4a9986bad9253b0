"""One token for each row from its logits: greedy or drawn by the row's own generator, so that a seed gives the same token whatever the
batch, and what a caller wants to know of the probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..draws import drawn
from .requests import Logprob


def draw(logits: torch.Tensor, temperatures: torch.Tensor, top_p: torch.Tensor, generators: Sequence[torch.Generator]) -> list[int]:
    """A token for each row of `logits` (B, V) at `temperatures` (B,) above 0, out of the smallest set whose probability is `top_p` (B,)."""
    return drawn(torch.softmax(logits.float() / temperatures[:, None], -1), top_p, generators)


def logprobs(logits: torch.Tensor, tokens: Sequence[int], tops: Sequence[int]) -> list[Logprob]:
    """For each row of `logits` (B, V) what its token's probability was, and the `tops` likeliest."""
    known = torch.log_softmax(logits.float(), -1)
    own = known.gather(1, torch.tensor(tokens, device=known.device)[:, None])[:, 0].tolist()
    values, places = known.topk(min(max(tops), known.shape[1]), -1) if max(tops) else (known[:, :0], known[:, :0].long())
    rows = zip(tokens, own, tops, places.tolist(), values.tolist(), strict=True)
    return [Logprob(id, value, tuple(zip(ids[:top], scores[:top], strict=True))) for id, value, top, ids, scores in rows]
