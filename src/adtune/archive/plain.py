"""Plain text: the whole file is one piece without a title."""

from __future__ import annotations

from collections.abc import Iterator

from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .lines import document_text
from .rows import DOCUMENT_CHARACTERS, Fault, Row


def read_plain(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    text = document_text(file, encoding, DOCUMENT_CHARACTERS)
    if text.strip():
        yield Row(1, {"text": text}, document=True)
