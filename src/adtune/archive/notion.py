"""Notion's exports: names that end in an id of 32 hex digits, and `Key: value` lines under the heading that are the page's properties."""

from __future__ import annotations

import re

from .column_words import WORDS
from .columns import SYNONYMS, squeezed

_NAME = re.compile(r"(?:^|.*/)(?P<title>[^/]*?)[ -]?(?P<id>[0-9a-f]{32})(?:_all)?\.\w+$")
_PROPERTY = re.compile(r"([^\s:#>*|`\-][^:\n]{0,39}): (\S.*)")
_BODIES = {"text", "body", "content", "copy", "post", *map(squeezed, WORDS["text"].split())}   # of a page, never a property
_FIELDS = {squeezed(name) for names in SYNONYMS.values() for name in names.split()} - _BODIES


def identity(name: str) -> tuple[str | None, str] | None:
    """(title, id) from the name of an exported page; None where the name is not of that form."""
    found = _NAME.fullmatch(name)
    return (found["title"].strip() or None, found["id"]) if found else None


def properties(body: str) -> tuple[dict[str, str], str]:
    """The property lines at the start of the body, and the rest; none where a line among them is none, or no key is a known field."""
    block, _, rest = body.lstrip("\n").partition("\n\n")
    found = [_PROPERTY.fullmatch(line.rstrip()) for line in block.splitlines()]
    if not found or not all(found):
        return {}, body
    values = {match[1].strip(): match[2].strip() for match in found if match}
    return (values, rest) if {squeezed(key) for key in values} & _FIELDS else ({}, body)
