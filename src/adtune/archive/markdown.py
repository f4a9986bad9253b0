"""Markdown: front matter in YAML or TOML gives the fields, a leading `# heading` the title; the body stays as it is.

A page that Notion exported has its properties under the heading instead.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from . import notion
from .columns import Columns, squeezed
from .encodings import Encoding
from .files import ClientFile
from .lines import document_text
from .rows import DOCUMENT_CHARACTERS, Fault, Row, Unreadable

FRONT_CHARACTERS = 64_000     # YAML costs more than its length; longer front matter is no front matter
_FRONT = re.compile(r"\s*^---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\s*^\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
HEADING_CHARACTERS = 300      # a longer line is no title
_EMPTY = {"", "~", "null", "Null", "NULL"}


def read_markdown(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """Raises Unreadable where the front matter is broken."""
    text = document_text(file, encoding, DOCUMENT_CHARACTERS)
    if not text.strip():
        return
    fields, body = front_matter(text)
    title, body = heading(body, next((value for name, value in fields.items() if squeezed(name) in ("title", "headline")), None))
    exported = notion.identity(file.name)
    if exported and not fields:
        fields, body = notion.properties(body)
        title, fields = title or exported[0], {"id": exported[1], **fields}
    yield Row(1, {**_with_state(fields), **({"title": title} if title else {}), "text": body}, document=True)


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The fields and the body; all scalars stay strings, so that a date, a `no` or a version reads as it was written."""
    import yaml

    match = _FRONT.match(text[:FRONT_CHARACTERS])
    if match is None:
        return _toml(text)
    try:
        fields = yaml.BaseLoader(match[1]).get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = text.count("\n", 0, match.start(1)) + 1 + (mark.line if mark else 0)
        raise Unreadable(f"the front matter is not YAML: {getattr(error, 'problem', None) or 'nested too deeply'}", line) from None
    if not isinstance(fields, dict):
        return {}, text
    return {str(name): None if isinstance(value, str) and value in _EMPTY else value for name, value in fields.items()}, text[match.end():]


def _toml(text: str) -> tuple[dict[str, Any], str]:
    """Front matter between two lines of `+++`, as Hugo writes it; dates as ISO, and true and false as words."""
    match = _TOML.match(text[:FRONT_CHARACTERS])
    if match is None:
        return {}, text
    try:
        fields = tomllib.loads(match[1])
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise Unreadable(f"the front matter is not TOML: {error}", text.count("\n", 0, match.start(1)) + 1) from None
    return {name: _scalar(value) for name, value in fields.items()}, text[match.end():]


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (datetime.date, datetime.time)) else value


def _with_state(fields: dict[str, Any]) -> dict[str, Any]:
    """`draft: true` and `published: false`, as site generators write them, are an approval; `published: true` is no date."""
    words = {squeezed(name): (name, str(value).strip().lower()) for name, value in fields.items() if isinstance(value, str)}
    state, drop = None, None
    if words.get("draft", ("", ""))[1] in ("true", "yes"):
        state = "draft"
    if words.get("published", ("", ""))[1] in ("true", "false", "yes", "no"):
        drop, said = words["published"]
        state = state or ("approved" if said in ("true", "yes") else "draft")
    kept = {name: value for name, value in fields.items() if name != drop}
    return kept if state is None or {"status", "approval", "approved", "state"} & words.keys() else {**kept, "status": state}


def heading(body: str, title: Any) -> tuple[str | None, str]:
    """The leading heading where no title is given or it repeats it, and the body without it."""
    first, _, rest = body.lstrip().partition("\n")
    if not first.startswith("# ") or len(first) > HEADING_CHARACTERS:
        return None, body
    found = first.rstrip().rstrip("#")[1:].strip()
    return (found, rest) if found and (not title or str(title).strip() == found) else (None, body)
