"""Head tuning: only what stands between a base's last layer and its answer is trained, for bases that declare such a head."""

from __future__ import annotations

from typing import Any

from ...errors import BaseModelError
from .own_weights import OwnWeights


class Head(OwnWeights):
    """The parameters that the base names as its heads."""

    name = "head"

    def __init__(self, base: Any):
        heads = getattr(base, "heads", None)
        if not heads:
            raise BaseModelError(base.name, "no head of its own: its output is its vocabulary",
                                 "a base with a head, such as a response base",
                                 "Use --method lora, prefix or full.")
        super().__init__(base, heads)

    def expected_count(self) -> int:
        """All parameters of the heads."""
        return sum(p.numel() for p in self.base.heads.values())  # type: ignore[attr-defined]
