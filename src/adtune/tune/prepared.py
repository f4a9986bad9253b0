"""What one run trains and how: rows, ledger and prompt from a dataset, the loop's plan and a fresh method from the settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import torch

from ..engine.bases import Base
from ..engine.fit import FitData, FitPlan
from ..engine.methods import attach
from ..engine.methods.base import AbstractMethod
from ..engine.tasks.drafting import Ledger, held_out_rows, make_rows
from ..engine.tasks.echo import TIMES, read_echo
from ..errors import SettingError, TrainingError
from ..records import Dataset
from ..settings import TuneSettings
from ..voice.general import General
from ..voice.single import single_spans
from .brand_peak import ON_BRAND, BrandBriefs, brand_briefs


@dataclass(frozen=True)
class Prepared:
    """Rows of one run and where its tokens went."""

    data: FitData
    ledger: Ledger
    prompt: list[int]
    window: int
    judged: BrandBriefs | None = None  # where the voice decides which evaluation is kept


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
    rows, ledger = make_rows(base.renderer, train, window, masked=single_spans(train) if settings.mask_single else None)
    if ledger.lost_tokens and not settings.allow_lost_tokens:
        raise TrainingError("token ledger", f"{ledger.lost_tokens} of {ledger.read_tokens} target tokens that no window trains",
                            "0 lost tokens", "Raise --set window_tokens, or allow the loss with --set allow_lost_tokens=true.")
    validation = held_out_rows(base.renderer, [i.example for i in dataset.split("validation")], settings.loss_tokens, window)
    replay, _ = make_rows(base.renderer, general.replay, window, general=True)
    watch = held_out_rows(base.renderer, general.watch, settings.loss_tokens, window)
    judged = brand_briefs(dataset, general, settings.seed) if settings.peak == ON_BRAND else None
    return Prepared(FitData(rows, validation, replay, watch), ledger, client_prompt(base, dataset, taken), window, judged)


def with_echo(base: Base, prepared: Prepared, settings: TuneSettings) -> FitData:
    """The rows of a run whose replay is decided, with what the base foretells at its general text where the run comes to it often.
    Nothing may be attached to the base yet."""
    data = prepared.data
    wanted = settings.epochs * (settings.replay or 0.0) * prepared.ledger.trained_tokens
    often = wanted > TIMES * sum(row.targets for row in data.replay) > 0
    return replace(data, echo=read_echo(base, data.replay)) if often else data


def plan_of(settings: TuneSettings, bf16: bool) -> FitPlan:
    """The loop's plan for settings whose rate and replay are decided."""
    shared = {name: getattr(settings, name) for name in ("rate", "epochs", "seed", "batch_tokens", "micro_tokens", "warmup_share", "clip",
                                                         "evaluations", "patience", "replay", "checkpoint_seconds")}
    return FitPlan(bf16=bf16, **shared)


def attach_for(base: Base, prepared: Prepared, settings: TuneSettings) -> AbstractMethod:
    """A fresh method for this run, initialised from the run's seed."""
    torch.manual_seed(settings.seed)
    return attach(settings.method, base, asdict(settings), prepared.prompt)
