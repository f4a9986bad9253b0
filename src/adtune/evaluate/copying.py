"""Whether drafts repeat training pieces word for word.

What stands in the brief does not count (stretches of eight words or more): whoever writes from a brief repeats it. The prompted
base's drafts and the client's own published answers to the same briefs are measured in the same way, as the level that a reader can
compare with: brands repeat their own boilerplate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..records import Interval
from ..stats import mean_interval
from ..voice.overlap import Overlap
from .arms import ARMS, TUNED, Material


def memorised(material: Material, seed: int) -> dict[str, Any]:
    """Longest run shared with training pieces (words, and the words themselves) and the mean share of shared 8-grams.

    The tuned drafts stand at the top, the other arms' drafts and the client's own `pieces` below by name.
    """
    by_arm = {name: shared(material, material.arm(name).drafts, seed) for name in ARMS}
    return by_arm.pop(TUNED) | by_arm | {"pieces": shared(material, material.references, seed)}


def shared(material: Material, texts: Sequence[str], seed: int) -> dict[str, Any]:
    """The figures of these answers to the briefs; null without texts or training pieces."""
    if not material.train_texts or not texts:
        return dict.fromkeys(("longest_run_words", "text", "share_8gram", "share_8gram_interval"))
    overlap = Overlap(material.train_texts)
    answers = list(zip(texts, material.briefs, strict=True))
    words, run = max((overlap.longest_run(text, exclude=brief) for text, brief in answers), key=lambda pair: pair[0])
    shares = [share for text, brief in answers if (share := overlap.share_8gram(text, exclude=brief)) is not None]
    mean = mean_interval(shares, seed=seed) if shares else Interval(None)
    return {"longest_run_words": words, "text": run, "share_8gram": mean.value, "share_8gram_interval": mean.as_list()}
