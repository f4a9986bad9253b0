"""What methods share that train a base's own parameters: they are put back when the method is taken off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch

from ...errors import BaseModelError
from .base import AbstractMethod


class OwnWeights(AbstractMethod):
    """Trains `parameters` of the base in place; `_before` holds them as they were."""

    mergeable = True

    def __init__(self, base: Any, parameters: Mapping[str, torch.nn.Parameter]):
        self._before = {name: p.detach().clone() for name, p in parameters.items()}
        super().__init__(base, {name: p.requires_grad_(True) for name, p in parameters.items()})

    @classmethod
    def fresh(cls, base: Any, options: Mapping[str, Any], prompt: Sequence[int]) -> Self:
        return cls(base)

    def detach(self) -> None:
        self.load_state(self._before)
        self.merge()

    def merge(self) -> None:
        """The trained weights are the model's own already."""
        for tensor in self.tensors.values():
            tensor.requires_grad_(False)

    def config(self) -> dict[str, Any]:
        return {"adtune_type": self.name.upper(), "base_model_name_or_path": self.base.name, "revision": self.base.revision}

    @classmethod
    def from_saved(cls, base: Any, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Self:
        """Put trained weights into the base that they came from."""
        method = cls(base)
        try:
            method.load_state(weights)
        except BaseModelError:
            method.detach()
            raise
        return method
