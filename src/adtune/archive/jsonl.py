"""JSON Lines: one object a line; a broken line loses itself only."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .lines import numbered
from .rows import Fault, Row
from .values import kind_of


def read_jsonl(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """A row or a fault for every line that is not blank."""
    for number, line, wrong in numbered(file, encoding):
        if wrong:
            yield Fault(number, wrong)
        elif line.strip():
            yield _row(number, line)


def _row(number: int, line: str) -> Row | Fault:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Fault(number, f"not JSON: {error}" if isinstance(error, ValueError) else "not JSON: nested too deeply")
    if not isinstance(value, dict):
        return Fault(number, f"{kind_of(value)}, not a JSON object")
    return Row(number, value)
