"""Small rewrites of pieces, for the messy archive: near-duplicates of the client's own, and further pieces in other voices.

A form takes a piece and the phrases of `sample/planted.json`, and gives the fields that change. Chance comes from the random
generator alone, so that a seed gives the same text everywhere.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

Piece = Mapping[str, Any]
Form = Callable[[Piece, Mapping[str, Any], Random], dict[str, str]]

SENTENCE = re.compile(r"(?<=[.!?])\s+")
BULLET = "- "
EXAMPLE = re.compile(r"\*\*Worked example: (\w+)")
_AMOUNT = re.compile(r"\$(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?")
# how a paragraph begins that has its place: a number, a letter of a list, an answer, a quotation, a word that points back
_LEANS = re.compile(r"""\W*(?:\w+\W+)?\d|[("“'a-z]|[A-Z][.)]|Part\ [IV]+
    |(?:The\ (?:first|second|third|last|final|latter|former|other|same)|So|Then|But|And|Or|Yet|Not|This|That|These|Those|It|He|She|They|We
    |Her|His|Their|On|Only|Instead|After|Afterward|Later|Meanwhile|Next|First|Second|Third|Day|Week|Step|Round|Here|Against|Under|Is|Was
    |Such|Both|Neither|Few|Fair|Ignorance)\b""", re.VERBOSE)
_LISTED = re.compile(r"(?:[-*+•□x]|\[ \]) \S")


def blocks(text: str) -> list[str]:
    return text.split("\n\n")


def swapped(text: str, pairs: Sequence[Sequence[str]]) -> str:
    """`text` with each first phrase of a pair in place of which the second stands; what was put in is not looked at again."""
    becomes = {old: new for old, new in pairs}
    longest_first = sorted(becomes, key=lambda old: (-len(old), old))
    found = re.compile(rf"(?<![\w'])(?:{'|'.join(map(re.escape, longest_first))})(?![\w'])")
    return found.sub(lambda match: becomes[match.group()], text)


def scaled(text: str, factor: int) -> str:
    """Every dollar amount times `factor`, so that sums which were right stay right."""
    def times(match: re.Match[str]) -> str:
        return f"${Decimal(match.group()[1:].replace(',', '')) * factor:,}"
    return _AMOUNT.sub(times, text)


def renamed(texts: Sequence[str], names: Sequence[str], chance: Random) -> list[str]:
    """The texts with each of `names` that stands in them changed for one that does not, the same way in all of them."""
    held = [name for name in names if any(re.search(rf"\b{name}\b", text) for text in texts)]
    free = [name for name in names if name not in held]
    becomes = dict(zip(held, chance.sample(free, min(len(held), len(free))), strict=False))
    if not becomes:
        return list(texts)
    found = re.compile(rf"\b(?:{'|'.join(becomes)})\b")
    return [found.sub(lambda match: becomes[match.group()], text) for text in texts]


def reordered(text: str, chance: Random) -> str:
    """Lists shuffled, and two neighbouring paragraphs in each other's place where neither leans on what stands before it."""
    parts = [_shuffled_list(part, chance) for part in blocks(text)]
    loose = [at for at in range(1, len(parts) - 2) if not (_LEANS.match(parts[at]) or _LEANS.match(parts[at + 1]))]
    if loose:
        at = chance.choice(loose)
        parts[at], parts[at + 1] = parts[at + 1], parts[at]
    return "\n\n".join(parts)


def other_voice(piece: Piece, factor: int, more: Piece | None, phrases: Mapping[str, Any], chance: Random) -> dict[str, str]:
    """A further piece in the voice of `piece`: other amounts, other names, another order; with `more`, two pieces under one title."""
    texts = [piece["title"], reordered(scaled(piece["text"], factor), chance)]
    if more is not None:
        texts += [more["title"], scaled(more["text"], factor)]
    for names in (phrases["women"], phrases["men"]):
        texts = renamed(texts, names, chance)
    return {"title": texts[0], "text": "\n\n".join(texts[1:])}


def reworded(piece: Piece, phrases: Mapping[str, Any], chance: Random) -> dict[str, str]:
    """Other words here and there, and one sentence less in one of the longer paragraphs."""
    parts = blocks(swapped(piece["text"], phrases["swaps"]))
    counts = {at: len(SENTENCE.split(part)) for at, part in enumerate(parts) if not part.startswith("**")}
    at = chance.choice([at for at, count in counts.items() if count >= min(3, max(counts.values()))])
    sentences = SENTENCE.split(parts[at])
    del sentences[chance.randrange(1, len(sentences))]
    parts[at] = " ".join(sentences)
    return {"text": "\n\n".join(parts)}


def other_name(piece: Piece, phrases: Mapping[str, Any], chance: Random) -> dict[str, str]:
    """The person of the worked example has another name, and every other paragraph other words."""
    person = EXAMPLE.search(piece["text"])[1]
    parts = blocks(re.sub(rf"\b{person}\b", chance.choice(phrases["examples"]), piece["text"]))
    return {"text": "\n\n".join(swapped(part, phrases["swaps"]) if at % 2 else part for at, part in enumerate(parts))}


def as_html(piece: Piece, phrases: Mapping[str, Any], chance: Random) -> dict[str, str]:
    def element(part: str) -> str:
        first, *lines = part.split("\n")
        first = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(first, quote=False))
        items = "".join(f"<li>{html.escape(line.removeprefix(BULLET), quote=False)}</li>\n" for line in lines)
        return f"<p>{first}</p>" + (f"\n<ul>\n{items}</ul>" if items else "")
    return {"text": "\n".join([f"<h1>{html.escape(piece['title'], quote=False)}</h1>", *map(element, blocks(piece["text"]))])}


def with_headings(piece: Piece, phrases: Mapping[str, Any], chance: Random) -> dict[str, str]:
    text = re.sub(r"\*\*(Worked example: .+?)\*\*\n", r"### \1\n\n", piece["text"]).replace(f"\n{BULLET}", "\n* ")
    return {"text": f"# {piece['title']}\n\n{text}"}


def other_layout(piece: Piece, phrases: Mapping[str, Any], chance: Random) -> dict[str, str]:
    """Lines broken at 60 columns, two blanks after a sentence, curly quotes, other bullets, a title in capitals."""
    text = re.sub(r'(^|[\s(])"', r"\1“", piece["text"].replace("'", "’")).replace('"', "”").replace(f"\n{BULLET}", "\n•\u00a0")
    lines = [textwrap.fill(re.sub(r"(?<=[.!?]) ", "  ", line), 60, break_long_words=False) for line in text.split("\n")]
    return {"title": piece["title"].upper(), "text": "\n".join(lines)}


def copied(piece: Piece, phrases: Mapping[str, Any], chance: Random) -> dict[str, str]:
    """The very text under the name of a copy."""
    return {"title": chance.choice(phrases["copies"]).format(piece["title"])}


FORMS: dict[str, Form] = {"reworded": reworded, "other_name": other_name, "html": as_html, "headings": with_headings,
                          "layout": other_layout, "copy": copied}


def _shuffled_list(part: str, chance: Random) -> str:
    lines = part.split("\n")
    items = [at for at, line in enumerate(lines) if _LISTED.match(line)]
    if len(items) < 3 or items[-1] - items[0] != len(items) - 1:
        return part
    listed = [lines[at] for at in items]
    chance.shuffle(listed)
    return "\n".join([*lines[:items[0]], *listed, *lines[items[-1] + 1:]])
