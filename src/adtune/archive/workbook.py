"""Workbooks (XLSX, ODS): every sheet with a column of text is a table; the header is found below titles and empty rows.

calamine reads the values that the program saved, formulas are not run. A row's line is its row in the sheet; the sheet is named
where the workbook has more than one that holds anything.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from ..errors import InputError
from . import zips
from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .rows import LINE_CHARACTERS, Fault, Row, Unreadable

HEADER_ROWS = 30          # within which the header stands
COLUMNS = 16_384          # as many as Excel has
CELLS, CELLS_PER_BYTE = 100_000, 50   # a sheet that spans more, for a file of its size, is empty or repeated, not written


def read_workbook(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """Raises Unreadable where it is no workbook or a bomb, InputError where no sheet has a column of text."""
    import python_calamine

    zips.check(file.path)
    try:
        with file.open() as stream:
            book = python_calamine.CalamineWorkbook.from_filelike(stream)   # by content; from_path goes by the suffix
    except python_calamine.PasswordError:
        raise Unreadable("the workbook is protected by a password; save it without one") from None
    except python_calamine.CalamineError as error:
        raise Unreadable(f"not a workbook that can be read ({error})") from None
    with book:
        sheets = [(meta.name, meta.visible == python_calamine.SheetVisibleEnum.Visible, _sheet(book, meta.name))
                  for meta in book.sheets_metadata if meta.typ == python_calamine.SheetTypeEnum.WorkSheet]
        yield from _tables(file, [sheet for sheet in sheets if sheet[2] is None or sheet[2].height], columns)


def _sheet(book: Any, name: str) -> Any:
    """The sheet; None where it is damaged."""
    import python_calamine

    try:
        return book.get_sheet_by_name(name)
    except python_calamine.CalamineError:
        return None


def _tables(file: ClientFile, sheets: list[tuple[str, bool, Any]], columns: Columns) -> Iterator[Row | Fault]:
    """A sheet without a column of text is no fault of the others; where all are so, the first one's error says what to map."""
    wrong: list[tuple[str, InputError]] = []
    found = False
    for name, visible, sheet in sheets:
        part = name if len(sheets) > 1 else None
        refused = _refusal(file, visible, sheet)
        if refused:
            yield Fault(None, refused, part or name)
            found = True
            continue
        try:
            for row in _table(f"{file.name}/{name}" if part else file.name, part, sheet, columns):
                found = True
                yield row
        except InputError as error:
            wrong.append((name, error))
    if wrong and not found:
        raise wrong[0][1]
    for name, error in wrong:
        yield Fault(None, f"found {error.found}; expected {error.expected}. {error.do}", name)


def _refusal(file: ClientFile, visible: bool, sheet: Any) -> str | None:
    if sheet is None:
        return "the sheet is damaged"
    if not visible:
        return "the sheet is hidden; show it to import it"
    if sheet.width > COLUMNS:
        return f"the sheet has {sheet.width} columns; at most {COLUMNS} are read"
    cells = sheet.width * sheet.height
    if cells > CELLS and cells > CELLS_PER_BYTE * file.path.stat().st_size:
        return f"the sheet spans {cells:,} cells, far more than the file can hold; delete what stands far outside the table"
    return None


def _table(where: str, part: str | None, sheet: Any, columns: Columns) -> Iterator[Row | Fault]:
    first, left = sheet.start or (0, 0)
    merged = {(row, column): top for top, bottom in sheet.merged_cell_ranges or () for row in range(top[0] + 1, bottom[0] + 1)
              for column in range(top[1], top[1] + 1)}
    header: list[str] | None = None
    ahead: list[tuple[int, list[Any]]] = []
    tops: dict[tuple[int, int], Any] = {}
    for number, cells in enumerate(sheet.iter_rows(), start=first):
        if header is None:
            ahead.append((number, cells))
            if len(ahead) < HEADER_ROWS and not _has_text(where, cells, columns):
                continue
            header = _header(where, ahead, columns)
        elif any(value not in ("", None) for value in cells):
            yield _row(number, part, header, [_filled(number, left + at, value, merged, tops) for at, value in enumerate(cells)])
        tops.update(((number, left + at), value) for at, value in enumerate(cells) if value not in ("", None))
        tops = tops if len(tops) < 100_000 else {}
    if header is None and ahead:
        _header(where, ahead, columns)


def _header(where: str, rows: list[tuple[int, list[Any]]], columns: Columns) -> list[str]:
    """The first row with a column of text. Raises InputError with the widest row's columns where there is none."""
    found = next((cells for _, cells in rows if _has_text(where, cells, columns)), None)
    if found is None:
        found = max((cells for _, cells in rows), key=lambda cells: sum(isinstance(cell, str) and bool(cell.strip()) for cell in cells))
        columns.require_text(where, [_name(cell) for cell in found])
    return [_name(cell) for cell in found]


def _has_text(where: str, cells: list[Any], columns: Columns) -> bool:
    try:
        columns.require_text(where, [_name(cell) for cell in cells])
    except InputError:
        return False
    return sum(bool(_name(cell)) for cell in cells) > 1 or len(cells) == 1


def _name(cell: Any) -> str:
    return " ".join(cell.split()) if isinstance(cell, str) else "" if cell is None else str(cell)


def _filled(row: int, column: int, value: Any, merged: dict[tuple[int, int], tuple[int, int]], tops: dict[tuple[int, int], Any]) -> Any:
    """A cell that is merged with those above it has their value."""
    top = merged.get((row, column))
    return tops.get(top, value) if top and value in ("", None) else value


def _row(number: int, part: str | None, header: list[str], cells: list[Any]) -> Row | Fault:
    values: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        if name:
            values.setdefault(name, _value(cell))
    if any(isinstance(value, str) and len(value) > LINE_CHARACTERS for value in values.values()):
        return Fault(number + 1, f"a cell is longer than {LINE_CHARACTERS // 1_000_000} MB", part)
    if not any(value not in ("", None) for value in values.values()):
        return Fault(number + 1, "the row has values only where the header names no column", part)
    return Row(number + 1, values, part=part)


def _value(cell: Any) -> Any:
    """Dates as ISO days, whole numbers without a point."""
    if isinstance(cell, (datetime.datetime, datetime.date)):
        return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell if isinstance(cell, (str, int, float, bool)) or cell is None else str(cell)
