"""A report page as Markdown: the same words, tables and figures (plots by their descriptions), for mail, wikis and diffs."""

from __future__ import annotations

import re
from typing import Any

_HEADINGS = {"h1": "#", "h2": "##", "h3": "###"}


def to_markdown(html: str) -> str:
    """The Markdown of a page that `Page.render` made."""
    from lxml import etree

    body = etree.fromstring(html.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8")).find(".//main")
    return "\n\n".join(part for part in _blocks(body) if part.strip()) + "\n"


def _blocks(node: Any) -> list[str]:
    parts: list[str] = []
    for child in node:
        tag = child.tag
        if tag in _HEADINGS:
            parts.append(f"{_HEADINGS[tag]} {_words(child)}")
        elif tag in ("p", "footer"):
            parts.append(f"> {_words(child)}" if "note" in (child.get("class") or "") else _words(child))
        elif tag == "ul":
            parts.append("\n".join(f"- {_words(item)}" for item in child))
        elif tag == "table":
            parts.append(_table(child))
        elif tag == "dl":
            parts.append(_terms(child))
        elif tag in ("pre", "blockquote"):
            parts.append("\n".join(f"> {_safe(line)}".rstrip() for line in _marked(child).split("\n")))
        elif tag == "svg":
            parts.append(f"*{_safe(' '.join((child.findtext('.//title') or '', '-', child.findtext('.//desc') or '')))}*")
        elif tag == "figcaption":
            parts.append(_words(child))
        elif isinstance(tag, str) and tag != "img":
            parts += _blocks(child)
    return parts


def _table(table: Any) -> str:
    rows = [[_words(cell).replace("|", "\\|") for cell in row] for row in table.iter("tr")]
    head, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rest))


def _terms(node: Any) -> str:
    """Words with their meanings, and headline figures with their notes: a line each."""
    lines: list[str] = []
    for child in node.iter("dt", "dd"):
        if child.tag == "dt":
            lines.append(f"- **{_words(child)}**:")
        elif lines:
            lines[-1] += f" {_words(child)}" + (";" if child.get("class") == "figure" and child.getnext() is not None else "")
    return "\n".join(lines)


def _marked(node: Any) -> str:
    """The text of a draft with what an editor takes out and puts in, as Markdown marks it."""
    text = node.text or ""
    for child in node:
        mark = {"del": "~~", "ins": "**", "mark": "=="}.get(child.tag, "")
        text += f"{mark}{''.join(child.itertext())}{mark}{child.tail or ''}"
    return text


def _words(node: Any) -> str:
    return _safe(" ".join("".join(node.itertext()).split()))


def _safe(text: str) -> str:
    """Text that Markdown does not take for HTML."""
    return re.sub(r"<(?=[a-zA-Z/!])", "&lt;", text)
