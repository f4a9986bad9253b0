"""HTML: the article as light Markdown, with title, author, date and summary from its head.

Takes the part that the page names as its content (`<article>`, `<main>`) where there is exactly one, else the body without its
furniture; navigation, footers, asides, forms, scripts, styles and hidden elements are no copy. Parsed by lxml without network,
entities or huge trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import furniture, notion
from .columns import Columns
from .encodings import Encoding, declared_encoding
from .files import ClientFile
from .lines import document_text
from .parts import Note
from .rows import DOCUMENT_CHARACTERS, Fault, Row, Unreadable

DROPPED = set("script style noscript template iframe object embed svg math canvas form button input select textarea nav footer aside head "
              "audio video".split())
BLOCKS = set("p div section article main header hgroup h1 h2 h3 h4 h5 h6 ul ol li table blockquote pre figure figcaption dl dt dd details "
             "summary address hr body center fieldset".split())
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
META = {"author": "author", "article:author": "author", "description": "summary", "og:description": "summary",
        "article:published_time": "date", "date": "date", "dcterms.date": "date", "article:section": "category", "og:title": "title"}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_STARTS_BLOCK = re.compile(r"\s*</?(?:p|div|section|h[1-6]|ul|ol|li|table|blockquote|pre|figure|hr|form|address|dl)\b", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\n\r\f]+")
_BREAK = "\u2028"   # stands for <br> until white space is collapsed


def read_html(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault | Note]:
    """Raises Unreadable where lxml finds no document, or one nested deeper than it reads."""
    if not encoding.whole:   # not UTF-8, and no code page that the text itself confirms
        declared = declared_encoding(file)
        if declared:
            encoding = declared
            yield Note(f"read as {encoding.name}, which the page itself says; look at one accented word")
    text = document_text(file, encoding, DOCUMENT_CHARACTERS)
    if text.strip():
        exported = notion.identity(file.name)
        yield Row(None, {**({"id": exported[1]} if exported else {}), **page(text)}, document=True)


def page(text: str, titled: bool = True) -> dict[str, Any]:
    """The fields of a page: its article as light Markdown under `text`, what its head says, its title from the one `<h1>`.

    Where not `titled`, the heading stays in the text, as in a mail that has a subject.
    """
    root = _parse(text)
    values = _head(root)
    furniture.drop_comments(root)
    furniture.mark_styles(root)
    known = furniture.properties(root)
    body = _body(root)
    title = furniture.title(body) if titled else None
    if title is not None:
        values["title"] = _words(title)
        title.drop_tree()
    return {**values, **known, "text": _markdown(body)}


def fragment(text: str) -> str:
    """A piece of HTML without a page around it, as light Markdown."""
    return _markdown(_parse(text)) if text.strip() else ""


def classic(text: str) -> str:
    """HTML in which words stand outside of all paragraphs, as editors without `<p>` write it: there blank lines part paragraphs, and
    single ones break lines."""
    parts = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n"))
    return "\n\n".join(part if _STARTS_BLOCK.match(part) else f"<p>{part.strip().replace(chr(10), '<br>')}</p>" for part in parts)


def _markdown(element: Any) -> str:
    try:
        return "\n\n".join(_blocks(element))
    except RecursionError:
        raise Unreadable("the HTML is nested too deeply") from None


def _parse(text: str) -> Any:
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise Unreadable(f"not HTML: {error}") from None
    if any("depth" in entry.message.lower() for entry in parser.error_log):
        raise Unreadable("the HTML is nested too deeply")
    return root


def _head(root: Any) -> dict[str, Any]:
    """Fields from `<title>` and `<meta>`; the first of each kind counts, og:title before `<title>`."""
    values: dict[str, Any] = {"language": root.get("lang")}
    for meta in root.iter("meta"):
        field = META.get((meta.get("name") or meta.get("property") or "").lower())
        if field and meta.get("content"):
            values.setdefault(field, meta.get("content"))
    title = root.find(".//title")
    if title is not None and title.text:
        values.setdefault("title", title.text)
    return values


def _body(root: Any) -> Any:
    part = furniture.main_part(root)
    if part is not None:
        return part
    body = root.find("body")
    body = root if body is None else body
    for header in [element for element in body.iter("header") if element.find(".//h1") is None]:
        header.clear(keep_tail=True)
    furniture.strip(body)
    return body


def _dropped(element: Any) -> bool:
    return (not isinstance(element.tag, str) or element.tag in DROPPED or element.get("hidden") is not None
            or bool(_HIDDEN.search(element.get("style") or "")))


def _blocks(element: Any) -> Iterator[str]:
    """The blocks of an element in order: what stands between two of its block children is a paragraph."""
    run = [element.text or ""]
    for child in element:
        if _dropped(child):
            pass
        elif child.tag in BLOCKS or any(inner.tag in BLOCKS for inner in child.iter()):
            yield from _paragraph(run)
            run = []
            yield from _block(child)
        else:
            run.append(_inline(child))
        run.append(child.tail or "")
    yield from _paragraph(run)


def _block(element: Any) -> Iterator[str]:
    tag = element.tag
    if tag in HEADINGS:
        words = _words(element)
        if words:
            yield f"{'#' * int(tag[1])} {words}"
    elif tag in ("ul", "ol"):
        items = list(_items(element))
        if items:
            yield "\n".join(items)
    elif tag == "table":
        yield from _table(element)
    elif tag == "pre":
        yield from filter(None, ["".join(element.itertext()).strip("\n")])
    elif tag == "blockquote":
        yield from ("\n".join(f"> {line}" for line in block.split("\n")) for block in _blocks(element))
    else:
        yield from _blocks(element)


def _table(element: Any) -> Iterator[str]:
    """A table of data is one block with a line for each row; one that only lays the page out, as in newsletters, is its cells' blocks."""
    rows = [[cell for cell in row if cell.tag in ("td", "th") and not _dropped(cell)] for row in furniture.own_rows(element)]
    yield from filter(None, map(_words, element.findall("caption")))
    if furniture.lays_out(element, rows):
        for row in rows:
            for cell in row:
                yield from _blocks(cell)
        return
    lines = [" | ".join(_words(cell) for cell in row) for row in rows]
    yield from filter(None, ["\n".join(line for line in lines if line.strip(" |"))])


def _items(element: Any) -> Iterator[str]:
    number = 0
    for child in element:
        if _dropped(child):
            continue
        blocks = list(_blocks(child)) if child.tag not in ("ul", "ol") else list(_block(child))
        if blocks:
            number += 1
            mark = f"{number}. " if element.tag == "ol" else "- "
            yield mark + "\n".join(blocks).replace("\n", "\n  ")


def _inline(element: Any) -> str:
    if element.tag == "br":
        return _BREAK
    inner = (element.text or "") + "".join(("" if _dropped(child) else _inline(child)) + (child.tail or "") for child in element)
    mark = {"b": "**", "strong": "**", "i": "*", "em": "*"}.get(element.tag)
    if mark is None or not inner.strip():
        return inner
    core = inner.strip()
    before, after = inner[:len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()):]
    return f"{before}{mark}{core}{mark}{after}"


def _words(element: Any) -> str:
    return " ".join(_inline_text(element).split())


def _inline_text(element: Any) -> str:
    def inner(child: Any) -> str:
        return "" if _dropped(child) else " " if child.tag == "br" else _inline_text(child)

    return (element.text or "") + "".join(inner(child) + (child.tail or "") for child in element)


def _paragraph(run: list[str]) -> Iterator[str]:
    text = "".join(run)
    if not text or text.isspace():
        return
    text = _SPACE.sub(" ", text)
    lines = [line.strip() for line in text.split(_BREAK)]
    text = "\n".join(lines).strip()
    if text:
        yield text
