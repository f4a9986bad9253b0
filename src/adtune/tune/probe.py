"""The learning-rate probe: short runs whose curves decide the rate, and how much general text is replayed.

Three rates come first (`rates.py`); while the best of all stands at an end, one beyond that end is tried. Where the best rate forgets
more than the limit, it gets more replay before a lower rate is taken: replay restores what was forgotten at small shares, a lower
rate learns less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from ..engine.bases import Base
from ..engine.fit import Fit
from ..errors import TrainingError
from ..progress import Progress, silent
from ..settings import TuneSettings
from .prepared import Prepared, attach_for, plan_of
from .rates import FACTOR, rates

PROBE_SHARE = 0.10          # of a full run's steps, for each curve
FEWEST_PROBE_STEPS = 8
MOST_RATES = 5              # three, and at most two beyond them
REPLAYS = (0.1, 0.25, 0.5)  # shares of general text: the first for every rate, the others where the best rate forgets too much
RUNS = (3, 3, MOST_RATES + len(REPLAYS) - 1)  # fewest, usual and most short runs of a probe

Curve = dict[str, Any]


def probe_rates(base: Base, prepared: Prepared, settings: TuneSettings, bf16: bool, progress: Progress = silent,
                stop: Callable[[], bool] = lambda: False) -> list[Curve]:
    """Short runs; the curve marked `chosen` has the lowest validation loss among those that forget less than the limit (the
    lowest rate where none does).

    Each curve: rate, replay, evaluations (step, validation_loss, general_loss), forgetting (nats per token), diverged, chosen.
    """
    first = REPLAYS[0] if settings.replay is None else settings.replay
    curves: list[Curve] = []

    def run(rate: float, share: float) -> Curve:
        at = len(curves)
        curves.append(_curve(base, prepared, replace(settings, rate=rate, replay=share), bf16, stop,
                             lambda label, done, steps, note="": progress("probe learning rates", at + done / steps, most, note)))
        return curves[-1]

    most = RUNS[-1]
    width = base.model.config.get_text_config().hidden_size
    for rate in rates(settings.method, width):
        run(rate, first)
    while len(curves) < MOST_RATES and (beyond := _beyond(curves)) is not None:
        run(beyond, first)
    best = _best(curves)
    if settings.replay is None and best is not None and not _allowed(best, settings):
        for share in REPLAYS[1:]:
            if _allowed(run(best["rate"], share), settings):
                break
    while len(_tried(curves)) < MOST_RATES and not any(_allowed(curve, settings) for curve in curves):
        run(_tried(curves)[0] / FACTOR, first)
    chosen = _best([curve for curve in curves if _allowed(curve, settings)])
    (chosen or min(curves, key=lambda curve: curve["rate"]))["chosen"] = True
    progress("probe learning rates", most, most)
    return curves


def _loss(curve: Curve) -> float:
    return curve["evaluations"][-1]["validation_loss"]


def _best(curves: list[Curve]) -> Curve | None:
    """The lowest last validation loss among those that did not diverge."""
    sound = [curve for curve in curves if not curve["diverged"]]
    return min(sound, key=_loss) if sound else None


def _tried(curves: list[Curve]) -> list[float]:
    """The different rates so far, the lowest first."""
    return sorted({curve["rate"] for curve in curves})


def _beyond(curves: list[Curve]) -> float | None:
    """The rate to try next where the best one stands at an end, or where all of them exploded; else None."""
    best, tried = _best(curves), _tried(curves)
    if best is None or best["rate"] == tried[0]:
        return tried[0] / FACTOR
    return best["rate"] * FACTOR if best["rate"] == tried[-1] else None


def _allowed(curve: Curve, settings: TuneSettings) -> bool:
    return not curve["diverged"] and (curve["forgetting"] is None or curve["forgetting"] < settings.forgetting_limit)


def _curve(base: Base, prepared: Prepared, settings: TuneSettings, bf16: bool, stop: Callable[[], bool], progress: Progress) -> Curve:
    """One short run at the settings' rate and replay."""
    method = attach_for(base, prepared, settings)
    diverged = False
    try:
        fit = Fit(base, method, prepared.data, plan_of(settings, bf16))
        fit.shorten(max(FEWEST_PROBE_STEPS, round(PROBE_SHARE * fit.total)), 2)
        try:
            fit.run(progress, stop)
        except TrainingError:  # a rate that explodes is a measured answer too
            if not fit.evaluations:  # not the rate's fault: the base cannot be measured
                raise
            diverged = True
        evaluations = fit.evaluations
    finally:
        method.detach()
    last, start = evaluations[-1], evaluations[0]
    forgetting = None if last.general_loss is None or start.general_loss is None else last.general_loss - start.general_loss
    return {"rate": settings.rate, "replay": settings.replay, "diverged": diverged, "forgetting": forgetting, "chosen": False,
            "evaluations": [{k: asdict(e)[k] for k in ("step", "validation_loss", "general_loss")} for e in evaluations]}
