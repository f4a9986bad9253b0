"""What can be counted in drafts without a model: conventions kept, length, and repetition, beside the client's own pieces."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from ..stats import mean_interval
from ..voice.conventions import count_conventions
from ..voice.habits import repeated_share, words
from .arms import ARMS, Material

PIECES = "pieces"


def measures(material: Material, seed: int) -> dict[str, Any]:
    """`conventions`, `length` and `repetition`, each by arm and for the client's own `pieces` (the published answers)."""
    texts = {name: material.arm(name).drafts for name in ARMS} | {PIECES: material.references}
    return {"conventions": {name: count_conventions(material.conventions, some) if some and material.conventions else {}
                            for name, some in texts.items()},
            "length": {name: _length(some, seed) for name, some in texts.items()},
            "repetition": {name: _repetition(some, seed) for name, some in texts.items()}}


def _length(texts: Sequence[str], seed: int) -> dict[str, Any]:
    """Words a text: median, mean, its interval, and how many texts are empty."""
    if not texts:
        return dict.fromkeys(("median_words", "mean_words", "interval", "empty"))
    counts = [len(words(text)) for text in texts]
    mean = mean_interval([float(count) for count in counts], seed=seed)
    return {"median_words": median(counts), "mean_words": mean.value, "interval": mean.as_list(), "empty": counts.count(0)}


def _repetition(texts: Sequence[str], seed: int) -> dict[str, Any]:
    """Mean share of 4-grams that stood in the same text before; texts under four words are left out."""
    shares = [share for share in map(repeated_share, texts) if share is not None]
    if not shares:
        return dict.fromkeys(("share_4gram", "interval"))
    mean = mean_interval(shares, seed=seed)
    return {"share_4gram": mean.value, "interval": mean.as_list()}

