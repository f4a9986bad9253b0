"""Whether drafts keep the format of their content type, and whether they use the client's terms rightly.

Rules and terms are learned from training pieces; the client's own published answers to the same briefs are measured in the same way:
no draft need keep a rule more often than they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..records import Interval
from ..stats import paired_ratio_difference, ratio_interval
from ..voice.layout import Rule, learn_formats
from ..voice.terms import Use
from .arms import ARMS, Material
from .countable import PIECES
from .paired import PAIR, means, rates, shares


def formats(material: Material, seed: int, names: Sequence[str] = ARMS, pair: tuple[str, str] = PAIR) -> dict[str, Any]:
    """`all`: share of texts that keep every rule of their content type; `kept`: mean share of the rules that a text keeps; `rules`: the
    share of texts that keep each rule, over the briefs that it holds for; null where the training pieces teach no rules."""
    learned = learn_formats(material.train_texts, material.train_types or (None,) * len(material.train_texts))
    rules = [learned.of(brief.content_type) for brief in material.asked] if material.asked else []
    texts = {name: some for name, some in _texts(material, names).items() if some and rules and all(rules)}
    columns = (*names, PIECES)
    kept: dict[str, list[dict[Rule, bool]]] = {}
    for name, some in texts.items():
        kept[name] = [{rule: rule.holds(text) for rule in asked} for text, asked in zip(some, rules, strict=True)]
    every = {name: [all(one.values()) for one in some] for name, some in kept.items()}
    share = {name: [sum(one.values()) / len(one) for one in some] for name, some in kept.items()}
    told = list(dict.fromkeys(rule for asked in rules for rule in asked))
    return {"all": rates(every, columns, seed, pair), "kept": means(share, columns, seed, pair),
            "rules": {rule.told: rates({name: [one[rule] for one in some if rule in one] for name, some in kept.items()}, columns,
                                       seed, None) for rule in told} if kept else {}}


def terms(material: Material, seed: int, names: Sequence[str] = ARMS, pair: tuple[str, str] = PAIR) -> dict[str, Any]:
    """`right`: share of the uses of terms that are right; `used`: share of the published text's terms that the draft uses too, by brief;
    `wrong`: the wrong uses, most frequent first; `loss`: held-out loss on the targets within terms."""
    texts = _texts(material, names)
    known = bool(material.terms.forms or material.terms.forbidden)
    uses = {name: [material.terms.uses(text) for text in some] for name, some in texts.items()} if known else {}
    asked = [{use.key for use in some if use.key in material.terms.forms} for some in uses.get(PIECES, [])]
    parts = {name: [(float(sum(use.right for use in some)), float(len(some))) for some in listed]
             for name, listed in uses.items() if listed}
    used = {name: [len({use.key for use in some} & wanted) / len(wanted) for some, wanted in zip(listed, asked, strict=True) if wanted]
            for name, listed in uses.items() if listed and name != PIECES}
    return {"terms": len(material.terms.forms), "forbidden": len(material.terms.forbidden),
            "right": shares(parts, (*names, PIECES), seed), "used": means(used, names, seed, pair),
            "wrong": {name: _wrong([use for some in uses.get(name, []) for use in some], material) for name in (*names, PIECES)},
            "loss": _loss(material, seed, names, pair)}


def _texts(material: Material, names: Sequence[str]) -> dict[str, Sequence[str]]:
    return {name: material.arm(name).drafts for name in names} | {PIECES: material.references}


def _wrong(uses: Sequence[Use], material: Material) -> list[dict[str, Any]]:
    counted: dict[tuple[str, str | None], int] = {}
    for use in uses:
        if not use.right:
            key = (use.said, material.terms.forms.get(use.key))
            counted[key] = counted.get(key, 0) + 1
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0][0]))
    return [{"said": said, "house": form, "times": times} for (said, form), times in ordered]


def _loss(material: Material, seed: int, names: Sequence[str], pair: tuple[str, str]) -> dict[str, Any]:
    """Nats per target token within terms of each arm, and the paired difference."""
    row: dict[str, Any] = {}
    for name in names:
        arm = material.arm(name)
        loss = ratio_interval(arm.term_nats, arm.term_tokens, seed=seed) if sum(arm.term_tokens) else Interval(None)
        row |= {name: loss.value, f"{name}_interval": loss.as_list()}
    first, second = (material.arm(name) for name in pair)
    both = sum(first.term_tokens) and first.term_tokens == second.term_tokens
    less = paired_ratio_difference(first.term_nats, second.term_nats, first.term_tokens, seed=seed) if both else Interval(None)
    return row | {f"{pair[0]}_less_{pair[1]}": less.value, f"{pair[0]}_less_{pair[1]}_interval": less.as_list()}
