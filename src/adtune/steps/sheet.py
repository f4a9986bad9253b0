"""A table as a file that people open in a spreadsheet: CSV, or a workbook (XLSX, ECMA-376) with one sheet of texts and numbers.

In CSV a cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection); `bare` takes it away again.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ..durable import replace_file
from ..errors import InputError

SUFFIXES = (".csv", ".xlsx")
_RUNS = re.compile(r"[\s\u00a0]*[=+\-@\t\r]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST = 32_000      # characters of a cell; a spreadsheet holds 32,767
_FORMS = "http://schemas.openxmlformats.org"
_SHEETS, _LINKS = f"{_FORMS}/spreadsheetml/2006/main", f"{_FORMS}/officeDocument/2006/relationships"
_PACKAGE, _TYPE = f"{_FORMS}/package/2006", "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STILL = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
                           'package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
                           f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
                           f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
                           f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_LINKS}/officeDocument" '
                   'Target="xl/workbook.xml"/></Relationships>',
    # style 1: a text that is folded within its cell, from the top
    "xl/styles.xml": f'<styleSheet xmlns="{_SHEETS}"><fonts count="1"><font/></fonts><fills count="2"><fill><patternFill '
                     'patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
                     '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
                     '<cellXfs count="2"><xf xfId="0"/><xf xfId="0" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>'
                     "</cellXfs></styleSheet>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_LINKS}/worksheet" '
                                  f'Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{_LINKS}/styles" Target="styles.xml"/>'
                                  "</Relationships>",
}


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
    """Texts stand in their cells (inlineStr), so that none is run; the first row stays in sight."""
    folded = {place for place, name in enumerate(columns) if name in look.widths}
    body = "".join(f'<row r="{line}">{"".join(_cell(line, place, cell, place in folded) for place, cell in enumerate(row))}</row>'
                   for line, row in enumerate([columns, *rows], start=1))
    view = ('<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            "</sheetView></sheetViews>")
    wide = "".join(f'<col min="{at + 1}" max="{at + 1}" width="{look.widths[columns[at]]}" customWidth="1"/>' for at in sorted(folded))
    asked = [(chr(65 + place), look.choices[name]) for place, name in enumerate(columns) if name in look.choices and rows]
    lists = "".join(f'<dataValidation type="list" allowBlank="1" sqref="{at}2:{at}{len(rows) + 1}"><formula1>"{escape(words)}"</formula1>'
                    "</dataValidation>" for at, words in asked)
    sheet = (f'<worksheet xmlns="{_SHEETS}">{view}{f"<cols>{wide}</cols>" if wide else ""}<sheetData>{body}</sheetData>'
             + (f'<dataValidations count="{len(asked)}">{lists}</dataValidations>' if asked else "") + "</worksheet>")
    book = (f'<workbook xmlns="{_SHEETS}" xmlns:r="{_LINKS}"><sheets><sheet name="{escape(look.name)}" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**_STILL, "xl/workbook.xml": book, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), f'<?xml version="1.0" encoding="UTF-8"?>\n{text}')
    return out.getvalue()


def _cell(line: int, place: int, cell: Any, folded: bool) -> str:
    style = ' s="1"' if folded and line > 1 else ""
    at = f'r="{chr(65 + place)}{line}"{style}'
    if cell is None or cell == "":
        return f"<c {at}/>" if style else ""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return f"<c {at}><v>{cell}</v></c>"
    text = escape(_NOT_XML.sub("\ufffd", str(cell)[:_MOST]))
    return f'<c {at} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
