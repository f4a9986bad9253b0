"""What an import of campaign rows changes of those that are there: new cells, corrected ones, and what is told of the rest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

NAMED = ("grain", "date", "account", "campaign", "ad_group", "ad", "audience")   # within which a channel or product is corrected
FEW = 10   # exposures up to which rows of a day may have the same numbers by chance


@dataclass(frozen=True)
class Changes:
    """Rows of the files: `added` whose cells are new, `corrected` whose cells have other numbers or inputs now, `renumbered` those of them
    with other numbers."""

    added: int = 0
    corrected: int = 0
    renumbered: int = 0
    notes: list[str] = field(default_factory=list)


def changes(rows: pa.Table | None, known: pa.Table | None, apart: Collection[str] = ()) -> Changes:
    """How the `rows` of an import stand to those that are known. The inputs in `apart` are not compared: tables that are joined tell
    them."""
    import pyarrow.compute as pc

    from ..workspace.campaigns import INPUT

    if rows is None or not rows.num_rows:
        return Changes()
    if known is None or not known.num_rows:
        return Changes(_lines(rows))
    known = known.drop_columns([INPUT + name for name in apart if INPUT + name in known.column_names])
    there = pc.is_in(rows["key"], value_set=pc.unique(known["key"]))
    renamed = pc.fill_null(pc.is_in(rows["id_key"], value_set=pc.unique(known["id_key"].drop_null())), False)
    new = rows.filter(pc.invert(pc.or_(there, renamed)))
    again = rows.filter(pc.or_(there, renamed))
    numbers = _same_numbers(again, known)
    either = pc.and_(numbers, _same_inputs(again, known))
    corrected, renumbered = (_lines(again.filter(pc.invert(same))) for same in (either, numbers))
    notes = []
    if corrected > renumbered:
        notes.append(f"{corrected - renumbered:,} of the corrected rows have the numbers that were known, and another channel or other "
                     "inputs: the new ones hold")
    return Changes(_lines(new), corrected, renumbered, [*notes, *_blanked(again, known), *_fewer(again, known), *_twice(new, rows, known)])


def _lines(rows: pa.Table) -> int:
    """Rows of the files: of a wide file one row became several."""
    return rows.group_by(["file", "line"]).aggregate([]).num_rows


def _same_numbers(rows: pa.Table, known: pa.Table) -> pa.ChunkedArray:
    """Whether the sums of a row's cell are those that are known; rows that share a cell are compared together."""
    import pyarrow.compute as pc

    from ..workspace.campaigns import NUMBERS

    sums = [table.group_by("key").aggregate([(name, "sum") for name in NUMBERS]) for table in (rows, known)]
    at = pc.index_in(sums[0]["key"], value_set=sums[1]["key"].combine_chunks())
    same = pc.is_valid(at)
    for name in (f"{name}_sum" for name in NUMBERS):
        now, before = pc.round(sums[0][name], 6), pc.round(pc.take(sums[1][name].combine_chunks(), at), 6)
        either = pc.or_(pc.is_valid(now), pc.is_valid(before))
        same = pc.and_(same, pc.if_else(either, pc.fill_null(pc.equal(now, before), False), True))
    return pc.take(same, pc.index_in(rows["key"], value_set=sums[0]["key"].combine_chunks()))


def _same_inputs(rows: pa.Table, known: pa.Table) -> pa.ChunkedArray:
    """Whether a row with this channel and these inputs is known of its cell, as far as both tables have the inputs' columns."""
    import pyarrow.compute as pc

    from ..workspace.campaigns import INPUT

    names = ["key", "channel", *(name for name in rows.column_names if name.startswith(INPUT) and name in known.column_names)]
    return pc.is_in(_text(rows, names), value_set=pc.unique(_text(known, names)))


def _text(table: pa.Table, names: Collection[str]) -> pa.ChunkedArray:
    """The cells of these columns in one, as bytes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = [table[name] if pa.types.is_fixed_size_binary(table[name].type) else pc.cast(table[name], pa.string()) for name in names]
    return pc.binary_join_element_wise(*(pc.cast(part, pa.binary()) for part in parts), b"\x1f", null_handling="replace",
                                       null_replacement=b"")


def _blanked(again: pa.Table, known: pa.Table) -> list[str]:
    """Columns of which rows that are replaced held something, and those that stand for them hold nothing."""
    import pyarrow.compute as pc

    from ..workspace.campaigns import INPUT, NUMBERS

    rows, columns = 0, []
    for name in (*NUMBERS, *(name for name in known.column_names if name.startswith(INPUT))):
        said = again.filter(pc.is_valid(again[name])) if name in again.column_names else again.slice(0, 0)
        if said.num_rows == again.num_rows:
            continue
        held = known["key"].filter(pc.is_valid(known[name]))
        silent = again.filter(pc.invert(pc.is_in(again["key"], value_set=pc.unique(said["key"]))))
        lost = silent.filter(pc.is_in(silent["key"], value_set=pc.unique(held)))
        if lost.num_rows:
            rows, columns = max(rows, _lines(lost)), [*columns, name.removeprefix(INPUT)]
    if not columns:
        return []
    return [f"{rows:,} rows stand for earlier ones that held {', '.join(columns)}, of which these say nothing: it is blank there now. "
            "Export them with these columns, and import them again"]


def _fewer(again: pa.Table, known: pa.Table) -> list[str]:
    """Cells of which the archive had more rows than the import has."""
    import pyarrow.compute as pc

    before = known.filter(pc.is_in(known["key"], value_set=pc.unique(again["key"])))
    now = again.filter(pc.is_in(again["key"], value_set=pc.unique(before["key"])))
    if before.num_rows <= now.num_rows:
        return []
    return [f"{now.num_rows:,} rows stand for {before.num_rows:,} earlier ones of the same days and names: the earlier ones count no more. "
            "Are they accounts of their own? Then give them a column for it: --map account=COLUMN"]


def _twice(new: pa.Table, rows: pa.Table, known: pa.Table) -> list[str]:
    """New rows with the day, names and numbers of rows that are not in this import, but another channel or breakdown: perhaps corrected."""
    import pyarrow.compute as pc

    from ..workspace.campaigns import INPUT, NUMBERS

    same = [*NAMED, *NUMBERS]
    large = new.filter(pc.greater(pc.max_element_wise(*(new[name] for name in ("impressions", "clicks", "spend"))), FEW))
    gone = known.filter(pc.invert(pc.is_in(known["key"], value_set=pc.unique(rows["key"]))))
    alike = large.filter(pc.is_in(_text(large, same), value_set=pc.unique(_text(gone, same))))
    if not alike.num_rows:
        return []
    names = {part for grain in alike["grain"].unique().to_pylist() for part in grain.rpartition("/")[0].split("+")}
    parts = sorted(part.removeprefix(INPUT) for part in names if part.startswith(INPUT))
    return [f"{alike.num_rows:,} new rows have day, names and all numbers of earlier ones, but another {' or '.join(['channel', *parts])}: "
            "both count. If they correct the earlier ones, these are counted twice: import the corrected files for a new client"]
