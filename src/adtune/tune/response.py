"""Fine-tuning of the response base on one advertiser's rows: the loop, and what of it is kept.

Training and validation rows (response_split.py) teach and stop; only `evaluate` reads test rows. In use, the rows that may be read are all
those of before, so that the level follows the newest of them. What answers, and with what intervals, is response_gate.py's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..engine.fit import Fit, FitData, FitOutcome, FitPlan
from ..engine.methods import attach
from ..engine.methods.base import AbstractMethod
from ..engine.peak import mean_loss, paired_noise
from ..engine.response.base import ResponseBase
from ..engine.response.batch import Batch
from ..engine.response.likelihood import as_rate
from ..engine.tasks.response import Block, blocks_of, measure, plan_epoch, predict_rows, trimmed
from ..progress import Progress, silent
from ..settings import TuneSettings
from .response_gate import PRIOR, Gate, choose_gate
from .response_split import Split

RATES = {"head": 3e-3, "lora": 1e-3, "full": 3e-4}
STEP_ROWS = 128       # rows to predict in one optimiser step
FEWEST_STEPS, MOST_STEPS = 80, 200


@dataclass(frozen=True)
class TunedResponse:
    """A finished run; the method is still attached, at its best state, and the network knows the gate's rules."""

    method: AbstractMethod
    outcome: FitOutcome
    gate: Gate
    rate: float
    blocks: int


def blocks_to_validate(batch: Batch, context: np.ndarray, rows: np.ndarray) -> list[Block]:
    """Validation rows in about 24 blocks by time, all with the same context: what the noise of an evaluation is told by."""
    context = trimmed(context, np.random.default_rng(0))
    return [Block(batch, context, part, n) for n, part in enumerate(np.array_split(rows, min(24, max(4, len(rows) // 5)))) if len(part)]


def run_response(base: ResponseBase, data: tuple[Batch, Split, list[Block]], settings: TuneSettings, folder: Path | None = None,
                 progress: Progress = silent, stop: Callable[[], bool] = lambda: False) -> TunedResponse:
    """Tune, or go on with the run in `folder`. `data` is (rows, split, generated advertisers that watch forgetting)."""
    batch, split, watch = data
    _forget(base)
    base.model.own_tau = _own_words(base, batch, split)
    train = blocks_of(batch, split.train, seed=settings.seed)
    a_step = len(plan_epoch(train, STEP_ROWS, settings.seed, 0))
    epochs = max(1, min(max(settings.epochs, math.ceil(FEWEST_STEPS / a_step)), math.ceil(MOST_STEPS / a_step)))
    rate = settings.rate or RATES[settings.method]
    torch.manual_seed(settings.seed)
    method = attach(settings.method, base, asdict(settings), [])
    try:
        plan = FitPlan(rate, epochs, settings.seed, STEP_ROWS, 10**9, settings.warmup_share, settings.clip, settings.evaluations,
                       settings.patience, 0.0, checkpoint_seconds=settings.checkpoint_seconds)
        data_ = FitData(train, blocks_to_validate(batch, split.train, split.validation), (), watch)
        fit = Fit(base, method, data_, plan, folder / "checkpoints" if folder else None)
        start = method.state()
        fit.restore()
        outcome = fit.run(progress, stop)
        learned = _kept(fit, outcome, start, (batch, split), settings.forgetting_limit)
        gate = _with_lifts(base, batch, split)
        gate = gate if learned or gate.fell_back else replace(gate, reason=f"{UNSURE} {gate.reason}")
    except BaseException:
        _forget(base)
        method.detach()
        raise
    return TunedResponse(method, outcome, gate, rate, len(train))


UNSURE = ("What fine-tuning changed is not better on validation by more than its noise and what pre-training saw, or forgets too much of "
          "the general pattern: the base that reads the client's rows answers, with its weights as they were.")


def _forget(base: ResponseBase) -> None:
    """Nothing of any client's own beside the weights."""
    base.model.rules = base.model.own_words = ()
    base.model.own_tau, base.model.own_level = {}, 0.0


def _kept(fit: Fit, outcome: FitOutcome, start: dict[str, torch.Tensor], rows: tuple[Batch, Split], limit: float) -> bool:
    """Leave the method at its best state where that is better than step 0 by more than the noise and PRIOR, and forgets little, else at
    step 0. What it moves the level by is taken back first: blocks of one history hold few levels to learn from, and the newest rows tell
    it anyway."""
    first, best = outcome.evaluations[0], outcome.best
    fit.method.load_state(start)
    if best.step == 0:
        return True
    measured, due = measure(fit.base, fit.method, fit.data.validation), _due(fit.base, *rows)
    fit.method.load_state(fit.best)
    fit.base.model.own_level = math.log(_due(fit.base, *rows) / due)
    held = measure(fit.base, fit.method, fit.data.validation)
    gain, many = mean_loss(measured) - mean_loss(held), sum(one for _, one in measured)
    forgets = (best.general_loss or 0.0) - (first.general_loss or 0.0)
    if gain > max(paired_noise(held, measured), PRIOR / many) and forgets < limit:
        return True
    fit.method.load_state(start)
    fit.base.model.own_level = 0.0
    return False


def _due(base: ResponseBase, batch: Batch, split: Split) -> float:
    """Outcomes that are expected of the validation rows."""
    with torch.no_grad():
        eta = predict_rows(base, batch, split.train, split.validation)[0].double().numpy()
    return float((batch.exposure[0, split.validation].numpy() * as_rate(eta, int(batch.family))).sum())


def _own_words(base: ResponseBase, batch: Batch, split: Split) -> dict[str, float]:
    """How much the client's words tell, {} as in the base: by the training rows, unless validation rows lose more nats by it than those
    gain."""
    base.model.own_tau = {}
    found, gain = base.model.find_words(batch, split.train)
    if not found:
        return {}
    blocks = blocks_to_validate(batch, split.train, split.validation)
    without = sum(loss for loss, _ in measure(base, None, blocks))
    base.model.own_tau = found
    return {} if sum(loss for loss, _ in measure(base, None, blocks)) - without > gain else found


def _with_lifts(base: ResponseBase, batch: Batch, split: Split) -> Gate:
    """The gate, with single words and rules of training and validation rows; none where those of the training rows made validation worse
    by more than the noise."""
    model, blocks = base.model, blocks_to_validate(batch, split.train, split.validation)
    finders = {"own_words": model.find_single_words, "rules": model.find_rules}
    kept = []
    before = np.array([loss for loss, _ in measure(base, None, blocks)])
    for name, find in finders.items():
        setattr(model, name, find(batch, split.train))
        after = np.array([loss for loss, _ in measure(base, None, blocks)])
        if (after - before).sum() > (after - before).std(ddof=1) * math.sqrt(len(blocks)):
            setattr(model, name, ())
        else:
            kept, before = [*kept, name], after
    gate = choose_gate(base, batch, split)
    for name in kept:
        setattr(model, name, finders[name](batch, split.learned))
    return replace(gate, rules=model.rules, own_tau=model.own_tau, own_words=model.own_words,
                   own_level=model.own_level)
