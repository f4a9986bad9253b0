"""Typos: words that only one piece holds and no list knows, one slip away from a word that is known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ...voice.dictionary import LANGUAGES, frequencies, is_form
from ..pieces import Piece
from .finding import Found, Judge, by_order
from .words import ENOUGH_FAMILIES

FEW, RATE = 4, 1.5       # typos, and typos in 100 words, from which a piece has too many; a gold piece is only shown
ABOVE_HOUSE = 4.0        # and at least so many times the house's upper quartile, which a few bad pieces do not move
SHOWN = 2                # typos from which a piece is shown
COMMON = 3               # families that hold a word of the house: the archive knows it
_LOWER = re.compile(r"(?<![\w@/.#'’-])[^\W\d_A-Z]{4,20}(?![\w@/#'’-]|\.\w)")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def typos(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Pieces with typos for their words, in a language that has a list. The source is the archive first: what it knows is right."""
    if judge.words.families < ENOUGH_FAMILIES:
        return {}
    slips = {piece.order: _slips(piece, judge) for piece in {one.order: one for one in [*pieces, *judge.house]}.values()}
    usual = sorted(_rate(slips[piece.order], piece) for piece in judge.house)
    limit = max(RATE, ABOVE_HOUSE * usual[int(0.75 * (len(usual) - 1))]) if usual else RATE

    def look(piece: Piece) -> Found | None:
        found = slips[piece.order]
        if len(found) < SHOWN:
            return None
        rate = _rate(found, piece)
        told = ", ".join(f"»{wrong}« for {right}" for wrong, right in found[:4])
        much = len(found) >= FEW and rate >= limit
        return Found(f"{len(found)} words look misspelt: {told}", min(0.95, 0.5 + 0.1 * rate / limit) if much else 0.3, much)

    return by_order((piece, look(piece)) for piece in pieces)


def _rate(found: Sequence[Any], piece: Piece) -> float:
    return 100 * len(found) / max(1, len(piece.plain))


def _slips(piece: Piece, judge: Judge) -> list[tuple[str, str]]:
    """(as written, as meant) of each likely typo."""
    language = judge.language(piece) or ""
    listed = frequencies(language) if language in LANGUAGES else {}
    if not listed:
        return []
    known = partial(_is_known, listed=listed, judge=judge)
    out = []
    for word in dict.fromkeys(_LOWER.findall(piece.body)):
        if _spread(word, judge) > 1 or known(word) or is_form(word, listed) or _is_compound(word, listed):
            continue
        near = _near(word)
        held = [other for other in near & judge.words.number.keys() if _spread(other, judge) >= COMMON]
        meant = max({*(near & listed.keys()), *held}, key=lambda other: (listed.get(other, 0), other), default=None)
        if meant:
            out.append((word, meant))
    return out


def _is_known(word: str, listed: Mapping[str, int], judge: Judge) -> bool:
    return word in listed or _spread(word, judge) >= COMMON


def _spread(word: str, judge: Judge) -> int:
    number = judge.words.number.get(word)
    return 0 if number is None else int(judge.words.spread[number])


def _is_compound(word: str, listed: Mapping[str, int]) -> bool:
    """Whether the word is two listed words in one."""
    return any(word[:cut] in listed and word[cut:] in listed for cut in range(4, len(word) - 3))


def _near(word: str) -> set[str]:
    """The words one slip away: a letter left out, doubled or added, changed, or two swapped."""
    parts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    swapped = [front + back[1] + back[0] + back[2:] for front, back in parts if back[1:]]
    return {*swapped, *[front + back[1:] for front, back in parts if back],
            *[front + letter + back[1:] for front, back in parts if back for letter in _LETTERS],
            *[front + letter + back for front, back in parts for letter in _LETTERS]}
