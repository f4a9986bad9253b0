"""What a run will take on this machine before it is started, and what is the largest that fits where it does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..durable import replace_file
from ..errors import BaseModelError, DiskFullError, SettingError, TrainingError

if TYPE_CHECKING:
    from ..advise import Need, Room
    from ..engine.bases import Base
    from ..settings import TuneSettings
    from ..tune.prepared import Prepared
    from ..tune.session import Decided

SMALLER = (2048, 1024, 512)  # tokens of a forward pass that need less memory and change nothing else
TRIAL_SECONDS = 5.0          # of the trial before a run
KEPT = "estimate.json"       # in the run's folder
KEYS = ("seconds", "seconds_range", "peak_memory_bytes", "peak_memory_range", "disk_bytes", "fits", "largest_that_fits")


def estimate_run(base: Base, prepared: Prepared, settings: TuneSettings, decided: Decided, folder: Path,
                 limit: float | None = None) -> dict[str, Any]:
    """The contract's `estimate` of a run that writes under `folder`, from a trial of a few of its steps, of about `limit` seconds.

    `settings` say whether a probe comes first (a rate of None), `decided` at what rate the steps are tried. Raises TrainingError where
    they do not train.
    """
    from ..advise import Need, Work, estimate
    from ..engine.fit import Fit
    from ..engine.forecast import forecast
    from ..tune import dial, probe
    from ..tune.prepared import attach_for, plan_of

    tried, first = decided.settle(settings), _need(base, settings, decided.bf16)
    method = attach_for(base, prepared, tried)
    try:
        fit = Fit(base, method, prepared.data, plan_of(tried, decided.bf16))
        found = forecast(fit, limit)
        work = Work(found.training_seconds, found.evaluation_seconds, len(fit.evaluate_at), settings.patience,
                    spread=found.spread, **({"probe_share": probe.PROBE_SHARE, "probes": probe.RUNS} if settings.rate is None else {}),
                    **({"dials": dial.RUNS} if settings.dial is None else {}))
    finally:
        method.detach()
    need = Need(found.peak_memory_bytes or first.memory_bytes, found.disk_bytes)
    return estimate(work, need, _room(base, folder), others(base, settings, decided.bf16))


def estimate_tuning(base: Base, prepared: Prepared, settings: TuneSettings, folder: Path) -> dict[str, Any]:
    """The `estimate` of a run before its first step; a run on resume keeps the one that it was started with.

    Every value is None where the tried steps do not train: the run itself says why.
    """
    from ..tune.probe import REPLAYS
    from ..tune.rates import rates
    from ..tune.session import Decided, takes_bf16

    known = kept_estimate(folder)
    if known is not None:
        return known
    rate = rates(settings.method, base.model.config.get_text_config().hidden_size)[0] if settings.rate is None else settings.rate
    tried = Decided(takes_bf16(settings), rate, REPLAYS[0] if settings.replay is None else settings.replay)
    try:
        found = estimate_run(base, prepared, settings, tried, folder, TRIAL_SECONDS)
    except TrainingError:
        found = dict.fromkeys(KEYS)
    replace_file(folder / KEPT, json.dumps(found).encode())
    return found


def kept_estimate(folder: Path) -> dict[str, Any] | None:
    """The estimate that a run was started with, or None where it ended before."""
    kept = folder / KEPT
    return json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else None


def told(estimate: Mapping[str, Any]) -> str:
    """An estimate as a line for people."""
    if estimate["seconds"] is None:
        return "not measured, as the first steps do not train"
    size, unit = (1, "seconds") if estimate["seconds"] < 180 else (60, "minutes") if estimate["seconds"] < 7200 else (3600, "hours")
    about, low, high = (f"{seconds / size:,.{1 if size > 60 else 0}f}" for seconds in (estimate["seconds"], *estimate["seconds_range"]))
    most = estimate["peak_memory_range"][1]
    fits = "" if estimate["fits"] else f"; it may not fit, the largest plan that does: {estimate['largest_that_fits'] or 'none'}"
    return (f"about {about} {unit} ({low} to {high}), {_mib(estimate['peak_memory_bytes'])} of memory (up to {_mib(most)}), "
            f"{_mib(estimate['disk_bytes'])} on the disk{fits}")


def others(base: Base, settings: TuneSettings, bf16: bool = False) -> dict[str, Need]:
    """What other plans on this base need, the largest first, by the words that ask for them."""
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
            found[name] = _need(base, replace(changed, method=method), bf16)
        except BaseModelError:  # the method cannot cover this base
            continue
    return found


def _need(base: Base, settings: TuneSettings, bf16: bool) -> Need:
    """What a plan needs, counted and not tried."""
    from ..advise import Need
    from ..engine.devices import peak_memory_bytes
    from ..engine.forecast import disk_bytes
    from ..engine.memory import planned_bytes

    planned = planned_bytes(settings.method, base, settings, bf16)
    return Need(peak_memory_bytes(base.device.type) + planned.more, disk_bytes(planned.moments // 8))


def _room(base: Base, folder: Path) -> Room:
    """What the machine can give to this process, what it has already included."""
    from ..advise import Room
    from ..engine.devices import available_memory, peak_memory_bytes

    free = available_memory(base.device.type)
    return Room(None if free is None else free + peak_memory_bytes(base.device.type), free_disk(folder))


def free_disk(folder: Path) -> int | None:
    """Free bytes of the disk that holds a folder, or None where nobody tells."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def check_room(base: Base, settings: TuneSettings, folder: Path) -> None:
    """Raises SettingError where the device has not the memory for a run, DiskFullError where its checkpoints and adapter have no room,
    with the largest plan that fits."""
    from ..tune.session import takes_bf16

    bf16 = takes_bf16(settings)
    need, room = _need(base, settings, bf16), _room(base, folder)
    if room.fits(need):
        return
    fitting = next((name for name, other in others(base, settings, bf16).items() if room.fits(other)), None)
    if room.memory_bytes is not None and need.memory_bytes > room.memory_bytes:
        from ..engine.devices import peak_memory_bytes

        held = peak_memory_bytes(base.device.type)
        raise SettingError(f"--method {settings.method} on {base.name}",
                           f"{_mib(need.memory_bytes - held)} of memory needed beside the loaded base",
                           f"at most {_mib(room.memory_bytes - held)}, what {base.device.type} has free",
                           f"Use {fitting}, or a smaller base." if fitting else "Use a smaller base: no method fits.")
    raise DiskFullError(str(folder), f"{_mib(room.disk_bytes or 0)} free, no space left for the run",
                        f"{_mib(need.disk_bytes)} for checkpoints and the adapter",
                        f"Free some space, or use {fitting}." if fitting else "Free some space.")


def _mib(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
