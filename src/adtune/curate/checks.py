"""The checks that a piece passes before it may train, in the order in which they are asked; the first that fails is the reason.

A check takes the pieces that are still in and what they are judged by, and gives the evidence for each piece it drops, by the piece's
order. A new check is one function and one row of CHECKS.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..records import Approval
from ..settings import CurateSettings
from .markup import letter_share, markup_share
from .pieces import Piece, best_of, word_count
from .similar import Alike

MIN_LETTERS = 0.5  # share of letters under which a piece is no prose: a table of figures, a row of symbols


@dataclass(frozen=True)
class Judge:
    """What pieces are judged by: settings, the day for usage rights (ISO), and the similarities among all pieces read."""

    settings: CurateSettings
    today: str
    alike: Alike


Check = Callable[[Sequence[Piece], Judge], dict[int, str]]


def replaced(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    return {piece.order: "a corrected version of the piece is in the archive" for piece in pieces if piece.asset.replaced_by}


def withdrawn(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    return {piece.order: f"withdrawn on {piece.asset.withdrawn[:10]}" for piece in pieces if piece.asset.withdrawn}


def empty(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    return {piece.order: "no text, or only its title" for piece in pieces if not piece.body}


def too_short(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    least = judge.settings.min_words
    counts = {piece.order: word_count(piece.body) for piece in pieces}
    return {order: f"{count} words of at least {least}" for order, count in counts.items() if count < least}


def markup(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    found = {}
    for piece in pieces:
        marked, letters = markup_share(piece.body), letter_share(piece.body)
        if marked > judge.settings.markup_share:
            found[piece.order] = f"{marked:.0%} of the characters are mark-up or code, more than {judge.settings.markup_share:.0%}"
        elif letters < MIN_LETTERS:
            found[piece.order] = f"only {letters:.0%} of the characters are letters"
    return found


def not_approved(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    refused = (Approval.DRAFT, Approval.REJECTED)
    return {piece.order: f"approval is '{piece.asset.approval}'" for piece in pieces if piece.asset.approval in refused}


def rights_expired(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    """ISO dates compare as strings; one without a day or month lasts until the end of its month or year."""
    ends = {piece.order: piece.asset.rights_until for piece in pieces}
    over = {order: end for order, end in ends.items() if end and end < judge.today[:len(end)]}
    return {order: f"usage rights ended on {end}, before {judge.today}" for order, end in over.items()}


def exact_duplicate(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    same: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        same[piece.content].append(piece)
    found = {}
    for group in same.values():
        best = best_of(group)
        found.update({piece.order: f"the same words as '{best.name}'" for piece in group if piece is not best})
    return found


def near_duplicate(pieces: Sequence[Piece], judge: Judge) -> dict[int, str]:
    by_content = {piece.content: piece for piece in pieces}
    found = {}
    for group in judge.alike.groups(by_content, judge.settings.near_duplicate):
        if len(group) == 1:
            continue
        best = best_of([by_content[content] for content in group])
        for content in group:
            if content != best.content:
                found[by_content[content].order] = f"{judge.alike.similarity(content, best.content):.0%} like '{best.name}'"
    return found


CHECKS: tuple[tuple[str, Check], ...] = (
    ("replaced", replaced),
    ("withdrawn", withdrawn),
    ("empty", empty),
    ("too_short", too_short),
    ("markup", markup),
    ("not_approved", not_approved),
    ("rights_expired", rights_expired),
    ("exact_duplicate", exact_duplicate),
    ("near_duplicate", near_duplicate),
)
