"""RSS and Atom: each entry is a piece, its content as light Markdown.

feedparser knows the dialects. It goes on where XML is broken; a feed that was cut short loses its last entry, which may be half.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from typing import Any

from .dates import iso_day
from .files import ClientFile
from .html import fragment
from .parts import Note
from .rows import DOCUMENT_CHARACTERS, Fault, Row, Unreadable

_ENTRY = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>]|\n")
_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)\s*>(?:\s|<!--.*?-->)*\Z", re.IGNORECASE | re.DOTALL)


def read_feed(file: ClientFile) -> Iterator[Row | Fault | Note]:
    """Raises Unreadable where feedparser finds no entry in what is broken, or the feed is too long."""
    import feedparser

    with file.open() as stream:
        raw = stream.read(DOCUMENT_CHARACTERS + 1)
    if len(raw) > DOCUMENT_CHARACTERS:
        raise Unreadable(f"the feed is larger than {DOCUMENT_CHARACTERS // 1_000_000} MB")
    feed = feedparser.parse(io.BytesIO(raw), resolve_relative_uris=False)   # a stream: a string could be an address to fetch
    broken = feed.get("bozo_exception") if feed.bozo else None
    if broken and not feed.entries:
        raise Unreadable(f"not a feed that can be read ({broken})")
    if broken:
        yield Note(f"the feed breaks its rules ({broken}); look at its pieces")
    lines, cut = _lines(raw), not _END.search(raw)
    for number, entry in enumerate(feed.entries):
        line = lines[number] if len(lines) == len(feed.entries) else None
        if cut and number == len(feed.entries) - 1:
            yield Fault(line, "the feed is cut short within or behind this entry")
        else:
            yield Row(line, {**_values(entry), "language": feed.feed.get("language")}, document=True)


def _lines(raw: bytes) -> list[int]:
    """The lines on which entries start."""
    lines, line = [], 1
    for match in _ENTRY.finditer(raw):
        if match[0] == b"\n":
            line += 1
        else:
            lines.append(line)
    return lines


def _values(entry: Any) -> dict[str, Any]:
    contents = [part for part in entry.get("content", ()) if part.get("value")]
    content = next((part for part in contents if "html" in (part.get("type") or "")), contents[0] if contents else None)
    summary = entry.get("summary") or ""
    text = _text(content.get("value"), content.get("type")) if content else _text(summary, (entry.get("summary_detail") or {}).get("type"))
    short = _text(summary, (entry.get("summary_detail") or {}).get("type")) if content else ""
    return {"title": _line(entry.get("title")), "text": text, "summary": short if short and short != text else None,
            "author": entry.get("author"), "category": [tag.get("term") for tag in entry.get("tags", ()) if tag.get("term")],
            "date": _date(entry), "id": entry.get("id") or entry.get("link")}


def _text(value: str | None, kind: str | None) -> str:
    """HTML as light Markdown; plain text, which RSS does not tell from HTML, where it holds neither tags nor entities."""
    value = value or ""
    markup = re.search(r"</\w|<br|<p>" if kind == "text/plain" else r"<\w|&[#\w]+;", value)
    return fragment(value) if markup else value


def _line(value: str | None) -> str | None:
    return " ".join(fragment(value).split()) if value and re.search(r"<\w|&[#\w]+;", value) else value


def _date(entry: Any) -> str | None:
    """The day as the feed writes it, else as feedparser reads it (in UTC); as it stands where neither is a day."""
    for name in ("published", "updated", "created"):
        written, parsed = entry.get(name), entry.get(f"{name}_parsed")
        if written:
            try:
                return iso_day(written)
            except ValueError:
                return time.strftime("%Y-%m-%d", parsed) if parsed else written
    return None
