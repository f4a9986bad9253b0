"""Cross-entropy at the output head without the whole matrix of logits.

    nats_n = log sum_v exp(h_n . w_v + b_v) - (h_n . w_t + b_t),   t the target of position n

N = target positions, D = width, V = vocabulary. Logits are made for a chunk of positions at a time. A frozen head leaves the
gradient of the hidden states behind on the way forward, as in Liger Kernel (Hsu et al. 2024, arXiv 2410.10989), so that no logit
is computed twice; a trained head computes its chunks again on the way back, because its own gradient needs what comes from above.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .devices import product_dtype

CHUNK_LOGITS = 1 << 22   # logits of one chunk: a few megabytes, which stay near the processor
FEWEST_ROWS = 64         # positions of a chunk at least, however large the vocabulary: smaller products are slow


def head_nats(hidden: torch.Tensor, head: torch.nn.Module, targets: torch.Tensor) -> torch.Tensor:
    """Nats of each target, (N,) fp32, from hidden states (N, D) and a linear head; differentiable in both."""
    return _HeadNats.apply(hidden, head.weight, getattr(head, "bias", None), targets, product_dtype(hidden))


def _chunks(count: int, vocabulary: int) -> range:
    return range(0, count, max(FEWEST_ROWS, CHUNK_LOGITS // vocabulary))


def _log_probabilities(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.log_softmax(F.linear(hidden, weight, bias), -1, dtype=torch.float32)


def _slope(log_probabilities: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """softmax - one-hot, in place: the derivative of the nats by the logits."""
    slope = log_probabilities.exp_()
    slope[torch.arange(len(targets), device=targets.device), targets] -= 1
    return slope


class _HeadNats(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor,
                dtype: torch.dtype) -> torch.Tensor:
        ctx.kind, ctx.trained = hidden.dtype, ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        with torch.autocast(hidden.device.type, enabled=False):
            low, matrix, offset = hidden.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
            nats = torch.empty(len(hidden), device=hidden.device)
            along = torch.empty_like(low) if ctx.needs_input_grad[0] and not ctx.trained else None
            rows = _chunks(len(low), len(matrix))
            for start in rows:
                part = slice(start, start + rows.step)
                scores = _log_probabilities(low[part], matrix, offset)
                nats[part] = -scores.gather(1, targets[part, None])[:, 0]
                if along is not None:
                    torch.mm(_slope(scores, targets[part]).to(dtype), matrix, out=along[part])
        ctx.save_for_backward(*((hidden, weight, bias, targets) if ctx.trained else (along,)))
        ctx.dtype = dtype
        return nats

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        if not ctx.trained:
            (along,) = ctx.saved_tensors
            return (along * above[:, None]).to(ctx.kind), None, None, None, None
        hidden, weight, bias, targets = ctx.saved_tensors
        low, matrix, offset = hidden.to(ctx.dtype), weight.to(ctx.dtype), None if bias is None else bias.to(ctx.dtype)
        along, by_weight = torch.empty_like(low), torch.zeros_like(weight)
        by_bias = None if bias is None else torch.zeros_like(bias)
        rows = _chunks(len(low), len(matrix))
        for start in rows:
            part = slice(start, start + rows.step)
            slope = _slope(_log_probabilities(low[part], matrix, offset), targets[part]).mul_(above[part, None])
            if by_bias is not None:
                by_bias += slope.sum(0)
            slope = slope.to(ctx.dtype)
            torch.mm(slope, matrix, out=along[part])
            by_weight += slope.T @ low[part]
        return along.to(ctx.kind), by_weight, by_bias, None, None
