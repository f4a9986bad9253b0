"""The checks of what is plainly said or plainly there: fields of the archive, length, mark-up, duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from ...records import Approval
from ...settings import CurateSettings
from ..markup import letter_share, markup_share
from ..pieces import Piece, best_of, word_count
from .finding import FEW_GOLD, Found, Judge

SOME_MARKUP = 0.03 # of the characters, which is no rubbish whatever the gold pieces hold
FEW_OF_A_KIND, FEWEST_WORDS = 5, 4  # pieces of a content type that tell how long they are; words of a piece, at least
MIN_LETTERS = 0.5  # share of letters under which a piece is no prose: a table of figures, a row of symbols


def replaced(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    return {piece.order: Found("a corrected version of the piece is in the archive") for piece in pieces if piece.asset.replaced_by}


def withdrawn(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    return {piece.order: Found(f"withdrawn on {piece.asset.withdrawn[:10]}") for piece in pieces if piece.asset.withdrawn}


def empty(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    return {piece.order: Found("no text, or only its title") for piece in pieces if not piece.body}


def too_short(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    counts = {piece.order: word_count(piece.body) for piece in judge.pieces}
    least = _least(judge, counts)
    return {piece.order: Found(f"{counts[piece.order]} words of at least {least[piece.asset.content_type]}") for piece in pieces
            if counts[piece.order] < least[piece.asset.content_type]}


def _least(judge: Judge, counts: Mapping[int, int]) -> dict[str | None, int]:
    """Words of a piece of each content type: what the settings say, or half of the usual where nearly all pieces of a type are short, as
    search ads are, and the settings say nothing of it."""
    least = judge.settings.min_words
    groups: dict[str | None, list[int]] = defaultdict(list)
    for piece in judge.pieces:
        groups[piece.asset.content_type].append(counts[piece.order])
    found = dict.fromkeys(groups, least)
    for kind, words in groups.items():
        if least == CurateSettings.min_words and len(words) >= FEW_OF_A_KIND and sorted(words)[int(0.9 * len(words))] < 2 * least:
            found[kind] = min(least, max(FEWEST_WORDS, int(median(words)) // 2))
    return found


def markup(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """A share of mark-up over the limit of the settings; where gold pieces show how much is normal, twice the most of theirs, too."""
    gold = [piece for piece in judge.house if piece.gold]
    most = max(map(markup_share, (piece.body for piece in gold)), default=0.0)
    usual = max(SOME_MARKUP, 2 * most) if len(gold) >= FEW_GOLD else 1.0
    found = {}
    for piece in pieces:
        marked = markup_share(piece.body)
        if marked > judge.settings.markup_share:
            found[piece.order] = Found(f"{marked:.0%} of the characters are mark-up or code, more than {judge.settings.markup_share:.0%}")
        elif marked > usual and not piece.gold:
            found[piece.order] = Found(f"{marked:.0%} of the characters are mark-up or code, in a gold piece {most:.0%} at most", 0.7)
        elif (letters := letter_share(piece.body)) < MIN_LETTERS:
            found[piece.order] = Found(f"only {letters:.0%} of the characters are letters")
    return found


def not_approved(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    refused = (Approval.DRAFT, Approval.REJECTED)
    return {piece.order: Found(f"approval is '{piece.asset.approval}'") for piece in pieces if piece.asset.approval in refused}


def rights_expired(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """ISO dates compare as strings; one without a day or month lasts until the end of its month or year."""
    ends = {piece.order: piece.asset.rights_until for piece in pieces}
    over = {order: end for order, end in ends.items() if end and end < judge.today[:len(end)]}
    return {order: Found(f"usage rights ended on {end}, before {judge.today}") for order, end in over.items()}


def exact_duplicate(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    same: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        same[piece.content].append(piece)
    found = {}
    for group in same.values():
        best = best_of(group)
        found.update({piece.order: Found(f"the same words as '{best.name}'") for piece in group if piece is not best})
    return found


def near_duplicate(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    by_content = {piece.content: piece for piece in pieces}
    found = {}
    for group in judge.alike.groups(by_content, judge.settings.near_duplicate):
        if len(group) == 1:
            continue
        best = best_of([by_content[content] for content in group])
        for content in group:
            if content != best.content:
                likeness = judge.alike.similarity(content, best.content)
                found[by_content[content].order] = Found(f"{likeness:.0%} like '{best.name}'", likeness)
    return found
