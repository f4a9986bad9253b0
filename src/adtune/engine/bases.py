"""Load any causal language model: the shipped starter, a local directory or a hub id, pinned by revision and weight hash.

Never runs a base's own code (`trust_remote_code=False`, always) and reads safetensors only. A base declares what a method
may touch: its linear layers (without the output head) and its key/value sites.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging as hf_logging

from ..errors import BaseModelError, did_you_mean
from ..starter import base_path
from ..voice.prompt import Renderer

STARTER = "starter"


@dataclass
class Base:
    """A loaded base: model in fp32 and evaluation mode, tokenizer, and what identifies it."""

    name: str
    model: Any
    tokenizer: Any
    hash: str
    revision: str | None = None
    licence: str | None = None
    starter: bool = False
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.renderer = Renderer(self.tokenizer)
        self.model.eval()
        self.model.requires_grad_(False)

    @property
    def context(self) -> int:
        """Longest sequence in tokens."""
        return int(getattr(self.model.config.get_text_config(), "max_position_embeddings", None) or 1024)

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    @cached_property
    def linears(self) -> dict[str, nn.Module]:
        """Every linear layer by name, the output head left out."""
        head = self.model.get_output_embeddings()
        return {name: module for name, module in self.model.named_modules()
                if isinstance(module, nn.Linear | Conv1D) and module is not head}

    @cached_property
    def kv_sites(self) -> list[tuple[int, int]]:
        """(key/value heads, head size) of every layer's cache, found by running one token through the model."""
        with torch.no_grad():
            cache_ = self.model(input_ids=torch.tensor([[0, 0]]), use_cache=True).past_key_values
        layers = getattr(cache_, "layers", None)
        if not layers or any(getattr(layer, "keys", None) is None for layer in layers):
            return []
        return [(layer.keys.shape[1], layer.keys.shape[3]) for layer in layers]

    @cached_property
    def plain_head(self) -> bool:
        """True when logits are exactly head(hidden states), so that a loss may compute them at target positions only."""
        ids = torch.tensor([[1, 2, 3]]) % self.model.config.get_text_config().vocab_size
        with torch.no_grad():
            full = self.model(input_ids=ids, use_cache=False).logits
            hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            head = self.model.get_output_embeddings()
            return head is not None and torch.allclose(head(hidden), full, atol=1e-5, rtol=1e-4)


def load_base(name: str = STARTER, revision: str | None = None) -> Base:
    """A base by `starter`, local directory or hub id. Raises BaseModelError with what to do."""
    starter = name == STARTER
    place = base_path("text") if starter else Path(name).expanduser()
    local = place.is_dir()
    if starter and not local:
        raise BaseModelError("starter base", "no shipped weights", "weights in the package",
                             "Run `adtune pretrain text`, or name another base with --base.")
    if not starter and not local and (place.exists() or name.startswith((".", "/", "~")) or name.count("/") != 1):
        siblings = [p.name for p in place.parent.iterdir() if p.is_dir()] if place.parent.is_dir() else []
        raise BaseModelError(f"--base {name}", "neither a directory nor a hub id", "`starter`, a model directory or an id such as "
                             "Qwen/Qwen3-4B", did_you_mean(place.name, [*siblings, STARTER]))
    source = str(place) if local else name
    hf_logging.disable_progress_bar()  # the doors draw their own
    if local:
        _check_files(place)
    try:
        config = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
        model, loading = AutoModelForCausalLM.from_pretrained(source, revision=revision, config=config, trust_remote_code=False,
                                                              use_safetensors=True, dtype=torch.float32, output_loading_info=True)
        if loading["missing_keys"]:  # transformers would make them up
            raise ValueError(f"weights without {sorted(loading['missing_keys'])[0]}")
    except Exception as error:  # transformers raises many kinds; the first line is the one that helps
        raise BaseModelError(f"--base {name}", str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error),
                             "a causal language model with safetensors weights and a tokenizer",
                             "Check the name, download it beforehand, or use a local directory.") from error
    pinned = None if local else getattr(config, "_commit_hash", None)
    return Base(name, model, tokenizer, weight_hash(model), pinned, _licence(place) if local else None, starter)


def _check_files(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise BaseModelError(f"--base {folder}", "a folder without config.json", "a Hugging Face model folder",
                             "Point to the folder that holds config.json and model.safetensors.")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise BaseModelError(f"{folder}/config.json", "text that is not JSON", "the model's configuration", "Download it again.") from error
    if not isinstance(config, dict):
        raise BaseModelError(f"{folder}/config.json", "JSON that is no object", "the model's configuration", "Download it again.")
    if "auto_map" in config:
        raise BaseModelError(f"{folder}/config.json", "`auto_map`: a model that brings its own code", "a built-in architecture",
                             "adtune never runs a model's own code. Choose a base that transformers supports by itself.")
    if not any(folder.glob("*.safetensors")):
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:6])
        raise BaseModelError(f"--base {folder}", found or "an empty folder", "weights as .safetensors",
                             "Pickled weights (.bin, .pt) are not opened. Convert them to safetensors first.")


def weight_hash(model: nn.Module) -> str:
    """sha256 over names, shapes and fp32 bytes of all parameters; equal weights give equal hashes wherever they lie."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().view(torch.uint8).numpy().tobytes() if tensor.dim() else str(tensor.item()).encode())
    return digest.hexdigest()


def _licence(folder: Path) -> str | None:
    card = folder / "README.md"
    if not card.is_file():
        return None
    for line in card.read_text(encoding="utf-8", errors="replace").splitlines()[:40]:
        if line.lower().startswith(("license:", "licence:")):
            return line.split(":", 1)[1].strip() or None
    return None




@cache
def bf16_is_faster() -> bool:
    """True where this machine multiplies bf16 at least 1.5 times as fast as fp32 (measured once, a few milliseconds)."""
    import time

    def seconds(dtype: torch.dtype) -> float:
        a = torch.ones(512, 512, dtype=dtype)
        a @ a
        best = float("inf")
        for _ in range(5):
            began = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - began)
        return best

    return seconds(torch.float32) > 1.5 * seconds(torch.bfloat16)
