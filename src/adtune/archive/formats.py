"""The file formats that an archive may hold: one reader each, one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .columns import Columns
from .delimited import read_delimited
from .encodings import Encoding
from .files import ClientFile
from .html import read_html
from .json_file import read_json
from .jsonl import read_jsonl
from .markdown import read_markdown
from .plain import read_plain
from .rows import Fault, Row
from .word import read_docx


@dataclass(frozen=True)
class Reader:
    """How a format is read. `text` formats have an encoding and may be gzipped."""

    read: Callable[[ClientFile, Encoding, Columns], Iterator[Row | Fault]]
    text: bool = True


READERS = {
    ".jsonl": Reader(read_jsonl),
    ".ndjson": Reader(read_jsonl),
    ".json": Reader(read_json),
    ".csv": Reader(read_delimited),
    ".tsv": Reader(read_delimited),
    ".md": Reader(read_markdown),
    ".markdown": Reader(read_markdown),
    ".txt": Reader(read_plain),
    ".html": Reader(read_html),
    ".htm": Reader(read_html),
    ".docx": Reader(read_docx, text=False),
}
INSTEAD = {".doc": ".docx", ".odt": ".docx", ".rtf": ".docx", ".pdf": ".docx or .txt", ".xlsx": ".csv", ".xls": ".csv", ".ods": ".csv",
           ".pages": ".docx", ".numbers": ".csv", ".zip": "a folder of its files"}


def refusal(suffix: str, packed: bool) -> str | None:
    """Why a file with this suffix is not read; None where it is."""
    reader = READERS.get(suffix)
    if reader is None:
        known = f"save it as {INSTEAD[suffix]}" if suffix in INSTEAD else f"read are {', '.join(READERS)}"
        return f"the file type '{suffix[:20] or 'without a suffix'}' is not read; {known}"
    if packed and not reader.text:
        return f"a gzipped '{suffix}' is not read; unpack it first"
    return None
