"""RMSNorm as one function: fewer passes over the hidden states than its parts, and one tensor kept for the way back instead of three.

    y = w x / sqrt(mean(x^2) + eps)                                        Zhang & Sennrich 2019, arXiv 1910.07467
    dx = r (g w) - x r^3 mean(g w x),   dw = sum(g x r),   r = 1 / sqrt(mean(x^2) + eps)

Models write it in several ways (Gemma's weight is 1 + w), so a norm is replaced only where this gives what the model's own code
gives on a test input. Under autocast, hidden states of fp32 leave in the precision of the products that follow, once for all of them.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import nn

from .devices import product_dtype

AGREES = 1e-5  # largest difference from the model's own code, on inputs of size 1


def use_fused_norms(model: nn.Module) -> int:
    """Replace the forward of every RMSNorm that this code computes; gives how many were."""
    replaced = 0
    for module in model.modules():
        weight, eps = getattr(module, "weight", None), getattr(module, "variance_epsilon", getattr(module, "eps", None))
        if type(module).__name__.endswith("RMSNorm") and weight is not None and weight.dim() == 1 and isinstance(eps, float):
            offset = _offset(module, eps)
            if offset is not None:
                module.forward = partial(_forward, module, eps, offset)
                replaced += 1
    return replaced


def _offset(module: nn.Module, eps: float) -> float | None:
    """0 where the norm multiplies by its weight, 1 where by one more, None where it does something else."""
    sample = torch.randn(3, len(module.weight), generator=torch.Generator().manual_seed(0)).to(module.weight.device)
    with torch.no_grad():
        module = deepcopy(module).float()  # weights in bf16 would round away what is compared
        own = module(sample)
        for offset in (0.0, 1.0):
            if own.shape == sample.shape and (own - _forward(module, eps, offset, sample)).abs().max() < AGREES * own.abs().max():
                return offset
    return None


def _forward(module: nn.Module, eps: float, offset: float, hidden: torch.Tensor) -> torch.Tensor:
    whole = hidden.dtype == torch.float32  # hidden states; a query or key comes out of a product already
    dtype = product_dtype(hidden) if whole else torch.promote_types(hidden.dtype, module.weight.dtype)
    if not torch.is_grad_enabled() and not torch.is_autocast_enabled(hidden.device.type):  # the same, without what the way back costs
        return _norm(hidden, module.weight, eps, offset)[0].to(dtype)
    return _Norm.apply(hidden, module.weight, eps, offset, dtype)


def _norm(hidden: torch.Tensor, weight: torch.Tensor, eps: float, offset: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(y, r) in fp32."""
    x = hidden.float()
    r = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    return (x * r).mul_(weight.float() + offset), r


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, *how: Any) -> torch.Tensor:
        """`how` is eps, the weight's offset, and the precision of the output."""
        eps, offset, dtype = how
        with torch.autocast(hidden.device.type, enabled=False):
            out, r = _norm(hidden, weight, eps, offset)
            out = out.to(dtype)
        ctx.save_for_backward(hidden, weight, r)
        ctx.offset = offset
        return out

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        hidden, weight, r = ctx.saved_tensors
        x, g = hidden.float(), above.float()
        by_weight = (g * x).mul_(r).flatten(0, -2).sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        g = g * (weight.float() + ctx.offset)
        shared = (g * x).mean(-1, keepdim=True).mul_(r).mul_(r)
        by_hidden = g.addcmul_(x, shared, value=-1).mul_(r).to(hidden.dtype)
        return by_hidden, by_weight, None, None, None
