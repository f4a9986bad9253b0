"""Linear layers of a base as the token engine multiplies by them: those that read the same input in one product, laid out for the CPU.

    [y_1 … y_k] = x [W_1; …; W_k]^T + [b_1 … b_k]            (queries, keys and values; gate and up)

A CPU multiplies few rows faster by a weight that lies as oneDNN wants it, a copy, made where memory allows; else the weights of one product
become parts of one tensor, without a copy. Layers that are no plain `nn.Linear` (Conv1D, quantised) keep their own product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ..bases import Base
from ..devices import available_memory

ROWS = 16    # for how many rows oneDNN lays a weight out; fewer and more run well with it too
SHARE = 0.25  # of the memory that is left, at most, for copies of weights


class Product:
    """x -> all outputs side by side, of one or several layers that read x."""

    def __init__(self, modules: Sequence[nn.Module], pack: bool):
        self.modules, self.packed = modules, None
        self.weight = self.bias = None
        if not all(_plain(module) for module in modules):
            return
        weights = [module.weight.detach() for module in modules]
        biases = [module.bias for module in modules]
        if any(bias is not None for bias in biases):
            self.bias = torch.cat([module.weight.new_zeros(len(module.weight)) if module.bias is None else module.bias.detach()
                                   for module in modules])
        if pack:
            self.packed = torch.ops.mkldnn._reorder_linear_weight(torch.cat(weights), ROWS)
        elif len(modules) > 1:
            self.weight = torch.cat(weights)
            for module, part in zip(modules, self.weight.split([len(weight) for weight in weights]), strict=True):
                module.weight.data = part

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.packed is not None:
            return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")
        return self.modules[0](x) if self.weight is None else F.linear(x, self.weight, self.bias)

    def detach(self) -> None:
        """Give each layer a weight of its own again."""
        if self.weight is not None:
            for module in self.modules:
                module.weight.data = module.weight.data.clone()


def _plain(module: nn.Module) -> bool:
    return type(module) is nn.Linear and type(module.weight) is nn.Parameter


def packs(base: Base) -> bool:
    """True where copies of the linear weights in oneDNN's layout are worth having, and fit."""
    head = base.model.get_output_embeddings()
    plain = [module for module in (*base.linears.values(), head) if module is not None and _plain(module)]
    size = sum(module.weight.numel() * module.weight.element_size() for module in plain)
    room = available_memory("cpu")
    if base.device.type != "cpu" or base.dtype != torch.float32 or room is None or size > SHARE * room:
        return False
    try:  # operations that torch keeps for its own compiler: whether they are there and do what they did is seen, not assumed
        x, weight = torch.randn(3, 8), torch.randn(5, 8)
        found = torch.ops.mkldnn._linear_pointwise(x, torch.ops.mkldnn._reorder_linear_weight(weight, ROWS), None, "none", [], "")
        return torch.allclose(found, x @ weight.T, atol=1e-5)
    except (AttributeError, RuntimeError, TypeError):
        return False


def together(base: Base) -> list[list[str]]:
    """Names of the layers in the order in which they run, those that read the very same tensor in one list."""
    found: list[tuple[list[str], Any]] = []

    def saw(name: str, module: nn.Module) -> Any:
        def hook(module: nn.Module, given: tuple[Any, ...]) -> None:
            fits = found and found[-1][1] is given[0] and all(_plain(base.linears[one]) for one in (name, *found[-1][0]))
            if fits:
                found[-1][0].append(name)
            else:
                found.append(([name], given[0]))
        return module.register_forward_pre_hook(hook)

    hooks = [saw(name, module) for name, module in base.linears.items()]
    try:
        with torch.no_grad():
            base.model(input_ids=torch.tensor([[0, 0]], device=base.device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    seen = [name for names, _ in found for name in names]
    if len(set(seen)) != len(seen):  # a layer that runs twice is nobody's neighbour
        return [[name] for name in base.linears]
    return [*(names for names, _ in found), *([name] for name in base.linears if name not in set(seen))]
