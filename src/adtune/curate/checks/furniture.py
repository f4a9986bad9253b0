"""Where boilerplate stands in a text: sentences that many pieces share, and the furniture of web pages and mails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .sentences import key_of

Span = tuple[int, int]
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


def boilerplate_parts(text: str, sentences: Iterable[Span], common: frozenset[int]) -> list[Span]:
    """Where boilerplate stands in the text, whose sentences are given, in order; `common` are the keys of the sentences that many share."""
    lowered = text.casefold()
    signs = [sign for sign in _SIGNS if sign in lowered]
    if not common and not signs:
        return []
    return [(start, end) for start, end in sentences
            if key_of(text[start:end]) in common or (signs and _is_furniture(text[start:end], signs))]


def without_parts(text: str, parts: Sequence[Span]) -> str:
    """The text without its boilerplate; one that would be left without words stays as it is."""
    left = text
    for start, end in reversed(parts):
        left = left[:start] + left[end:]
    left = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in left.splitlines())).strip()
    return left if left != text and any(map(str.isalnum, left)) else text


def _is_furniture(part: str, signs: Sequence[str]) -> bool:
    """Whether the line is page furniture: a short line with such a phrase, or one that is hardly more than it."""
    if len(part) > LONGEST_FURNITURE or not any(sign in part.casefold() for sign in signs):
        return False
    match = FURNITURE.search(part)
    return match is not None and (match.end() - match.start() >= 0.3 * len(part.strip()) or len(part.split()) <= 12)
