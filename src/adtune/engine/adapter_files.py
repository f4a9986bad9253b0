"""What is checked of an adapter's folder before a weight of it is read: sizes, names, shapes and kinds against config and base."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BaseModelError
from .bases import Base, ends
from .weight_files import ADAPTER_HEADER, FLOATS, Entry, read_header, read_object, refusal

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
HIGHEST_RANK = 4096
_DO = "Use the adapter with the base it was trained on."


def check_adapter(base: Base, folder: Path) -> dict[str, Any]:
    """adapter_config.json of a folder whose weights are those that it describes for this base. Raises BaseModelError."""
    for name in (CONFIG, WEIGHTS):
        if (folder / name).is_symlink():
            raise refusal(folder / name, "a link to somewhere else", "a file of the adapter's own folder")
        if not (folder / name).is_file():
            raise BaseModelError(str(folder), f"no {name}", f"{CONFIG} and {WEIGHTS}",
                                 "Pickled adapters (.bin) are not opened; export the adapter as safetensors.")
    config = read_object(folder / CONFIG)
    kind = config.get("adtune_type") or config.get("peft_type")
    expected = _EXPECTED.get(kind) if isinstance(kind, str) else None
    if expected is None:
        raise BaseModelError(f"{folder / CONFIG}", f"peft_type {str(kind)[:40]}", "one of " + ", ".join(_EXPECTED), "Convert the adapter.")
    found = read_header(folder / WEIGHTS, ADAPTER_HEADER)
    _compare(expected(base, config, found), found)
    return config


def _compare(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, Entry]) -> None:
    odd = sorted(set(expected) ^ set(found))
    if odd:
        missing = odd[0] in expected
        raise BaseModelError("adapter weights", f"{'no' if missing else 'an extra'} tensor {odd[0][:100]}",
                             "the tensors of this base and method", _DO)
    for name, entry in found.items():
        if entry.shape != expected[name]:
            raise BaseModelError(f"adapter tensor {name[:100]}", f"shape {entry.shape}", f"shape {expected[name]}", _DO)
        if entry.dtype not in FLOATS:
            raise BaseModelError(f"adapter tensor {name[:100]}", entry.dtype, "one of " + ", ".join(FLOATS), _DO)


def _number(config: Mapping[str, Any], name: str, most: int) -> int:
    value = config.get(name)
    if type(value) is not int or not 1 <= value <= most:
        raise BaseModelError(CONFIG, f"{name} = {str(value)[:40]}", f"a whole number from 1 to {most}", "Export the adapter again.")
    return value


def _lora(base: Base, config: Mapping[str, Any], found: Mapping[str, Entry]) -> dict[str, tuple[int, ...]]:
    """A (r, I) and B (O, r) for every layer that the file names, each of them a linear layer of the base."""
    rank = _number(config, "r", HIGHEST_RANK)
    alpha = config.get("lora_alpha", rank)
    if type(alpha) not in (int, float) or not math.isfinite(alpha):
        raise BaseModelError(CONFIG, f"lora_alpha = {str(alpha)[:40]}", "a finite number", "Export the adapter again.")
    variant = next((name for name in sorted(found) if not name.endswith((".lora_A.weight", ".lora_B.weight"))), None)
    if variant:
        raise BaseModelError("adapter weights", f"the tensor {variant[:100]} of a LoRA variant", "plain LoRA",
                             "Merge that adapter with the tool that made it, and use the merged model as a base.")
    expected = {}
    for name in sorted({name.removeprefix("base_model.model.").rsplit(".lora_", 1)[0] for name in found}):
        if name not in base.linears:
            raise BaseModelError("adapter weights", f"a layer {name[:100]}", "layers of the base", "Use the base it was trained on.")
        inputs, outputs = ends(base.linears[name])
        expected[f"base_model.model.{name}.lora_A.weight"] = (rank, inputs)
        expected[f"base_model.model.{name}.lora_B.weight"] = (outputs, rank)
    if not expected:
        raise BaseModelError("adapter weights", "no tensor", "at least one layer", "Export the adapter again.")
    return expected


def _prefix(base: Base, config: Mapping[str, Any], found: Mapping[str, Entry]) -> dict[str, tuple[int, ...]]:
    """One tensor (P, L * 2 * H * D)."""
    if config.get("prefix_projection") or set(found) != {"prompt_embeddings"}:
        raise BaseModelError(CONFIG, "a prefix with a projection", "stored keys and values", "Export the prefix without its projection.")
    tokens = _number(config, "num_virtual_tokens", max(base.context - 1, 1))
    return {"prompt_embeddings": (tokens, sum(2 * heads * size for heads, size in base.kv_sites))}


def _full(base: Base, config: Mapping[str, Any], found: Mapping[str, Entry]) -> dict[str, tuple[int, ...]]:
    """Every parameter of the base."""
    return {name: tuple(tensor.shape) for name, tensor in base.model.named_parameters()}


def _head(base: Base, config: Mapping[str, Any], found: Mapping[str, Entry]) -> dict[str, tuple[int, ...]]:
    """Every parameter of the heads that the base declares."""
    return {name: tuple(tensor.shape) for name, tensor in getattr(base, "heads", {}).items()}


_EXPECTED = {"LORA": _lora, "PREFIX_TUNING": _prefix, "FULL": _full, "HEAD": _head}
