"""What a format reader hands on: rows with the file's own column names, and faults with their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LINE_CHARACTERS = 20_000_000       # a longer line of a row format is rejected with its place
DOCUMENT_CHARACTERS = 20_000_000   # a longer text, Markdown, HTML or Word file is rejected
JSON_CHARACTERS = 200_000_000      # a longer JSON file is rejected; JSONL has no limit


@dataclass(frozen=True)
class Row:
    """One piece as the file has it. `line` is 1-based or None; in a document the text is the file's body; `part` names the file
    within the file (a member of a zip, a sheet of a workbook)."""

    line: int | None
    values: Mapping[str, Any]
    document: bool = False
    part: str | None = None


@dataclass(frozen=True)
class Fault:
    """A row that could not be read."""

    line: int | None
    reason: str
    part: str | None = None


class Unreadable(Exception):  # noqa: N818 - it says what a file is
    """A whole file that cannot be read; the message is the reason of its rejection, `line` where it is broken, if known."""

    def __init__(self, reason: str, line: int | None = None):
        super().__init__(reason)
        self.line = line
