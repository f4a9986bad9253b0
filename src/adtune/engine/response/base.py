"""Load a response base: the shipped starter or a local folder, weights checked against the shape that config.json states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from ...errors import BaseModelError
from ..base_files import check_values
from ..base_places import STARTER, response_place
from ..bases import weight_hash
from ..weight_files import BASE_HEADER, read_header, read_object
from .model import HEADS, MODEL_TYPE, VERSION, ResponseNet, Shape

MOST = {"width": 512, "heads": 16, "layers": 16, "general": 1024}


@dataclass
class ResponseBase:
    """A loaded response base; what a method may touch is what `engine.bases.Base` declares too."""

    name: str
    model: ResponseNet
    hash: str
    starter: bool = False
    place: str | None = None
    revision: None = None
    licence: str | None = "Apache-2.0"
    quantised: str = "none"
    task: str = "response"
    context: int = 2**31  # rows are predicted one by one: there is no longest sequence

    def __post_init__(self) -> None:
        self.model.eval()
        self.model.requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return self.model.head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.model.head.weight.dtype

    @property
    def form(self) -> dict[str, str]:
        return {"device": self.device.type, "weights": "float32", "quantised": "none"}

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    @cached_property
    def linears(self) -> dict[str, nn.Module]:
        """Every linear layer by name, the heads left out."""
        return {name: module for name, module in self.model.named_modules()
                if isinstance(module, nn.Linear) and name.split(".")[0] not in HEADS}

    @property
    def heads(self) -> dict[str, nn.Parameter]:
        """The parameters that the method `head` trains."""
        return {name: p for name, p in self.model.named_parameters() if name.split(".")[0] in HEADS}

    @property
    def kv_sites(self) -> list[tuple[int, int]]:
        """None: there is no cache that a prefix could begin."""
        return []


def load_response(name: str = STARTER) -> ResponseBase:
    """A response base by `starter` or folder. Raises BaseModelError."""
    starter, folder = name == STARTER, response_place(name)
    try:
        model = ResponseNet(_shape(folder))
        expected = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
        found = {key: entry.shape for key, entry in read_header(folder / "model.safetensors", BASE_HEADER).items()}
        odd = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        if odd:
            raise BaseModelError(f"--base {name}", f"a difference in the tensor {odd[0]}", "the tensors that config.json describes",
                                 "Make the base again with this version of adtune.")
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, ValueError, RuntimeError) as error:
        raise BaseModelError(f"--base {name}", f"an unreadable base ({error})", "a response base", "Make it again.") from error
    check_values(name, model)
    return ResponseBase(name, model, weight_hash(model), starter, None if starter else str(folder.absolute()))


def _shape(folder: Path) -> Shape:
    said: dict[str, Any] = read_object(folder / "config.json")
    if said.get("model_type") != MODEL_TYPE or said.get("version", 0) > VERSION:
        raise BaseModelError(str(folder), f"a {said.get('model_type')} of version {said.get('version')}",
                             f"a response base of version {VERSION} or earlier", "Choose the folder of a response base.")
    sizes = {key: said.get(key) for key in MOST}
    for key, value in sizes.items():
        if type(value) is not int or not 1 <= value <= MOST[key]:
            raise BaseModelError(f"{folder}/config.json", f"{key} = {str(value)[:40]}", f"a whole number from 1 to {MOST[key]}",
                                 "Make it again.")
    if sizes["width"] % sizes["heads"]:
        raise BaseModelError(f"{folder}/config.json", f"a width of {sizes['width']}", f"a multiple of {sizes['heads']} heads",
                             "Make it again.")
    return Shape(**sizes)
