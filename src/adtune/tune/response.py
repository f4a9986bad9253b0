"""Fine-tuning of the response base on one advertiser's rows: split by time, the loop, and a gate that falls back where transfer hurts.

Rows are split in the order of time (whole days), 60/20/20; undated ones by whole ads. Training and validation rows teach and stop; only
`evaluate` reads test rows. In use, the rows that may be read are all those of before, so that the level follows the newest of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ..engine.fit import Fit, FitData, FitOutcome, FitPlan
from ..engine.methods import attach
from ..engine.methods.base import AbstractMethod
from ..engine.peak import mean_loss, paired_noise
from ..engine.response.base import ResponseBase
from ..engine.response.batch import Batch
from ..engine.response.columns import Columns, hidden
from ..engine.response.encode import Codebook, encode, make_codebook
from ..engine.response.likelihood import as_rate, deviance, group_quantiles, kind_of, log_rate, nats, variance
from ..engine.response.rules import Rule
from ..engine.tasks.response import Block, blocks_of, measure, plan_epoch, predict_rows, trimmed
from ..errors import InputError
from ..progress import Progress, silent
from ..settings import TuneSettings

FEWEST_ROWS, FEWEST_DAYS, FEWEST_OUTCOMES = 60, 14, 10
PARTS = (0.6, 0.8)
RATES = {"head": 3e-3, "lora": 1e-3, "full": 3e-4}
STEP_ROWS = 128       # rows to predict in one optimiser step
FEWEST_STEPS, MOST_STEPS = 80, 200
# Error in logs that all rows of the months to come share, worth four looks at validation rows: of 120 generated retailers 80 % intervals of
# weeks held 80 % with it, 66 % without.
LEVEL, LEVELS = 0.25, 4
DRIFTS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
# Nats of validation by which other weights must be better than the base's, and the own rate alone than the tuned model, before they answer
# (a share of it for a blend): a few rows, whose level is shared, must not outvote what pre-training saw.
PRIOR = 10.0
BLENDS = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the tuned model's log rate; the rest is the own rate's


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts, each in the order of time."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def learned(self) -> np.ndarray:
        """Training and validation: what is known before the first test row."""
        return np.concatenate([self.train, self.validation])


@dataclass(frozen=True)
class Gate:
    """What answers: `blend` of the tuned model's log rate with the own rate's, chosen on validation. `curve` holds each blend's deviance a
    row, `fell_back` says that the own rate alone answers; `drift` is the error that the rows of a day share, in logs,
    `sharpness` what concentrations are multiplied by; `reason` in words; `rules` are the client's own, for the model to know,
    `own_tau` how much its words tell (logs of standard deviations), `own_words` single ones that tell much, and `own_level` what the
    weights would move the level by, which is taken back."""

    blend: float
    curve: list[dict[str, float]]
    fell_back: bool
    drift: float
    reason: str
    sharpness: float = 1.0
    rules: tuple[Rule, ...] = ()
    own_tau: dict[str, float] = field(default_factory=dict)
    own_words: tuple[Rule, ...] = ()
    own_level: float = 0.0


@dataclass(frozen=True)
class TunedResponse:
    """A finished run; the method is still attached, at its best state, and the network knows the gate's rules."""

    method: AbstractMethod
    outcome: FitOutcome
    gate: Gate
    rate: float
    blocks: int


def usable(columns: Columns, book: Codebook) -> np.ndarray:
    """(N,) rows with an exposure and an outcome that can be: none below zero, none above a ceiling."""
    y, e = columns.counts[book.outcome], columns.counts[book.exposure]
    good = ~(np.isnan(y) | np.isnan(e)) & (np.nan_to_num(e) > 0) & (np.nan_to_num(y) >= 0)
    return good & ((y <= e) if book.family <= 2 else True)


def read_rows(columns: Columns, outcome: str, exposure: str | None = None, country: str = "US") -> tuple[Codebook, Split]:
    """How the rows are read, and their split: which inputs are looked at, and in what units, the training rows alone have said.
    Raises InputError as make_codebook and split_rows do."""
    every = make_codebook(columns, outcome, exposure, country)
    split = split_rows(columns, every)
    later = np.concatenate([split.validation, split.test])
    return replace(make_codebook(hidden(columns, outcome, later), outcome, every.exposure, country), family=every.family), split


def split_rows(columns: Columns, book: Codebook) -> Split:
    """Rows by time, whole days; undated ones by whole ads. Raises InputError where there is too little to learn from, saying what."""
    rows = np.flatnonzero(usable(columns, book))
    outcomes = float(columns.counts[book.outcome][rows].sum() / book.unit)
    where = f"{book.outcome} for {book.exposure}"
    if len(rows) < FEWEST_ROWS:
        raise InputError(where, f"{len(rows)} usable rows of {len(columns)}", f"at least {FEWEST_ROWS} rows; 100 teach something",
                         "Collect more days, or import a finer breakdown (ad, audience, device).")
    if outcomes < FEWEST_OUTCOMES:
        raise InputError(where, f"{outcomes:.0f} {book.outcome} in {len(rows):,} rows", f"at least {FEWEST_OUTCOMES}",
                         "Take an outcome that happens more often (--set outcome=clicks), or collect more days.")
    days = columns.day[rows]
    if (days > 0).mean() < 0.9:
        return _by_ads(columns, rows)
    rows = rows[days > 0]
    rows = rows[np.argsort(columns.day[rows], kind="stable")]
    ordered = columns.day[rows]
    if len(np.unique(ordered)) < FEWEST_DAYS:
        raise InputError(where, f"rows of {len(np.unique(ordered))} days",
                         f"at least {FEWEST_DAYS} days, so that later ones can be held out",
                         "Import more days, with the export's daily breakdown.")
    first, second = (int(np.searchsorted(ordered, ordered[min(int(share * len(rows)), len(rows) - 1)])) for share in PARTS)
    second = max(second, first + 1)
    if first < 20 or second >= len(rows):
        raise InputError(where, "rows that nearly all fall on a few days", "days that can be split into earlier and later ones",
                         "Import more days, with the export's daily breakdown.")
    return Split(rows[:first], rows[first:second], rows[second:])


def _by_ads(columns: Columns, rows: np.ndarray) -> Split:
    """Whole ads (campaigns, where ads have no names) by the order of their names' hashes."""
    import hashlib

    names = columns.named["ad"] if any(columns.named["ad"]) else columns.named["campaign"]
    keys = np.array([hashlib.sha256(str(name or n).encode()).hexdigest() for n, name in zip(rows, names[rows], strict=True)])
    rows, keys = rows[np.argsort(keys, kind="stable")], np.sort(keys)
    cuts = []
    for share in PARTS:
        at = int(share * len(rows))
        while at < len(rows) and at > 0 and keys[at] == keys[at - 1]:
            at += 1
        cuts.append(at)
    if not 20 <= cuts[0] < cuts[1] < len(rows):
        raise InputError("the campaign rows", "too few different ads without dates", "dates, or at least ten ads",
                         "Export with a daily breakdown.")
    return Split(rows[:cuts[0]], rows[cuts[0]:cuts[1]], rows[cuts[1]:])


def readable(columns: Columns, book: Codebook) -> Batch:
    """All rows as tensors; those that are usable may be read."""
    return encode(columns, book, usable(columns, book))


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


def own_rate(batch: Batch, context: np.ndarray) -> float:
    """log of the advertiser's own rate over the rows `context`, the newer ones counting more, as eta has it (`as_rate`)."""
    outcome, exposure, age = (one[0, context].double().numpy() for one in (batch.outcome, batch.exposure, batch.age))
    weight = np.exp2(-np.maximum(age - age.min(initial=0), 0) / 90)
    rate = ((weight * outcome).sum() + 0.5) / ((weight * exposure).sum() + (0.5 if int(batch.family) <= 2 else 1e-9))
    return float(log_rate(np.asarray(rate), int(batch.family)))


def choose_gate(base: ResponseBase, batch: Batch, split: Split) -> Gate:
    """The blend with the fewest nats on validation, less what is known before: PRIOR nats for the tuned model against the own rate.

    A few validation rows must not outvote what pre-training saw: another blend has to be better by more than the noise, too.
    """
    rows, family = split.validation, int(batch.family)
    with torch.no_grad():
        eta, log_r, _ = (one.double().numpy() for one in predict_rows(base, batch, split.train, rows))
    outcome, exposure = (one[0, rows].numpy() for one in (batch.outcome, batch.exposure))
    own = own_rate(batch, split.train)
    etas = {blend: blend * eta + (1 - blend) * own for blend in BLENDS}
    rates = {blend: as_rate(one, family) for blend, one in etas.items()}
    kind = torch.tensor(kind_of(family))
    y, e, spread = (torch.from_numpy(one) for one in (outcome, exposure, log_r))
    found = {blend: nats(kind, y, e, torch.from_numpy(one), spread).numpy() for blend, one in etas.items()}
    chosen, best = 1.0, 0.0
    parts = np.array_split(np.arange(len(rows)), min(12, len(rows)))  # neighbours in time stand and fall together
    for blend in BLENDS[1:]:
        gain = np.array([(found[1.0][part] - found[blend][part]).sum() for part in parts])
        surplus = gain.sum() - PRIOR * (1 - blend)
        if surplus > best and gain.sum() > gain.std(ddof=1) * math.sqrt(len(parts)):
            chosen, best = blend, surplus
    sharpness = _sharpness(outcome, exposure, chosen * eta + (1 - chosen) * own, log_r, family)
    drift = _drift((outcome, exposure, rates[chosen]), np.exp(log_r) * sharpness, batch.age[0, rows].numpy(), kind_of(family))
    curve = [{"blend": blend, "validation_deviance": float(deviance(kind_of(family), outcome, exposure, rates[blend]).mean()),
              "validation_nats": float(one.mean())} for blend, one in found.items()]
    if chosen == 0:
        reason = "The own rate alone answers: on later rows the tuned model was worse than it."
    elif chosen < 1:
        reason = f"{chosen:.0%} of the tuned model's departure from the own rate is used: all of it was worse on later rows."
    else:
        reason = "The tuned model answers: nothing nearer to the own rate was better on later rows by more than the noise."
    return Gate(chosen, curve, chosen == 0, drift, reason, sharpness)


def _sharpness(outcome: np.ndarray, exposure: np.ndarray, eta: np.ndarray, log_r: np.ndarray, family: int) -> float:
    """What concentrations are multiplied by for the fewest nats on validation, with a few rows that say one."""
    kind = torch.tensor(kind_of(family))
    tensors = [torch.from_numpy(one) for one in (outcome, exposure, eta, log_r)]
    grid = np.geomspace(0.125, 8, 13)
    found = [float(nats(kind, *tensors[:3], tensors[3] + math.log(factor)).sum()) + 2 * math.log(factor) ** 2 for factor in grid]
    return float(grid[int(np.argmin(found))])


def level_error(seen: float, due: float, scatter: float) -> float:
    """The error in logs that later rows share, from one look at it: LEVEL as LEVELS looks, and what `seen` outcomes lie from the `due` ones
    beyond their own variance `scatter` (posterior mean of a variance under a scaled inverse chi-squared prior)."""
    beyond = math.log((seen + 0.5) / (due + 0.5)) ** 2 - scatter / max(due, 1e-12) ** 2
    return math.sqrt((LEVELS * LEVEL**2 + max(beyond, 0.0)) / (LEVELS + 1))


def _drift(rows: tuple[np.ndarray, np.ndarray, np.ndarray], r: np.ndarray, age: np.ndarray, kind: int) -> float:
    """The error that rows of later days share, in logs: that of the level, and more where 80 % intervals of validation days hold fewer by
    over a standard error; `rows` are outcome, exposure and rate."""
    outcome, exposure, rate = rows
    level = level_error(outcome.sum(), (exposure * rate).sum(), variance(kind, rate, r, exposure).sum())
    days = np.unique(age.astype(int), return_inverse=True)[1]
    if days.max() < 9:
        return level
    enough = 0.8 - 0.4 / math.sqrt(days.max() + 1)
    for drift in (level, *(one for one in DRIFTS if one > level)):
        seen, (low, high) = group_quantiles(rows, r, days, drift, kind, (0.1, 0.9))
        if ((seen >= low) & (seen <= high)).mean() >= enough:
            break
    return drift
