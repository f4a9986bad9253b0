"""Text that a reader does not see, or sees as something else: invisible characters, turned directions, hidden mark-up, look-alikes (P1)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ..pieces import Piece
from .finding import Found, Judge, by_order, excerpt

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff"
OVERRIDE = re.compile("[\u202d\u202e]")
TURNED = re.compile("[\u202b\u2067]")
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
TAGS = re.compile("(?<![\U0001f3f4\U000e0000-\U000e007f])[\U000e0000-\U000e007f]+")     # a flag of a region is a black flag with tags
SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}")
IN_A_WORD = re.compile(f"(?<=[A-Za-z\u00c0-\u024f])[{ZERO_WIDTH}]+(?=[A-Za-z\u00c0-\u024f])")
ANY_ZERO = re.compile(f"[{ZERO_WIDTH}]+")
JOINED = re.compile("[\u200c\u200d]")
STYLES = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|%)?\s*[;\"'}]|"
                    r"opacity\s*:\s*0(?:\.0+)?\s*[;\"'}]|(?<![-\w])color\s*:\s*(?:#fff(?:fff)?\b|white\b|transparent\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)|"
                    r"text-indent\s*:\s*-\d{3,}|(?:left|top)\s*:\s*-\d{4,}px|\baria-hidden\s*=\s*[\"']true|<font[^>]{0,80}color\s*=\s*[\"']?"
                    r"(?:#fff(?:fff)?|white)\b|\bhidden\s*(?:=\s*[\"']hidden[\"'])?\s*>", re.I)
COMMENT = re.compile(r"<!--\s*(?!more\b|\[if|/?wp:|nextpage|end|start|toc)[^<>]{12,2000}?-->", re.I)
ALPHABETS = re.compile("[\u0370-\u03ff\u0400-\u04ff]")        # looked for first: the next pattern is slow
MIXED = re.compile(r"(?=\w*[A-Za-z])(?=\w*[\u0370-\u03ff\u0400-\u04ff])[A-Za-z\u0370-\u03ff\u0400-\u04ff]{3,}")
# letters of the Cyrillic and Greek alphabets that look like a Latin one
LOOKALIKES = str.maketrans("аеорсухіјѕһԁԛԝ" "АВЕКМНОРСТУХІЈЅ" "οαενικτρυ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
                           "aeopcyxijshdqw" "ABEKMHOPCTYXIJS" "oaeviktpu" "ABEZHIKMNOPTYX")
# what hidden mark-up holds, looked for first: the patterns are slow on plain prose
_SIGNS = ("display", "visibility", "font-size", "opacity", "color", "text-indent", "px", "hidden", "<!--")
FEW_ZERO = 8             # stray invisible characters between words, as copies from web pages leave them


def hidden_text(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Characters that can't be seen inside words or in number, direction overrides, hidden mark-up, words of mixed alphabets.

    A few zero-width characters between words come with copies from web pages: they are shown. What Arabic, Indic and emoji writing
    needs (joiners beside their own letters) is none of it.
    """
    return by_order((piece, _hidden(piece.body)) for piece in pieces)


def _hidden(text: str) -> Found | None:
    if not text.isascii():
        found = _characters(text)
        if found:
            return found
    lowered = text.lower() if "<" in text or ":" in text else ""
    if any(sign in lowered for sign in _SIGNS):
        for pattern, told, sure in ((STYLES, "mark-up that hides text", 0.85), (COMMENT, "a comment in the mark-up", 0.6)):
            match = pattern.search(text)
            if match:
                return Found(f"{told}: {excerpt(text, *match.span())}", sure)
    return None


def _characters(text: str) -> Found | None:
    for pattern, told, sure in ((TAGS, "tag characters, which hold a text that nobody sees", 0.99),
                                (SELECTORS, "a row of variation selectors, which can hold a text", 0.9),
                                (IN_A_WORD, "invisible characters inside a word", 0.9)):
        match = pattern.search(text)
        if match:
            return Found(f"{told}: {excerpt(text, *match.span())}", sure)
    match = DIRECTION.search(text)
    if match:
        foreign = not _right_to_left(text)
        match = OVERRIDE.search(text) or (TURNED.search(text) if foreign else None) or match
        sure = 0.9 if OVERRIDE.match(match.group()) else 0.7 if foreign and TURNED.match(match.group()) else 0.3
        return Found(f"characters that turn the direction of reading: {excerpt(text, *match.span())}", sure)
    mixed = [match for match in MIXED.finditer(text) if _is_disguised(match.group())] if ALPHABETS.search(text) else []
    if mixed:
        return Found(f"letters of two alphabets in one word: {excerpt(text, *mixed[0].span())}", 0.9 if len(mixed) > 1 else 0.7)
    stray = [match for match in ANY_ZERO.finditer(text) if not _belongs(text, match)]
    count = sum(len(match.group()) for match in stray)
    if not stray:
        return None
    return Found(f"{count} invisible characters: {excerpt(text, *stray[0].span())}", 0.3 if count < FEW_ZERO else 0.75)


def _belongs(text: str, match: re.Match[str]) -> bool:
    """Whether joiners stand beside letters of a script, or signs, that need them."""
    near = text[max(0, match.start() - 1):match.start()] + text[match.end():match.end() + 1]
    return bool(JOINED.fullmatch(match.group())) and any(ord(character) > 0x024f for character in near)


def _right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def _is_disguised(word: str) -> bool:
    """Whether a word of mixed alphabets reads as a Latin word: all that is not Latin looks like a letter that is."""
    return word.translate(LOOKALIKES).isascii()
