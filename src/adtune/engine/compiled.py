"""A base's layers compiled once for all of them, for training on a CUDA GPU: fewer passes over memory between two products.

Only one layer is compiled, not the model: every layer runs the same code, so that the time to compile does not grow with their number.
What was made faster by hand for eager running (norms) is given back to the model's own code, which the compiler fuses with its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .head import compiled_slopes


def layers_of(model: Any) -> list[nn.Module]:
    """The layers of a model: the longest list of modules of one class; empty where there is none of two."""
    lists = [list(module) for module in model.modules() if isinstance(module, nn.ModuleList) and len({type(one) for one in module}) == 1]
    return max((one for one in lists if len(one) > 1), key=len, default=[])


@contextmanager
def compiled_layers(model: Any, backend: str = "inductor", dynamic: bool = True) -> Iterator[int]:
    """Within it, the layers run compiled, and the loss at the head; gives how many layers. Attach a method beforehand: a layer is compiled
    as it is called first. Shapes that hardly change (engine.packing) are better compiled as they are than as variables: `dynamic` False."""
    layers = layers_of(model)
    by_hand = [(module, module.__dict__.pop("forward")) for layer in layers for module in layer.modules() if "forward" in module.__dict__]
    # one kind of input for the first layer and the others, though nothing below it is trained: else it would be compiled twice
    hook = model.get_input_embeddings().register_forward_hook(_with_gradient)
    try:
        for layer in layers:
            layer.compile(dynamic=dynamic, backend=backend)
        with compiled_slopes(backend):
            yield len(layers)
    finally:
        hook.remove()
        for layer in layers:
            layer._compiled_call_impl = None
        for module, forward in by_hand:
            module.forward = forward


def eagerly() -> Any:
    """Within it, nothing runs compiled: what is measured now and then does not pay for a compilation of its own."""
    return torch.compiler.set_stance("force_eager")


def _with_gradient(module: nn.Module, given: Any, out: torch.Tensor) -> torch.Tensor:
    return out.requires_grad_(True) if torch.is_grad_enabled() and not out.requires_grad else out
