"""What tuning left of the base's general skill: the loss on general text as a whole and by kind, probes, and the trade over the scale.

A positive `delta` is forgetting: nats per token on general text, after less before. Over the scale s of what the adapter adds,

    gain(s) = (loss of the better of base and prompted - loss at s) / loss of the better                     over the test pieces
    forgetting(s) = general loss at s - general loss of the base                                             over general text
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..records import Interval
from ..stats import paired_ratio_difference, rate_interval
from ..voice.probes import Probe
from .arms import BASE, PROMPTED, TUNED, Material

LOST_SHOWN = 20        # probes that are told one by one


@dataclass(frozen=True)
class ProbeAnswers:
    """Probes with the greedy answers of the base and of the tuned model, and (nats, tokens) of the first expected answer with each."""

    probes: tuple[Probe, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    loss_before: tuple[tuple[float, int], ...] = ()
    loss_after: tuple[tuple[float, int], ...] = ()


NO_PROBES = ProbeAnswers()


@dataclass(frozen=True)
class ScalePoint:
    """The adapter at a share of its strength: nats of the test pieces and of the general passages, over the same targets as elsewhere."""

    scale: float
    nats: tuple[float, ...]
    general: tuple[float, ...]


def forgetting(material: Material, seed: int) -> dict[str, Any]:
    """{loss_before loss_after delta interval passages}, the same by kind of text under `kinds`, and the worst kind."""
    before, after = material.general_before, material.general_after
    whole = _lost(before, after, seed)
    kinds = material.general_kinds or (None,) * len(before)
    by_kind = {kind: _lost([one for one, of in zip(before, kinds, strict=True) if of == kind],
                           [one for one, of in zip(after, kinds, strict=True) if of == kind], seed)
               for kind in sorted({kind for kind in kinds if kind})}
    worst = max(by_kind, key=lambda kind: by_kind[kind]["delta"] or 0.0) if by_kind else None
    return whole | {"kinds": by_kind, "worst_kind": worst, "worst_delta": by_kind[worst]["delta"] if worst else None,
                    "worst_interval": by_kind[worst]["interval"] if worst else None}


def kept_probes(given: ProbeAnswers, seed: int) -> dict[str, Any]:
    """Shares of the probes that each model answers rightly; `lost_share`: of those that the base answers, how many the tuned model does
    not; the first of them under `lost`; and the loss of the expected answers."""
    keys = ("right_before", "right_before_interval", "right_after", "right_after_interval", "lost_share", "lost_interval")
    row: dict[str, Any] = {"probes": len(given.probes), **dict.fromkeys(keys), "lost": [],
                           **_lost(given.loss_before, given.loss_after, seed)}
    row["answers"] = row.pop("passages")
    if not given.before:
        return row
    right = [[probe.is_right(answer) for probe, answer in zip(given.probes, answers, strict=True)]
             for answers in (given.before, given.after)]
    for name, flags in zip(("right_before", "right_after"), right, strict=True):
        rate = rate_interval(sum(flags), len(flags))
        row |= {name: rate.value, f"{name}_interval": rate.as_list()}
    lost = [number for number, (was, still) in enumerate(zip(*right, strict=True)) if was and not still]
    share = rate_interval(len(lost), sum(right[0]))
    told = [{"prompt": given.probes[number].prompt, "expected": list(given.probes[number].expected), "before": given.before[number],
             "after": given.after[number]} for number in lost[:LOST_SHOWN]]
    return row | {"lost_share": share.value, "lost_interval": share.as_list(), "lost": told}


def trade(material: Material, points: Sequence[ScalePoint], seed: int) -> list[dict[str, Any]]:
    """[{scale, loss, gain, gain_interval, forgetting, forgetting_interval}] from the base (0) over the points to the adapter (1)."""
    base, tuned = material.arm(BASE), material.arm(TUNED)
    tokens, general = tuned.tokens, [count for _, count in material.general_before]
    rivals = [arm for arm in (base, material.arm(PROMPTED)) if arm.tokens]
    if not points or not sum(tokens) or not sum(general) or not rivals:
        return []
    rival = min(rivals, key=lambda arm: sum(arm.nats))
    before = tuple(nats for nats, _ in material.general_before)
    ends = (ScalePoint(0.0, base.nats, before), ScalePoint(1.0, tuned.nats, tuple(nats for nats, _ in material.general_after)))
    best = sum(rival.nats) / sum(tokens)
    rows = []
    for point in sorted([*(end for end in ends if end.nats), *points], key=lambda one: one.scale):
        saved = paired_ratio_difference(rival.nats, point.nats, tokens, seed=seed)
        lost = paired_ratio_difference(point.general, before, general, seed=seed)
        gain = Interval(*(None if end is None else end / best for end in (saved.value, saved.low, saved.high)))
        rows.append({"scale": point.scale, "loss": sum(point.nats) / sum(tokens), "gain": gain.value, "gain_interval": gain.as_list(),
                     "forgetting": lost.value, "forgetting_interval": lost.as_list()})
    return rows


def _lost(before: Sequence[tuple[float, int]], after: Sequence[tuple[float, int]], seed: int) -> dict[str, Any]:
    tokens = [count for _, count in before]
    if not sum(tokens):
        return dict.fromkeys(("loss_before", "loss_after", "delta", "interval", "passages"))
    first, second = [nats for nats, _ in before], [nats for nats, _ in after]
    delta = paired_ratio_difference(second, first, tokens, seed=seed)
    return {"loss_before": sum(first) / sum(tokens), "loss_after": sum(second) / sum(tokens), "delta": delta.value,
            "interval": delta.as_list(), "passages": len(tokens)}
