"""Full fine-tuning: every weight of the base is trained, and the result is a whole model, not an adapter."""

from __future__ import annotations

from pathlib import Path

import torch

from ...errors import BaseModelError
from ..bases import Base
from .own_weights import OwnWeights


class Full(OwnWeights):
    """All parameters; tied ones count and train once."""

    name = "full"

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
        super().__init__(base, parameters)

    def expected_count(self) -> int:
        """All parameters of the base."""
        return self.base.parameters

    def untuned(self) -> dict[str, torch.Tensor]:
        return dict(self._before)

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.base.model.config.save_pretrained(folder)
