"""Full fine-tuning: every weight of the base is trained, and the result is a whole model, not an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ...errors import BaseModelError
from ..bases import Base
from .base import AbstractMethod


class Full(AbstractMethod):
    """All parameters; tied ones count and train once."""

    name = "full"
    mergeable = True

    def __init__(self, base: Base):
        if base.quantised != "none":
            raise BaseModelError(base.name, f"weights as {base.quantised}, which are frozen", "whole weights for full fine-tuning",
                                 "Use --method lora or prefix, or --set quantise=none.")
        if base.dtype != torch.float32:  # steps of a fine rate would be rounded away
            raise BaseModelError(base.name, f"weights in {str(base.dtype)[6:]}", "weights in fp32 for full fine-tuning",
                                 "Load the base in fp32: `--method full` does so by itself.")
        parameters = dict(base.model.named_parameters())
        if not parameters:
            raise BaseModelError(base.name, "no parameters", "a base with weights", "Choose another base.")
        self._before = {name: p.detach().clone() for name, p in parameters.items()}
        super().__init__(base, {name: p.requires_grad_(True) for name, p in parameters.items()})

    @classmethod
    def fresh(cls, base: Base, options: Mapping[str, Any], prompt: Sequence[int]) -> Full:
        return cls(base)

    def expected_count(self) -> int:
        """All parameters of the base."""
        return self.base.parameters

    def detach(self) -> None:
        self.load_state(self._before)
        for tensor in self.tensors.values():
            tensor.requires_grad_(False)

    def untuned(self) -> dict[str, torch.Tensor]:
        return dict(self._before)

    def merge(self) -> None:
        """The trained weights are the model's own already."""
        for tensor in self.tensors.values():
            tensor.requires_grad_(False)

    def config(self) -> dict[str, Any]:
        return {"adtune_type": "FULL", "base_model_name_or_path": self.base.name, "revision": self.base.revision}

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.base.model.config.save_pretrained(folder)

    @classmethod
    def from_saved(cls, base: Base, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Full:
        """Put a fully tuned model's weights into the base that it came from."""
        method = cls(base)
        try:
            method.load_state(weights)
        except BaseModelError:
            method.detach()
            raise
        return method
