"""What tuning saves, parted by what a target is: a term that the base spells out, layout, manner, or topic.

    term     a single word, in SHARE of the training pieces and LEAST of them, that general text does not hold and that takes the base
             SPELLED tokens or more (`voice/terms.py` finds terms by how far they stand out; most are words that any base knows)
    layout   line breaks, what a line opens with (marks, a label up to its colon, a whole heading), and the end of the draft
    manner   common words and punctuation
    topic    everything else
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..records import Example

if TYPE_CHECKING:
    from ..advise.reasons import TargetLoss
    from ..engine.bases import Base
    from ..engine.tasks.drafting import Row

SPELLED = 3              # tokens from which a base spells a word out
LEAST, SHARE = 3, 0.05   # training pieces that hold a term
OPENING = re.compile(r"^(?:#{1,6} .*|[ \t]*(?:[-*+•>] +|\(?\d{1,2}[.)] +|\*\*|__)?(?:[^:.!?\n]{2,30}:(?!//)(?:\*\*|__)?)?)", re.M)
_BREAKS = re.compile(r"\n+")


def spelled_terms(base: Base, train: Sequence[str], general: Sequence[str]) -> dict[str, int]:
    """The terms with the tokens that each takes."""
    from ..voice.habits import words

    held = Counter(word for text in train for word in set(words(text)) if word.isalpha())
    usual = {word for text in general for word in words(text)}
    often = [word for word, count in held.items() if count >= max(LEAST, SHARE * len(train)) and word not in usual]
    counts = {word: len(base.renderer.encode(f" {word}")) for word in sorted(often)}
    return {word: count for word, count in counts.items() if count >= SPELLED}


def target_classes(base: Base, pieces: Sequence[Example], rows: Sequence[Row], terms: Mapping[str, int]) -> list[list[str]] | None:
    """The class of each target of each row; None where the tokenizer cannot tell where its tokens stand."""
    found = []
    for piece, row in zip(pieces, rows, strict=True):
        places = base.renderer.offsets(piece.text)
        if places is None:
            return None
        letters = _letters(piece.text, terms)
        classes = [next((one for one in letters[start:end] if one), "topic") for start, end in places]
        found.append([*classes, *["layout"] * len(base.renderer.end)][:row.targets])
    return found


def _letters(text: str, terms: Mapping[str, int]) -> list[str]:
    """The class of every letter of a text, empty for spaces."""
    from ..voice.habits import WORD
    from ..voice.views import COMMON

    letters = ["" if letter.isspace() else "topic" if letter.isalnum() else "manner" for letter in text]

    def mark(start: int, end: int, name: str) -> None:
        letters[start:end] = [name] * (end - start)

    for match in WORD.finditer(text):
        word = match.group().lower().replace("’", "'")
        mark(*match.span(), "term" if word in terms else "manner" if word in COMMON else "topic")
    for pattern in (OPENING, _BREAKS):
        for match in pattern.finditer(text):
            mark(*match.span(), "layout")
    return letters


def target_loss(classes: Sequence[Sequence[str]], before: Sequence[Sequence[float]], after: Sequence[Sequence[float]],
                terms: Mapping[str, int]) -> TargetLoss:
    """Nats by class: each target's class and its nats in the rival's rows and in the tuned ones, by row."""
    from ..advise.reasons import CLASSES, ClassLoss, TargetLoss

    def summed(rows: Sequence[Sequence[float]], wanted: str) -> tuple[float, ...]:
        return tuple(sum(nats for nats, name in zip(row, some, strict=True) if name == wanted)
                     for row, some in zip(rows, classes, strict=True))

    return TargetLoss({name: ClassLoss(tuple(some.count(name) for some in classes), summed(before, name), summed(after, name))
                       for name in CLASSES}, dict(terms))
