"""HTML in the fields of a table, JSONL or JSON: shop and CMS exports keep tags and entities there, which no model should learn.

Only what is surely HTML is converted. Prose with a `<`, Markdown with a stray tag, code that is shown, and tags that are talked about stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5
from typing import Any

from .html import BLOCKS, classic, fragment
from .rows import Unreadable

FIELD_CHARACTERS = 1_000_000   # a longer field stays as it is: it is parsed in this process
HOLDING = BLOCKS | set("tr td th thead tbody tfoot caption nav footer aside form".split())
LOOSE = set("p li dt dd tr td th thead tbody tfoot".split())   # whose ends may be left out
INLINE = {"b": "**", "strong": "**", "i": "*", "em": "*",
          **dict.fromkeys("a span u s small sub sup mark font del ins abbr cite q strike big label time code".split(), "")}
VOID = {"br", "hr", "img", "wbr"}
OTHER = set("script style iframe svg path picture source video audio noscript button select option textarea input object embed col "
            "colgroup link meta html head title".split())
KNOWN = HOLDING | INLINE.keys() | VOID | OTHER
SHORT = 40         # characters between two tags, beyond which these are used and not talked about
ENOUGH_PAIRS = 3   # pairs of block tags from which a text with words around them is HTML wherever they stand
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)(?:\s(?:\"[^\"]*\"|'[^']*'|[^<>\"']){0,2000})?/?>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_FENCE = re.compile(r"^[ \t]{0,3}(?:```|~~~)", re.MULTILINE)
_CODE_SPAN = re.compile(r"`[^`\n<&]*[<&][^`\n]*`")
_INDENTED = re.compile(r"(?:^|\n[ \t]*\n)(?: {4}|\t)[ \t]*<")
_TALK = re.compile(r"<\w{1,10}>[\"'”’]?[ -](?:tags?|elements?|elemente?n?|balises?|etiquetas?)\b", re.IGNORECASE)
_ESCAPED = re.compile(r"&lt;/?[A-Za-z!]")
_ESCAPED_WHOLE = re.compile(r"\s*&lt;[A-Za-z].*&gt;\s*", re.DOTALL)
_MARKDOWN = re.compile(r"^ {0,3}(?:#{1,6} |[-*+] |\d{1,3}[.)] |> |\|)|\*\*\S|\]\(", re.MULTILINE)
_SPACES = re.compile(r"\s*")
_LINE_BREAK = re.compile(r"(?<![ \t])[ \t]*<br\s*/?>[ \t]*(?:\r?\n)?", re.IGNORECASE)
_TABLE_BREAK = re.compile(r"^[ \t]*\|.*<br", re.MULTILINE | re.IGNORECASE)
# what a reader does not see: it stays as it is, for curation to find and to refuse
_HIDES = re.compile(r"<[^<>]{0,200}(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])|"
                    r"(?<![-\w])color\s*:\s*([#\w]+)\s*;[^<>]{0,80}background(?:-color)?\s*:\s*\1(?!\w))", re.IGNORECASE)
_STRAY = re.compile(r"<(?!!--)(?!/?(?:" + "|".join(sorted(KNOWN, key=len, reverse=True)) + r")(?:[\s/>]))", re.IGNORECASE)


@dataclass
class _Tags:
    """The known tags of a text: how they pair, and what stands outside of blocks."""

    found: list[re.Match[str]] = field(default_factory=list)
    pairs: list[tuple[re.Match[str], re.Match[str]]] = field(default_factory=list)
    unpaired: int = 0                  # of those that need an end, or have no beginning
    holding: int = 0                   # pairs of block tags
    blocks: int = 0                    # those of them with words between
    first: int | None = None           # where the first block tag stands
    outside: str = ""


def cleaned(fields: Mapping[str, tuple[str, Any]]) -> tuple[dict[str, tuple[str, Any]], int]:
    """The fields with HTML converted, text and facts as light Markdown, short ones as words; and how many were HTML."""
    out, count = dict(fields), 0
    for name, convert in CONVERT.items():
        if name not in fields:
            continue
        column, value = fields[name]
        made = [_converted(one, convert) for one in value] if isinstance(value, list) else _converted(value, convert)
        if made != value:
            out[name] = column, made
            count += 1
    return out, count


def _converted(value: Any, convert: Callable[[str], str]) -> Any:
    return convert(value) if isinstance(value, str) and ("<" in value or "&" in value) and len(value) <= FIELD_CHARACTERS else value


def text_of(value: str) -> str:
    """A text as light Markdown where it is HTML, without inline tags and entities where it holds only these, else as it is."""
    value = _once_escaped(value)
    if "<" not in value and not _ENTITY.search(value) or _HIDES.search(value):
        return value
    tags = _tags_of(value)
    if _shows_code(value, tags):
        return value
    if _is_html(value, tags):
        try:
            whole = classic(value) if re.search(r"\w", tags.outside) else value
            return fragment(whole if value.count("<") == len(tags.found) else _STRAY.sub("&lt;", whole))
        except Unreadable:
            return value
    if tags.blocks and _MARKDOWN.search(tags.outside):
        return value
    return _characters(value, _without_inline(value, tags))


def line_of(value: str) -> str:
    """A short field without tags and entities."""
    value = _once_escaped(value)
    tags = _tags_of(value)
    if _shows_code(value, tags):
        return value
    whole = tags.first is not None and not value[:tags.first].strip()   # a summary may be cut within its paragraph
    drop = tags.found if whole else [tag for pair in tags.pairs if _says(value, pair) for tag in pair]
    drop = drop if whole else drop + [tag for tag in tags.found if tag[2].lower() in VOID]
    words = _replaced(value, [(tag.start(), tag.end(), "" if tag[2].lower() in INLINE else " ") for tag in drop])
    return _characters(value, words)


def _once_escaped(value: str) -> str:
    """What is HTML from its first to its last character and was escaped as a whole."""
    if "<" in value or not _ESCAPED_WHOLE.fullmatch(value):
        return value
    plain = unescape(value)
    tags = _tags_of(plain)
    return plain if tags.pairs and not tags.unpaired and plain.strip().startswith("<") and plain.strip().endswith(">") else value


def _tags_of(value: str) -> _Tags:
    out = _Tags()
    if "<" not in value:
        out.outside = value
        return out
    open_: dict[str, list[re.Match[str]]] = {}
    loose: Counter[str] = Counter()
    outside, depth, end = [], 0, 0
    for tag in _TAG.finditer(value):
        name = tag[2].lower()
        if name not in KNOWN:
            continue
        out.found.append(tag)
        if depth == 0:
            outside.append(value[end:tag.start()])
        end = tag.end()
        if name in VOID:
            continue
        holds = name in HOLDING
        if holds and out.first is None:
            out.first = tag.start()
        if not tag[1]:
            open_.setdefault(name, []).append(tag)
            depth += holds
            continue
        depth = max(0, depth - holds)
        if open_.get(name):
            out.pairs.append((open_[name].pop(), tag))
            out.holding += holds
            out.blocks += holds and _says(value, out.pairs[-1])
        else:
            loose[name] += 1
    out.unpaired = loose.total() + sum(len(tags) for name, tags in open_.items() if name not in LOOSE | OTHER)
    out.outside = "\n".join([*outside, value[end:] if depth == 0 else ""])
    return out


def _is_html(value: str, tags: _Tags) -> bool:
    if tags.first is None or not tags.holding:
        return False
    before = value[:tags.first]
    begins = not _TAG.sub("", before).strip()
    if (not tags.blocks and not begins) or (tags.unpaired and not begins) or _MARKDOWN.search(tags.outside):
        return False
    outside = len(tags.outside.split())
    return (begins or before.rstrip(" \t").endswith(("\n", "\r", ">")) or tags.blocks >= ENOUGH_PAIRS
            or 3 * outside <= 2 * len(value.split()))


def _shows_code(value: str, tags: _Tags) -> bool:
    """Whether tags or entities are shown or talked about rather than used."""
    if "`" in value and (_FENCE.search(value) or _CODE_SPAN.search(value)) or "~~~" in value and _FENCE.search(value):
        return True
    if tags.first is not None and not value[:tags.first].strip():
        return False
    return bool(tags.found and (_INDENTED.search(value) or _TALK.search(value) or _TABLE_BREAK.search(value)))


def _says(value: str, pair: tuple[re.Match[str], re.Match[str]]) -> bool:
    """Whether there are words between two tags: `<p>…</p>` is talk about the tag, and so is `<b> and </b>`."""
    start, end = pair[0].end(), pair[1].start()
    if pair[0][2].lower() in INLINE and end - start > 2 and value[start] == " " == value[end - 1] and value.find("<", start, end) < 0:
        return False
    return end - start > SHORT or value[start:end].strip() not in ("…", "...", "")


def _without_inline(value: str, tags: _Tags) -> str:
    """Bold and italic as Markdown, other inline tags left out, `<br>` a line feed; all lines stay."""
    parts: list[tuple[int, int, str]] = []
    for first, last in tags.pairs:
        name = first[2].lower()
        start, end = _SPACES.match(value, first.end(), last.start()).end(), last.start()  # type: ignore[union-attr]
        if name not in INLINE or (start < end and not _says(value, (first, last))):
            continue
        mark = INLINE[name] if start < end else ""
        while mark and value[end - 1].isspace():
            end -= 1
        start = start if mark else first.end()   # marks stand at the words, as Markdown wants it
        parts += [(first.start(), start, value[first.end():start] + mark), (end, last.end(), mark + value[end:last.start()])]
    value = _replaced(value, parts)
    return _LINE_BREAK.sub("\n", value) if "<br" in value.lower() else value


def _replaced(value: str, parts: list[tuple[int, int, str]]) -> str:
    out, at = [], 0
    for start, end, instead in sorted(parts):
        if start >= at:
            out += [value[at:start], instead]
            at = end
    return "".join([*out, value[at:]])


def _characters(before: str, value: str) -> str:
    """The value with its entities as characters, unless it talks about escaped tags."""
    if "&" not in value or (before == value and _ESCAPED.search(value)):
        return value
    return _ENTITY.sub(lambda found: unescape(found[0]) if found[0][1] == "#" or found[0][1:] in html5 else found[0], value)


CONVERT: dict[str, Callable[[str], str]] = {"text": text_of, "facts": text_of, "title": line_of, "summary": line_of, "category": line_of,
                                            "author": line_of}
