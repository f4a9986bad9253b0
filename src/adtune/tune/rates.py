"""The three learning rates that a probe tries for a method on a base.

    centre(w) = CENTRES * max(1, 2048 / max(w, 1024))^WIDTH_POWER * max(1, 1024 / max(w, 320))^NARROW_POWER

From width 1,024 on the centres follow what the field reports (LoRA 2e-4, full 4e-5, prefix 5e-3 at 2,048 and above; weights take
higher rates as a base gets narrower). Below, they rise faster, to what was measured at width 320 (docs/decisions/0003). Nothing
narrower was measured, so the rise ends there. Neighbours stand a factor of 2.5 apart.
"""

from __future__ import annotations

REFERENCE_WIDTH, NARROW_WIDTH, MEASURED_WIDTH = 2048, 1024, 320
CENTRES = {"lora": 2e-4, "full": 4e-5, "prefix": 5e-3}
WIDTH_POWER = {"lora": 1.0, "full": 1.0, "prefix": 0.0}
NARROW_POWER = {"lora": 2.5, "full": 2.5, "prefix": 3.75}
FACTOR = 2.5


def rates(method: str, width: int) -> tuple[float, float, float]:
    """Low, middle and high learning rate for a method on a base with hidden states of `width`."""
    wide = max(1.0, REFERENCE_WIDTH / max(width, NARROW_WIDTH)) ** WIDTH_POWER[method]
    narrow = max(1.0, NARROW_WIDTH / max(width, MEASURED_WIDTH)) ** NARROW_POWER[method]
    middle = CENTRES[method] * wide * narrow
    return middle / FACTOR, middle, middle * FACTOR
