"""The three learning rates that a probe tries for a method on a base.

Centres follow what the field reports for bases of width 2,048 to 4,096 (LoRA 2e-4, full 2e-5, prefix 5e-3); LoRA and full
rates rise for narrower bases, whose weights are larger. Neighbours stand a factor of 2.5 apart.
"""

from __future__ import annotations

REFERENCE_WIDTH = 2048
CENTRES = {"lora": 2e-4, "full": 4e-5, "prefix": 5e-3}
WIDTH_POWER = {"lora": 1.0, "full": 1.0, "prefix": 0.0}
FACTOR = 2.5


def rates(method: str, width: int) -> tuple[float, float, float]:
    """Low, middle and high learning rate for a method on a base with hidden states of `width`."""
    middle = CENTRES[method] * max(1.0, REFERENCE_WIDTH / width) ** WIDTH_POWER[method]
    return middle / FACTOR, middle, middle * FACTOR
