"""Files as tables of strings with the line of each row: preambles are left above, the header is the row that names most fields."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from ...errors import InputError
from ..delimited import DELIMITERS, Lines, dialect_of, records, without_mark
from ..encodings import BOMS, MAGIC, encoding_of
from ..files import ClientFile
from ..kinds import kind_of
from ..lines import numbered
from ..opening import rows_of
from ..rows import LINE_CHARACTERS, Fault, Row, Unreadable
from .columns import MetricColumns
from .header import name_of, score
from .quick import quick_columns
from .wide import channels

HEADER_ROWS = 40      # within which the header stands; reports of ad servers have long preambles
BATCH = 50_000        # rows at a time as Python strings
DELIMITED = {".csv", ".tsv", ".txt", ".tab", ".xls", ""}
TABLES = {".csv", ".tsv", ".xlsx", ".xlsm", ".ods", ".jsonl", ".ndjson", ".json", ".parquet", ".zip"}


@dataclass
class Raw:
    """One table: `cells` has a column of strings for each name of `header`, `lines` the place of each row; `semicolons` parted its
    fields; `usual_order` is what comes first in the dates of the client's other files, `day` or `month`, where that is known."""

    part: str | None
    header: list[str]
    cells: list[pa.ChunkedArray]
    lines: pa.ChunkedArray
    preamble: list[str] = field(default_factory=list)
    semicolons: bool = False
    faults: list[Fault] = field(default_factory=list)
    usual_order: str | None = None

    @property
    def rows(self) -> int:
        return len(self.lines)


def read_tables(file: ClientFile, mapping: Mapping[str, str], note: Callable[[str], None],
                told: Callable[[int], None] = lambda rows: None) -> Iterator[Raw]:
    """The file's tables. Raises what `rows_of` raises, and InputError where no row can be a header. `told` hears how many rows were
    read."""
    if file.refusal:
        raise Unreadable(file.refusal)
    if file.path.stat().st_size == 0:
        raise Unreadable("the file is empty")
    if file.suffix in DELIMITED and _is_text(file):
        yield _delimited(file, mapping, note, told)
        return
    kind, _ = kind_of(file)
    if kind not in TABLES:
        raise Unreadable(f"a {kind} file is no table; save it as .csv or .xlsx")
    yield from _of_rows(rows_of(file, MetricColumns(mapping), note), told)  # type: ignore[arg-type]


def _is_text(file: ClientFile) -> bool:
    with file.open() as stream:
        head = stream.read(64)
    return not head.startswith(tuple(start for start, _ in MAGIC)) and (b"\0" not in head or head.startswith(tuple(bom for bom, _ in BOMS)))


def _delimited(file: ClientFile, mapping: Mapping[str, str], note: Callable[[str], None], told: Callable[[int], None]) -> Raw:
    encoding = encoding_of(file)
    if encoding.guessed:
        note(f"{file.name}: read as {encoding.name}, which is not UTF-8; look at one accented word")
    csv.field_size_limit(LINE_CHARACTERS)
    source = Lines(numbered(file, encoding))
    ahead, mark = without_mark(source)
    dialect = dialect_of(ahead, lambda rows: max(_points(row, mapping) for row in rows[:HEADER_ROWS]), mark or DELIMITERS)
    found = records(source, dialect)
    first = list(islice(found, HEADER_ROWS))
    at = _header_at(file, first, mapping)
    header = source.header = [cell.strip().strip("\ufeff") for cell in first[at][1]]  # type: ignore[index]
    preamble = [" ".join(row[1]) for row in first[:at] if not isinstance(row, Fault)]
    quick = quick_columns(file, encoding, dialect.delimiter, first[at][0],
                          len(header)) if dialect.escapechar is None else None  # type: ignore[index]
    if quick:
        told(len(quick[1]))
        return Raw(None, header, *quick[:2], preamble, dialect.delimiter == ";", quick[2])
    made = _Builder(header)
    for number, row in enumerate(chain(first[at + 1:], found), start=1):
        made.add(row)
        if number % BATCH == 0:
            told(number)
    return made.raw(None, preamble, dialect.delimiter == ";")


def _points(row: list[str], mapping: Mapping[str, str]) -> int:
    """How much a row looks like a header; of a wide file each channel counts."""
    return score(row, mapping) + 6 * len(channels([name_of(cell) for cell in row])) if len(row) > 1 else 0


def _header_at(file: ClientFile, first: list[tuple[int, list[str]] | Fault], mapping: Mapping[str, str]) -> int:
    """The first of the rows that look most like a header. Raises Unreadable, or InputError with the columns of the widest one."""
    rows = [[] if isinstance(row, Fault) else row[1] for row in first]
    best = max(range(len(rows)), key=lambda at: (_points(rows[at], mapping), -at), default=None)
    if best is None or not rows[best]:
        raise Unreadable("the file holds no table")
    if _points(rows[best], mapping) == 0:
        MetricColumns(mapping).require_text(file.name, max(rows, key=len))
        raise InputError(file.name, "no header", "a table with a header", "Put the names of the columns into the first row.")
    return best


class _Builder:
    """Rows of cells into columns, a batch at a time."""

    def __init__(self, header: list[str]):
        self.header, self.width = header, len(header)
        self.batch: list[list[str]] = []
        self.lines: list[int] = []
        self.chunks: list[tuple[list[pa.Array], pa.Array]] = []
        self.faults: list[Fault] = []

    def add(self, row: tuple[int, list[str]] | Fault) -> None:
        """A row with more or fewer cells than the header has them in the wrong columns."""
        if isinstance(row, Fault):
            self.faults.append(row)
            return
        line, cells = row
        while len(cells) > self.width and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) != self.width:
            short = f"the row has {len(cells)} fields where the header has {self.width}"
            what = "a title or a footer, not a row" if len(cells) == 1 else short
            self.faults.append(Fault(line, what))
            return
        self.batch.append(cells)
        self.lines.append(line)
        if len(self.batch) == BATCH:
            self._flush()

    def _flush(self) -> None:
        columns = [pa.array(column, pa.string()) for column in zip(*self.batch, strict=True)] if self.batch else []
        if columns:
            self.chunks.append((columns, pa.array(self.lines, pa.int32())))
        self.batch, self.lines = [], []

    def raw(self, part: str | None, preamble: list[str], semicolons: bool) -> Raw:
        self._flush()
        cells = [pa.chunked_array([chunk[0][at] for chunk in self.chunks], pa.string()) for at in range(self.width)]
        lines = pa.chunked_array([chunk[1] for chunk in self.chunks], pa.int32())
        return Raw(part, self.header, cells, lines, preamble, semicolons, self.faults)


def _of_rows(rows: Iterator[Row | Fault], told: Callable[[int], None]) -> Iterator[Raw]:
    """The tables of a file whose rows have names and typed values: one for each part."""
    tables: dict[str | None, tuple[dict[str, int], list[dict[str, str]], list[int], list[Fault]]] = {}
    for number, row in enumerate(rows, start=1):
        names, values, lines, faults = tables.setdefault(row.part, ({}, [], [], []))
        if isinstance(row, Fault):
            faults.append(row)
        elif row.document:
            faults.append(Fault(row.line, "a document, not a table", row.part))
        else:
            for name in row.values:
                names.setdefault(name, len(names))
            values.append({name: _text(value) for name, value in row.values.items()})
            lines.append(row.line or len(values) + 1)
        if number % BATCH == 0:
            told(number)
    for part, (names, values, lines, faults) in tables.items():
        cells = [pa.chunked_array([pa.array([one.get(name) for one in values], pa.string())]) for name in names]
        yield Raw(part, list(names), cells, pa.chunked_array([pa.array(lines, pa.int32())]), faults=faults)


def _text(value: Any) -> str | None:
    """A typed value as a cell; a float ends in `e0`, so that its point is never taken for a thousand's."""
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value).lower()
    return f"{value!r}e0" if isinstance(value, float) else str(value)
