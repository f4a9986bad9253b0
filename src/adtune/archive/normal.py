"""One form for every text: NFC, line feeds, no invisible edges, no trailing blanks; nothing else is touched."""

from __future__ import annotations

import re
import unicodedata

EDGES = "\ufeff\u200b\u200c\u200d\u2060 \t\n\v\f\xa0"   # what a text neither starts nor ends with
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> bool:
    """Whether the text can be written as UTF-8 and kept by any database: no lone surrogates, no NUL."""
    return not _UNSTORABLE.search(text)


def printable(message: str) -> str:
    """A message that quotes a file, fit for any terminal, log and database."""
    return _UNSTORABLE.sub("\ufffd", message)


def text_of(raw: str) -> str:
    """The text of a piece; doing it twice changes nothing."""
    text = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n".join(line.rstrip(" \t\xa0") for line in text.split("\n")).strip(EDGES)


def line_of(raw: str) -> str:
    """A short field on one line: title, author, category."""
    return " ".join(unicodedata.normalize("NFC", raw).strip(EDGES).split())
