"""The loss on a client's terms that the base has no token for, beside the loss elsewhere, over the same validation pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..records import Example

if TYPE_CHECKING:
    from ..advise.reasons import TermLoss
    from ..engine.bases import Base
    from ..engine.methods.base import AbstractMethod
    from ..engine.tasks.drafting import Row
    from ..voice.terms import Terms

SPELLED = 3   # tokens from which a base spells a word out


def spelled_terms(base: Base, train: Sequence[str], general: Sequence[str]) -> tuple[Terms, float | None]:
    """(the terms of training pieces that the base spells out in SPELLED tokens or more, mean tokens of one)."""
    from ..voice.terms import Terms, learn_terms

    counts = {key: len(base.renderer.encode(f" {form or key}")) for key, form in learn_terms(train, general).forms.items()}
    forms = {key: None for key, count in counts.items() if count >= SPELLED and " " not in key}
    return Terms(forms), sum(counts[key] for key in forms) / len(forms) if forms else None


def term_marks(base: Base, pieces: Sequence[Example], rows: Sequence[Row], terms: Terms) -> list[list[bool]] | None:
    """For each target of each row whether it belongs to a term; None where the tokenizer cannot tell where its tokens stand."""
    marks = []
    for piece, row in zip(pieces, rows, strict=True):
        places = base.renderer.offsets(piece.text)
        if places is None:
            return None
        spans = [(use.start, use.end) for use in terms.uses(piece.text)]
        inside = [any(start < last and end > first for first, last in spans) for start, end in places]
        marks.append((inside + [False] * row.targets)[:row.targets])
    return marks


def term_loss(base: Base, marks: Sequence[Sequence[bool]], rival: Sequence[Row], tuned: tuple[AbstractMethod, Sequence[Row]],
              terms: tuple[Terms, float | None]) -> TermLoss:
    """Nats on terms and elsewhere, in the rival's rows without a method and in the tuned ones with theirs."""
    from ..advise.reasons import TermLoss
    from ..engine.tasks.targets import measure_targets

    after = measure_targets(base, tuned[0], tuned[1])
    tuned[0].detach()
    before = measure_targets(base, None, rival)

    def summed(rows: Sequence[Sequence[float]], wanted: bool) -> tuple[float, ...]:
        return tuple(sum(nats for nats, mark in zip(row, some, strict=True) if mark == wanted)
                     for row, some in zip(rows, marks, strict=True))

    counts = [(sum(some), len(some) - sum(some)) for some in marks]
    return TermLoss(len(terms[0].forms), terms[1], tuple(one for one, _ in counts), tuple(rest for _, rest in counts),
                    summed(before, True), summed(before, False), summed(after, True), summed(after, False))
