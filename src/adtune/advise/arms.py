"""The arms of a bake-off: what was measured of each, how far one is ahead of another, and the rows that show it.

    loss of an arm = sum of nats over pieces / sum of target tokens over pieces
    gain of a tuned arm = (loss of the rival - loss of the arm) / loss of the rival

The rival is the better of base and prompted base. Every interval is a paired bootstrap over the same pieces. Rules and an opponent
that gives only text have no loss: they meet the others in the measures of their drafts (`drafts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import Interval
from ..stats import paired_ratio_difference, ratio_interval

METRIC = "log-likelihood per token"  # minus the loss, in nats
RULES, BASE, PROMPT, PREFIX, LORA, FULL, OPPONENT = ARMS = ("rules", "base", "prompt", "prefix", "lora", "full", "opponent")
UNTUNED, TUNED = (BASE, PROMPT), (PREFIX, LORA, FULL)  # of the arms with a loss; the tuned ones with the fewest parameters first
LIKELY = (*UNTUNED, *TUNED)
NAMES = {RULES: "rules", BASE: "the base alone", PROMPT: "the prompted base", PREFIX: "prefix tuning", LORA: "LoRA",
         FULL: "full fine-tuning", OPPONENT: "the opponent"}


@dataclass(frozen=True)
class ArmResult:
    """Nats and target tokens of each validation piece in one arm, and what the arm forgot (nats per token of general text).

    `share` is how much of a full run the arm was trained, `seconds` and `peak_memory_bytes` what measuring it took.
    """

    nats: tuple[float, ...]
    tokens: tuple[int, ...]
    forgetting: float | None = None
    share: float | None = None
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    detail: str = ""

    @property
    def loss(self) -> float:
        """Nats per target token."""
        return sum(self.nats) / sum(self.tokens)


Arms = Mapping[str, ArmResult]


@dataclass(frozen=True)
class DraftedArm:
    """What the drafts of one arm measure: {metric: interval}, every metric higher for better, and its value for each brief; `spread` is the
    mean standard deviation of the on-brand scores of a brief's drafts."""

    briefs: int
    drafts: int
    metrics: Mapping[str, Interval] = field(default_factory=dict)
    spread: float | None = None
    by_brief: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    texts: tuple[tuple[str, ...], ...] = ()


Drafted = Mapping[str, DraftedArm]


def rival(arms: Arms) -> str:
    """The better of the arms that need no training."""
    return min((name for name in UNTUNED if name in arms), key=lambda name: arms[name].loss)


def gain(arms: Arms, name: str, seed: int) -> Interval:
    """The gain of an arm over the rival, as a share of the rival's loss."""
    return lead(arms[name], arms[rival(arms)], seed)


def lead(first: ArmResult, second: ArmResult, seed: int) -> Interval:
    """How far the first arm's loss lies under the second's, as a share of the second's."""
    saved = paired_ratio_difference(second.nats, first.nats, first.tokens, seed=seed)
    return Interval(*(None if end is None else end / second.loss for end in (saved.value, saved.low, saved.high)))


def clear(one: Interval) -> bool:
    """Whether the interval lies above zero."""
    return one.low is not None and one.low > 0


def candidates(arms: Arms, seed: int, drafted: Drafted | None = None) -> list[dict[str, Any]]:
    """One row for each arm with a loss, in their order, then one for each measure of an arm's drafts; what was not measured is None."""
    rows = [_candidate(arms, name, seed) for name in LIKELY]
    for name in ARMS:
        if drafted and name in drafted:
            rows += [_row(name, metric) | {"score": found.value, "interval": found.as_list(), "briefs": drafted[name].briefs,
                                           "drafts": drafted[name].drafts, "spread": drafted[name].spread if "brand" in metric else None}
                     for metric, found in drafted[name].metrics.items()]
    return rows


def _row(name: str, metric: str) -> dict[str, Any]:
    return {"name": name, "metric": metric, "score": None, "interval": None, "minutes_per_piece": None, "cost_per_month": None,
            "gain": None, "gain_interval": None, "forgetting": None, "share": None, "seconds": None, "peak_memory_bytes": None}


def _candidate(arms: Arms, name: str, seed: int) -> dict[str, Any]:
    row = _row(name, METRIC)
    if name not in arms:
        return row
    arm = arms[name]
    loss = ratio_interval(arm.nats, arm.tokens, seed=seed)
    row |= {"score": -arm.loss, "forgetting": arm.forgetting, "share": arm.share, "seconds": arm.seconds,
            "peak_memory_bytes": arm.peak_memory_bytes, **({"detail": arm.detail} if arm.detail else {})}
    if loss.low is not None and loss.high is not None:
        row["interval"] = [-loss.high, -loss.low]
    if name in TUNED:
        over = gain(arms, name, seed)
        row |= {"gain": over.value, "gain_interval": over.as_list()}
    return row


def told(arms: Arms, gains: Mapping[str, Interval]) -> str:
    """The figures behind a verdict, in words."""
    first = rival(arms)
    parts = [f"{arms[first].loss:.3f} nats per token with {NAMES[first]}"]
    for name, one in gains.items():
        ends = "interval not measured" if one.low is None or one.high is None else f"{percent(-one.high)} to {percent(-one.low)}"
        parts.append(f"{arms[name].loss:.3f} with {NAMES[name]} ({percent(-(one.value or 0.0))}, {ends})")
    return ", ".join(parts) + f", on {len(arms[first].tokens)} validation pieces"


def percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:g} %"
