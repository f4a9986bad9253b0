"""What a client's campaign rows say together: no cell twice, however many exports broke it down, and with the tables that are joined to
it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

INPUT = "input:"  # in front of the name of a column that is an input
# channels that are parts of one platform's account: an export without the breakdown holds them all
FAMILIES = {**dict.fromkeys(("Instagram", "Facebook", "Messenger", "Meta Audience Network", "Threads", "WhatsApp"), "Meta"),
            **dict.fromkeys(("Google Search", "Google Shopping", "Google Performance Max", "Google Display", "YouTube", "Google Demand Gen",
                             "Google App"), "Google Ads")}
COVERED = 0.8    # of the spend of the coarser rows that the finer ones must hold to stand for them


def families(channels: pa.ChunkedArray) -> pa.ChunkedArray:
    """The platform's account that a channel is a part of, else the channel."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.unique(channels)
    named = pa.array([FAMILIES.get(name, name) for name in known.to_pylist()], pa.string())
    return pc.take(named, pc.index_in(channels, value_set=known))


def without_repeats(table: pa.Table) -> tuple[pa.Table, int]:
    """(the rows without those that repeat others, how many those were).

    Rows of two grains describe the same delivery where they agree in day, account, channel and the columns that both grains have: an export
    by age repeats the export of the campaign, and one by placement repeats the one by age. The finer rows stand for the coarser, unless
    they hold less than COVERED of what the coarser spent (search terms without the rare ones); then the coarser ones stay.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    grains = {one["values"]: one["counts"] for one in (item.as_py() for item in pc.value_counts(table["grain"]))}
    if len(grains) < 2:
        return table, 0
    order = sorted(grains, key=lambda grain: (-len(_names(grain)), _step(grain) != "day", -grains[grain], grain))
    kept = pa.array([True] * table.num_rows)
    for place, coarse in enumerate(order):
        for fine in order[:place]:
            kept = _settled(table, kept, coarse, fine)
    return table.filter(kept), table.num_rows - (pc.sum(kept).as_py() or 0)


def _names(grain: str) -> list[str]:
    return [] if grain.startswith("account/") else grain.rpartition("/")[0].split("+")


def _step(grain: str) -> str:
    return grain.rpartition("/")[2]


def _settled(table: pa.Table, kept: pa.Array, coarse: str, fine: str) -> pa.Array:
    """`kept` without the rows of one of the two grains in the cells that both describe."""
    import pyarrow.compute as pc

    is_coarse, is_fine = (pc.and_(pc.equal(table["grain"], grain).combine_chunks(), kept) for grain in (coarse, fine))
    cells = _cells(table, [name for name in _names(fine) if name in _names(coarse)], _step(coarse), _step(fine))
    coarse_cells, fine_cells = pc.unique(cells.filter(is_coarse)), pc.unique(cells.filter(is_fine))
    shared = coarse_cells.filter(pc.is_in(coarse_cells, value_set=fine_cells))
    if not len(shared):
        return kept
    both = pc.is_in(cells, value_set=shared)
    amount = next((name for name in ("spend", "impressions", "clicks") if pc.sum(table[name].filter(pc.and_(both, is_coarse))).as_py()),
                  "spend")
    totals = [pc.sum(table[amount].filter(pc.and_(both, rows))).as_py() or 0.0 for rows in (is_coarse, is_fine)]
    out = is_fine if totals[1] < COVERED * totals[0] else is_coarse
    return pc.and_(kept, pc.invert(pc.and_(both, out)))


def _cells(table: pa.Table, names: list[str], *steps: str) -> pa.Array:
    """The cell of each row by these columns; days are told by the longer of the two steps, and not at all where one of them has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [table[name] if name in table.column_names else pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
               for name in ("account", *names)] + [families(table["channel"])]
    if "undated" not in steps:
        unit = "month" if "month" in steps else "week" if "week" in steps else "day"
        columns.append(pc.cast(pc.floor_temporal(table["date"], unit=unit), pa.string()))
    parts = [pc.cast(column, pa.string()).combine_chunks() for column in columns]
    return pc.binary_join_element_wise(*parts, "\x1f", null_handling="replace", null_replacement="")


def with_lookups(table: pa.Table, lookups: list[pa.Table]) -> pa.Table:
    """The rows with the inputs of tables that are joined to them by the columns that both have; later tables win, cells stay that say
    nothing."""
    import pyarrow.compute as pc

    for lookup in lookups:
        keys = [name for name in lookup.column_names if not name.startswith(INPUT)]
        there = [name if name in table.column_names else INPUT + name for name in keys]
        if not set(there) <= set(table.column_names):
            continue
        wanted, known = _joined_key(table, there), _joined_key(lookup, keys)
        at = pc.index_in(wanted, value_set=known)
        for name in (name for name in lookup.column_names if name.startswith(INPUT)):
            found = pc.take(lookup[name].combine_chunks(), at)
            if name in table.column_names and table[name].type == found.type:
                table = table.set_column(table.column_names.index(name), name, pc.coalesce(found, table[name]))
            elif name not in table.column_names:
                table = table.append_column(name, found)
    return table


def _joined_key(table: pa.Table, names: list[str]) -> pa.Array:
    """Words without case; a row that lacks one has a key that no table has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = [pc.utf8_lower(pc.cast(table[name], pa.string())).combine_chunks() for name in names]
    return pc.binary_join_element_wise(*parts, "\x1f")
