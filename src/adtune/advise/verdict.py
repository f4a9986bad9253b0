"""The verdict, from paired losses on the same validation pieces.

    loss of an arm     = sum of nats over pieces / sum of target tokens over pieces
    gain of a tuned arm = (loss of the rival - loss of the arm) / loss of the rival

The rival is the better of base and prompted base. An arm beats it when its gain is above the margin and the 95 % interval of the gain,
a paired bootstrap over pieces, lies above zero. The first rule that holds decides:

    collect   fewer than 10 pieces
    rules     the median validation piece stands to more than 60 % in training pieces, word for word
    collect   fewer than 30 pieces, and no tuned arm's interval lies above zero
    prompt    no tuned arm beats the rival
    prefix    it beats the rival, and LoRA does not, or LoRA's loss is not lower by more than the margin (a prefix is smaller)
    lora      otherwise

`full` is never said: the bake-off does not measure it. A tuned arm keeps its best of some evaluations on the same pieces that it is
compared on, which flatters it slightly; the test split, which only `evaluate` reads, gives the figure to report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..records import Interval, Verdict
from ..settings import AdviseSettings
from ..stats import paired_ratio_difference, ratio_interval
from .facts import ENOUGH_PIECES, FEW_PIECES, LEAST_PIECES, ArchiveFacts

REGULAR = 0.6  # share of a piece's 8-word runs from which a template writes it
METRIC = "log-likelihood per token"  # minus the loss, in nats
BASE, PROMPT, PREFIX, LORA = ARMS = ("base", "prompt", "prefix", "lora")
UNTUNED, TUNED = (BASE, PROMPT), (PREFIX, LORA)
NAMES = {BASE: "the base alone", PROMPT: "the prompted base", PREFIX: "prefix tuning", LORA: "LoRA"}


@dataclass(frozen=True)
class ArmResult:
    """Nats and target tokens of each validation piece in one arm, and what the arm forgot (nats per token of general text)."""

    nats: tuple[float, ...]
    tokens: tuple[int, ...]
    forgetting: float | None = None

    @property
    def loss(self) -> float:
        """Nats per target token."""
        return sum(self.nats) / sum(self.tokens)


Arms = Mapping[str, ArmResult]


@dataclass(frozen=True)
class Judged:
    """The verdict with its reason. `examples_needed` is the number of further pieces to collect, None where it was not measured."""

    verdict: Verdict
    reason: str
    examples_needed: int | None = None


def judge(arms: Arms, archive: ArchiveFacts, settings: AdviseSettings) -> Judged:
    """The verdict from the measured arms, which hold `base` and `prompt` and at least one tuned arm unless there are under 10 pieces."""
    missing = max(0, ENOUGH_PIECES - archive.pieces)
    if archive.pieces < LEAST_PIECES:
        return Judged(Verdict.COLLECT, f"Only {archive.pieces} good pieces, too few to train on some and measure on others: "
                      f"{LEAST_PIECES} are the least, {ENOUGH_PIECES} a fair start. Collect {missing} more.", missing)
    if archive.regularity is not None and archive.regularity > REGULAR:
        return Judged(Verdict.RULES, f"{_percent(archive.regularity)} of the median validation piece stands word for word in training "
                      "pieces: a template with fields to fill writes these texts, and no model is needed.")
    gains = {name: gain(arms, name, settings.seed) for name in TUNED if name in arms}
    told = _told(arms, gains)
    if archive.pieces < FEW_PIECES and not any(_clear(one) for one in gains.values()):
        return Judged(Verdict.COLLECT, f"With {archive.pieces} pieces no method is clearly better than {NAMES[rival(arms)]}: {told}. "
                      f"Collect {missing} more and ask again.", missing)
    winners = [name for name, one in gains.items() if _clear(one) and (one.value or 0.0) > settings.margin]
    if not winners:
        return Judged(Verdict.PROMPT, f"Tuning gains no clear {_percent(settings.margin)} over {NAMES[rival(arms)]}: {told}."
                      + ("" if rival(arms) == PROMPT else " Guide and examples in the prompt do not help this base either."))
    if PREFIX in winners and LORA not in winners:
        return Judged(Verdict.PREFIX, f"Prefix tuning beats {NAMES[rival(arms)]}, and LoRA does not: {told}." if LORA in arms
                      else f"Prefix tuning beats {NAMES[rival(arms)]}; LoRA was not measured: {told}.")
    if PREFIX in winners and arms[PREFIX].loss <= arms[LORA].loss * (1 + settings.margin):
        return Judged(Verdict.PREFIX, f"Prefix tuning beats {NAMES[rival(arms)]} and is as good as LoRA to within "
                      f"{_percent(settings.margin)}, with fewer parameters: {told}.")
    return Judged(Verdict.LORA, f"LoRA beats {NAMES[rival(arms)]}{'' if PREFIX in arms else '; prefix tuning was not measured'}: {told}.")


def rival(arms: Arms) -> str:
    """The better of the arms that need no training."""
    return min((name for name in UNTUNED if name in arms), key=lambda name: arms[name].loss)


def gain(arms: Arms, name: str, seed: int) -> Interval:
    """The gain of an arm over the rival, as a share of the rival's loss."""
    other, arm = arms[rival(arms)], arms[name]
    saved = paired_ratio_difference(other.nats, arm.nats, arm.tokens, seed=seed)
    return Interval(*(None if end is None else end / other.loss for end in (saved.value, saved.low, saved.high)))


def candidates(arms: Arms, seed: int) -> list[dict[str, Any]]:
    """One row for each of the four arms, in their order; what was not measured is None."""
    return [_candidate(arms, name, seed) for name in ARMS]


def _candidate(arms: Arms, name: str, seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "metric": METRIC, "score": None, "interval": None, "minutes_per_piece": None,
                           "cost_per_month": None, "gain": None, "gain_interval": None, "forgetting": None}
    if name not in arms:
        return row
    loss = ratio_interval(arms[name].nats, arms[name].tokens, seed=seed)
    row |= {"score": -arms[name].loss, "forgetting": arms[name].forgetting}
    if loss.low is not None and loss.high is not None:
        row["interval"] = [-loss.high, -loss.low]
    if name in TUNED:
        over = gain(arms, name, seed)
        row |= {"gain": over.value, "gain_interval": over.as_list()}
    return row


def _clear(one: Interval) -> bool:
    return one.low is not None and one.low > 0


def _told(arms: Arms, gains: Mapping[str, Interval]) -> str:
    """The figures behind a verdict, in words."""
    first = rival(arms)
    parts = [f"{arms[first].loss:.3f} nats per token with {NAMES[first]}"]
    for name, one in gains.items():
        ends = "interval not measured" if one.low is None or one.high is None else f"{_percent(-one.high)} to {_percent(-one.low)}"
        parts.append(f"{arms[name].loss:.3f} with {NAMES[name]} ({_percent(-(one.value or 0.0))}, {ends})")
    return ", ".join(parts) + f", on {len(arms[first].tokens)} validation pieces"


def _percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:g} %"
