"""Whether an archive is one house's writing: the groups that its pieces part into, and whether gold and approved pieces are one voice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..errors import TrainingError
from ..records import Approval, Interval, Item
from ..voice.clusters import voices
from ..voice.on_brand import OnBrandScorer

FEWEST = 20          # pieces under which groups are no voices
EXPLAINED = 0.8      # share of the pieces whose group their category and content type foretell, from which groups are kinds of pieces
FEWEST_LABELLED = 12  # gold pieces, and approved ones, from which the two are compared


def parted_voices(items: Sequence[Item]) -> tuple[int, ...] | None:
    """Sizes of the voices, the largest first; one where the pieces do not part, or part by what they are about. None under FEWEST."""
    if len(items) < FEWEST:
        return None
    groups = voices([item.example.text for item in items])
    kinds = [(item.category, item.example.brief.content_type) for item in items]
    of = {place: number for number, group in enumerate(groups) for place in group.places}
    counts = Counter((kind, of[place]) for place, kind in enumerate(kinds))
    foretold = sum(max(count for (kind, _), count in counts.items() if kind == one) for one in set(kinds))
    chance = max(len(group.places) for group in groups)
    if len(groups) == 1 or (foretold > EXPLAINED * len(items) and foretold > chance):
        return (len(items),)
    return tuple(len(group.places) for group in groups)


def label_auc(items: Sequence[Item]) -> Interval | None:
    """The cross-fitted AUC with which a scorer tells gold pieces from approved ones; None where either are few."""
    gold = [item.example.text for item in items if item.approval == Approval.GOLD]
    approved = [item.example.text for item in items if item.approval == Approval.APPROVED]
    if min(len(gold), len(approved)) < FEWEST_LABELLED:
        return None
    try:
        return OnBrandScorer.fit(gold, approved).auc
    except TrainingError:
        return None
