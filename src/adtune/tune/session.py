"""One fine-tuning run from a dataset to an adapter: rows, ledger, learning-rate probe, the loop, the best state.

A session is deterministic in its inputs; what was decided by measuring (the probe, the precision) is written to the run's
folder and read back on resume.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..engine.bases import Base, bf16_is_faster
from ..engine.fit import Fit, FitData, FitOutcome, FitPlan
from ..engine.methods import attach
from ..engine.methods.base import AbstractMethod
from ..engine.tasks.drafting import Ledger, held_out_rows, make_rows
from ..errors import SettingError, TrainingError
from ..progress import Progress, silent
from ..records import Dataset
from ..settings import TuneSettings
from ..voice.general import General
from .rates import rates

PROBE_SHARE = 0.10   # of a full run's steps, for each of the three rates
FEWEST_PROBE_STEPS = 8


@dataclass(frozen=True)
class Prepared:
    """Rows of one run and where its tokens went."""

    data: FitData
    ledger: Ledger
    prompt: list[int]
    window: int


@dataclass(frozen=True)
class Tuned:
    """A finished run; the method is still attached to the base, at its best state."""

    method: AbstractMethod
    outcome: FitOutcome
    ledger: Ledger
    probe: list[dict[str, Any]]
    rate: float


def client_prompt(base: Base, dataset: Dataset, tokens: int) -> list[int]:
    """The first `tokens` ids of the client's own prompt: brand guide, then training pieces (gold ones first)."""
    pieces = sorted(dataset.split("train"), key=lambda item: item.approval != "gold")
    return base.renderer.prompt(dataset.guide, [item.example for item in pieces], tokens)


def prepare(base: Base, dataset: Dataset, general: General, settings: TuneSettings) -> Prepared:
    """Rows for training, validation, replay and the watch on forgetting.

    Raises TrainingError where tokens would be lost and the settings do not allow it by name.
    """
    taken = settings.prefix_tokens if settings.method == "prefix" else 0
    if taken >= base.context // 2:
        raise SettingError("--set prefix_tokens", str(taken), f"at most {base.context // 2 - 1}, half of the base's context",
                           "Use a shorter prefix or a base with a longer context.")
    window = min(settings.window_tokens, base.context - taken)
    train = [item.example for item in dataset.split("train")]
    rows, ledger = make_rows(base.renderer, train, window)
    if ledger.lost_tokens and not settings.allow_lost_tokens:
        raise TrainingError("token ledger", f"{ledger.lost_tokens} of {ledger.read_tokens} target tokens that no window trains",
                            "0 lost tokens", "Raise --set window_tokens, or allow the loss with --set allow_lost_tokens=true.")
    validation = held_out_rows(base.renderer, [i.example for i in dataset.split("validation")], settings.loss_tokens, window)
    replay, _ = make_rows(base.renderer, general.replay, window, general=True)
    watch = held_out_rows(base.renderer, general.watch, settings.loss_tokens, window)
    return Prepared(FitData(rows, validation, replay, watch), ledger, client_prompt(base, dataset, taken), window)


def plan_of(settings: TuneSettings, rate: float, bf16: bool) -> FitPlan:
    """The loop's plan for these settings."""
    shared = {name: getattr(settings, name) for name in ("epochs", "seed", "batch_tokens", "micro_tokens", "warmup_share", "clip",
                                                         "evaluations", "patience", "replay", "checkpoint_seconds")}
    return FitPlan(rate=rate, bf16=bf16, **shared)


def probe_rates(base: Base, prepared: Prepared, settings: TuneSettings, bf16: bool, progress: Progress = silent,
                stop: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
    """Three short runs; the first of the returned curves marked `chosen` has the lowest validation loss among those that
    forget less than the limit (the lowest rate where none does).

    Each curve: rate, evaluations (step, validation_loss, general_loss), forgetting (nats per token), chosen.
    """
    width = base.model.config.get_text_config().hidden_size
    curves = []
    for n, rate in enumerate(rates(settings.method, width)):
        method = attach_for(base, prepared, settings)
        plan = plan_of(settings, rate, bf16)
        diverged = False
        try:
            fit = Fit(base, method, prepared.data, plan)
            fit.shorten(max(FEWEST_PROBE_STEPS, round(PROBE_SHARE * fit.total)), 2)
            try:
                fit.run(lambda label, done, total, note="", n=n: progress("probe learning rates", n + done / total, 3, note), stop)
            except TrainingError:  # a rate that explodes is a measured answer too
                diverged = True
            evaluations = fit.evaluations
        finally:
            method.detach()
        last, first = evaluations[-1], evaluations[0]
        forgetting = None if last.general_loss is None or first.general_loss is None else last.general_loss - first.general_loss
        curves.append({"rate": rate, "diverged": diverged, "forgetting": forgetting, "chosen": False,
                       "evaluations": [{k: asdict(e)[k] for k in ("step", "validation_loss", "general_loss")} for e in evaluations]})
    allowed = [c for c in curves if not c["diverged"] and (c["forgetting"] is None or c["forgetting"] < settings.forgetting_limit)]
    best = min(allowed, key=lambda c: c["evaluations"][-1]["validation_loss"]) if allowed else curves[0]
    best["chosen"] = True
    return curves


def attach_for(base: Base, prepared: Prepared, settings: TuneSettings) -> AbstractMethod:
    """A fresh method for this run, initialised from the run's seed."""
    import torch

    torch.manual_seed(settings.seed)
    return attach(settings.method, base, asdict(settings), prepared.prompt)


def decide(base: Base, prepared: Prepared, settings: TuneSettings, folder: Path | None, progress: Progress,
           stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """What is measured once a run and kept: precision and learning rate. A stopped probe is done again on resume."""
    kept = folder / "decided.json" if folder else None
    if kept and kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    bf16 = settings.precision == "bf16" or (settings.precision == "auto" and bf16_is_faster())
    curves = [] if settings.rate is not None else probe_rates(base, prepared, settings, bf16, progress, stop)
    rate = settings.rate if settings.rate is not None else next(c["rate"] for c in curves if c["chosen"])
    decided = {"bf16": bf16, "rate": rate, "probe": curves}
    if kept:
        aside = kept.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(decided), encoding="utf-8")
        os.replace(aside, kept)
    return decided


def run_session(base: Base, prepared: Prepared, settings: TuneSettings, folder: Path | None = None, progress: Progress = silent,
                stop: Callable[[], bool] = lambda: False) -> Tuned:
    """Tune, or go on with the run in `folder`. Raises Interrupted after a checkpoint, TrainingError where learning fails."""
    decided = decide(base, prepared, settings, folder, progress, stop)
    method = attach_for(base, prepared, settings)
    try:
        plan = plan_of(settings, decided["rate"], decided["bf16"])
        fit = Fit(base, method, prepared.data, plan, folder / "checkpoints" if folder else None)
        fit.restore()
        outcome = fit.run(progress, stop)
    except BaseException:
        method.detach()
        raise
    return Tuned(method, outcome, prepared.ledger, decided["probe"], decided["rate"])
