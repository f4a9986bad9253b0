"""Pieces that tell far more facts than their briefs hold, compared with the house's own: they teach a model to invent the most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..pieces import Piece
from .finding import Found, Judge
from .words import ENOUGH_FAMILIES

FENCE = 3.0              # interquartile ranges above the upper quartile (Tukey, Exploratory Data Analysis, 1977: far out)
LEAST = 5                # facts of a piece, under which none is shown
CONFIDENCE = 0.4
TOLD = 4                 # facts that the evidence names


def unbriefed_facts(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Pieces whose facts that neither brief, guide nor house hold are far out of what is usual, both counted and for each 100 words.

    Nearly every piece has some. How many there are is counted over the whole archive and told with the dataset; only what is far out is
    shown one by one.
    """
    if judge.words.families < ENOUGH_FAMILIES:
        return {}
    counts = {piece.order: len(judge.facts.unbriefed(piece)) for piece in judge.usable}
    rates = {piece.order: 100 * counts[piece.order] / len(piece.plain) for piece in judge.usable}
    most, densest = _fence(list(counts.values())), _fence(list(rates.values()))
    found = {}
    for piece in pieces:
        count = counts.get(piece.order, 0)
        if count < LEAST or count <= most or rates[piece.order] <= densest:
            continue
        told = Counter(f"{piece.body[fact.start:fact.end]}" for fact in judge.facts.unbriefed(piece))
        named = ", ".join(f"»{' '.join(said.split())[:60]}«" for said, _ in told.most_common(TOLD))
        evidence = f"{count} facts that neither brief, guide nor house hold, where the house's pieces have up to {most:.0f}: {named}"
        found[piece.order] = Found(evidence, CONFIDENCE)
    return found


def _fence(values: Sequence[float]) -> float:
    """Tukey's outer fence."""
    ordered = sorted(values)
    low, high = (ordered[int(share * (len(ordered) - 1))] for share in (0.25, 0.75))
    return high + FENCE * (high - low)
