"""WordPress exports (WXR): posts and pages, one at a time, so that an export of any size is read in the memory of one post.

publish is approved, all other states but the trash are drafts. Attachments, menu items and other kinds of post are told as such.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from .files import ClientFile
from .html import classic, fragment
from .parts import Note
from .rows import Fault, Row, Unreadable

NAMESPACE = "wordpress.org/export/"
STATES = {"publish": "approved", "private": "draft", "draft": "draft", "pending": "draft", "future": "draft", "auto-draft": "draft"}
KINDS = {"post": "article", "page": "page"}
UNSORTED = {"uncategorized", "uncategorised", "allgemein", "non classé", "sin categoría", "senza categoria", "geen categorie",
            "sem categoria"}
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")   # bytes that no XML 1.0 may hold, and that editors paste
_SHORTCODE = re.compile(r"\[/?(?:caption|gallery|audio|video|playlist|embed|contact-form-7|vc_\w+|et_pb_\w+|fusion_\w+)(?:\s[^\[\]]*)?/?\]")


def read_wxr(file: ClientFile) -> Iterator[Row | Fault | Note]:
    """Raises Unreadable where the XML is broken before the first item; behind it, the rest is told as lost."""
    from lxml import etree

    authors: dict[str, str] = {}
    found = False
    with _Clean(file) as stream:
        items = etree.iterparse(stream, events=("end",), tag=("{*}author", "{*}item"), resolve_entities=False, no_network=True,
                                huge_tree=False)
        try:
            for _, element in items:
                values = _children(element)
                if _local(element) == "author":
                    authors[values.get("author_login", "")] = values.get("author_display_name", "")
                    continue
                found = True
                yield _item(element.sourceline, values, element, authors)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            line = error.lineno or None
            if not found:
                raise Unreadable(f"not XML that can be read: {error.msg}", line) from None
            yield Fault(line, f"the XML is broken or cut short; the rest of the file is lost ({error.msg})")
        if stream.left_out:
            yield Note(f"control characters that XML forbids were left out: {stream.left_out}")


def _item(line: int | None, values: dict[str, str], element: Any, authors: dict[str, str]) -> Row | Fault:
    kind, state = values.get("post_type", "post"), values.get("status", "")
    if kind not in KINDS:
        return Fault(line, f"a WordPress {kind[:40]} ('{(values.get('title') or '')[:60]}'), not a post or page")
    if state == "trash":
        return Fault(line, "it is in WordPress's trash")
    login = values.get("creator", "")
    day = values.get("post_date", "")
    return Row(line, {
        "title": " ".join(fragment(values.get("title", "")).split()), "text": _text(values.get("content:encoded", "")),
        "summary": " ".join(_text(values.get("excerpt:encoded", "")).split()), "category": _terms(element, "category"),
        "tags": _terms(element, "post_tag"), "author": authors.get(login) or login, "date": None if day.startswith("0000") else day,
        "status": STATES.get(state, state), "type": KINDS[kind], "id": values.get("post_id")}, document=True)


def _children(element: Any) -> dict[str, str]:
    """The texts under an item by their local names; WordPress has two named `encoded`, of which the namespace tells which."""
    values: dict[str, str] = {}
    for child in element:
        name = _local(child)
        if name == "encoded":
            name = "excerpt:encoded" if "excerpt" in child.tag else "content:encoded"
        values.setdefault(name, child.text or "")
    return values


def _terms(element: Any, domain: str) -> list[str]:
    return [child.text for child in element if _local(child) == "category" and child.get("domain", "category") == domain and child.text
            and child.text.strip().casefold() not in UNSORTED]


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(html: str) -> str:
    """The content as light Markdown. The classic editor wrote no `<p>`: blank lines part paragraphs, single ones break lines."""
    html = _SHORTCODE.sub("", html)
    if "<!-- wp:" not in html and not re.search(r"<p[\s>]", html, re.IGNORECASE):
        html = classic(html)
    return fragment(html)


class _Clean(io.RawIOBase):
    """The file without the control characters that XML forbids; in UTF-8 and the code pages none of these bytes is part of a letter."""

    def __init__(self, file: ClientFile):
        self._file, self.left_out = file.open(), 0
        self._wide = self._file.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")   # UTF-16, where such a byte may be half of a letter

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raw = self._file.read(size if size > 0 else 1 << 20)
        clean = raw if self._wide else _FORBIDDEN.sub(b"", raw)
        self.left_out += len(raw) - len(clean)
        return clean or (self.read(size) if raw else b"")

    def close(self) -> None:
        self._file.close()
        super().close()
