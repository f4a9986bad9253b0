"""JSON files: a list of objects, an object with one such list (`{"posts": [...]}`), one object, or several objects after each other.

Values are decoded one after the other, so that each piece has the line where it starts and a broken one loses itself only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .columns import SHAPED, SHOWN, SYNONYMS, Columns, known_as, squeezed
from .encodings import Encoding
from .files import ClientFile
from .lines import whole_text
from .normal import printable
from .rows import JSON_CHARACTERS, Fault, Row, Unreadable
from .values import kind_of

LISTS = ("pieces", "items", "data", "articles")   # a list of one of these names is the pieces, whatever else there is
TEXTS = {squeezed(name) for name in SYNONYMS["text"].split()}   # an object with one of these before a list is itself a piece
RECOVERIES = 50                                   # broken items after which the rest counts as one
_SPACE = re.compile(r"[ \t\n\r]*")
_BETWEEN = re.compile(r"[ \t\n\r,]*")
_NEXT = re.compile(r"(?:\}\s*(?:,\s*)?|\n[ \t]*)(?=\{)")   # where the next object starts after a broken one
_LIST = re.compile(r"\[\s*[\[{\]]")
_OBJECTS = re.compile(r"\[\s*\{")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_PIECE_LISTS = {name for shape in SHAPED for name in shape} | {"history", "turns", "blocks"}   # which a piece itself may hold
_DECODER = json.JSONDecoder()


def read_json(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """Raises Unreadable where the file is no JSON from its first character."""
    cursor = _Cursor(whole_text(file, encoding, JSON_CHARACTERS))
    if cursor.at("["):
        inner = cursor.after(1)
        yield from _items(inner, "]")
        yield from _rest(inner)
    elif cursor.at("{"):
        listed = _open_list(cursor, columns)
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


def _open_list(start: _Cursor, columns: Columns) -> _Cursor | None:
    """A cursor within the list of pieces of the object at `start`: one of the known names, else the only list of objects.

    None where the object is itself a piece, or broken. Raises Unreadable where it holds several lists of objects.
    """
    texts = TEXTS | {squeezed(columns.mapping["text"])} if "text" in columns.mapping else TEXTS
    cursor, names = start.after(1), set()
    lists: list[tuple[str, _Cursor, int]] = []
    ended = False
    while cursor.at('"'):
        try:
            key = cursor.value()
            cursor.skip(_SPACE)
            if not cursor.at(":"):
                return None
            cursor = cursor.after(1)
            names.add(squeezed(key))
            if key in LISTS and _LIST.match(cursor.text, cursor.place):
                return cursor.after(1)
            if _is_list(key, cursor):
                inner = cursor.after(1)
                count = _skip_list(cursor)
                lists.append((key, inner, abs(count)))
                ended = count < 0
                if ended:
                    break
            elif isinstance(cursor.value(), str) and squeezed(key) in texts:
                return None
        except ValueError:
            return None
        cursor.skip(_BETWEEN)
    return _only(lists, names, cursor, ended)


def _is_list(key: str, cursor: _Cursor) -> bool:
    """Whether a list of objects stands here that may be the pieces, and is no field or conversation of a piece."""
    return (bool(_OBJECTS.match(cursor.text, cursor.place)) and squeezed(key) not in _PIECE_LISTS
            and known_as(key) in (None, "text", "id", "content_type"))


def _skip_list(cursor: _Cursor) -> int:
    """Moves behind the list, and counts its objects; as a negative number where the file ends within it.

    Nothing is decoded: a file of any size is passed over in the memory of its text.
    """
    depth = count = 0
    for token in _TOKEN.finditer(cursor.text, cursor.place):
        sign = token[0]
        if sign in "[{":
            count += sign == "{" and depth == 1
            depth += 1
        elif sign in "]}":
            depth -= 1
            if depth == 0:
                cursor.move(token.end())
                return count
    return -count


def _only(lists: list[tuple[str, _Cursor, int]], names: set[str], end: _Cursor, cut: bool) -> _Cursor | None:
    if not lists or any(shape <= names for shape in SHAPED):
        return None
    if not cut:
        if not end.at("}"):
            return None
        if not end.after(1).finished():   # several objects after each other
            return None
    if len(lists) > 1:
        told = ", ".join(f"'{printable(name[:40])}' ({count})" for name, _, count in lists[:SHOWN])
        raise Unreadable(f"the object holds {len(lists)} lists: {told}; save the one that holds the pieces as a file of its own, or name "
                         "it 'pieces'")
    return lists[0][1]
