"""What a run will take on this machine before it is started, and what is the largest that fits where it does not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BaseModelError, DiskFullError
from ..settings import TuneSettings

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..tune.prepared import Prepared
    from ..tune.session import Decided

SMALLER = (2048, 1024, 512)  # tokens of a forward pass that need less memory and change nothing else


def estimate_run(base: Base, prepared: Prepared, settings: TuneSettings, decided: Decided, folder: Path) -> dict[str, Any]:
    """The contract's `estimate` of a run that writes under `folder`, from a trial of a few of its steps.

    `settings` say whether a probe comes first (a rate of None), `decided` at what rate the steps are tried. Raises TrainingError where
    they do not train.
    """
    from ..advise import Need, Room, Work, estimate
    from ..engine.devices import available_memory, peak_memory_bytes
    from ..engine.fit import Fit
    from ..engine.forecast import forecast
    from ..tune.prepared import attach_for, plan_of
    from ..tune.probe import PROBE_SHARE

    tried = decided.settle(settings)
    method = attach_for(base, prepared, tried)
    try:
        fit = Fit(base, method, prepared.data, plan_of(tried, decided.bf16))
        found = forecast(fit)
        work = Work(found.training_seconds, found.evaluation_seconds, len(fit.evaluate_at), settings.patience,
                    PROBE_SHARE if settings.rate is None else None, settings.dial is None, found.spread)
    finally:
        method.detach()
    free = available_memory(base.device.type)
    room = Room(None if free is None else free + peak_memory_bytes(base.device.type), free_disk(folder))
    return estimate(work, Need(found.peak_memory_bytes, found.disk_bytes), room, others(base, settings))


def others(base: Base, settings: TuneSettings) -> dict[str, Any]:
    """What other plans on this base need, the largest first, by the words that ask for them."""
    from ..advise import Need
    from ..engine.devices import peak_memory_bytes
    from ..engine.forecast import disk_bytes
    from ..engine.memory import planned_bytes

    plans = {"--method full": ("full", settings), "--method lora": ("lora", settings)}
    for tokens in SMALLER:
        if tokens < settings.micro_tokens:
            plans[f"--method lora --set micro_tokens={tokens}"] = ("lora", replace(settings, micro_tokens=tokens))
    plans["--method prefix"] = ("prefix", settings)
    found = {}
    for name, (method, changed) in plans.items():
        if method == "full" and base.quantised != "none":
            continue
        try:
            planned = planned_bytes(method, base, replace(changed, method=method))
        except BaseModelError:  # the method cannot cover this base
            continue
        found[name] = Need(peak_memory_bytes(base.device.type) + planned.more, disk_bytes(planned.moments // 8))
    return found


def free_disk(folder: Path) -> int | None:
    """Free bytes of the disk that holds a folder, or None where nobody tells."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def check_disk(base: Base, settings: TuneSettings, folder: Path) -> None:
    """Raises DiskFullError, naming the largest plan that has room, where a run's checkpoints and adapter have none."""
    from ..engine.forecast import disk_bytes
    from ..engine.memory import planned_bytes

    free = free_disk(folder)
    need = disk_bytes(planned_bytes(settings.method, base, settings).moments // 8)
    if free is None or need <= free:
        return
    fitting = next((name for name, other in others(base, settings).items() if other.disk_bytes <= free), None)
    raise DiskFullError(str(folder), f"{free / 2**20:,.0f} MiB free, no space left for the run",
                        f"{need / 2**20:,.0f} MiB for checkpoints and the adapter",
                        f"Free some space, or use {fitting}." if fitting else "Free some space.")
