"""Frozen linear layers held in one byte (int8) or half a byte (int4) a weight, by torchao's weight-only forms.

    y = x W'^T + bias,   W' = what the quantised weight stands for, made for one layer at a time and never kept for the way back

int8: one scale for each output (torchao's Int8WeightOnlyConfig). int4: 4-bit NormalFloat of QLoRA (Dettmers et al. 2023, arXiv
2305.14314) with scales in 8 bits: unlike torchao's other 4-bit forms it runs on a CPU, and takes half a byte there too.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ..errors import BaseModelError, SettingError, did_you_mean
from .devices import product_dtype

KINDS = ("none", "int8", "int4")
BLOCK, SCALES = 64, 256  # weights that share a scale, and scales that share one, in int4


class QuantisedLinear(nn.Linear):
    """A frozen linear layer with a quantised weight (O, I)."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None):
        nn.Module.__init__(self)  # nn.Linear's own would first make a weight of full size
        self.out_features, self.in_features = weight.shape
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.register_parameter("bias", bias if bias is None else nn.Parameter(bias, requires_grad=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _Frozen.apply(x, self.weight, self.bias, product_dtype(x))


class _Frozen(torch.autograd.Function):
    """Keeps nothing: torchao's own product keeps every layer's weight in full precision until the way back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor:
        ctx.weight, ctx.kind, ctx.dtype = weight, x.dtype, dtype
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.to(dtype), dequantised(weight, dtype), None if bias is None else bias.to(dtype))

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        with torch.autocast(above.device.type, enabled=False):
            return (above.to(ctx.dtype) @ dequantised(ctx.weight, ctx.dtype)).to(ctx.kind), None, None, None


def dequantised(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What a quantised weight stands for, (O, I)."""
    if hasattr(weight, "get_original_weight"):
        return weight.get_original_weight().to(dtype)
    return weight.dequantize(output_dtype=dtype)


def stored_bytes(tensor: torch.Tensor) -> int:
    """Bytes that a tensor takes, a quantised one with its scales."""
    if hasattr(tensor, "__tensor_flatten__"):
        return sum(stored_bytes(getattr(tensor, name)) for name in tensor.__tensor_flatten__()[0])
    return tensor.numel() * tensor.element_size()


def check_quantise(kind: str, method: str = "lora") -> None:
    """Raises SettingError for a form that is none, a method that needs whole weights, or torchao missing."""
    if kind not in KINDS:
        raise SettingError("--set quantise", kind, "one of " + ", ".join(KINDS), did_you_mean(kind, KINDS))
    if kind == "none":
        return
    if method == "full":
        raise SettingError("--set quantise", f"{kind} with --method full", "quantise=none where every weight is trained",
                           "Quantised weights are frozen: use --method lora or prefix, or quantise=none.")
    _torchao(kind)


def _torchao(kind: str) -> Any:
    """torchao.quantization. Raises SettingError where it is missing or too old."""
    try:
        with _quiet():
            import torchao.quantization as library

            _ = library.Int8WeightOnlyConfig, library.quantize_, library.to_nf4
    except (ImportError, AttributeError, OSError) as error:
        raise SettingError("--set quantise", f"{kind} without a torchao that fits ({error})", "the library that holds quantised weights",
                           "pip install 'adtune[quantised]'") from error
    return library


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of a library for as long as the block runs; its log lines are filtered where the engine loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def quantise(name: str, model: nn.Module, layers: Sequence[str], kind: str, device: str = "cpu") -> None:
    """Put quantised layers, on the device, in the place of the linear `layers` of a model. Raises BaseModelError, SettingError."""
    library = _torchao(kind)
    for layer in layers:
        module = model.get_submodule(layer)
        if type(module) is not nn.Linear:
            raise BaseModelError(name, f"the layer {layer} of type {type(module).__name__}", "plain linear layers for a quantised base",
                                 "Use --set quantise=none.")
        if kind == "int4" and module.weight.numel() % BLOCK:
            raise BaseModelError(name, f"{module.weight.numel()} weights in {layer}", f"a multiple of {BLOCK} for int4",
                                 "Use --set quantise=int8.")
        with _quiet(), torch.no_grad():
            bias = None if module.bias is None else module.bias.detach().to(device)
            model.set_submodule(layer, QuantisedLinear(_made(library, module.weight.detach().to(device), kind), bias).eval())


def _made(library: Any, weight: torch.Tensor, kind: str) -> torch.Tensor:
    if kind == "int4":
        return library.to_nf4(weight, BLOCK, math.gcd(weight.numel() // BLOCK, SCALES))
    aside = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    aside.weight = nn.Parameter(weight, requires_grad=False)
    library.quantize_(aside, library.Int8WeightOnlyConfig())
    return aside.weight.detach()
