"""A table as a file that people open in a spreadsheet: CSV, or a workbook (XLSX) with one sheet of texts and numbers.

In CSV a cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection); `bare` takes it away again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..durable import replace_file
from ..errors import InputError

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

SUFFIXES = (".csv", ".xlsx")
_RUNS = re.compile(r"[\s\u00a0]*[=+\-@\t\r]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST = 32_000      # characters of a cell; a spreadsheet holds 32,767


@dataclass(frozen=True)
class Look:
    """How a workbook looks: the sheet's name, widths of columns whose texts are folded, and the words that a column may hold."""

    name: str = "decisions"
    widths: Mapping[str, int] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)


PLAIN = Look()


def check_name(path: Path) -> None:
    """Raises InputError where the name is not that of a table."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(str(path), f"the file type '{path.suffix or path.name}'", "a table: .csv or .xlsx", "Give the file such a name.")


def write_sheet(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]], look: Look = PLAIN) -> None:
    """Writes the table whole or not at all; cells are texts, numbers or None. Raises InputError where there is no folder for it.

    In CSV there is no look."""
    check_name(path)
    if not path.resolve().parent.is_dir():
        raise InputError(str(path), "no such folder", "a folder that is there", "Make the folder, or name another one.")
    replace_file(path, _csv(columns, rows) if path.suffix.lower() == ".csv" else _xlsx(columns, rows, look))


def bare(cell: str) -> str:
    """A cell without the apostrophe that keeps it from running as a formula."""
    return cell[1:] if cell[:1] == "'" and _RUNS.match(cell[1:]) else cell


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")   # with its mark, so that spreadsheets take it for UTF-8


def _safe(cell: Any) -> Any:
    if not isinstance(cell, str):
        return "" if cell is None else cell
    return f"'{cell[:_MOST]}" if _RUNS.match(cell) else cell[:_MOST].replace("\x00", "\ufffd")


def _xlsx(columns: Sequence[str], rows: Sequence[Sequence[Any]], look: Look) -> bytes:
    """Texts are written as texts, so that none is run; the first row stays in sight."""
    from xlsxwriter import Workbook

    out = io.BytesIO()
    with Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(1980, 1, 1)})  # the same table is the same file
        sheet, folded = book.add_worksheet(look.name), book.add_format({"text_wrap": True, "valign": "top"})
        sheet.freeze_panes(1, 0)
        for at, name in enumerate(columns):
            style = folded if name in look.widths else None
            if style:
                sheet.set_column(at, at, look.widths[name])
            _write(sheet, 0, at, name, None)
            for line, row in enumerate(rows, start=1):
                _write(sheet, line, at, row[at], style)
            if name in look.choices and rows:
                sheet.data_validation(1, at, len(rows), at, {"validate": "list", "source": look.choices[name].split(",")})
    return out.getvalue()


def _write(sheet: Worksheet, line: int, at: int, cell: Any, style: Format | None) -> None:
    if cell is None or cell == "":
        sheet.write_blank(line, at, None, style)
    elif isinstance(cell, (int, float)) and not isinstance(cell, bool):
        sheet.write_number(line, at, cell, style)
    else:
        sheet.write_string(line, at, _NOT_XML.sub("\ufffd", str(cell)[:_MOST]), style)
