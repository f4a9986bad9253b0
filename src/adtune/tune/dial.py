"""The adapter-scale dial: how much of what was learned is used, a trade between the client's voice and the base's breadth.

    theta(d) = theta_0 + d (theta - theta_0)                    WiSE-FT, Wortsman et al. 2021, arXiv 2109.01903

For LoRA that is d times its addition, so that the dial is served for free. Full strength is kept unless it forgets more than the
limit, or less of it is better on validation by more than the noise between the two. Weaker settings are measured one after the
other until the next is no better: along the dial the loss has one valley.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ..engine.fit import Fit, FitOutcome
from ..engine.peak import Measured, mean_loss, paired_noise
from ..engine.tasks.drafting import measure

STOPS = (0.85, 0.7, 0.5, 0.35, 0.25)  # below full strength
RUNS = (1, 1, len(STOPS))  # fewest, usual and most settings that are measured


@dataclass(frozen=True)
class Dial:
    """The chosen setting, and what was measured: dial, validation_loss, general_loss, forgetting."""

    chosen: float
    curve: list[dict[str, Any]] = field(default_factory=list)


def turn(fit: Fit, outcome: FitOutcome, start: Mapping[str, torch.Tensor], wanted: float | None, forgetting_limit: float) -> Dial:
    """Choose the dial of a finished run, or take `wanted`, and leave its method there. `start` is the method's state at step 0."""
    method, best = fit.method, fit.method.state()
    if wanted is not None:
        method.load_state(method.between(start, best, wanted))
        return Dial(wanted)
    before = outcome.evaluations[0].general_loss

    def point(stop: float, measured: Measured, general: float | None) -> dict[str, Any]:
        return {"dial": stop, "validation_loss": mean_loss(measured), "general_loss": general,
                "forgetting": None if general is None or before is None else general - before}

    curve, kept, chosen = [point(1.0, fit.peak.best_measured, outcome.best.general_loss)], fit.peak.best_measured, 0
    for stop in STOPS:
        method.load_state(method.between(start, best, stop))
        measured = measure(fit.base, method, fit.data.validation, dtype=fit.dtype)
        general = mean_loss(measure(fit.base, method, fit.data.general, dtype=fit.dtype)) if fit.data.general else None
        curve.append(point(stop, measured, general))
        forgets = (curve[chosen]["forgetting"] or 0.0) >= forgetting_limit
        better = mean_loss(kept) - mean_loss(measured) > 2 * paired_noise(measured, kept)
        if not (forgets or better):
            break
        chosen, kept = len(curve) - 1, measured
    method.load_state(method.between(start, best, curve[chosen]["dial"]))
    return Dial(curve[chosen]["dial"], curve)
