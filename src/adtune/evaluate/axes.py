"""On-brand on each axis (cadence, vocabulary, structure, tone), arm by arm, and the sentences of drafts that cost most.

An axis whose AUC on unseen pieces is under TRUSTED_AUC is not measured: its figures are null and its sentences are not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import TrainingError
from .arms import ARMS, Material
from .likeness import LEVELS, ON_BRAND, levels
from .paired import PAIR, rates

SENTENCES = 3          # of a draft that are told


def axes(material: Material, seed: int, names: Sequence[str] = ARMS, pair: tuple[str, str] = PAIR) -> dict[str, Any]:
    """{axes: {axis: {auc, auc_interval, and the share on-brand of each arm and level}}, costly: {arm of the pair: [{brief, axis, sentence,
    cost, habit, told, value, usual}]}}; `brief` is the draft's place among the briefs."""
    from ..voice.axes import AxisScorers, shown  # loads scikit-learn
    from ..voice.on_brand import TRUSTED_AUC
    from ..voice.traits import AXES

    unmeasured = {axis: {"auc": None, "auc_interval": None} | rates({}, (*names, *LEVELS), seed, pair) for axis in AXES}
    try:
        scorers = AxisScorers.fit(material.validation_texts, material.contrast_texts, seed=seed)
    except TrainingError:
        return {"axes": unmeasured, "costly": {name: [] for name in pair}}
    aucs = scorers.auc_on(material.test_texts, material.contrast_unseen)
    trusted = [axis for axis, auc in aucs.items() if auc.value is not None and auc.value >= TRUSTED_AUC]
    drafts = {name: material.arm(name).drafts for name in names if material.arm(name).drafts}
    scores = {name: scorers.scores(some) for name, some in (drafts | levels(material)).items()}
    found = {}
    for axis, auc in aucs.items():
        flags = {name: [score >= ON_BRAND for score in some[axis]] for name, some in scores.items()} if axis in trusted else {}
        found[axis] = {"auc": auc.value, "auc_interval": auc.as_list()} | rates(flags, (*names, *LEVELS), seed, pair)
    costly: dict[str, list[dict[str, Any]]] = {}
    for name in pair:
        costly[name] = [{"brief": number, "axis": one.axis, "sentence": one.sentence, "cost": one.cost, "habit": one.habit,
                         "told": one.told, "value": shown(one.habit, one.value), "usual": [shown(one.habit, end) for end in one.usual]}
                        for number, draft in enumerate(drafts.get(name, ())) for one in scorers.costly(draft, trusted, SENTENCES)]
    return {"axes": found, "costly": costly}
