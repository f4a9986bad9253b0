"""Markdown: front matter in YAML gives the fields, a leading `# heading` the title; the body stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .columns import Columns, squeezed
from .encodings import Encoding
from .files import ClientFile
from .lines import document_text
from .rows import DOCUMENT_CHARACTERS, Fault, Row, Unreadable

FRONT_CHARACTERS = 64_000     # YAML costs more than its length; longer front matter is no front matter
_FRONT = re.compile(r"\s*^---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
HEADING_CHARACTERS = 300      # a longer line is no title
_EMPTY = {"", "~", "null", "Null", "NULL"}


def read_markdown(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """Raises Unreadable where the front matter is broken."""
    text = document_text(file, encoding, DOCUMENT_CHARACTERS)
    if not text.strip():
        return
    fields, body = front_matter(text)
    title, body = heading(body, next((value for name, value in fields.items() if squeezed(name) in ("title", "headline")), None))
    yield Row(1, {**fields, **({"title": title} if title else {}), "text": body}, document=True)


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The fields and the body; all scalars stay strings, so that a date, a `no` or a version reads as it was written."""
    import yaml

    match = _FRONT.match(text[:FRONT_CHARACTERS])
    if match is None:
        return {}, text
    try:
        fields = yaml.BaseLoader(match[1]).get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = text.count("\n", 0, match.start(1)) + 1 + (mark.line if mark else 0)
        raise Unreadable(f"the front matter is not YAML: {getattr(error, 'problem', None) or 'nested too deeply'}", line) from None
    if not isinstance(fields, dict):
        return {}, text
    return {str(name): None if isinstance(value, str) and value in _EMPTY else value for name, value in fields.items()}, text[match.end():]


def heading(body: str, title: Any) -> tuple[str | None, str]:
    """The leading heading where no title is given or it repeats it, and the body without it."""
    first, _, rest = body.lstrip().partition("\n")
    if not first.startswith("# ") or len(first) > HEADING_CHARACTERS:
        return None, body
    found = first.rstrip().rstrip("#")[1:].strip()
    return (found, rest) if found and (not title or str(title).strip() == found) else (None, body)
