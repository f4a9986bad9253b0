"""JSON files: a list of objects, `{"pieces": [...]}`, one object, or several objects after each other.

Values are decoded one after the other, so that each piece has the line where it starts and a broken one loses itself only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .columns import SYNONYMS, Columns, squeezed
from .encodings import Encoding
from .files import ClientFile
from .lines import whole_text
from .rows import JSON_CHARACTERS, Fault, Row, Unreadable
from .values import kind_of

LISTS = ("pieces", "items", "data", "articles")
TEXTS = {squeezed(name) for name in SYNONYMS["text"].split()}   # an object with one of these before a list is itself a piece
RECOVERIES = 50                                   # broken items after which the rest counts as one
_SPACE = re.compile(r"[ \t\n\r]*")
_BETWEEN = re.compile(r"[ \t\n\r,]*")
_NEXT = re.compile(r"(?:\}\s*(?:,\s*)?|\n[ \t]*)(?=\{)")   # where the next object starts after a broken one
_LIST = re.compile(r"\[\s*[\[{\]]")
_DECODER = json.JSONDecoder()


def read_json(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """Raises Unreadable where the file is no JSON from its first character."""
    cursor = _Cursor(whole_text(file, encoding, JSON_CHARACTERS))
    if cursor.at("["):
        inner = cursor.after(1)
        yield from _items(inner, "]")
        yield from _rest(inner)
    elif cursor.at("{"):
        listed = _open_list(cursor)
        yield from _items(listed, "]") if listed else _items(cursor, "")
    elif not cursor.finished():
        raise Unreadable("not JSON: it starts with neither a list nor an object", cursor.line)


class _Cursor:
    """A place in the text that knows its line."""

    def __init__(self, text: str, place: int = 0, line: int = 1):
        self.text, self.place, self.line = text, place, line
        self.skip(_SPACE)

    def after(self, characters: int) -> _Cursor:
        return _Cursor(self.text, self.place + characters, self.line)

    def at(self, start: str) -> bool:
        return self.text.startswith(start, self.place)

    def finished(self) -> bool:
        return self.place >= len(self.text)

    def move(self, place: int) -> None:
        self.line += self.text.count("\n", self.place, place)
        self.place = place

    def skip(self, pattern: re.Pattern[str]) -> None:
        self.move(pattern.match(self.text, self.place).end())  # type: ignore[union-attr]

    def value(self) -> Any:
        """The next value. Raises ValueError where it is broken."""
        try:
            value, end = _DECODER.raw_decode(self.text, self.place)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        self.move(end)
        return value


def _items(cursor: _Cursor, end: str) -> Iterator[Row | Fault]:
    """Pieces up to the character that ends the list, or to the end of the file where there is none."""
    broken = 0
    while True:
        cursor.skip(_BETWEEN)
        if end and cursor.at(end):
            return
        if cursor.finished():
            if end:
                yield Fault(cursor.line, f"not JSON: the list has no '{end}'; the file is cut short")
            return
        line = cursor.line
        try:
            value = cursor.value()
        except ValueError as error:
            broken += 1
            found = _NEXT.search(cursor.text, getattr(error, "pos", cursor.place)) if broken <= RECOVERIES else None
            yield Fault(line, f"not JSON: {getattr(error, 'msg', error)}" + ("" if found else "; the rest of the file is lost"))
            if found is None:
                return
            cursor.move(found.end())
            continue
        yield Row(line, value) if isinstance(value, dict) else Fault(line, f"{kind_of(value)}, not a JSON object")


def _rest(cursor: _Cursor) -> Iterator[Fault]:
    """What stands behind the end of a list is lost, and says so."""
    if cursor.at("]"):
        cursor.move(cursor.place + 1)
        cursor.skip(_BETWEEN)
        if not cursor.finished():
            yield Fault(cursor.line, "not JSON: the list has ended; the rest of the file is lost")


def _open_list(start: _Cursor) -> _Cursor | None:
    """A cursor within the first list of pieces of the object at `start`; None where it is itself a piece, or broken."""
    cursor = start.after(1)
    while cursor.at('"'):
        try:
            key = cursor.value()
            cursor.skip(_SPACE)
            if not cursor.at(":"):
                return None
            cursor = cursor.after(1)
            if key in LISTS and _LIST.match(cursor.text, cursor.place):
                return cursor.after(1)
            if isinstance(cursor.value(), str) and squeezed(key) in TEXTS:
                return None
        except ValueError:
            return None
        cursor.skip(_BETWEEN)
    return None
