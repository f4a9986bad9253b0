"""Held-out loss of the three arms and what tuning gained; nats per target token throughout.

    loss = sum of nats over pieces / sum of target tokens over pieces
    gain = (loss of the better of base and prompted - loss of tuned) / loss of the better

The interval of the gain is the paired bootstrap interval of the difference, over pieces, divided by the better arm's loss.
"""

from __future__ import annotations

from typing import Any

from ..records import Interval
from ..stats import paired_ratio_difference, ratio_interval
from .arms import ARMS, BASE, PROMPTED, TUNED, Arm, Material


def held_out(material: Material, seed: int) -> dict[str, Any]:
    """Losses of all arms with intervals, and `gain` over the better of base and prompted (named in `gain_over`)."""
    losses = {name: _loss(material.arm(name), seed) for name in ARMS}
    row: dict[str, Any] = {f"loss_{name}": losses[name].value for name in ARMS}
    row |= {f"loss_{name}_interval": losses[name].as_list() for name in ARMS}
    rivals = [name for name in (BASE, PROMPTED) if losses[name].value is not None]
    better = min(rivals, key=lambda name: losses[name].value or 0.0) if rivals else None
    gain = _gain(material.arm(better), material.arm(TUNED), losses[better].value, seed) if better else Interval(None)
    tuned = material.arm(TUNED)
    return row | {"gain": gain.value, "gain_interval": gain.as_list(), "gain_over": better if gain.value is not None else None,
                  "pieces": len(tuned.tokens), "tokens": sum(tuned.tokens)}


def _loss(arm: Arm, seed: int) -> Interval:
    return ratio_interval(arm.nats, arm.tokens, seed=seed) if sum(arm.tokens) else Interval(None)


def _gain(rival: Arm, tuned: Arm, loss: float | None, seed: int) -> Interval:
    if not loss or not sum(tuned.tokens):
        return Interval(None)
    saved = paired_ratio_difference(rival.nats, tuned.nats, tuned.tokens, seed=seed)
    return Interval(*(None if end is None else end / loss for end in (saved.value, saved.low, saved.high)))
