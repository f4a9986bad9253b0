"""Whether drafts for groups of people that the client names differ in more than what the brief asks for.

Each group gets the same briefs and seeds, with the group named in the title. A group's figures are compared with the mean of the others,
brief by brief: intervals by bootstrap, p by sign flips of the pairs, with Benjamini and Hochberg's correction over all figures of all
groups. Words that more drafts for one group hold than drafts for the others are told by Fisher's exact test, corrected the same way. A
difference is a finding to read, not a verdict: a brief for other readers may deserve another text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..stats import false_discovery, paired_difference, sign_flip
from ..voice.habits import habits, words
from ..voice.layout import calls_to_action

if TYPE_CHECKING:
    from ..voice.on_brand import OnBrandScorer

COUNTED = {"words": "Words", "words_a_sentence": "Words a sentence", "second_person_per_100": "You, per 100 words",
           "intensifiers_per_100": "Intensifiers, per 100 words", "hedges_per_100": "Hedges, per 100 words",
           "call_to_action": "Ends with a call to action", "on_brand": "On-brand score",
           "loss": "Loss of the published pieces, nats per token"}
SURE = 0.05              # corrected p under which a difference is told
FEWEST, SHOWN = 3, 8     # drafts that hold a word, words shown


@dataclass(frozen=True)
class GroupTexts:
    """What was written for one group of a comparison: a draft for each brief, and (nats, tokens) of the published piece of each."""

    comparison: str
    group: str
    drafts: tuple[str, ...]
    losses: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True)
class Grouped:
    """The texts of all groups by the tuned model and by the base, over the same briefs of these `titles`."""

    titles: tuple[str, ...] = ()
    tuned: tuple[GroupTexts, ...] = ()
    base: tuple[GroupTexts, ...] = ()


NO_GROUPS = Grouped()


def groups(given: Grouped, scorer: OnBrandScorer | None, seed: int) -> dict[str, Any] | None:
    """{briefs, comparisons[{name groups figures[{figure group tuned tuned_less_others interval p base base_less_others base_interval}]
    words{group: [{word drafts others p}]} differs[figure of a group]}]}, None where no groups were named. `p` is
    corrected."""
    if not given.tuned:
        return None
    names = list(dict.fromkeys(one.comparison for one in given.tuned))
    found = []
    for name in names:
        tuned, base = ({one.group: one for one in some if one.comparison == name} for some in (given.tuned, given.base))
        values = {arm: {group: _values(one, scorer) for group, one in some.items()} for arm, some in (("tuned", tuned), ("base", base))}
        told = [*tuned][:1] if len(tuned) == 2 else [*tuned]  # of two groups one is the other's mirror
        figures = [_figure(figure, group, values, seed) for figure in next(iter(values["tuned"].values())) for group in told]
        found.append({"name": name, "groups": [*tuned], "figures": figures, "words": _words(tuned, given.titles)})
    every = [figure for one in found for figure in one["figures"]]
    for figure, p in zip(every, false_discovery([figure["p"] for figure in every]), strict=True):
        figure["p"] = p
    for one in found:
        one["differs"] = [{"figure": figure["figure"], "group": figure["group"]} for figure in one["figures"] if figure["p"] < SURE]
    return {"briefs": len(given.titles), "comparisons": found}


def _values(texts: GroupTexts, scorer: OnBrandScorer | None) -> dict[str, list[float]]:
    """Each figure of each draft."""
    told = [habits(draft) for draft in texts.drafts]
    found = {"words": [float(len(words(draft))) for draft in texts.drafts],
             "words_a_sentence": [one["mean_sentence_words"] for one in told],
             **{name: [one[name] for one in told] for name in ("second_person_per_100", "intensifiers_per_100", "hedges_per_100")},
             "call_to_action": [float(calls_to_action(draft)) for draft in texts.drafts]}
    if scorer is not None:
        found["on_brand"] = [float(score) for score in scorer.score(texts.drafts)]
    if texts.losses:
        found["loss"] = [nats / max(tokens, 1) for nats, tokens in texts.losses]
    return found


def _figure(name: str, group: str, values: Mapping[str, Mapping[str, Mapping[str, list[float]]]], seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"figure": name, "group": group}
    for arm, of in values.items():
        if group not in of:
            row |= {arm: None, f"{arm}_less_others": None, f"{arm}_interval": None}
            continue
        own = of[group][name]
        others = [sum(some) / len(some) for some in zip(*(one[name] for other, one in of.items() if other != group), strict=True)]
        less = paired_difference(own, others, seed=seed)
        row |= {arm: sum(own) / len(own), f"{arm}_less_others": less.value, f"{arm}_interval": less.as_list()}
        if arm == "tuned":
            row["p"] = sign_flip([a - b for a, b in zip(own, others, strict=True)], seed=seed)
    return row


def _words(texts: Mapping[str, GroupTexts], titles: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Words that stand in more of the drafts for each group than of those for the others, the surest first."""
    from scipy import stats

    said = {word for text in (*titles, *texts) for word in words(text)}
    holds = {group: Counter(word for draft in one.drafts for word in set(words(draft)) - said) for group, one in texts.items()}
    every = sum(holds.values(), Counter())
    many = {group: len(one.drafts) for group, one in texts.items()}
    found = {}
    for group, own in holds.items():
        others, asked = sum(many.values()) - many[group], [word for word in sorted(own) if own[word] >= FEWEST]
        p = false_discovery([float(stats.fisher_exact([[own[word], many[group] - own[word]],
                                                       [every[word] - own[word], others - every[word] + own[word]]], "greater").pvalue)
                             for word in asked])
        sure = sorted((one, word) for one, word in zip(p, asked, strict=True) if one < SURE)[:SHOWN]
        found[group] = [{"word": word, "drafts": own[word], "others": every[word] - own[word], "p": one} for one, word in sure]
    return found
