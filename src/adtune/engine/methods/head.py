"""Head tuning: only what stands between a base's last layer and its answer is trained, for bases that declare such a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ...errors import BaseModelError
from .base import AbstractMethod


class Head(AbstractMethod):
    """The parameters that the base names as its heads."""

    name = "head"
    mergeable = True

    def __init__(self, base: Any):
        heads = getattr(base, "heads", None)
        if not heads:
            raise BaseModelError(base.name, "no head of its own: its output is its vocabulary",
                                 "a base with a head, such as a response base",
                                 "Use --method lora, prefix or full.")
        self._before = {name: p.detach().clone() for name, p in heads.items()}
        super().__init__(base, {name: p.requires_grad_(True) for name, p in heads.items()})

    @classmethod
    def fresh(cls, base: Any, options: Mapping[str, Any], prompt: Sequence[int]) -> Head:
        return cls(base)

    def expected_count(self) -> int:
        """All parameters of the heads."""
        return sum(p.numel() for p in self.base.heads.values())  # type: ignore[attr-defined]

    def detach(self) -> None:
        self.load_state(self._before)
        self.merge()

    def merge(self) -> None:
        """The trained weights are the model's own already."""
        for tensor in self.tensors.values():
            tensor.requires_grad_(False)

    def config(self) -> dict[str, Any]:
        return {"adtune_type": "HEAD", "base_model_name_or_path": self.base.name, "revision": self.base.revision}

    @classmethod
    def from_saved(cls, base: Any, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Head:
        """Put trained heads into the base that they came from."""
        method = cls(base)
        try:
            method.load_state(weights)
        except BaseModelError:
            method.detach()
            raise
        return method
