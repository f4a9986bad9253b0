"""What every method of fine-tuning is: trainable tensors attached to a base, saved in PEFT's folder format.

A concrete method is final: it implements the abstract members once, and nobody asks for its name.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ...errors import BaseModelError
from ..bases import Base

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


class AbstractMethod(ABC):
    """Trainable tensors attached to one base.

    `tensors` are fp32 leaves; `context_tokens` is how much of the base's context the method consumes;
    `expected_count` is the closed formula of the number of trainable parameters.
    """

    name: str
    mergeable: bool
    context_tokens: int = 0

    def __init__(self, base: Base, tensors: Mapping[str, torch.Tensor]):
        self.base = base
        self.tensors = dict(tensors)

    @classmethod
    @abstractmethod
    def fresh(cls, base: Base, options: Mapping[str, Any], prompt: Sequence[int]) -> AbstractMethod:
        """Attach an untrained method; `options` are TuneSettings, `prompt` the ids that a prefix starts from."""

    @classmethod
    @abstractmethod
    def from_saved(cls, base: Base, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> AbstractMethod:
        """Attach a saved folder's content. Raises BaseModelError where it does not fit the base."""

    @property
    def count(self) -> int:
        """Trainable parameters."""
        return sum(t.numel() for t in self.tensors.values())

    @abstractmethod
    def expected_count(self) -> int:
        """The closed formula for `count`."""

    @abstractmethod
    def detach(self) -> None:
        """Take the method off the base, which is then as it was before."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """PEFT's adapter_config.json."""

    def cache(self, rows: int) -> Any:
        """The key/value cache with which a forward pass over `rows` rows begins, or None."""
        return None

    def train_mode(self, on: bool) -> None:  # noqa: B027 - most methods have nothing to switch
        """Switch dropout on or off."""

    def state(self) -> dict[str, torch.Tensor]:
        """A copy of the trainable tensors."""
        return {name: t.detach().clone() for name, t in self.tensors.items()}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Set the trainable tensors. Raises BaseModelError, naming the tensor, when names or shapes differ."""
        if set(state) != set(self.tensors):
            odd = sorted(set(state) ^ set(self.tensors))[0]
            raise BaseModelError("adapter weights", f"a difference in the tensor {odd}", "the tensors of this base and method",
                                 "Use the adapter with the base it was trained on.")
        for name, tensor in self.tensors.items():  # all of them before any is written: a refused state changes nothing
            if tensor.shape != state[name].shape:
                raise BaseModelError(f"adapter tensor {name}", f"shape {tuple(state[name].shape)}", f"shape {tuple(tensor.shape)}",
                                     "Use the adapter with the base it was trained on.")
            if not torch.isfinite(state[name]).all():
                raise BaseModelError(f"adapter tensor {name}", "values that are not finite", "finite numbers", "Train it again.")
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(state[name])

    def between(self, start: Mapping[str, torch.Tensor], end: Mapping[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
        """The state a `share` of the way from `start` to `end`, 0 the start and 1 the end."""
        if share == 1.0:
            return dict(end)
        return {name: torch.lerp(start[name].to(tensor), tensor, share) for name, tensor in end.items()}

    def untuned(self) -> dict[str, torch.Tensor] | None:
        """The state to give `between` as the start of a saved adapter; None where a saved one does not know where it began."""
        return None

    def save(self, folder: Path) -> None:
        """Write PEFT's adapter folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({self.saved_name(n): t.detach().cpu().contiguous() for n, t in self.tensors.items()}, folder / WEIGHTS)
        (folder / CONFIG).write_text(json.dumps(self.config(), indent=2, sort_keys=True), encoding="utf-8")

    def saved_name(self, name: str) -> str:
        """The name of a trainable tensor in PEFT's file."""
        return name


def read_adapter(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Config and tensors of an adapter folder. Raises BaseModelError for anything that is not one."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"{CONFIG} holds no object")
        return config, load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise BaseModelError(str(folder), f"no {Path(error.filename or WEIGHTS).name}", f"{CONFIG} and {WEIGHTS}",
                             "Pickled adapters (.bin) are not opened; export the adapter as safetensors.") from error
    except Exception as error:
        raise BaseModelError(str(folder), f"an unreadable adapter ({error})", "PEFT's folder format", "Export it again.") from error
