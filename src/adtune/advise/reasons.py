"""The three reasons for which fine-tuning pays, each with what was measured for it; or none of them holds.

    many subtle conventions    habits (`voice/habits.py`) in which the client's pieces stand SET_OFF standard deviations from general
                               text; it holds with MANY of them, where tuned drafts keep clearly more of them than prompted ones
    a vocabulary that the base lacks
                               terms that the base spells out in PARTS tokens or more, or reads at FOREIGN times its loss elsewhere; it
                               holds where they are SHARE of the held-out targets, and tuning gains clearly more on them than on the rest
    a precise format           rules of the format that nearly all client's pieces keep and general text does not; it holds with two of
                               them or more, where tuned drafts keep clearly more of them than prompted ones

`holds` is None where the figures that decide were not measured. Clearly: the 95 % interval over briefs or pieces lies above zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, pstdev

from ..records import Interval
from ..stats import paired_difference, paired_ratio_difference
from ..voice.habits import HABITS, habits
from ..voice.layout import Rule
from .arms import PROMPT, Drafted, clear, percent
from .drafts import Judges
from .facts import Reason

CONVENTIONS, VOCABULARY, FORMAT = "many subtle conventions", "a vocabulary that the base lacks", "a precise format"
SET_OFF, MANY = 0.8, 4       # standard deviations (Cohen's large effect); habits
PARTS, FOREIGN = 3.0, 1.5    # tokens a word; times the loss elsewhere
SHARE, TERMS = 0.02, 5       # of the held-out targets; terms
KEPT, LACKED = 0.85, 0.5     # share of the client's pieces, and of general text, that keep a rule of a precise format
FEWEST_RULES = 2


@dataclass(frozen=True)
class TermLoss:
    """Nats and tokens of each validation piece on the terms and on everything else: in the rival's arm and in the tuned one."""

    terms: int
    parts: float | None
    tokens: tuple[int, ...]
    rest_tokens: tuple[int, ...]
    rival: tuple[float, ...]
    rival_rest: tuple[float, ...]
    tuned: tuple[float, ...]
    tuned_rest: tuple[float, ...]


def reasons(drafted: Drafted, tuned: str, judges: Judges | None, texts: Mapping[str, Sequence[str]],
            terms: TermLoss | None) -> tuple[Reason, ...]:
    """The three reasons. `texts` are the `train` pieces and `general` text; `tuned` names the tuned arm that was drafted."""
    pair = (drafted[PROMPT].texts, drafted[tuned].texts) if PROMPT in drafted and tuned in drafted else None
    return (_conventions(texts, pair), _vocabulary(terms), _format(judges, texts["general"], pair))


Pair = tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]] | None  # drafts of the prompted and of the tuned arm, by brief


def _conventions(texts: Mapping[str, Sequence[str]], pair: Pair) -> Reason:
    own, other = ([habits(text) for text in texts[name]] for name in ("train", "general"))
    limits: dict[str, tuple[float, float]] = {}      # habit -> (the middle between both means, the side that is the client's)
    for name in HABITS:
        first, second = [row[name] for row in own], [row[name] for row in other]
        spread = ((pstdev(first) ** 2 + pstdev(second) ** 2) / 2) ** 0.5
        apart = mean(first) - mean(second)
        if spread and abs(apart) >= SET_OFF * spread:
            limits[name] = (mean(first) - apart / 2, 1.0 if apart > 0 else -1.0)
    told = f"{len(limits)} of {len(HABITS)} habits set the pieces off from general text"
    evidence: dict[str, float | None] = {"habits_set_off": len(limits)}

    def kept(text: str) -> float:
        row = habits(text)
        return mean((row[name] - middle) * side > 0 for name, (middle, side) in limits.items())

    if not limits or pair is None:
        return Reason(CONVENTIONS, False if len(limits) < MANY else None, f"{told}.", evidence)
    prompted, tuned = ([mean(map(kept, group)) for group in drafts] for drafts in pair)
    less = paired_difference(tuned, prompted)
    evidence |= {"kept_prompted": mean(prompted), "kept_tuned": mean(tuned), "kept_pieces": mean(map(kept, texts["train"]))}
    return Reason(CONVENTIONS, len(limits) >= MANY and clear(less), f"{told}; {_kept(prompted, tuned, less)}.", evidence)


def _vocabulary(terms: TermLoss | None) -> Reason:
    if terms is None or not sum(terms.tokens) or not sum(terms.rest_tokens):
        return Reason(VOCABULARY, False if terms is not None else None, "No term that the base spells out stands in the measured pieces."
                      if terms is not None else "Terms were not measured.", {"terms": 0 if terms is None else terms.terms})
    share = sum(terms.tokens) / (sum(terms.tokens) + sum(terms.rest_tokens))
    on_terms, on_rest = (paired_ratio_difference(first, second, tokens) for first, second, tokens in (
        (terms.rival, terms.tuned, terms.tokens), (terms.rival_rest, terms.tuned_rest, terms.rest_tokens)))
    loss, rest = sum(terms.rival) / sum(terms.tokens), sum(terms.rival_rest) / sum(terms.rest_tokens)
    lacked = (terms.parts or 0.0) >= PARTS or loss >= FOREIGN * rest
    more = on_terms.low is not None and on_rest.value is not None and on_terms.low > on_rest.value
    return Reason(VOCABULARY, lacked and share >= SHARE and terms.terms >= TERMS and more,
                  f"{terms.terms} terms of {terms.parts or 0.0:.1f} tokens make up {percent(share)} of the held-out targets: {loss:.2f} "
                  "nats a "
                  f"token against {rest:.2f} elsewhere; tuning takes {on_terms.value or 0.0:.2f} off them and {on_rest.value or 0.0:.2f} "
                  "elsewhere.",
                  {"terms": terms.terms, "tokens_a_term": terms.parts, "share": share, "gain_on_terms": on_terms.value,
                   "gain_elsewhere": on_rest.value})


def _format(judges: Judges | None, general: Sequence[str], pair: Pair) -> Reason:
    if judges is None or not judges.pieces:
        return Reason(FORMAT, None, "The format was not measured.")
    precise: dict[Rule, None] = {}
    for piece in judges.pieces:
        precise |= dict.fromkeys(judges.formats.of(piece.brief.content_type))
    published = [piece.text for piece in judges.pieces]
    rules = [rule for rule in precise if mean(map(rule.holds, published)) >= KEPT and mean(map(rule.holds, general)) <= LACKED]
    names = ", ".join(rule.told for rule in rules[:4])
    told = f"{len(rules)} rules of the format are the client's own" + (f" ({names})" if rules else "")
    evidence: dict[str, float | None] = {"rules": len(rules)}
    if not rules or pair is None:
        return Reason(FORMAT, False if len(rules) < FEWEST_RULES else None, f"{told}.", evidence)
    prompted, tuned = ([mean(rule.holds(text) for text in group for rule in rules) for group in drafts] for drafts in pair)
    less = paired_difference(tuned, prompted)
    evidence |= {"kept_prompted": mean(prompted), "kept_tuned": mean(tuned)}
    return Reason(FORMAT, len(rules) >= FEWEST_RULES and clear(less), f"{told}; {_kept(prompted, tuned, less)}.", evidence)


def _kept(prompted: Sequence[float], tuned: Sequence[float], less: Interval) -> str:
    return f"prompted drafts keep {percent(mean(prompted))} of them, tuned ones {percent(mean(tuned))} ({_ends(less)})"


def _ends(one: Interval) -> str:
    if one.low is None or one.high is None:
        return "interval not measured"
    return f"difference {percent(one.value or 0.0)}, {percent(one.low)} to {percent(one.high)}"
