"""Large plain tables by Arrow's own reader: only where it gives exactly the rows and lines that the careful reader would give.

The careful reader (`delimited.records`) takes broken quotes, line feeds within cells and blank lines apart, a row at a time. Where a file
is whole UTF-8 and its bytes prove that none of these is in it, Arrow reads it ten times as fast; in any doubt this gives None.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv

from ..encodings import Encoding
from ..files import ClientFile
from ..rows import Fault

LEAST, MOST = 1_000_000, 4_000_000_000   # bytes of a file for which it is worth it, and for which it fits
BLOCK = 8 << 20
_ODD = (b"\0", b"\x0b", b"\x0c", b"\x1b", "\u2028".encode(), "\x85".encode())   # what one of the two readers takes for something else

Columns = tuple[list[pa.ChunkedArray], pa.ChunkedArray, list[Fault]]


def quick_columns(file: ClientFile, encoding: Encoding, delimiter: str, header_line: int, width: int) -> Columns | None:
    """(columns of strings, the line of each row, rows that have another number of cells); None where it cannot vouch for them."""
    size = file.path.stat().st_size
    if file.packed or not encoding.whole or encoding.name not in ("utf-8", "utf-8-sig") or not LEAST <= size <= MOST:
        return None
    data = file.path.read_bytes()
    start = _after(data, header_line)
    if start is None or any(mark in data for mark in _ODD) or data.count(b"\r") != data.count(b"\r\n") or not _plain_quotes(data,
                                                                                                                            delimiter):
        return None
    odd: list[tuple[int | None, int]] = []

    def noted(row: pyarrow.csv.InvalidRow) -> str:
        """A row with empty cells too many is a good one to the careful reader."""
        padded = row.actual_columns > width and row.text.rstrip().endswith((delimiter, delimiter + '""'))
        odd.append((None if padded else row.number, row.actual_columns))
        return "skip"

    names = [str(at) for at in range(width)]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(start)),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names),
            pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char='"', double_quote=True, newlines_in_values=False,
                                     ignore_empty_lines=True,
                                     invalid_row_handler=noted),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False))
    except pa.ArrowInvalid:
        return None
    rows = data.count(b"\n", start) + (not data.endswith(b"\n"))
    if table.num_rows + len(odd) != rows or any(number is None for number, _ in odd):
        return None
    wrong = {number for number, _ in odd}
    lines = [at + header_line for at in range(1, rows + 1) if at not in wrong] if wrong else range(header_line + 1, header_line + 1 + rows)
    faults = [Fault(number + header_line, _told(cells, width)) for number, cells in odd]
    return table.columns, pa.chunked_array([pa.array(lines, pa.int32())]), faults


def _told(cells: int, width: int) -> str:
    return "a title or a footer, not a row" if cells == 1 else f"the row has {cells} fields where the header has {width}"


def _after(data: bytes, line: int) -> int | None:
    """The place behind this line."""
    at = 0
    for _ in range(line):
        at = data.find(b"\n", at) + 1
        if at == 0:
            return None
    return at


def _plain_quotes(data: bytes, delimiter: str) -> bool:
    """Whether every quote stands at the beginning or the end of a cell."""
    quotes, mark = data.count(b'"'), delimiter.encode()
    if not quotes:
        return True
    opening = data.count(mark + b'"') + data.count(b'\n"') + data.startswith(b'"')
    closing = data.count(b'"' + mark) + data.count(b'"\n') + data.count(b'"\r\n') + data.endswith(b'"')
    return opening == closing and 2 * opening == quotes
