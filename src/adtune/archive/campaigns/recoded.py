"""Tables in an old code page that are too short of prose for their language to be told: the names of their columns tell the page.

`encoding_of` wants sentences before it takes a code page, and a table has none. But only one page makes `Währung`, `Día` or `Kosten (€)` of
the bytes of a header, and such a table is handed on as UTF-8.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from ..encodings import BOMS, encoding_of
from ..files import ClientFile
from ..rows import Unreadable
from .header import name_of
from .words import FIELD_OF, INPUT_OF

PAGES = ("cp1252", "mac_roman", "iso8859_15", "cp1250")   # the first that tells a name wins; the usual one first
HEAD = 64_000                                             # bytes in which the header stands
TEXT = {".csv", ".tsv", ".txt", ".tab", ".xls", ""}
_MONEY = re.compile(r"\d[\s\u00a0]?[€£]|[€£][\s\u00a0]?\d|[(\[][€£][)\]]")


@dataclass(frozen=True)
class _InUtf8(ClientFile):
    """A file in an old code page, opened as UTF-8. It counts as packed: its bytes on the disk are not those that are read."""

    page: str = PAGES[0]

    @property
    def packed(self) -> bool:
        return True

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Recoder(self.path.open("rb"), self.page), 1 << 20)


class _Recoder(io.RawIOBase):
    """The bytes of a stream in a page of one byte a character, as UTF-8."""

    def __init__(self, stream: BinaryIO, page: str):
        self.stream, self.page, self.rest = stream, page, b""

    def readable(self) -> bool:
        return True

    def readinto(self, into) -> int:  # noqa: ANN001 - a writable buffer
        if not self.rest:
            self.rest = self.stream.read(1 << 16).decode(self.page).encode()
        part, self.rest = self.rest[:len(into)], self.rest[len(into):]
        into[:len(part)] = part
        return len(part)

    def close(self) -> None:
        self.stream.close()
        super().close()


def in_utf8(file: ClientFile) -> tuple[ClientFile, str | None]:
    """(the file as it is to be read, the code page that its header told, else None)."""
    if file.refusal or file.packed or file.suffix not in TEXT or not file.path.is_file():
        return file, None
    with file.open() as stream:
        head = stream.read(HEAD)
    if head.isascii() or head.startswith(tuple(bom for bom, _ in BOMS)) or _utf8(head):
        return file, None
    try:
        found = encoding_of(file)
    except Unreadable:
        return file, None
    if found.whole or any(not line.isascii() and _utf8(line) for line in head.splitlines()):
        return file, None
    page = next((page for page in PAGES if _tells(head, page) and _decodes(file, page)), None)
    return (file, None) if page is None else (_InUtf8(file.path, file.name, file.refusal, file.alone, file.skip, file.depth, page), page)


def _utf8(part: bytes) -> bool:
    """Whether these bytes are UTF-8; the last character may be cut."""
    try:
        part.decode()
    except UnicodeDecodeError as error:
        return error.end == len(part) and error.reason == "unexpected end of data" and len(part) == HEAD
    return True


def _tells(head: bytes, page: str) -> bool:
    """Whether this page makes known names or money of the bytes beyond ASCII."""
    for line in head.decode(page, "ignore").splitlines():
        if line.isascii():
            continue
        if _MONEY.search(line):
            return True
        names = [name_of(cell.strip().strip('"')) for cell in re.split(r"[;,\t|]", line) if not cell.isascii()]
        keys = {key for name in names for key in (name.key, name.base_key) if not key.isascii()}
        if keys & (FIELD_OF.keys() | INPUT_OF.keys()):
            return True
    return False


def _decodes(file: ClientFile, page: str) -> bool:
    """Whether every byte of the file is a character of the page."""
    with file.open() as stream:
        try:
            while chunk := stream.read(1 << 20):
                chunk.decode(page)
        except UnicodeDecodeError:
            return False
    return True
