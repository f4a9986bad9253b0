"""Boilerplate: sentences that many pieces share, and the furniture of web pages and mails."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..pieces import Piece
from .finding import Found, Judge, excerpt
from .sentences import key_of, sentences

MOSTLY = 0.5             # share of a piece's words from which it is mostly boilerplate, and dropped
WORTH_SHOWING = 0.1      # share from which it is shown
FURNITURE = re.compile(
    r"(?:we|this (?:web)?site) uses? cookies|accept (?:all )?cookies|cookie (?:policy|settings|preferences)|all rights reserved|"
    r"(?:©|\(c\)|copyright) ?(?:©? ?)?\d{4}|unsubscribe|manage (?:your )?(?:preferences|subscription)|"
    r"view (?:this (?:e-?mail )?)?in (?:your )?browser|\bshare (?:this(?: (?:post|page|article))?|on (?:facebook|twitter|x|linkedin))\b|"
    r"(?:like|follow) us on|sign up (?:for|to) (?:our|the) newsletter|"
    r"subscribe to (?:our|the)|skip to (?:main )?content|privacy policy|terms (?:of (?:use|service)|and conditions)|back to top|"
    r"\bleave a (?:comment|reply)\b|\bposted (?:in|by|on)\b|\bfiled under\b|tagged (?:with|as)?:?|sent from my|"
    r"this (?:e-?mail|message) (?:and any attachments )?(?:is|are|may be) confidential|forwarded message|add to (?:cart|basket)|"
    r"home ?[|›>»] ?\w|print this page|you (?:are receiving|received) this e-?mail", re.I)
# what a line of furniture holds, looked for first: to search for the phrases themselves takes forty times as long
_SIGNS = ("cookie", "rights reserved", "copyright", "©", "(c)", "unsubscribe", "manage", "view", "share", "us on", "newsletter",
          "subscribe", "skip to", "privacy policy", "terms", "back to top", "leave a", "posted", "filed under", "tagged", "sent from",
          "confidential", "forwarded", "add to", "home", "print this", "receiv")
LONGEST_FURNITURE = 320  # characters; a longer line that holds such a phrase is prose about it


def boilerplate(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Sentences of five words and more that stand in five families and more, and lines of furniture, by their share of the words.

    Mostly boilerplate is dropped, some is shown. What a quarter of the house's pieces hold is the house's own form and counts as none.
    """
    common = judge.shared
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
    parts = sentences(text)
    lowered = text.casefold()
    furnished = any(sign in lowered for sign in _SIGNS)
    return [(start, end) for start, end in parts if key_of(text[start:end]) in common or (furnished and _furniture(text[start:end]))]


def _furniture(part: str) -> bool:
    """Whether the line is page furniture: a short line with such a phrase, or one that is hardly more than it."""
    if len(part) > LONGEST_FURNITURE or not any(sign in part.casefold() for sign in _SIGNS):
        return False
    match = FURNITURE.search(part)
    return match is not None and (match.end() - match.start() >= 0.3 * len(part.strip()) or len(part.split()) <= 12)
