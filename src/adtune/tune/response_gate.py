"""What answers for one advertiser, by its validation rows: how much of the tuned model against the own rate, and with what intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch

from ..engine.response.base import ResponseBase
from ..engine.response.batch import Batch
from ..engine.response.likelihood import as_rate, deviance, kind_of, log_rate, nats, share_held, variance
from ..engine.response.rules import Rule
from ..engine.tasks.response import predict_rows
from .response_split import Split

# Error in logs that all rows of the months to come share, worth four looks at validation rows: of 120 generated retailers 80 % intervals of
# weeks held 80 % with it, 66 % without.
LEVEL, LEVELS = 0.25, 4
DRIFTS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
# Nats of validation by which other weights must be better than the base's, and the own rate alone than the tuned model, before they answer
# (a share of it for a blend): a few rows, whose level is shared, must not outvote what pre-training saw.
PRIOR = 10.0
BLENDS = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the tuned model's log rate; the rest is the own rate's


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
        if share_held(rows, r, days, drift, kind) >= enough:
            break
    return drift
