"""What the drafts of an arm are worth: the measures in which every arm can be compared, rules and an opponent without a loss among them.

    on-brand rate             share of a brief's drafts that a scorer takes for the client's, mean over briefs
    on-brand in every draft   share of the briefs all of whose drafts are: reliability, not only the mean
    format kept               share of the format's rules that a draft keeps (learned from training pieces)
    1 - editing effort        how much of the published text the draft spares (`voice/effort.py`)

Every measure is higher for better, with a bootstrap interval over briefs. The scorer is cross-fitted on validation pieces and contrast
text, which no arm was trained on; where its AUC is under TRUSTED_AUC it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, pstdev

from ..errors import TrainingError
from ..records import Example, Interval
from ..stats import mean_interval, rate_interval
from ..voice.effort import effort
from ..voice.layout import Formats, learn_formats
from ..voice.on_brand import OnBrandScorer
from .arms import DraftedArm

BRAND, EVERY, FORMAT, SPARED = METRICS = ("on-brand rate", "on-brand in every draft", "format kept", "1 - editing effort")
ON_BRAND = 0.5


@dataclass(frozen=True)
class Judges:
    """What drafts to `pieces` (their briefs, with the published texts) are judged by; `scorer` is None where it says nothing."""

    pieces: tuple[Example, ...]
    formats: Formats
    scorer: OnBrandScorer | None
    auc: Interval


def judges_of(pieces: Sequence[Example], train: Sequence[Example], held_out: Sequence[Example], contrast: Sequence[str]) -> Judges:
    """Judges learned from training pieces (format), and from held-out pieces and contrast text (scorer)."""
    formats = learn_formats([one.text for one in train], [one.brief.content_type for one in train])
    try:
        scorer: OnBrandScorer | None = OnBrandScorer.fit([one.text for one in held_out], contrast)
    except TrainingError:
        scorer = None
    auc = scorer.auc if scorer and scorer.auc else Interval(None)
    return Judges(tuple(pieces), formats, scorer if scorer and scorer.trusted else None, auc)


def measure_drafts(drafts: Sequence[Sequence[str]], judges: Judges, seed: int) -> DraftedArm:
    """The measures of an arm's drafts, a group for each brief."""
    by_brief: dict[str, list[float]] = {}
    spread = None
    if judges.scorer is not None:
        scores = [judges.scorer.score(list(group)) for group in drafts]
        by_brief[BRAND] = [mean(score >= ON_BRAND for score in group) for group in scores]
        if max(map(len, drafts)) > 1:
            by_brief[EVERY] = [float(min(group) >= ON_BRAND) for group in scores]
            spread = mean(pstdev(group) for group in scores)
    rules = [judges.formats.of(piece.brief.content_type) for piece in judges.pieces]
    if all(rules):
        by_brief[FORMAT] = [mean(rule.holds(text) for text in group for rule in asked) for group, asked in zip(drafts, rules, strict=True)]
    by_brief[SPARED] = [mean(1 - effort(text, piece.text) for text in group) for group, piece in zip(drafts, judges.pieces, strict=True)]
    metrics = {name: rate_interval(int(sum(values)), len(values)) if name == EVERY else mean_interval(values, seed=seed)
               for name, values in by_brief.items()}
    texts = tuple(tuple(group) for group in drafts)
    values = {name: tuple(some) for name, some in by_brief.items()}
    return DraftedArm(len(drafts), sum(map(len, drafts)), metrics, spread, values, texts)
