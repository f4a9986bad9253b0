"""Boilerplate: sentences that many pieces share, and the furniture of web pages and mails."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from ..pieces import Piece
from .finding import NORMAL_SHARE, Found, Judge, excerpt

MIN_WORDS = 5            # a shorter line is a heading or a phrase of the house, not boilerplate
MIN_FAMILIES = 5         # a sentence in so many pieces that are otherwise unlike is shared
MOSTLY = 0.5             # share of a piece's words from which it is mostly boilerplate, and dropped
WORTH_SHOWING = 0.1      # share from which it is shown
FURNITURE = re.compile(
    r"(?:we|this (?:web)?site) uses? cookies|accept (?:all )?cookies|cookie (?:policy|settings|preferences)|all rights reserved|"
    r"(?:©|\(c\)|copyright) ?(?:©? ?)?\d{4}|unsubscribe|manage (?:your )?(?:preferences|subscription)|"
    r"view (?:this (?:e-?mail )?)?in (?:your )?browser|share (?:this|on)(?: (?:post|page|article|facebook|twitter|x|linkedin))?|"
    r"(?:like|follow) us on|sign up (?:for|to) (?:our|the) newsletter|"
    r"subscribe to (?:our|the)|skip to (?:main )?content|privacy policy|terms (?:of (?:use|service)|and conditions)|back to top|"
    r"leave a (?:comment|reply)|posted (?:in|by|on)\b|filed under|tagged (?:with|as)?:?|sent from my|"
    r"this (?:e-?mail|message) (?:and any attachments )?(?:is|are|may be) confidential|forwarded message|add to (?:cart|basket)|"
    r"home ?[|›>»] ?\w|print this page|you (?:are receiving|received) this e-?mail", re.I)
# what a line of furniture holds, looked for first: to search for the phrases themselves takes forty times as long
_SIGNS = ("cookie", "rights reserved", "copyright", "©", "(c)", "unsubscribe", "manage", "view", "share", "us on", "newsletter",
          "subscribe", "skip to", "privacy policy", "terms", "back to top", "leave a", "posted", "filed under", "tagged", "sent from",
          "confidential", "forwarded", "add to", "home", "print this", "receiv")
_BETWEEN = re.compile(r"(?<=[.!?])[\"”’)*_]*[ \t]+(?=\S)|\s*\n\s*")
_MARKS = "#>-*+•‣ \t0123456789.()[]|_"
_DIGITS = str.maketrans("123456789", "000000000")
LONGEST_FURNITURE = 320  # characters; a longer line that holds such a phrase is prose about it


def boilerplate(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Sentences of five words and more that stand in five families and more, and lines of furniture, by their share of the words.

    Mostly boilerplate is dropped, some is shown. What a quarter of the house's pieces hold is the house's own form and counts as none.
    """
    common = shared_sentences(judge)
    found = {}
    for piece in pieces:
        parts = boilerplate_parts(piece.body, common)
        share = sum(len(piece.body[start:end].split()) for start, end in parts) / len(piece.body.split()) if parts else 0.0
        if share < WORTH_SHOWING:
            continue
        start, end = max(parts, key=lambda one: one[1] - one[0])
        evidence = f"{share:.0%} of the words stand in many pieces or are page furniture: {excerpt(piece.body, start, end)}"
        found[piece.order] = Found(evidence, min(0.95, 0.3 + share), share >= MOSTLY)
    return found


def stripped(text: str, common: frozenset[int]) -> str:
    """The text without its boilerplate; one that would be left without words stays as it is."""
    left = text
    for start, end in reversed(boilerplate_parts(text, common)):
        left = left[:start] + left[end:]
    left = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in left.splitlines())).strip()
    return left if any(map(str.isalnum, left)) else text


def boilerplate_parts(text: str, common: frozenset[int]) -> list[tuple[int, int]]:
    """Where boilerplate stands in the text, in order."""
    parts = _sentences(text)
    lowered = text.casefold()
    furnished = any(sign in lowered for sign in _SIGNS)
    return [(start, end) for start, end in parts if _key(text[start:end]) in common or (furnished and _furniture(text[start:end]))]


def shared_sentences(judge: Judge) -> frozenset[int]:
    """The keys of the sentences that many families hold, less those that belong to the house's own form."""
    import numpy as np

    keys = {piece.order: _keys(piece.body) for piece in judge.pieces}
    rows = [np.stack([own, np.full(len(own), judge.family[piece.content])]) for piece in judge.pieces for own in [keys[piece.order]]]
    pairs = np.unique(np.concatenate(rows, axis=1), axis=1) if rows else np.empty((2, 0), dtype=np.int64)
    shared = _frequent(pairs[0], MIN_FAMILIES)
    ours = [keys[piece.order] for piece in judge.house]
    normal = _frequent(np.concatenate(ours) if ours else pairs[0], max(1.0, NORMAL_SHARE * len(ours)))
    return frozenset((shared - normal) - {0})


def _frequent(values: Any, least: float) -> set[int]:
    import numpy as np

    distinct, counts = np.unique(values, return_counts=True)
    return set(distinct[counts >= least].tolist())


def _keys(text: str) -> Any:
    """The distinct keys of the sentences of a text [sentences]."""
    import numpy as np

    return np.unique(np.array([_key(text[start:end]) for start, end in _sentences(text)], dtype=np.int64))


def _sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of every sentence of every line, with the space behind it."""
    ends = [match.end() for match in _BETWEEN.finditer(text)]
    return [(start, end) for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if start < end]


def _key(part: str) -> int:
    """A number that sentences share which differ in case, digits and marks around them only; 0 for a short one or a heading."""
    words = part.casefold().strip(_MARKS).translate(_DIGITS).split()
    if len(words) < MIN_WORDS:
        return 0
    return int.from_bytes(hashlib.blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def _furniture(part: str) -> bool:
    """Whether the line is page furniture: a short line with such a phrase, or one that is hardly more than it."""
    if len(part) > LONGEST_FURNITURE or not any(sign in part.casefold() for sign in _SIGNS):
        return False
    match = FURNITURE.search(part)
    return match is not None and (match.end() - match.start() >= 0.3 * len(part.strip()) or len(part.split()) <= 12)
