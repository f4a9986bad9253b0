"""How near the drafts come to the client: the on-brand rate and the editing effort, arm by arm over the same briefs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import TrainingError
from ..records import Interval
from ..stats import mean_interval, paired_difference
from ..voice.effort import effort
from ..voice.overlap import Overlap
from .arms import ARMS, Material
from .countable import PIECES
from .paired import PAIR, rates

if TYPE_CHECKING:
    from ..voice.on_brand import OnBrandScorer

    Fitted = tuple[OnBrandScorer | None, Interval]

ON_BRAND = 0.5         # a draft with at least this score counts as on-brand
LEVELS = (PIECES, "others")


def on_brand(material: Material, seed: int, longest: int = 20, names: Sequence[str] = ARMS, pair: tuple[str, str] = PAIR,
             fitted: Fitted | None = None) -> dict[str, Any]:
    """Share of drafts that score as the client's, with intervals; null throughout where the scorer cannot be trusted.

    Two levels to compare with are measured in the same way: the client's own published `pieces`, and `others`, pieces in other voices that
    the scorer has not seen. `own_words_NAME` counts only drafts that copy no run of `longest` words or more from training pieces: no arm
    may win by copying. The scorer is fitted on validation and contrast pieces and measured on test and unseen contrast pieces, so it knows
    none of the pieces that an adapter trained on; `fitted` is what `scorer_of` gave of the same material and seed, if anybody asked.
    """
    row: dict[str, Any] = rates({}, names, seed, pair) | {f"mean_{name}": None for name in names}
    row |= rates({}, (*_own(names), *LEVELS), seed, None)
    scorer, auc = fitted or scorer_of(material, seed)
    row |= {"scorer_auc": auc.value, "scorer_auc_interval": auc.as_list()}
    if scorer is None:
        return row
    drafts = {name: some for name in names if (some := material.arm(name).drafts)}
    scores = {name: [float(score) for score in scorer.score(some)] for name, some in drafts.items()}
    flags = {name: [score >= ON_BRAND for score in some] for name, some in scores.items()}
    row |= rates(flags, names, seed, pair) | {f"mean_{name}": sum(some) / len(some) for name, some in scores.items()}
    known = {name: [score >= ON_BRAND for score in scorer.score(some)] for name, some in levels(material).items()}
    row |= rates(known, LEVELS, seed, None)
    if material.train_texts:
        overlap = Overlap(material.train_texts)
        row |= rates({f"own_words_{name}": [flag and overlap.longest_run(text, exclude=brief)[0] < longest for flag, text, brief in
                                            zip(some, drafts[name], material.briefs, strict=True)] for name, some in flags.items()},
                     _own(names), seed, None)
    return row


def levels(material: Material) -> dict[str, Sequence[str]]:
    """The texts of the two levels that drafts are compared with; neither taught the scorer."""
    return {name: some for name, some in zip(LEVELS, (material.references, material.contrast_unseen), strict=True) if some}


def _own(names: Sequence[str]) -> list[str]:
    return [f"own_words_{name}" for name in names]


def scorer_of(material: Material, seed: int) -> Fitted:
    """The fitted scorer, None where there are too few pieces to fit one or it can't be trusted, and its AUC on pieces it never saw."""
    from ..voice.on_brand import TRUSTED_AUC, OnBrandScorer  # loads scikit-learn

    try:
        scorer = OnBrandScorer.fit(material.validation_texts, material.contrast_texts, seed=seed)
    except TrainingError:
        return None, Interval(None)
    auc = scorer.auc_on(material.test_texts, material.contrast_unseen)
    return (None if auc.value is None or auc.value < TRUSTED_AUC else scorer), auc


def editing(material: Material, seed: int, names: Sequence[str] = ARMS, pair: tuple[str, str] = PAIR) -> dict[str, Any]:
    """Mean editing effort from each draft to the published text; minutes stay null until a client's editors calibrated them."""
    row: dict[str, Any] = {}
    efforts: dict[str, Sequence[float]] = {}
    for name in names:
        drafts = material.arm(name).drafts
        efforts[name] = [effort(draft, final) for draft, final in zip(drafts, material.references, strict=True)] if drafts else []
        mean = mean_interval(efforts[name], seed=seed) if drafts else Interval(None)
        row |= {f"effort_{name}": mean.value, f"effort_{name}_interval": mean.as_list()}
    first, second = (efforts[name] for name in pair)
    less = paired_difference(first, second, seed=seed) if first and second else Interval(None)
    return row | {f"{pair[0]}_less_{pair[1]}": less.value, f"{pair[0]}_less_{pair[1]}_interval": less.as_list(),
                  **{f"minutes_{name}": None for name in names}, "calibrated": False, "briefs": len(material.briefs)}
