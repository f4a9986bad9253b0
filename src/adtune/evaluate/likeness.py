"""How near the drafts come to the client: the on-brand rate and the editing effort, arm by arm over the same briefs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import TrainingError
from ..records import Interval
from ..stats import mean_interval, paired_difference, paired_rate_difference, rate_interval
from ..voice.effort import effort
from .arms import ARMS, PROMPTED, TUNED, Material

if TYPE_CHECKING:
    from ..voice.on_brand import OnBrandScorer

ON_BRAND = 0.5         # a draft with at least this score counts as on-brand
TRUSTED_AUC = 0.75     # a scorer that tells the client from others less well than this is not used


def on_brand(material: Material, seed: int) -> dict[str, Any]:
    """Share of drafts that score as the client's, with intervals; null throughout where the scorer cannot be trusted.

    The scorer is fitted on validation and contrast pieces and measured on test and unseen contrast pieces, so it knows none of the
    pieces that an adapter trained on.
    """
    keys = [key for name in ARMS for key in (name, f"{name}_interval", f"mean_{name}")]
    row: dict[str, Any] = dict.fromkeys([*keys, "tuned_less_prompted", "tuned_less_prompted_interval"])
    scorer, auc = _scorer(material, seed)
    row |= {"scorer_auc": auc.value, "scorer_auc_interval": auc.as_list()}
    if scorer is None or auc.value is None or auc.value < TRUSTED_AUC:
        return row
    flags: dict[str, list[bool]] = {}
    for name in ARMS:
        drafts = material.arm(name).drafts
        if drafts:
            scores = [float(score) for score in scorer.score(drafts)]
            flags[name] = [score >= ON_BRAND for score in scores]
            rate = rate_interval(sum(flags[name]), len(scores))
            row |= {name: rate.value, f"{name}_interval": rate.as_list(), f"mean_{name}": sum(scores) / len(scores)}
    if TUNED in flags and PROMPTED in flags:
        less = paired_rate_difference(flags[TUNED], flags[PROMPTED], seed=seed)
        row |= {"tuned_less_prompted": less.value, "tuned_less_prompted_interval": less.as_list()}
    return row


def _scorer(material: Material, seed: int) -> tuple[OnBrandScorer | None, Interval]:
    """The fitted scorer and its AUC on pieces that it never saw; (None, not measured) where there are too few to fit one."""
    from ..voice.on_brand import OnBrandScorer  # loads scikit-learn

    try:
        scorer = OnBrandScorer.fit(material.validation_texts, material.contrast_texts, seed=seed)
    except TrainingError:
        return None, Interval(None)
    return scorer, scorer.auc_on(material.test_texts, material.contrast_unseen)


def editing(material: Material, seed: int) -> dict[str, Any]:
    """Mean editing effort from each draft to the published text; minutes stay null until a client's editors calibrated them."""
    row: dict[str, Any] = {}
    efforts: dict[str, Sequence[float]] = {}
    for name in ARMS:
        drafts = material.arm(name).drafts
        efforts[name] = [effort(draft, final) for draft, final in zip(drafts, material.references, strict=True)] if drafts else []
        mean = mean_interval(efforts[name], seed=seed) if drafts else Interval(None)
        row |= {f"effort_{name}": mean.value, f"effort_{name}_interval": mean.as_list()}
    both = efforts[TUNED] and efforts[PROMPTED]
    less = paired_difference(efforts[TUNED], efforts[PROMPTED], seed=seed) if both else Interval(None)
    return row | {"tuned_less_prompted": less.value, "tuned_less_prompted_interval": less.as_list(),
                  **{f"minutes_{name}": None for name in ARMS}, "calibrated": False, "briefs": len(material.briefs)}
