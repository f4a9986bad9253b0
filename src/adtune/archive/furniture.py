"""What stands in a saved page or an exported document beside the copy: menus, cookie banners, editors' comments, property tables.

Removed are only elements whose role, name or class says what they are, and by class only where the page names no main part and the
element does not hold most of the words.
"""

from __future__ import annotations

import re
from typing import Any

ROLES = {"navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alertdialog", "menu", "menubar", "toolbar"}
MOST = 0.4   # share of a page's words from which an element is its content, whatever its class says
_CLASS = re.compile(r"(?:^|[-_ ])(?:nav|navbar|navigation|menu|sidebar|breadcrumbs?|cookies?|cookie-?(?:banner|notice)|consent|gdpr|share|"
                    r"sharing|sharedaddy|related|comments|comment-list|footer|advert|ads|popup|modal|skip-link|pagination)(?:$|[-_ ])",
                    re.IGNORECASE)
_BOLD, _ITALIC = r"font-weight\s*:\s*(?:bold|[6-9]00)", r"font-style\s*:\s*italic"
_PARTS, _PARAGRAPHS = ("table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote"), ("p", "div")
_RULE = re.compile(r"\.([\w-]+)\s*\{([^}]*)\}")


def main_part(root: Any) -> Any | None:
    """The one element that the page names as its content; None where it names none, or several."""
    for path in (".//article", ".//main", ".//*[@role='main']", ".//*[@itemprop='articleBody']"):
        found = root.findall(path)
        if len(found) == 1:
            return found[0]
    return None


def strip(body: Any) -> None:
    """Takes away what is no copy by its role, and by its class where it holds few of the words."""
    total = max(1, _length(body))
    for element in list(body.iter()):
        if element is body or not isinstance(element.tag, str) or element.getparent() is None:
            continue
        said = f"{element.get('class') or ''} {element.get('id') or ''}"
        if element.get("role") in ROLES or (_CLASS.search(said) and _length(element) < MOST * total):
            element.drop_tree()


def drop_comments(root: Any) -> None:
    """Editors' comments in a Google Docs export: their marks in the text, and their words behind it."""
    for anchor in list(root.iter("a")):
        name = anchor.get("id") or ""
        if name.startswith("cmnt_ref"):
            holder = anchor.getparent()
            (holder if holder is not None and holder.tag == "sup" else anchor).drop_tree()
        elif re.fullmatch(r"cmnt\d+", name):
            holder = next(anchor.iterancestors("div"), anchor)
            holder.drop_tree()


def mark_styles(root: Any) -> None:
    """Spans that a style makes bold or italic become `<b>` and `<i>`, as Google Docs writes neither."""
    rules = [rule for style in root.iter("style") for rule in _RULE.findall(style.text or "")]
    for pattern, tag in ((_ITALIC, "i"), (_BOLD, "b")):
        classes = {name for name, rule in rules if re.search(pattern, rule)}
        for span in root.iter("span"):
            if classes & set((span.get("class") or "").split()) or re.search(pattern, span.get("style") or ""):
                span.tag = tag


def properties(root: Any) -> dict[str, str]:
    """The rows of Notion's table of properties, which is taken out of the page."""
    values: dict[str, str] = {}
    for table in root.findall(".//table[@class='properties']"):
        for row in table.iter("tr"):
            cells = [" ".join("".join(cell.itertext()).split()) for cell in row if cell.tag in ("th", "td")]
            if len(cells) == 2 and cells[0]:
                values.setdefault(cells[0], cells[1])
        table.drop_tree()
    return values


def own_rows(table: Any) -> list[Any]:
    """The rows of a table, without those of tables within it."""
    rows: list[Any] = []
    for child in table:
        if child.tag == "tr":
            rows.append(child)
        elif child.tag in ("thead", "tbody", "tfoot", "form"):
            rows += own_rows(child)
    return rows


def lays_out(table: Any, rows: list[list[Any]]) -> bool:
    """Whether a table holds parts of a page: it says so, holds tables, headings, lists or several paragraphs in a cell, or is one column.

    A paragraph in each cell, as word processors write it, is data from two rows of two columns on.
    """
    if table.get("role") in ("presentation", "none"):
        return True
    inner = [[sum(1 for part in cell.iter(*_PARAGRAPHS) if part is not cell) for cell in row] for row in rows]
    if any(next(cell.iter(*_PARTS), None) is not None for row in rows for cell in row) or any(count > 1 for row in inner for count in row):
        return True
    wide = sum(sum(bool(_length(cell)) for cell in row) > 1 for row in rows)
    return wide == 0 or (wide == 1 and any(count for row in inner for count in row))


def title(body: Any) -> Any | None:
    """The element that is the title: the one `<h1>`, else the one paragraph of the class `title`."""
    headings = [heading for heading in body.iter("h1") if "".join(heading.itertext()).strip()]
    if len(headings) == 1:
        return headings[0]
    named = [part for part in body.iter("p") if "title" in (part.get("class") or "").split() and "".join(part.itertext()).strip()]
    return named[0] if len(named) == 1 else None


def _length(element: Any) -> int:
    return sum(len(text) for text in element.itertext() if not text.isspace())
