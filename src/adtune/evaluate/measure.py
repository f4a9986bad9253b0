"""From three arms to the figures of the `evaluate` verb; every figure comes from pieces that training never saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..settings import EvaluateSettings
from .arms import Material
from .axes import axes
from .claims import claims
from .copying import memorised
from .countable import measures
from .formats import formats, terms
from .gates import all_passed, judge
from .groups import NO_GROUPS, Grouped, groups
from .kept import NO_PROBES, ProbeAnswers, ScalePoint, forgetting, kept_probes, trade
from .likeness import editing, on_brand, scorer_of
from .losses import held_out
from .people import NOBODY, People, with_people


def measure(material: Material, settings: EvaluateSettings, answers: ProbeAnswers = NO_PROBES,
            points: Sequence[ScalePoint] = (), people: People = NOBODY, grouped: Grouped = NO_GROUPS) -> dict[str, Any]:
    """The JSON object of `evaluate`, but for `adapter` and `report`, which the caller knows.

    `answers` are those of the client's probes, `points` the adapter at other scales, `people` what editors and raters said, `grouped` what
    was written for groups of readers; all may be left out.

    Intervals are 95 % and stand beside their values as [low, high]; null is "not measured". `passed` is the overall verdict.
    """
    seed = settings.seed
    fitted = scorer_of(material, seed)
    result: dict[str, Any] = {
        "held_out": held_out(material, seed),
        "on_brand": on_brand(material, seed, settings.memorised_limit, fitted=fitted) | axes(material, seed),
        "editing": editing(material, seed),
        "throughput_change": None,
        "forgetting": forgetting(material, seed) | {"probes": kept_probes(answers, seed), "scales": trade(material, points, seed)},
        "memorised": memorised(material, seed),
        "measures": measures(material, seed) | {"format": formats(material, seed), "terms": terms(material, seed),
                                                 "claims": claims(material, seed), "groups": groups(grouped, fitted[0], seed)},
    }
    result = with_people(result, people)
    result["gates"] = judge(result, settings)
    return result | {"passed": all_passed(result["gates"])}
