"""`adtune demo media`: the sample retailer's exports, from import to predictions, beside its known truth."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..progress import Progress, silent
from .campaigns import import_campaigns
from .predicting import predict
from .response import tune_response
from .response_advice import advise_response
from .response_evaluation import evaluate_response

if TYPE_CHECKING:
    from ..workspace import Workspace

SECONDS, GAIN, COVERED = 300, 0.1, 0.75  # what the demo promises; what falls short is listed under `misses`
PLANNED = (("Instagram", "2024-07-10"), ("Google Search", "2024-07-10"), ("Instagram", "2024-05-15"), ("Google Search", "2024-05-15"))


def demo_media(ws: Workspace, progress: Progress = silent, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Import, advise, tune, evaluate and predict on the sample retailer; the verbs' objects under their names, and `misses`."""
    from ..starter.retailer import NAME
    from ..starter.retailer_files import write_retailer

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        exports = write_retailer(Path(folder))
        answer: dict[str, Any] = {"import": import_campaigns(ws, exports, NAME, progress=progress)}
        answer["advise"] = advise_response(ws, NAME, {}, progress)
        answer["tune"] = tune_response(ws, NAME, {}, "last", progress, stop)
        if answer["tune"]["stopped"] == "interrupted":
            return answer | {"misses": ["interrupted: run the demo again to go on"], "seconds": time.monotonic() - began}
        answer["evaluate"] = evaluate_response(ws, NAME, answer["tune"]["adapter"], progress)
        plan = Path(folder) / "plan.csv"
        with plan.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["date", "channel", "campaign", "ad group", "clicks", "price", "Free returns"])
            writer.writerows([day, channel, "Planned | Dresses", "Dresses", 200, 84, "yes"] for channel, day in PLANNED)
        answer["predict"] = predict(ws, NAME, plan, {"outcome": answer["tune"]["outcome"]}, progress)
    answer["seconds"] = time.monotonic() - began
    return answer | {"misses": media_misses(answer)}


def media_misses(answer: dict[str, Any]) -> list[str]:
    """One line for every promised figure that was not reached, or not measured."""
    measured = answer["evaluate"]
    season = next((one for one in measured["season"] if "dress" in one["product"].lower()), None)
    ratio = {one["channel"]: one["log_ratio"] for one in measured["channels"]}
    more = ratio["Instagram"] - ratio["Google Search"] if {"Instagram", "Google Search"} <= ratio.keys() else None
    checks: dict[str, tuple[Any, Callable[[Any], bool]]] = {
        f"deviance at least {GAIN:.0%} below the best of the simpler ways": (measured["held_out"]["gain"], lambda v: v >= GAIN),
        "dresses peak in May": (season and season["peak"], lambda v: v == "May"),
        "the base expects another month": (season and season["base_peak"], lambda v: v != "May"),
        "Instagram converts above Search here": (more, lambda v: v > 0),
        f"80 % intervals of days cover at least {COVERED:.0%}": (  # all days of one client share one level: they hold nearly all, or few
            measured["measures"]["coverage"]["days"]["covered"], lambda v: v >= COVERED),
        f"done in {SECONDS} seconds": (answer.get("seconds"), lambda v: v < SECONDS)}
    return [f"{name}: {'not measured' if value is None else value}" for name, (value, holds) in checks.items()
            if value is None or not holds(value)]
