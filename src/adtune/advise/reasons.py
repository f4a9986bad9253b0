"""The three reasons for which fine-tuning pays, each with what was measured for it; or none of them holds.

What tuning saves, nats on the targets of validation pieces, is parted by what a target is: a term, layout, manner (common words and
punctuation, in which no topic shows), or topic. Drafts are few and a short run's are rough, so that the loss decides and drafts are told.

    many subtle conventions    MANY habits or more in which the client's pieces stand SET_OFF standard deviations from general text, and
                               tuning takes at least CLEAR off the loss on manner
    a vocabulary that the base lacks
                               TERMS words or more that the pieces share, general text does not hold and the base spells out; they are SHARE
                               of the targets, and tuning takes clearly more off them than off the rest, nats per token
    a precise format           FEWEST_RULES rules of the format or more that nearly all client's pieces keep and general text does not, and
                               tuning takes at least PRECISE off the loss on layout, clearly more than off the rest

Clearly, and at least: by the lower end of the 95 % interval over pieces. `holds` is None where the loss was not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, pstdev

from ..records import Example, Interval
from ..stats import paired_ratio_difference
from ..voice.habits import HABITS, habits
from ..voice.layout import Rule, learn_formats
from .arms import PROMPT, Drafted, percent
from .facts import Reason

CONVENTIONS, VOCABULARY, FORMAT = "many subtle conventions", "a vocabulary that the base lacks", "a precise format"
TERM, LAYOUT, MANNER, TOPIC = CLASSES = ("term", "layout", "manner", "topic")
SET_OFF, MANY, CLEAR = 0.8, 4, 0.03   # standard deviations (Cohen's large effect); habits; of the loss
SHARE, TERMS = 0.02, 5                # of the targets; terms
KEPT, LACKED = 0.85, 0.5              # share of the client's pieces, and of general text, that keep a rule of a precise format
FEWEST_RULES, PRECISE = 2, 0.15       # rules; of the loss on layout


@dataclass(frozen=True)
class ClassLoss:
    """Target tokens of one class in each validation piece, and their nats in the rival's arm and in the tuned one."""

    tokens: tuple[int, ...]
    rival: tuple[float, ...]
    tuned: tuple[float, ...]

    @property
    def loss(self) -> float:
        """Nats per token in the rival's arm."""
        return sum(self.rival) / max(sum(self.tokens), 1)

    def off(self) -> Interval:
        """Nats per token that tuning takes off."""
        return paired_ratio_difference(self.rival, self.tuned, self.tokens) if sum(self.tokens) else Interval(None)

    def gain(self) -> Interval:
        """The same as a share of the rival's loss."""
        off, loss = self.off(), self.loss
        return Interval(*(None if end is None or not loss else end / loss for end in (off.value, off.low, off.high)))


@dataclass(frozen=True)
class TargetLoss:
    """What tuning saves by class, and the terms with the tokens that each takes the base."""

    classes: Mapping[str, ClassLoss]
    terms: Mapping[str, int] = field(default_factory=dict)

    def share(self, name: str) -> float:
        """Share of the targets."""
        whole = sum(sum(one.tokens) for one in self.classes.values())
        return sum(self.classes[name].tokens) / whole if whole else 0.0

    def rest(self, name: str) -> ClassLoss:
        """Everything but one class."""
        others = [one for other, one in self.classes.items() if other != name]
        rows = [tuple(map(sum, zip(*(getattr(one, key) for one in others), strict=True))) for key in ("tokens", "rival", "tuned")]
        return ClassLoss(*rows)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shown:
    """The pieces and the general text that reasons are read from."""

    train: Sequence[Example]
    held_out: Sequence[Example]
    general: Sequence[str]


def reasons(shown: Shown, loss: TargetLoss | None, drafted: Drafted, tuned: str) -> tuple[Reason, ...]:
    """The three reasons. `tuned` names the tuned arm that was measured and, where it stands in `drafted`, drafted."""
    pair = (drafted[PROMPT].texts, drafted[tuned].texts) if PROMPT in drafted and tuned in drafted else None
    return (_conventions(shown, loss, pair), _vocabulary(loss), _format(shown, loss, pair))


Pair = tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]] | None  # drafts of the prompted and of the tuned arm, by brief


def _conventions(shown: Shown, loss: TargetLoss | None, pair: Pair) -> Reason:
    own, other = [habits(piece.text) for piece in shown.train], [habits(text) for text in shown.general]
    limits: dict[str, tuple[float, float]] = {}      # habit -> (the middle between both means, the side that is the client's)
    for name in HABITS:
        first, second = [row[name] for row in own], [row[name] for row in other]
        spread = ((pstdev(first) ** 2 + pstdev(second) ** 2) / 2) ** 0.5
        apart = mean(first) - mean(second)
        if spread and abs(apart) >= SET_OFF * spread:
            limits[name] = (mean(first) - apart / 2, 1.0 if apart > 0 else -1.0)
    told = f"{len(limits)} of {len(HABITS)} habits set the pieces off from general text"

    def kept(text: str) -> float:
        row = habits(text)
        return mean((row[name] - middle) * side > 0 for name, (middle, side) in limits.items())

    drafts = _drafts(pair, kept) if limits else {}
    evidence = {"habits_set_off": float(len(limits)), **drafts}
    if loss is None:
        return Reason(CONVENTIONS, None if len(limits) >= MANY else False, f"{told}{_told(drafts)}.", evidence)
    gain = loss.classes[MANNER].gain()
    evidence |= {"gain_on_manner": gain.value}
    holds = len(limits) >= MANY and gain.low is not None and gain.low >= CLEAR
    return Reason(CONVENTIONS, holds, f"{told}; tuning takes {_ends(gain)} off the loss on common words and punctuation{_told(drafts)}.",
                  evidence)


def _vocabulary(loss: TargetLoss | None) -> Reason:
    if loss is None:
        return Reason(VOCABULARY, None, "The loss on terms was not measured.")
    term, rest, count = loss.classes[TERM], loss.rest(TERM), len(loss.terms)
    evidence: dict[str, float | None] = {"terms": float(count), "share": loss.share(TERM)}
    if not count or not sum(term.tokens):
        return Reason(VOCABULARY, False, "The base spells out no word that the pieces share and general text lacks.", evidence)
    off, elsewhere = term.off(), rest.off()
    evidence |= {"loss_on_terms": term.loss, "loss_elsewhere": rest.loss, "gain_on_terms": off.value, "gain_elsewhere": elsewhere.value}
    more = off.low is not None and elsewhere.value is not None and off.low > elsewhere.value
    parts = mean(loss.terms.values())
    told = f"{count} words that general text lacks and the base spells out in {parts:.1f} tokens make up {percent(loss.share(TERM))} of the"
    return Reason(VOCABULARY, count >= TERMS and loss.share(TERM) >= SHARE and more,
                  f"{told} targets; tuning takes {off.value or 0.0:.2f} nats a token off them and {elsewhere.value or 0.0:.2f} elsewhere.",
                  evidence)


def _format(shown: Shown, loss: TargetLoss | None, pair: Pair) -> Reason:
    formats = learn_formats([piece.text for piece in shown.train], [piece.brief.content_type for piece in shown.train])
    asked: dict[Rule, list[str]] = {}
    for piece in shown.held_out:
        for rule in formats.of(piece.brief.content_type):
            asked.setdefault(rule, []).append(piece.text)
    rules = [rule for rule, texts in asked.items()
             if mean(map(rule.holds, texts)) >= KEPT and mean(map(rule.holds, shown.general)) <= LACKED]
    names = ", ".join(rule.told for rule in rules[:4])
    told = f"{len(rules)} rules of the format are the client's own" + (f" ({names})" if rules else "")
    drafts = _drafts(pair, lambda text: mean(rule.holds(text) for rule in rules)) if rules else {}
    evidence = {"rules": float(len(rules)), **drafts}
    if loss is None:
        return Reason(FORMAT, None if len(rules) >= FEWEST_RULES else False, f"{told}{_told(drafts)}.", evidence)
    gain, rest = loss.classes[LAYOUT].gain(), loss.rest(LAYOUT).gain()
    evidence |= {"gain_on_layout": gain.value, "gain_elsewhere": rest.value}
    holds = len(rules) >= FEWEST_RULES and gain.low is not None and gain.low >= PRECISE and gain.low > (rest.value or 0.0)
    return Reason(FORMAT, holds, f"{told}; tuning takes {_ends(gain)} off the loss on layout and {percent(rest.value or 0.0)} elsewhere"
                  f"{_told(drafts)}.", evidence)


def _drafts(pair: Pair, kept: object) -> dict[str, float | None]:
    """The mean of a measure over prompted and over tuned drafts; nothing where they were not drafted."""
    if pair is None:
        return {}
    prompted, tuned = (mean(kept(text) for group in drafts for text in group) for drafts in pair)  # type: ignore[operator]
    return {"kept_prompted": prompted, "kept_tuned": tuned}


def _told(drafts: Mapping[str, float | None]) -> str:
    if not drafts:
        return ""
    return f"; prompted drafts keep {percent(drafts['kept_prompted'] or 0.0)} of them, tuned ones {percent(drafts['kept_tuned'] or 0.0)}"


def _ends(one: Interval) -> str:
    if one.low is None or one.high is None:
        return "an unmeasured share"
    return f"{percent(one.value or 0.0)} ({percent(one.low)} to {percent(one.high)})"
