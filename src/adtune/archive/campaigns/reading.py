"""Reads a client's campaign files: every row is kept or rejected with its place and a reason, and no column that has seen the outcome
stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InputError
from ...progress import Progress, silent
from ...records import Rejected
from ...workspace.campaigns import HIGH, INPUT, LOW, joined
from ..files import ClientFile, client_files
from ..opening import UNREADABLE, reason_of
from .cells import Cells
from .dateless import layout_by_cells
from .days import order_of
from .header import REASONS, Layout, check_mapping, require_rows
from .late import mark_open
from .leak import leaks
from .recoded import in_utf8
from .shop import lookup, orders
from .tables import Raw, read_tables
from .typed import LEVELS, Made, typed
from .wide import ALL, layouts

NOT_ADDITIVE = ("reach", "frequency", "unique reach", "reichweite", "frequenz", "couverture", "répétition", "alcance", "frecuencia")


@dataclass
class CampaignReading:
    """What one read found: `tables` of rows, one a file, in the order of the files; `lookups` to join; `refused` columns with the
    reason."""

    tables: list[pa.Table] = field(default_factory=list)
    lookups: list[pa.Table] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    platforms: set[str] = field(default_factory=set)
    day_orders: set[str] = field(default_factory=set)   # what comes first in dates such as 25/04/2024
    kept: int = 0


def read_campaigns(path: Path, mapping: Mapping[str, str] | None = None, progress: Progress = silent) -> CampaignReading:
    """Reads a file or a folder. Raises InputError where nothing is at `path`, a mapped field or column does not exist, and where the one
    file has no exposure or no outcome."""
    check_mapping(mapping or {})
    found = CampaignReading()
    files = client_files(path)
    for done, file in enumerate(files):
        progress("reading", done, len(files), file.name)
        _read(file, mapping or {}, found, lambda rows, file=file, done=done: progress("reading", done, len(files), f"{file.name}, "
                                                                                                                   f"{rows:,} rows"))
    progress("reading", len(files), len(files), f"{found.kept:,} kept, {len(found.rejected):,} rejected")
    found.tables = mark_open([table for table in found.tables if table.num_rows])
    _refuse_leaks(found)
    _tell(found)
    return found


def _read(file: ClientFile, mapping: Mapping[str, str], found: CampaignReading, told) -> None:  # noqa: ANN001 - a callable of one number
    """At least one result for every file. In a folder one file that is no table of campaigns is no reason to stop."""
    any_ = False
    file, page = in_utf8(file)
    if page:
        found.notes.append(f"{file.name}: read as {page}, by the names of its columns; look at one accented word")
    try:
        for raw in read_tables(file, mapping, found.notes.append, told):
            any_ = any_ or bool(raw.rows or raw.faults)
            for fault in raw.faults:
                found.rejected.append(Rejected(file.place(fault.line, fault.part), fault.reason))
            if raw.rows:
                _table(file, raw, mapping, found)
    except UNREADABLE as error:
        found.rejected.append(Rejected(file.place(getattr(error, "line", None)), reason_of(error)))
        return
    except InputError as error:
        if file.alone:
            raise
        found.rejected.append(Rejected(file.name, f"found {error.found}; expected {error.expected}. {error.do}"))
        return
    if not any_:
        found.rejected.append(Rejected(file.name, "the file holds no rows"))


def _table(file: ClientFile, raw: Raw, mapping: Mapping[str, str], found: CampaignReading) -> None:
    """One table of a file, whatever it is."""
    name = file.part_name(raw.part)
    there, notes = layout_by_cells(raw, mapping, name)
    if there.platform:
        found.platforms.add(there.platform.name)
    _note_order(raw, there, found)
    parts = layouts(there)
    made = None
    if there.platform and there.platform.kind == "orders":
        made = orders(raw, there, name)
    elif parts:
        made = _wide(raw, parts, name)
    elif not there.has_rows and not mapping:
        made = lookup(raw, there, name)
        if made:
            _add(file, raw, made, found, found.lookups)
            return
    if made is None:
        require_rows(there, name)
        _keep_settings(raw, there)
        made = typed(raw, there, name)
    found.refused.update({column: REASONS[kind] for column, kind in there.refused.items()})
    found.notes += notes
    if there.left and not (there.platform and there.platform.kind == "orders"):   # which reads columns of its own
        found.notes.append(f"{name}: left out, as an id, a number of the row or what another column says: {', '.join(there.left)}")
    _add(file, raw, made, found, found.tables)


def _note_order(raw: Raw, there: Layout, found: CampaignReading) -> None:
    """Keeps which order the dates are written in; that of a platform which always writes the month first is not the client's own."""
    at = there.day
    if at is not None and not (there.platform and there.platform.american):
        order = order_of(pc.unique(raw.cells[at].drop_null()).to_pylist())
        found.day_orders |= {order} if order else set()


def _add(file: ClientFile, raw: Raw, made: Made, found: CampaignReading, to: list[pa.Table]) -> None:
    """Counts rows of the file: those of which nothing could be kept are rejected."""
    to.append(made.table)
    found.notes += made.notes
    found.kept += raw.rows - len(made.rejected)
    found.rejected += [Rejected(file.place(line, raw.part), reason) for line, reason in made.rejected]


def _wide(raw: Raw, parts: list[tuple[str, Layout]], name: str) -> Made:
    """All channels of a wide file. A row of it is rejected where no channel could keep its part; parts that were left out are counted."""
    tables, notes, lost = [], dict[str, None](), Counter[int]()
    reasons: dict[int, str] = {}
    for channel, there in parts:
        made = typed(raw, there, name, channel, channel == ALL)
        tables.append(made.table)
        notes.update(dict.fromkeys(made.notes))
        wrong = [(line, reason) for line, reason in made.rejected
                 if not reason.startswith("no ")]   # a channel that did not run is no fault
        lost.update(line for line, _ in made.rejected)
        reasons.update({line: f"{channel}: {reason}" for line, reason in wrong if line not in reasons})
        reasons.update({line: reason for line, reason in made.rejected if line not in reasons and lost[line] == len(parts)})
    rejected = [(line, reasons[line]) for line, count in sorted(lost.items()) if count == len(parts)]
    part_wise = sorted(line for line, count in lost.items() if count < len(parts) and line in reasons)
    if part_wise:
        notes[f"{name}: of {len(part_wise)} rows a channel was left out (line {part_wise[0]}: {reasons[part_wise[0]]})"] = None
    return Made(joined(tables), rejected, list(notes))


def _keep_settings(raw: Raw, there: Layout) -> None:
    """A budget or status that is the same on all days of a campaign is today's, written over the days before: refused. Others are
    inputs."""
    if not there.settings:
        return
    day = there.day
    names = [there.fields[name] for name in LEVELS if name in there.fields]
    total = Cells(raw, there).totals(sorted({0, *names, *(at for _, at in there.settings)}))
    for title, at in there.settings:
        table = pa.table([raw.cells[n] for n in (at, *names)], ["setting", *(f"n{n}" for n in range(len(names)))]).filter(pc.invert(total))
        changing = table.group_by(table.column_names[1:]).aggregate([("setting",
                                                                      "count_distinct")])["setting_count_distinct"] if names else \
            pa.chunked_array([[pc.count_distinct(table["setting"]).as_py()]])
        if day is not None and pc.any(pc.greater(changing, 1)).as_py():
            there.inputs.append((title, at, False))
        else:
            there.refused[title] = "current"


def _refuse_leaks(found: CampaignReading) -> None:
    """Drops inputs that have seen an outcome; of a wide file the parts that stand in the channels' rows are no inputs of a rate."""
    kept = []
    for table in found.tables:
        seen = leaks(table)
        found.refused.update(seen)
        drop = {prefix + name for name in seen for prefix in (INPUT, LOW + INPUT, HIGH + INPUT)}
        kept.append(table.drop_columns([name for name in table.column_names if name in drop]))
    found.tables = kept


def _tell(found: CampaignReading) -> None:
    """What a person should know of the whole."""
    inputs = {name[len(INPUT):] for table in found.tables for name in table.column_names if name.startswith(INPUT)}
    found.notes += [f"{name} does not add up over days or ads: it is kept as an input of its row and never summed"
                    for name in sorted(inputs) if name.casefold() in NOT_ADDITIVE]
    zones = sorted({zone for table in found.tables for zone in pc.unique(table["time_zone"]).to_pylist() if zone})
    if len(zones) > 1 or (zones == ["UTC"] and len(found.platforms) > 1):
        found.notes.append("days are cut in different time zones "
                           f"({', '.join(zones)}{'' if len(zones) > 1 else ' and the accounts own'}): a day's "
                           "numbers of one platform may lie a few hours beside those of another")
    censored = sum(pc.sum(pc.is_valid(table[name])).as_py() or 0 for table in found.tables for name in table.column_names
                   if name.startswith(LOW))
    if censored:
        found.notes.append(f"{censored:,} cells give only a bound (<5, > 90%): they are kept as intervals, not as numbers")
    still = sum(pc.sum(table["open"]).as_py() or 0 for table in found.tables)
    if still:
        found.notes.append(f"{still:,} rows of the last days are marked open: late conversions may still come; import them again later")


def files_of(reading: CampaignReading) -> Iterator[str]:
    """The files that gave rows."""
    yield from dict.fromkeys(name for table in reading.tables for name in pc.unique(table["file"]).to_pylist())
