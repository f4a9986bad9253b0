"""How well each piece of an archive stands for the voice, learned from a few gold pieces among many that nobody has judged.

That is positive-unlabelled learning. The two-step way (Liu, Lee, Yu and Li 2002; Elkan and Noto 2008 for the reading of its scores): a
first classifier tells the gold pieces from everything else, as if all else were negative. Pieces that it puts as high as the middle of
the gold ones become positives of half weight; pieces below nearly all gold ones that are also no nearer than the middle of the
contrast voices become reliable negatives beside those; what lies between stays unlabelled, and the classifier is learned again,
twice. In an archive of one voice that leaves the contrast voices alone to learn from; in one that mostly holds other voices
those nearer than the contrast voices become negatives as well, but for the order of the pieces only: gold pieces of one kind may have
the voice's own among what lies below them, so nothing falls under the limit for it. Every margin is cross-fitted: a
piece is scored by a model that has not seen it nor a version of it, gold and unlabelled pieces alike, so that they can be compared.

Beside the score together stands one with the topic held apart (without the house's terms), and one for each axis (cadence, vocabulary,
structure, tone) from its own columns only, all from the same labels. The score together may use the terms: among other voices on the
same topics they tell nothing and get no weight, among other topics they are what is seen first. All are probabilities (Platt 1999),
sides balanced, and are rounded, so that two machines that differ in the last bit agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from ..errors import TrainingError
from ..records import Interval
from .general import contrast_texts, load_general
from .in_context import CONTROLS, SHORTLIST, Loss, gains
from .on_brand import FEWEST, auc_interval, platt
from .traits import AXES, Traits, traits_of

FOLDS = 5
ROUNDS = 2            # times that the labels are drawn anew
MOST = 800            # pieces of a side that are learned from; more only cost time
FIRST_C, LATER_C, AXIS_C = 1.0, 3.0, 3.0   # C of the logistic regressions: gold alone is little to learn from
LEARNED_WEIGHT = 0.5  # of a positive that no person named
NAMED_WEIGHT = 10.0   # of a negative that a person named: there are few beside hundreds that nobody looked at
PASSED = 0.05         # share of the gold pieces, cross-fitted, that the limit may refuse
LOWEST = 0.1          # share of the gold pieces that may lie among other voices: with thirty the third from below, which chance moves
                      # less than the last
MIXED = 0.85          # share of the unlabelled pieces below the other gold ones from which those count as other voices: at most 0.15 lie
                      # above then, and even if half of the voice's own lay below, they would be less than a fifth of what does
NEAR_ROUNDS = 2       # times that the pieces below most gold ones are drawn anew
EVEN = 0.5
DIGITS = 4


@dataclass(frozen=True)
class Fit:
    """What the score together was learned from: margins of all rows [rows], the places learned from with their truth and weights (C
    included), and slope and offset of the calibration."""

    margins: np.ndarray
    places: np.ndarray
    truth: np.ndarray
    weights: np.ndarray
    slope: float
    offset: float


@dataclass(frozen=True)
class Likeness:
    """Scores of pieces in [0, 1]: together, with the topic held apart, and by axis.

    `limit` is the score that all but PASSED of the unseen gold pieces reach, at most 0.5, where the voice is as likely as not.
    `auc` tells gold pieces from reliable negatives, both unseen. `learned` and `negatives` count the unlabelled pieces taken as positive
    and as negative; `ranks` say which of two pieces is the likelier one, by a sharper eye where the archive mostly holds other voices, else
    they are the scores; `in_context` says of how many pieces the loss entered; `blocks` holds the traits axis by axis.
    """

    scores: tuple[float, ...]
    apart: tuple[float, ...]
    axes: dict[str, tuple[float, ...]]
    limit: float
    auc: Interval
    learned: int
    negatives: int
    in_context: int
    traits: Traits
    blocks: dict[str, csr_matrix]
    pulls: dict[str, np.ndarray]
    fit: Fit
    ranks: tuple[float, ...]

    def behind(self, place: int, axis: str, most: int = 5) -> list[tuple[str, float]]:
        """The habits (words, terms) that pull a piece towards the voice (positive) or away from it on an axis, strongest first."""
        row, columns = self.blocks[axis][[place]], self.traits.axes[axis]
        parts = np.round(row.data * self.pulls[axis][row.indices], DIGITS).tolist()
        named = [(self.traits.names[columns[one]], part) for one, part in zip(row.indices.tolist(), parts, strict=True) if part]
        return sorted(named, key=lambda pair: (-abs(pair[1]), pair[0]))[:most]


@dataclass(frozen=True)
class _Labels:
    """Places of the positives with their weights, and of the negatives; `named` are those of them that a person named."""

    positives: np.ndarray
    weights: np.ndarray
    negatives: np.ndarray
    named: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))


def contrast_voices() -> list[str]:
    """General text (its replay half) and pieces in other voices, all shipped with adtune."""
    return [passage.text for passage in load_general().replay] + contrast_texts()


def likeness(texts: Sequence[str], gold: Sequence[int], contrast: Sequence[str] | None = None, loss: Loss | None = None,
             against: Sequence[int] = (), families: Sequence[int] | None = None) -> Likeness:
    """How well each of `texts` stands for the voice of those at the places `gold`.

    The same texts in the same order give the same scores. `contrast` defaults to `contrast_voices()`. With `loss` the base's
    gain from three gold pieces in context enters for a shortlist. `against` are places of texts that a person called another voice.
    `families` numbers the texts so that versions of one text have one number: no version is scored by a model that saw another.
    Raises TrainingError under FEWEST gold pieces with words.
    """
    if len(gold) < FEWEST:
        raise TrainingError("likeness to the voice", f"{len(gold)} gold pieces", f"at least {FEWEST}",
                            "Mark more pieces as gold; until then the voice is not measured.")
    others = contrast_voices() if contrast is None else list(contrast)
    known = np.full(len(texts) + len(others), -1)
    known[len(texts):], known[list(against)], known[list(gold)] = 0, 0, 1
    named = np.asarray(sorted(set(against) - set(gold)), dtype=int)
    traits = traits_of([*texts, *others], known)
    folds, labels = _folds(known, families), replace(_first_labels(known), named=named)
    margins = _cross_fitted(traits.rows, labels, folds, FIRST_C)
    for _ in range(ROUNDS):
        labels = replace(_labels(margins, known), named=named)
        margins = _cross_fitted(traits.rows, labels, folds, LATER_C)
    all_texts, measured = [*texts, *others], 0
    mixed = _is_mixed(margins, known)
    if not mixed and loss is not None:
        margins, measured = _with_context(margins, labels, all_texts, known, loss)
    calibration = _calibration(margins, known, labels)
    scores = ranks = np.round(_chances(margins, calibration), DIGITS)
    if mixed:
        nearer = margins
        for _ in range(NEAR_ROUNDS):
            sharper = replace(_labels(nearer, known, near=True), named=named)
            nearer = _cross_fitted(traits.rows, sharper, folds, LATER_C)
        if loss is not None:
            nearer, measured = _with_context(nearer, sharper, all_texts, known, loss)
        ranks = _chances(nearer, _calibration(nearer, known, sharper))
    apart_margins = _cross_fitted(traits.apart, labels, folds, LATER_C)
    apart = _chances(apart_margins, _calibration(apart_margins, known, labels))
    axes, blocks, pulls = {}, {}, {}
    for axis in AXES:
        blocks[axis] = traits.rows[:, traits.axes[axis]]
        of_axis = _cross_fitted(blocks[axis], labels, folds, AXIS_C)
        axes[axis] = _rounded(_chances(of_axis, _calibration(of_axis, known, labels))[:len(texts)])
        pulls[axis] = _classifier(blocks[axis], labels, AXIS_C).coef_[0]
    unseen = scores[known == 1]
    limit = min(EVEN, float(np.quantile(unseen, PASSED, method="lower")))
    return Likeness(_rounded(scores[:len(texts)]), _rounded(apart[:len(texts)]), axes, round(limit, DIGITS),
                    auc_interval(unseen, scores[labels.negatives]), len(labels.positives) - len(unseen),
                    int((known[labels.negatives] < 0).sum()), measured, traits, blocks, pulls,
                    Fit(margins, *_weighed(labels, LATER_C), *calibration), _rounded(ranks[:len(texts)]))


def _folds(known: np.ndarray, families: Sequence[int] | None = None) -> np.ndarray:
    """The fold of every place; gold, unlabelled and contrast pieces are spread evenly, each family in one fold."""
    folds = np.zeros(len(known), dtype=int)
    taken: dict[int, int] = {}
    for kind in (1, -1, 0):
        new = 0
        for place in np.flatnonzero(known == kind).tolist():
            family = families[place] if families is not None and place < len(families) else -1 - place
            if family not in taken:
                taken[family] = new % FOLDS
                new += 1
            folds[place] = taken[family]
    return folds


def _first_labels(known: np.ndarray) -> _Labels:
    gold = np.flatnonzero(known == 1)
    return _Labels(gold, np.ones(len(gold)), np.concatenate([_some(np.flatnonzero(known < 0)), np.flatnonzero(known == 0)]))


def _labels(margins: np.ndarray, known: np.ndarray, near: bool = False) -> _Labels:
    """The labels that the margins suggest; where `near`, negatives come from all that lies below most gold pieces."""
    gold, unlabelled = np.flatnonzero(known == 1), np.flatnonzero(known < 0)
    middle, least = np.quantile(margins[gold], [0.5, LOWEST if near else PASSED])
    learned = _some(unlabelled[margins[unlabelled] >= middle])
    contrast = np.flatnonzero(known == 0)
    limit = least if near or not len(contrast) else min(least, np.median(margins[contrast]))
    far = unlabelled[margins[unlabelled] < limit]
    negatives = np.concatenate([_some(far), contrast])
    if not len(negatives):  # no contrast given, and nothing far from the gold pieces: the farthest tenth
        negatives = unlabelled[np.argsort(margins[unlabelled], kind="stable")][:max(FEWEST, len(unlabelled) // 10)]
        learned = np.setdiff1d(learned, negatives)
    return _Labels(np.concatenate([gold, learned]), np.repeat([1.0, LEARNED_WEIGHT], [len(gold), len(learned)]), negatives)


def _is_mixed(margins: np.ndarray, known: np.ndarray) -> bool:
    """Whether so many unlabelled pieces lie below most gold ones that few of the voice's own can be among them."""
    unlabelled = margins[known < 0]
    return len(unlabelled) > 0 and float(np.mean(unlabelled < np.quantile(margins[known == 1], LOWEST))) >= MIXED


def _some(places: np.ndarray) -> np.ndarray:
    """At most MOST of the places, evenly spread."""
    return places[np.unique(np.linspace(0, len(places) - 1, min(len(places), MOST)).astype(int))] if len(places) else places


def _cross_fitted(rows: csr_matrix, labels: _Labels, folds: np.ndarray, strength: float) -> np.ndarray:
    """The margin of every row under the model that was learned without its fold."""
    margins = np.zeros(rows.shape[0])
    for fold in range(FOLDS):
        held, positive, negative = folds == fold, folds[labels.positives] != fold, folds[labels.negatives] != fold
        part = replace(labels, positives=labels.positives[positive], weights=labels.weights[positive], negatives=labels.negatives[negative])
        margins[held] = _classifier(rows, part, strength).decision_function(rows[held])
    return margins


def _weighed(labels: _Labels, strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places that are learned from, their truth (1 own, 0 other) and their weights, which are the same for both sides together."""
    places = np.concatenate([labels.positives, labels.negatives])
    truth = np.repeat([1, 0], [len(labels.positives), len(labels.negatives)])
    half = len(places) / 2
    against = np.where(np.isin(labels.negatives, labels.named), NAMED_WEIGHT, 1.0)
    return places, truth, strength * np.concatenate([labels.weights * half / labels.weights.sum(), against * half / against.sum()])


def _classifier(rows: csr_matrix, labels: _Labels, strength: float) -> LogisticRegression:
    """Logistic regression in which both sides weigh the same."""
    places, truth, weights = _weighed(labels, 1.0)
    return LogisticRegression(C=strength, solver="liblinear", max_iter=1000).fit(rows[places], truth, sample_weight=weights)


def _calibration(margins: np.ndarray, known: np.ndarray, labels: _Labels) -> tuple[float, float]:
    """Slope and offset that make probabilities of margins: from the gold pieces and the reliable negatives, none of which its model saw."""
    judged = np.concatenate([np.flatnonzero(known == 1), labels.negatives])
    return platt(margins[judged], (known[judged] == 1).astype(int))


def _chances(margins: np.ndarray, calibration: tuple[float, float]) -> np.ndarray:
    """Margins as probabilities."""
    slope, offset = calibration
    return expit(slope * margins + offset)


def _rounded(scores: np.ndarray) -> tuple[float, ...]:
    return tuple(np.round(scores, DIGITS).tolist())


def _with_context(margins: np.ndarray, labels: _Labels, texts: Sequence[str], known: np.ndarray, loss: Loss) -> tuple[np.ndarray, int]:
    """Margins in which the gain in context has a part, for the gold pieces, the highest unlabelled ones and controls; how many.

    The parts are weighed by a cross-fitted logistic regression of gold pieces against controls over (margin, gain), standardised.
    A margin that no gain was measured for stays as it is, so the combined ones are brought to the scale of the others by their quartiles.
    """
    gold, unlabelled = np.flatnonzero(known == 1), np.flatnonzero(known < 0)
    controls = labels.negatives[np.argsort(-margins[labels.negatives], kind="stable")][:CONTROLS]
    ranked = unlabelled[np.argsort(-np.round(margins[unlabelled], DIGITS), kind="stable")]
    shortlist = ranked[~np.isin(ranked, controls)][:max(0, SHORTLIST - len(gold) - len(controls))]
    places = np.concatenate([gold, controls, shortlist])
    pair = np.stack([margins[places], gains(texts, gold.tolist(), places.tolist(), loss)], axis=1)
    scaled = (pair - pair.mean(axis=0)) / np.maximum(pair.std(axis=0), 1e-9)
    folds = np.concatenate([np.arange(len(part)) % FOLDS for part in (gold, controls, shortlist)])
    local = _Labels(np.arange(len(gold)), np.ones(len(gold)), np.arange(len(gold), len(gold) + len(controls)))
    combined = _cross_fitted(csr_matrix(scaled), local, folds, 1.0)
    low, high = np.quantile(margins[places], [0.25, 0.75])
    at, to = np.quantile(combined, [0.25, 0.75])
    changed = margins.copy()
    changed[places] = low + (combined - at) * (high - low) / max(to - at, 1e-9)
    return changed, len(places)
