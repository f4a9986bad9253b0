"""LoRA (Hu et al. 2021, arXiv 2106.09685): y = W x + (alpha / r) B A x, with W frozen.

I = inputs of a linear layer, O = its outputs, r = rank. A is (r, I), Kaiming-uniform; B is (O, r), zero: step 0 is the base.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers.pytorch_utils import Conv1D

from ...errors import BaseModelError, SettingError, did_you_mean
from ..bases import Base, ends
from ..devices import product_dtype
from .base import AbstractMethod

BLOCKS = {"mlp": ("mlp", "feed_forward", "ffn"), "attention": ("attn", "attention")}  # how the field's models name the two
# settings of PEFT's LoraConfig that change what is computed
UNSUPPORTED = ("use_dora", "modules_to_save", "rank_pattern", "alpha_pattern", "lora_bias", "alora_invocation_tokens", "use_qalora",
               "use_bdlora", "target_parameters", "layer_replication", "trainable_token_indices", "arrow_config", "kasa_config")


def _chosen(base: Base, targets: str) -> list[str]:
    """Names of the linear layers that `all`, `mlp` or `attention` means, told by the block that a layer stands in."""
    if targets not in ("all", *BLOCKS):
        raise SettingError("--set targets", targets, "all, mlp or attention", did_you_mean(targets, ("all", *BLOCKS)))
    words = BLOCKS.get(targets, ("",))
    found = [name for name in base.linears if any(word in part for part in name.split(".")[:-1] for word in words)]
    if not found:
        raise SettingError("--set targets", f"{targets}: {base.name} has no such linear layers", "layers of the base", "Use targets=all.")
    return found


def read_lora(config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], int, float]:
    """(tensors by `LAYER.lora_A` and `LAYER.lora_B`, r, alpha) of a PEFT folder's content. Refuses variants that this code does not
    compute, with BaseModelError."""
    for key in UNSUPPORTED:
        if config.get(key):
            raise BaseModelError("adapter_config.json", f"{key} = {config[key]}", "plain LoRA",
                                 "Merge that adapter with the tool that made it, and use the merged model as a base.")
    found = {name.removeprefix("base_model.model.").removesuffix(".weight"): tensor.float() for name, tensor in weights.items()}
    rank = int(config["r"])
    alpha = float(config.get("lora_alpha") or rank)
    if config.get("use_rslora"):  # scale alpha / sqrt(r) (arXiv 2312.03732), written as alpha' / r
        alpha *= math.sqrt(rank)
    return found, rank, alpha


class LoraLinear(nn.Module):
    """A frozen linear layer with a low-rank addition."""

    def __init__(self, inner: nn.Module, a: torch.Tensor, b: torch.Tensor, scale: float, dropout: float):
        super().__init__()
        self.inner, self.a, self.b, self.scale = inner, a, b, scale
        self.dropout = nn.Dropout(dropout) if dropout else None

    @property
    def weight(self) -> torch.Tensor:
        """The frozen weight, for models that look at it."""
        return self.inner.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.dropout is None and torch.is_grad_enabled() and self._whole():
            return _LowRank.apply(x, self._weight(x), self.inner.bias, self.a, self.b, self.scale)
        low = self.dropout(x) if self.dropout is not None else x
        return self.inner(x) + self.scale * F.linear(F.linear(low, self.a.to(x.dtype)), self.b.to(x.dtype))

    def _whole(self) -> bool:
        """True for a plain layer whose weight is an ordinary tensor: a quantised one is left to its own layer."""
        return type(self.inner) in (nn.Linear, Conv1D) and type(self.inner.weight) is nn.Parameter

    def _weight(self, x: torch.Tensor) -> torch.Tensor:
        """The frozen weight as (O, I) in the precision of the products."""
        weight = self.inner.weight.T if isinstance(self.inner, Conv1D) else self.inner.weight
        return weight.to(product_dtype(x))


class _LowRank(torch.autograd.Function):
    """y = x W^T + bias + s (x A^T) B^T for a frozen W: no sum is made twice, and only x and x A^T are kept for the way back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, *layer: Any) -> torch.Tensor:
        """`layer` is W (O, I), its bias or None, A (r, I), B (O, r) and the scale s; W's precision is that of the products."""
        weight, bias, a, b, scale = layer
        with torch.autocast(x.device.type, enabled=False):
            rows = x.reshape(-1, x.shape[-1]).to(weight.dtype)
            low = rows @ a.to(weight.dtype).T
            out = F.linear(rows, weight, None if bias is None else bias.to(weight.dtype))
            out.addmm_(low, b.to(weight.dtype).T, alpha=scale)
        ctx.save_for_backward(rows, weight, a, b, low)
        ctx.scale, ctx.shape, ctx.kind = scale, x.shape, x.dtype
        return out.view(*x.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        rows, weight, a, b, low = ctx.saved_tensors
        above = above.reshape(-1, above.shape[-1])
        through = above @ b.to(above.dtype)  # (rows, r)
        by_x = None
        if ctx.needs_input_grad[0]:
            by_x = (above @ weight).addmm_(through, a.to(above.dtype), alpha=ctx.scale).view(ctx.shape).to(ctx.kind)
        by_a, by_b = (through.T @ rows).to(a.dtype).mul_(ctx.scale), (above.T @ low).to(b.dtype).mul_(ctx.scale)
        return by_x, None, None, by_a, by_b, None


class Lora(AbstractMethod):
    """Low-rank additions to all linear layers but the output head."""

    name = "lora"
    mergeable = True

    def __init__(self, base: Base, rank: int = 16, alpha: float = 32, dropout: float = 0.0, targets: Sequence[str] | None = None):
        if not base.linears:
            raise BaseModelError(base.name, "no linear layers", "a base with linear layers for LoRA", "Use --method full.")
        self.rank, self.alpha, self.dropout = rank, alpha, dropout
        self.targets = sorted(base.linears) if targets is None else sorted(targets)
        tensors: dict[str, torch.Tensor] = {}
        for name in self.targets:
            inputs, outputs = ends(base.linears[name])
            a = torch.empty(rank, inputs)
            nn.init.kaiming_uniform_(a, a=math.sqrt(5))
            tensors[f"{name}.lora_A"] = a.to(base.device).requires_grad_(True)
            tensors[f"{name}.lora_B"] = torch.zeros(outputs, rank, device=base.device).requires_grad_(True)
        super().__init__(base, tensors)
        self._wrapped: dict[str, LoraLinear] = {}
        for name in self.targets:
            wrapped = LoraLinear(base.linears[name], tensors[f"{name}.lora_A"], tensors[f"{name}.lora_B"], alpha / rank, dropout)
            base.model.set_submodule(name, wrapped)
            self._wrapped[name] = wrapped.eval()

    @classmethod
    def fresh(cls, base: Base, options: Mapping[str, Any], prompt: Sequence[int]) -> Lora:
        alpha = options["alpha"] * (math.sqrt(options["rank"]) if options.get("rslora") else 1.0)
        return cls(base, options["rank"], alpha, options["dropout"], _chosen(base, options.get("targets", "all")))

    def expected_count(self) -> int:
        """Sum of r (I + O) over the target layers."""
        return sum(self.rank * sum(ends(self.base.linears[name])) for name in self.targets)

    def train_mode(self, on: bool) -> None:
        for wrapped in self._wrapped.values():
            wrapped.train(on)

    def detach(self) -> None:
        for name, wrapped in self._wrapped.items():
            self.base.model.set_submodule(name, wrapped.inner)

    def merge(self) -> None:
        """Add the low-rank product to the base's own weights, in fp32, and detach. Raises BaseModelError for other weights."""
        if self.base.quantised != "none" or self.base.dtype != torch.float32:
            found = self.base.quantised if self.base.quantised != "none" else str(self.base.dtype)[6:]
            raise BaseModelError(self.base.name, f"weights as {found}, in which a small difference would be lost",
                                 "whole weights in fp32 to merge into", "Load the base with quantise=none in fp32.")
        self.detach()
        with torch.no_grad():
            for wrapped in self._wrapped.values():
                delta = wrapped.scale * (wrapped.b @ wrapped.a)
                wrapped.inner.weight += delta.T if isinstance(wrapped.inner, Conv1D) else delta

    def between(self, start: Mapping[str, torch.Tensor], end: Mapping[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
        """`share` times what `end` adds to the base; an untrained `start` adds nothing."""
        return {name: tensor * share if name.endswith(".lora_B") else tensor.clone() for name, tensor in end.items()}

    def untuned(self) -> dict[str, torch.Tensor]:
        """Nothing is needed: `between` takes a share of what was added."""
        return {}

    def saved_name(self, name: str) -> str:
        return f"base_model.model.{name}.weight"

    def config(self) -> dict[str, Any]:
        transposed = any(isinstance(self.base.linears[name], Conv1D) for name in self.targets)
        return {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": self.base.name,
                "revision": self.base.revision, "r": self.rank, "lora_alpha": self.alpha, "lora_dropout": self.dropout,
                "target_modules": self.targets, "bias": "none", "fan_in_fan_out": transposed, "inference_mode": True}

    @classmethod
    def from_saved(cls, base: Base, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Lora:
        """Attach a PEFT LoRA folder's content, whose layers `check_adapter` found in this base. Refuses variants that this code does
        not compute."""
        found, rank, alpha = read_lora(config, weights)
        targets = sorted({name.rsplit(".lora_", 1)[0] for name in found})
        method = cls(base, rank, alpha, 0.0, targets)
        try:
            method.load_state(found)
        except BaseModelError:
            method.detach()
            raise
        return method
