"""Claims in drafts that nobody vouches for: figures, names, dates, prices and quotations that neither brief, guide nor house tells.

The client's own published answers are measured in the same way. Their writers had sources that no brief holds, so that their rate says
how much of it lies in the briefs; a draft's claim without support is in any case one that somebody has to check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..voice.claims import Claims, house_claims
from .arms import ARMS, Material
from .countable import PIECES
from .paired import PAIR, means, rates, shares

BEFORE, BEHIND = 40, 30  # characters around a marked claim


def claims(material: Material, seed: int, names: Sequence[str] = ARMS, pair: tuple[str, str] = PAIR) -> dict[str, Any]:
    """By arm: `share` of the claims without support, `per_draft` how many a draft has, `drafts` the share of drafts with any; `marked`
    holds each of them in the drafts as {brief, kind, text, start, end, around}. Null where no whole briefs were given."""
    columns = (*names, PIECES)
    texts = {name: material.arm(name).drafts for name in names} | {PIECES: material.references}
    texts = {name: some for name, some in texts.items() if some and material.asked}
    finder = Claims(material.train_texts, material.guide)
    families = material.train_families or tuple(map(str, range(len(material.train_texts))))
    house = house_claims((finder.of(text), family) for text, family in zip(material.train_texts, families, strict=True)) if texts else set()
    loose = {name: [finder.unsupported(text, brief, house) for text, brief in zip(some, material.asked, strict=True)]
             for name, some in texts.items()}
    parts = {name: [(float(len(bad)), float(len(finder.of(text)))) for text, bad in zip(texts[name], some, strict=True)]
             for name, some in loose.items()}
    marked = {name: [{"brief": number, "kind": one.kind, "text": texts[name][number][one.start:one.end], "start": one.start, "end": one.end,
                      "around": _around(texts[name][number], one.start, one.end)}
                     for number, some in enumerate(loose.get(name, ())) for one in some] for name in names}
    return {"share": shares(parts, columns, seed),
            "per_draft": means({name: [float(len(bad)) for bad in some] for name, some in loose.items()}, columns, seed, pair),
            "drafts": rates({name: [bool(bad) for bad in some] for name, some in loose.items()}, columns, seed, pair), "marked": marked}


def _around(text: str, start: int, end: int) -> str:
    """The claim between »«, with a few words on both sides."""
    before, behind = text[max(0, start - BEFORE):start], text[end:end + BEHIND]
    return " ".join(f"{before.partition(' ')[2] if start > BEFORE else before}»{text[start:end]}«{behind.rpartition(' ')[0]}".split())
