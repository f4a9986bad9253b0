"""Rows to predict: the same files as campaigns, without outcomes; each row keeps its place, and none is dropped in silence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ..errors import InputError
from .campaigns.dateless import layout_by_cells
from .campaigns.days import decided_by
from .campaigns.header import Layout, check_mapping
from .campaigns.tables import Raw, read_tables
from .campaigns.typed import typed
from .campaigns.words import OUTCOMES
from .columns import listed
from .files import ClientFile, client_files
from .opening import UNREADABLE, reason_of

_MAPPED = "name the columns: --map channel=COLUMN --map campaign=COLUMN."


@dataclass(frozen=True)
class PlanRows:
    """`table` has the columns of campaign rows; `rows` the 0-based place in the file of each of them; `rejected` (place, reason) of the
    others; `total` how many the file holds; `assumed` says that the exposure was not in the file; `notes` what to tell of its dates."""

    table: pa.Table
    rows: list[int]
    rejected: list[tuple[int, str]]
    total: int
    assumed: bool
    notes: list[str] = field(default_factory=list)


def read_plan(path: Path, mapping: Mapping[str, str] | None, exposure: tuple[str, float], inputs: Collection[str] = (),
              usual_order: str | None = None) -> PlanRows:
    """The rows of one file; where it has no column for the `exposure`, every row gets the typical one that stands beside its name. `inputs`
    are the client's own columns, which tell the header as the names of platforms do; `usual_order` is what comes first in the dates of the
    client's own files, `day` or `month`. Raises InputError."""
    name, typical = exposure
    check_mapping(mapping or {})
    files = client_files(path)
    if len(files) != 1:
        raise InputError(str(path), f"{len(files)} files", "one file of rows to predict", "Name one file.")
    raw = _table(path, files[0], {**(mapping or {}), **{f"input {n}": column for n, column in enumerate(inputs)}}, inputs)
    there = layout_by_cells(raw, mapping or {}, files[0].name)[0]
    notes = _outcomes_told(there, name, files[0].name, inputs)
    assumed = name not in there.fields
    if assumed:
        raw.header.append(name)
        raw.cells.append(pa.chunked_array([pa.array([f"{typical:g}"] * raw.rows, pa.string())]))
        there = layout_by_cells(raw, mapping or {}, files[0].name)[0]
    raw.usual_order = usual_order
    made = typed(raw, there, files[0].name, repeats=True)
    broken = {fault.line: fault.reason for fault in raw.faults if fault.line is not None}
    places = {line: n for n, line in enumerate(sorted({*raw.lines.to_pylist(), *broken}))}
    rejected = [(places[line], reason) for line, reason in (*made.rejected, *broken.items()) if line in places]
    return PlanRows(made.table, [places[line] for line in made.table["line"].to_pylist()], sorted(rejected), len(places), assumed,
                    [*notes, *_order_told(raw, there.day)])


def _table(path: Path, file: ClientFile, telling: Mapping[str, str], inputs: Collection[str]) -> Raw:
    """The one table of the file. Raises InputError."""
    try:
        tables = [raw for raw in read_tables(file, telling, lambda note: None) if raw.rows or raw.faults]
    except UNREADABLE as error:
        raise InputError(str(path), reason_of(error), "one table of rows to predict", "Save it as .csv or .xlsx.") from None
    except InputError as error:   # asks for numbers of delivery, which a plan has not
        raise InputError(error.where, error.found, _expected(inputs), f"Name them as the imported files do, or {_MAPPED}") from None
    if len(tables) != 1:
        raise InputError(str(path), f"{len(tables)} tables", "one table of rows to predict", "Save it as one sheet, or as CSV.")
    return tables[0]


def _expected(inputs: Collection[str]) -> str:
    return f"rows to predict, with columns of the client's campaigns ({listed(dict.fromkeys(['date', 'channel', 'campaign', *inputs]))})"


def _outcomes_told(there: Layout, exposure: str, file: str, inputs: Collection[str]) -> list[str]:
    """A note where columns are called as outcomes are. Raises InputError where there is nothing but them and days."""
    outcomes = [there.names[at].text for field, at in there.fields.items() if field in OUTCOMES and field != exposure]
    if not outcomes:
        return []
    several, named = len(outcomes) > 1, listed(outcomes)
    late = f"{'outcomes' if several else 'an outcome'}, known only after the ads ran"
    rename = f"Give {named} the name of what it holds, in the imported files too, where that is known before the ads run"
    silent = {"date", "start", "end", *OUTCOMES} - {exposure}
    if not (there.fields.keys() - silent or there.inputs or there.audience):
        found = listed(name.text for name in there.names)
        raise InputError(file, f"the columns {found}, of which {named} {'are' if several else 'is'} {late}", _expected(inputs),
                         f"{rename}, or {_MAPPED}")
    return [f"{named} {'are' if several else 'is'} read as {late}: nothing is predicted from {'them' if several else 'it'}."
            + (f" {rename}." if "value" in there.fields else "")]


def _order_told(raw: Raw, day: int | None) -> list[str]:
    """A note where only the client's own files tell which day a date is."""
    spelling = decided_by(raw.cells[day].unique().drop_null().to_pylist(), raw.usual_order) if day is not None and raw.usual_order else None
    if not spelling:
        return []
    return [f"Dates such as {spelling[0]} are read with the {raw.usual_order} first, as {spelling[1].isoformat()}: so the dates of the "
            "client's imported files are written, and the file itself does not tell. Write them as 2024-05-31 where that is wrong."]
