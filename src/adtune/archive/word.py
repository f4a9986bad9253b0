"""Word (.docx): headings, lists, bold and tables as light Markdown; title, author and status from the properties.

python-docx opens the package; the body is walked in its XML, since python-docx leaves out inserted text (tracked changes) and
content controls. Deleted text is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import zips
from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .rows import DOCUMENT_CHARACTERS, Fault, Row, Unreadable

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_SKIPPED = {f"{_W}del", f"{_W}moveFrom", f"{_MC}Fallback"}
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
GENERATORS = {"python-docx"}   # names of tools that stand where an author should


def read_docx(file: ClientFile, encoding: Encoding | None, columns: Columns) -> Iterator[Row | Fault]:
    """Raises Unreadable where the file is no Word document, is damaged or is a bomb."""
    zips.check(file.path)
    try:
        values = _values(file)
    except RecursionError:
        raise Unreadable("the document is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - python-docx raises whatever its parser, zlib or a missing part does
        raise Unreadable(f"not a Word document that can be read ({type(error).__name__})") from None
    if len(values["text"]) > DOCUMENT_CHARACTERS:
        raise Unreadable(f"the text is longer than {DOCUMENT_CHARACTERS // 1_000_000} MB")
    yield Row(None, values, document=True)


def _values(file: ClientFile) -> dict[str, Any]:
    import docx

    document = docx.Document(str(file.path))
    properties = document.core_properties
    styles = {style.style_id: style.name or "" for style in document.styles}
    title, blocks = _titled(list(_blocks(document.element.body, styles)))
    return {"title": title or properties.title, "author": None if properties.author in GENERATORS else properties.author,
            "category": properties.category, "status": properties.content_status, "text": _joined(blocks)}


def _titled(blocks: list[tuple[str, str]]) -> tuple[str | None, list[tuple[str, str]]]:
    """A leading paragraph in the style Title or Heading 1 is the title."""
    if blocks and blocks[0][0] in ("title", "heading 1"):
        return blocks[0][1].lstrip("# "), blocks[1:]
    return None, blocks


def _joined(blocks: list[tuple[str, str]]) -> str:
    """Items of a list and rows of a table on lines after each other, all else with a blank line between."""
    out = ""
    for (kind, text), (before, _) in zip(blocks, [("", ""), *blocks], strict=False):
        together = kind == before and kind in ("list", "row")
        out += ("\n" if together else "\n\n" if out else "") + text
    return out


def _blocks(element: Any, styles: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(kind, light Markdown) of every paragraph and table row that holds text, however deeply it is wrapped."""
    for child in element:
        if child.tag in _SKIPPED:
            continue
        if child.tag == f"{_W}p":
            yield from _paragraph(child, styles)
            for box in _nearest(child, f"{_W}txbxContent"):
                yield from _blocks(box, styles)
        elif child.tag == f"{_W}tbl":
            for row in _nearest(child, f"{_W}tr"):
                cells = [" ".join(text for _, text in _blocks(cell, styles)) for cell in _nearest(row, f"{_W}tc")]
                if any(cells):
                    yield "row", " | ".join(" ".join(cell.split()) for cell in cells)
        else:
            yield from _blocks(child, styles)


def _nearest(element: Any, tag: str) -> Iterator[Any]:
    """The elements with this tag below, but not those within one another."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in _SKIPPED:
            yield from _nearest(child, tag)


def _paragraph(paragraph: Any, styles: dict[str, str]) -> Iterator[tuple[str, str]]:
    style = styles.get(_attribute(paragraph, "pStyle") or "", "")
    listed = paragraph.find(f"{_W}pPr/{_W}numPr") is not None or style.lower().startswith("list ")
    level = _HEADING.fullmatch(style)
    plain = "".join(_text(run) for run in _runs(paragraph)).strip()
    if not plain:
        return
    if style.lower() == "title":
        yield "title", plain
    elif level:
        yield f"heading {level[1]}", f"{'#' * int(level[1])} {plain}"
    elif listed:
        yield "list", ("1. " if "number" in style.lower() else "- ") + _marked(paragraph)
    else:
        yield "paragraph", _marked(paragraph)


def _attribute(paragraph: Any, name: str) -> str | None:
    element = paragraph.find(f"{_W}pPr/{_W}{name}")
    return None if element is None else element.get(f"{_W}val")


def _runs(element: Any) -> Iterator[Any]:
    """The runs under an element in order, without those that were deleted; text boxes hold paragraphs of their own."""
    for child in element:
        if child.tag == f"{_W}r":
            yield child
        elif child.tag not in _SKIPPED:
            yield from _runs(child)


def _text(run: Any) -> str:
    parts = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
    return "".join((child.text or "") if child.tag == f"{_W}t" else parts.get(child.tag, "") for child in run)


def _marked(paragraph: Any) -> str:
    """The paragraph's text with bold runs marked."""
    spans: list[tuple[bool, str]] = []
    for run in _runs(paragraph):
        bold, text = _is_bold(run), _text(run)
        if spans and (spans[-1][0] == bold or not text.strip()):
            spans[-1] = (spans[-1][0], spans[-1][1] + text)
        else:
            spans.append((bold, text))
    return "".join(_bold(text) if bold else text for bold, text in spans).strip()


def _is_bold(run: Any) -> bool:
    bold = run.find(f"{_W}rPr/{_W}b")
    return bold is not None and bold.get(f"{_W}val", "true") not in ("0", "false", "off")


def _bold(text: str) -> str:
    core = text.strip()
    if not core:
        return text
    at = text.index(core)
    return f"{text[:at]}**{core}**{text[at + len(core):]}"
