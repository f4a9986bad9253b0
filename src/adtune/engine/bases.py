"""Load any causal language model: the shipped starter, a local directory or a hub id, pinned by revision and weight hash.

Never runs a base's own code (`trust_remote_code=False`, always) and reads safetensors only. A base declares what a method
may touch: its linear layers (without the output head) and its key/value sites.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging as hf_logging

from ..errors import BaseModelError
from ..voice.prompt import Renderer
from .attention import use_blocks
from .base_files import (
    check_leftovers,
    check_settings,
    check_shapes,
    check_values,
    check_vocabulary,
    check_weights,
    context_of,
    licence_of,
    stdout_kept,
)
from .base_places import STARTER, base_place
from .devices import Device, Form, bf16_is_faster, choose
from .norms import use_fused_norms
from .quantised import check_quantise, quantise

__all__ = ["STARTER", "Base", "bf16_is_faster", "ends", "load_base", "weight_hash"]


@dataclass
class Base:
    """A loaded base: model in evaluation mode on its device, tokenizer, and what identifies it.

    `hash` is of the weights in fp32, before they were quantised or rounded for a device: an adapter fits every form of its base.
    """

    name: str
    model: Any
    tokenizer: Any
    hash: str
    revision: str | None = None
    licence: str | None = None
    starter: bool = False
    place: str | None = None  # the local folder that it was loaded from, where one was named
    quantised: str = "none"
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.renderer = Renderer(self.tokenizer, self.context)
        self.model.eval()
        self.model.requires_grad_(False)
        use_blocks(self.model)
        use_fused_norms(self.model)

    @property
    def context(self) -> int:
        """Longest sequence in tokens."""
        return context_of(self.model, self.tokenizer)

    @property
    def device(self) -> torch.device:
        """Where the weights lie, and every tensor that meets them."""
        return self.model.get_input_embeddings().weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights that are not quantised."""
        return self.model.get_input_embeddings().weight.dtype

    @property
    def form(self) -> dict[str, str]:
        """On what an adapter is trained: the device, the precision of the weights, and how the linear layers are held."""
        return {"device": self.device.type, "weights": str(self.dtype).removeprefix("torch."), "quantised": self.quantised}

    @property
    def end_ids(self) -> frozenset[int]:
        """The tokens that end an answer: the renderer's, the tokenizer's, and those that the generation settings name."""
        settings = self.model.generation_config
        told = settings.eos_token_id if settings is not None else None
        return frozenset([self.renderer.end[-1], self.tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])]) - {None}

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    @cached_property
    def linears(self) -> dict[str, nn.Module]:
        """Every linear layer by name, the output head left out."""
        return linears_of(self.model)

    @cached_property
    def kv_sites(self) -> list[tuple[int, int]]:
        """(key/value heads, head size) of every layer's cache, found by running one token through the model."""
        with torch.no_grad():
            cache_ = self.model(input_ids=torch.tensor([[0, 0]], device=self.device), use_cache=True).past_key_values
        layers = getattr(cache_, "layers", None)
        if not layers or any(getattr(layer, "keys", None) is None for layer in layers):
            return []
        return [(layer.keys.shape[1], layer.keys.shape[3]) for layer in layers]

    @cached_property
    def plain_head(self) -> bool:
        """True when logits are exactly head(hidden states), so that a loss may compute them at target positions only."""
        ids = torch.tensor([[1, 2, 3]], device=self.device) % self.model.config.get_text_config().vocab_size
        with torch.no_grad():
            full = self.model(input_ids=ids, use_cache=False).logits
            hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            head = self.model.get_output_embeddings()
            return head is not None and torch.allclose(head(hidden), full, atol=1e-5, rtol=1e-4)


def linears_of(model: Any) -> dict[str, nn.Module]:
    """Every linear layer of a model by name, the output head left out."""
    head = model.get_output_embeddings()
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D) and module is not head}


def ends(module: nn.Module) -> tuple[int, int]:
    """(I, O) of a linear layer; Conv1D (GPT-2) stores its weight as (I, O), nn.Linear as (O, I)."""
    first, second = module.weight.shape
    return (first, second) if isinstance(module, Conv1D) else (second, first)


def load_base(name: str = STARTER, revision: str | None = None, form: Form = Form()) -> Base:  # noqa: B008 - frozen
    """A base by `starter`, local directory or hub id, in the form asked for. Raises BaseModelError, SettingError with what to do."""
    device = choose(form.device)
    check_quantise(form.quantise)
    starter = name == STARTER
    place, pinned = base_place(name), None
    local = place is not None
    if place is None:
        from .hub import fetch

        place, pinned = fetch(name, revision)
    try:
        model, tokenizer = _load(place)
        check_values(name, model)
        digest = weight_hash(model)
        _place(name, model, form, device)
        base = Base(name, model, tokenizer, digest, pinned, licence_of(place), starter,
                    str(place.absolute()) if local and not starter else None, form.quantise)
        check_vocabulary(name, model, base.renderer)
        return base
    except BaseModelError:
        raise
    except BaseException as error:  # transformers raises many kinds, and a Rust panic is no Exception; the first line is the one that helps
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BaseModelError(f"--base {name}", str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error),
                             "a causal language model with safetensors weights and a tokenizer",
                             "Check the name, download it beforehand, or use a local directory.") from error


def _load(folder: Path) -> tuple[Any, Any]:
    """(model in fp32, tokenizer) of a folder whose files were checked first."""
    headers = check_weights(folder, check_settings(folder))
    hf_logging.disable_progress_bar()  # the doors draw their own
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    check_shapes(folder, config, headers)
    with stdout_kept():
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model, loading = AutoModelForCausalLM.from_pretrained(folder, config=config, trust_remote_code=False, use_safetensors=True,
                                                          dtype=torch.float32, output_loading_info=True)
    if loading["missing_keys"]:  # transformers would make them up
        raise ValueError(f"weights without {sorted(loading['missing_keys'])[0]}")
    check_leftovers(folder, loading["unexpected_keys"], model)
    return model, tokenizer


def _place(name: str, model: Any, form: Form, device: Device) -> None:
    """Quantise and move a model, one tensor at a time: a GPU never holds more than the form that was asked for."""
    if form.quantise != "none":
        quantise(name, model, list(linears_of(model)), form.quantise, device.kind)
    if device.kind == "cpu":
        return
    dtype = form.dtype(device)
    for parameter in model.parameters():
        if parameter.device.type != device.kind:
            parameter.data = parameter.data.to(device.kind, dtype if parameter.is_floating_point() else None)
    for module in model.modules():
        for key, buffer in module._buffers.items():
            if buffer is not None:  # rotary frequencies keep their precision
                module._buffers[key] = buffer.to(device.kind)


def weight_hash(model: nn.Module) -> str:
    """sha256 over names, shapes and fp32 bytes of all parameters; equal weights give equal hashes wherever they lie."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        tensor = tensor.detach().cpu().contiguous()
        digest.update(tensor.view(torch.uint8).numpy().tobytes() if tensor.dim() else str(tensor.item()).encode())
    return digest.hexdigest()
