"""Cross-entropy at the output head without the whole matrix of logits.

    nats_n = log sum_v exp(h_n . w_v + b_v) - (h_n . w_t + b_t),   t the target of position n

N = target positions, D = width, V = vocabulary. Logits are made for a chunk of positions at a time, and their gradients are left
behind on the way forward, as in Liger Kernel (Hsu et al. 2024, arXiv 2410.10989), so that no logit is computed twice. Those of a
trained head are right where every position weighs the same, which a mean or a sum of nats gives; where weights differ, its chunks are
computed again on the way back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F

from .devices import product_dtype

CHUNK_LOGITS = 1 << 22   # logits of one chunk: a few megabytes, which stay near the processor
# Positions of a chunk at least, however large the vocabulary: smaller products are slow. A GPU reads the head's weights once a chunk, and
# does some 260 products in the time that it reads a weight in bf16 (H100): under a few hundred positions it would wait for its memory.
# At 1,024 the largest vocabularies (151,936) take 0.6 GB of logits in fp32 at a time.
FEWEST_ROWS = {"cpu": 64, "cuda": 1024, "mps": 512}
ROW_STEP = 64            # positions are filled up to a multiple of it: a CPU's library makes and keeps a kernel for every shape


def head_nats(hidden: torch.Tensor, head: torch.nn.Module, targets: torch.Tensor) -> torch.Tensor:
    """Nats of each target, (N,) fp32, from hidden states (N, D) and a linear head; differentiable in both."""
    more = -len(targets) % ROW_STEP
    filled = F.pad(hidden, (0, 0, 0, more)), F.pad(targets, (0, more), value=-1)  # no target: neither nats nor gradients
    nats = _HeadNats.apply(filled[0], head.weight, getattr(head, "bias", None), filled[1], product_dtype(hidden))
    return nats[:len(targets)]


def chunk_rows(vocabulary: int, kind: str) -> int:
    """Positions of one chunk on this kind of device."""
    return max(FEWEST_ROWS[kind], CHUNK_LOGITS // vocabulary // ROW_STEP * ROW_STEP)


@contextmanager
def compiled_slopes(backend: str = "inductor") -> Iterator[None]:
    """Within it, a chunk's nats and slopes are one compiled function on CUDA: three passes over its logits instead of eight."""
    global _fused
    before, _fused = _fused, torch.compile(_nats_and_slope, dynamic=False, backend=backend)
    try:
        yield
    finally:
        _fused = before


def _nats_and_slope(logits: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Nats (R,) in fp32 and their derivative by the logits (R, V) in the logits' precision; 0 where there is no target."""
    whole = logits.float()
    top = whole.amax(1, keepdim=True)
    summed = (whole - top).exp().sum(1, keepdim=True)
    counted = targets[:, None] >= 0
    at_target = torch.arange(logits.shape[1], device=logits.device)[None] == targets[:, None]
    nats = top + summed.log() - (whole * at_target).sum(1, keepdim=True)
    slope = torch.where(counted, (whole - top).exp() / summed - at_target.float(), 0.0)
    return nats[:, 0], slope.to(logits.dtype)


_fused: Any = None


def _chunks(low: torch.Tensor, matrix: torch.Tensor) -> range:
    return range(0, len(low), chunk_rows(len(matrix), low.device.type))


def _log_probabilities(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.log_softmax(F.linear(hidden, weight, bias), -1, dtype=torch.float32)


def _fused_chunk(low: torch.Tensor, matrix: torch.Tensor, offset: torch.Tensor | None, targets: torch.Tensor,
                 size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(nats, slope) of one chunk, filled up to `size` positions, so that it is compiled once."""
    count = len(low)
    if count < size:
        low, targets = F.pad(low, (0, 0, 0, size - count)), F.pad(targets, (0, size - count), value=-1)
    nats, slope = _fused(F.linear(low, matrix, offset), targets)
    return nats[:count], slope[:count]


def _slope(log_probabilities: torch.Tensor, targets: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """softmax - one-hot: the derivative of the nats by the logits, in the precision of the products, rounded once; 0 where there is no
    target. Written over what is given where that has the precision already."""
    places = targets.clamp(min=0)[:, None]
    at_target = log_probabilities.gather(1, places).expm1_().to(dtype)
    slope = log_probabilities if log_probabilities.dtype == dtype else torch.empty_like(log_probabilities, dtype=dtype)
    torch.exp(log_probabilities, out=slope)
    return slope.scatter_(1, places, at_target).masked_fill_(targets[:, None] < 0, 0)


def _chunk_gradients(slope: torch.Tensor, low: torch.Tensor, matrix: torch.Tensor, along: torch.Tensor, by_weight: torch.Tensor,
                     by_bias: torch.Tensor | None) -> None:
    """Add a chunk's share to the gradients of weight and bias, and write that of its hidden states."""
    if by_bias is not None:
        by_bias += slope.sum(0, dtype=torch.float32)
    torch.mm(slope, matrix, out=along)
    by_weight += slope.T @ low


class _HeadNats(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor,
                dtype: torch.dtype) -> torch.Tensor:
        trained = ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        with torch.autocast(hidden.device.type, enabled=False):
            low, matrix, offset = hidden.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
            nats = torch.empty(len(hidden), device=hidden.device)
            along = torch.empty_like(low) if ctx.needs_input_grad[0] or trained else None
            by_weight = torch.zeros_like(weight, dtype=torch.float32) if trained else None
            by_bias = torch.zeros_like(bias, dtype=torch.float32) if trained and bias is not None else None
            rows = _chunks(low, matrix)
            for start in rows:
                part = slice(start, start + rows.step)
                if _fused is not None and along is not None and low.is_cuda:
                    nats[part], slope = _fused_chunk(low[part], matrix, offset, targets[part], rows.step)
                else:
                    scores = _log_probabilities(low[part], matrix, offset)
                    nats[part] = -scores.gather(1, targets[part, None].clamp(min=0))[:, 0]
                    slope = None if along is None else _slope(scores, targets[part], dtype)
                if by_weight is not None:
                    _chunk_gradients(slope, low[part], matrix, along[part], by_weight, by_bias)
                elif along is not None:
                    torch.mm(slope, matrix, out=along[part])
        ctx.save_for_backward(along, by_weight, by_bias, *((hidden, weight, bias, targets) if trained else ()))
        ctx.kind, ctx.dtype = hidden.dtype, dtype
        return nats

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        along, by_weight, by_bias, *given = ctx.saved_tensors
        if not given:
            return (along * above[:, None]).to(ctx.kind), None, None, None, None
        hidden, weight, bias, targets = given
        if not torch.equal(torch.where(targets >= 0, above, above[:1]), above[:1].expand_as(above)):
            along, by_weight, by_bias = _weighted(ctx.dtype, above, *given)
            above = above.new_ones(1)
        one = above[:1] if len(above) else above.new_ones(1)
        return ((along * one).to(ctx.kind), (by_weight * one).to(weight.dtype),
                None if by_bias is None else (by_bias * one).to(bias.dtype), None, None)


def _weighted(dtype: torch.dtype, above: torch.Tensor, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None,
              targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Gradients of hidden states, weight and bias where position n weighs `above[n]`."""
    low, matrix, offset = hidden.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    along, by_weight = torch.empty_like(low), torch.zeros_like(weight, dtype=torch.float32)
    by_bias = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
    rows = _chunks(low, matrix)
    for start in rows:
        part = slice(start, start + rows.step)
        slope = _slope(_log_probabilities(low[part], matrix, offset), targets[part], dtype).mul_(above[part, None])
        _chunk_gradients(slope, low[part], matrix, along[part], by_weight, by_bias)
    return along, by_weight, by_bias
