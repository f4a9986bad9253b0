"""From three arms to the figures of the `evaluate` verb; every figure comes from pieces that training never saw."""

from __future__ import annotations

from typing import Any

from ..settings import EvaluateSettings
from .arms import Material
from .copying import memorised
from .countable import measures
from .gates import all_passed, judge
from .likeness import editing, on_brand
from .losses import forgetting, held_out


def measure(material: Material, settings: EvaluateSettings) -> dict[str, Any]:
    """The JSON object of `evaluate`, but for `adapter` and `report`, which the caller knows.

    Intervals are 95 % and stand beside their values as [low, high]; null is "not measured". `passed` is the overall verdict.
    """
    seed = settings.seed
    result: dict[str, Any] = {
        "held_out": held_out(material, seed),
        "on_brand": on_brand(material, seed),
        "editing": editing(material, seed),
        "throughput_change": None,
        "forgetting": forgetting(material, seed),
        "memorised": memorised(material, seed),
        "measures": measures(material, seed),
    }
    result["gates"] = judge(result, settings)
    return result | {"passed": all_passed(result["gates"])}
