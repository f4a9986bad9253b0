"""CSV and TSV: the delimiter is found, quoted line feeds are kept, a row's line is the one on which it starts.

Quotes are read strictly: a quote that never closes would otherwise swallow the rows after it without a word.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Callable, Iterator

from .columns import SYNONYMS, Columns, squeezed
from .encodings import Encoding
from .files import ClientFile
from .lines import numbered
from .rows import LINE_CHARACTERS, Fault, Row, Unreadable

DELIMITERS = ",;\t|"
SAMPLE_LINES, SAMPLE_CHARACTERS = 50, 64_000
RESTARTS = 50     # broken rows within which reading starts again; a file of broken quotes would cost its length squared
_SEP = re.compile(r"\ufeff?\"?sep=([^\w\s\"]|\t)\"?[;,\t]*", re.IGNORECASE)   # other programs save it as a row of its own
_NAMES = {squeezed(name) for names in SYNONYMS.values() for name in names.split()}


class Strict(csv.Dialect):
    """Quotes as spreadsheets write them."""

    delimiter = ","
    quotechar = '"'
    doublequote = True
    lineterminator = "\n"
    quoting = csv.QUOTE_MINIMAL
    strict = True


def read_delimited(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """Raises InputError where the header names no column of text, Unreadable where it is broken."""
    csv.field_size_limit(LINE_CHARACTERS)
    source = Lines(numbered(file, encoding))
    names = _NAMES | {squeezed(name) for name in columns.mapping.values()}
    ahead, mark = without_mark(source)
    dialect = dialect_of(ahead, lambda rows: sum(squeezed(cell) in names for cell in rows[0]), mark or DELIMITERS)
    header: list[str] | None = None
    for found in records(source, dialect):
        if isinstance(found, Fault):
            if header is None:
                raise Unreadable(f"the header cannot be read: {found.reason}", found.line)
            yield found
            continue
        line, cells = found
        if header is None and not columns.begins(cells):
            continue
        if header is None:
            header = source.header = [cell.strip().strip("\ufeff") for cell in cells]
            columns.require_text(file.name, header)
        else:
            yield _row(line, header, cells)


def known_names(rows: list[list[str]]) -> int:
    """How many columns of the first row are those of pieces."""
    return sum(squeezed(cell) in _NAMES for cell in rows[0])


def without_mark(source: Lines) -> tuple[list[str], str | None]:
    """The first lines, and the delimiter that Excel's own line `sep=;` before the header names; that line is taken away."""
    ahead = source.ahead()
    found = _SEP.fullmatch(ahead[0].rstrip("\r\n")) if ahead else None
    if not found:
        return ahead, None
    source.drop_first()
    return ahead[1:], found[1]


def dialect_of(lines: list[str], known: Callable[[list[list[str]]], int] = known_names,
               delimiters: str = DELIMITERS) -> type[csv.Dialect]:
    """The dialect under whose delimiter the header names most known columns, the quotes hold, and the rows are split most evenly.

    Quotes within a field are doubled, or have a backslash before them where the sample does not hold otherwise.
    """
    sample = "".join(lines)

    def made(mark: str, escaped: bool) -> type[csv.Dialect]:
        return type("Found", (Strict,), {"delimiter": mark, "escapechar": "\\" if escaped else None, "doublequote": not escaped})

    def quality(way: tuple[str, bool]) -> tuple[int, bool, float, int]:
        rows, holds = _sample_rows(lines, made(*way))
        if not rows:
            return 0, False, 0.0, 0
        width = len(rows[0])
        even = sum(len(row) == width for row in rows) / len(rows)
        return known(rows), holds, even if width > 1 else 0.0, width

    ways = [(mark, False) for mark in delimiters]
    if '\\"' in sample and '""' not in sample:
        ways += [(mark, True) for mark in delimiters]
    return made(*max(ways, key=quality))


def _sample_rows(lines: list[str], dialect: type[csv.Dialect]) -> tuple[list[list[str]], bool]:
    """(rows of the sample, whether its quotes hold to its end); the sample may end within a quoted field."""
    rows: list[list[str]] = []
    holds = False
    with contextlib.suppress(csv.Error):
        rows.extend(row for row in csv.reader(lines, dialect) if row)
        holds = True
    return rows or [row for row in csv.reader(lines[:1], dialect, strict=False) if row], holds


class Lines:
    """Lines for csv.reader that can be given back, and that remembers those of the row being read."""

    def __init__(self, numbered_lines: Iterator[tuple[int, str, str | None]]):
        self._lines = numbered_lines
        self._back: list[tuple[int, str, str | None]] = []
        self.row: list[tuple[int, str]] = []
        self.fault: Fault | None = None
        self.header: list[str] | None = None

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        """The next line; a faulty one is kept in `fault` and ends the row, as if the file ended there."""
        number, line, wrong = self._back.pop() if self._back else next(self._lines)
        if wrong:
            self.fault = Fault(number, wrong)
            raise StopIteration
        self.row.append((number, line))
        return line

    def ahead(self) -> list[str]:
        """The first good lines, which stay to be read."""
        taken: list[tuple[int, str, str | None]] = []
        size = 0
        for item in self._lines:
            taken.append(item)
            size += len(item[1])
            if len(taken) == SAMPLE_LINES or size > SAMPLE_CHARACTERS:
                break
        self._back = taken[::-1]
        return [line for _, line, wrong in taken if not wrong]

    def drop_first(self) -> None:
        """Leaves out the first good line of those ahead."""
        self._back.remove(next(item for item in reversed(self._back) if not item[2]))

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        self._back.extend((number, line, None) for number, line in reversed(lines))


def records(source: Lines, dialect: type[csv.Dialect]) -> Iterator[tuple[int, list[str]] | Fault]:
    """(line, cells) of each row that is not blank, and what could not be read."""
    restarts = 0
    while True:
        source.row, cells, problem = [], None, None
        try:
            cells = next(csv.reader(source, dialect))
        except StopIteration:
            pass
        except csv.Error as error:
            problem = str(error)
        if problem:
            restarts += 1
            yield _broken(source, dialect, problem, restarts <= RESTARTS)
        elif cells and (len(cells) > 1 or cells[0].strip()):
            yield source.row[0][0], cells
        if source.fault:
            yield source.fault
            source.fault = None
        elif cells is None and problem is None:
            return


def _broken(source: Lines, dialect: type[csv.Dialect], problem: str, restart: bool) -> Fault:
    """Gives back the lines from the first one that is a whole row by itself, where the table is wide enough to tell."""
    lines = source.row
    first, width = lines[0][0], len(source.header or ())
    lost = len(lines)
    if restart and width > 2:
        lost = next((i for i in range(1, len(lines)) if _is_row(lines[i][1], dialect, width)), len(lines))
        source.give_back(lines[lost:])
    reach = f" (lines {first} to {lines[lost - 1][0]} are lost)" if lost > 1 else ""
    why = "a quoted field does not end" if "unexpected end" in problem else problem
    return Fault(first, f"broken quotes: {why}{reach}")


def _is_row(line: str, dialect: type[csv.Dialect], width: int) -> bool:
    try:
        return [len(row) for row in csv.reader([line], dialect)] == [width]
    except csv.Error:
        return False


def _row(line: int, header: list[str], cells: list[str]) -> Row | Fault:
    """A row with more or fewer fields than the header has them in the wrong columns, or was cut short."""
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) != len(header):
        return Fault(line, f"the row has {len(cells)} fields where the header has {len(header)}")
    values: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=True):
        values.setdefault(name, cell)
    return Row(line, values)
