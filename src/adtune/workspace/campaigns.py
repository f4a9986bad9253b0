"""A client's campaign rows: one Parquet file for each import, never changed; what holds now is worked out when it is read.

Columns of a file: those of `schema`, then `input:NAME` (any other column, string or double), and `low:NAME` with `high:NAME` where cells
of the field or input NAME were censored. `key` names the cell that a row measures (day, names, breakdown, without the numbers); `id_key` is
the same by the platform's own ids, where the file has them. A table of orders or products has columns of its own and no key.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records import CampaignRow, Source
from .campaign_view import INPUT, with_lookups, without_repeats
from .catalogue import Catalogue
from .faults import disk_faults

if TYPE_CHECKING:
    import pyarrow as pa

KIND, FILE = "campaigns", "rows.parquet"
ROWS = "campaigns"                       # the table that holds campaign rows; other tables are joined to it
NAMES = ("account", "channel", "campaign", "ad_group", "ad", "audience", "currency")
NUMBERS = ("spend", "impressions", "clicks", "conversions", "value")
LOW, HIGH = "low:", "high:"
OUTCOME = "outcome:"                     # other outcomes of a shop's rows (units, returned, margin), never inputs
LOOKUP = "lookup"                        # a table that is joined: key columns of JOINS, and inputs
REFUSED = "refused"                      # a record of inputs that were found to have seen an outcome when they were joined
JOINS = ("date", "account", "channel", "campaign", "ad_group", "ad", "sku", "product", "country", "region", "device")


def schema() -> pa.Schema:
    """The columns that every file of campaign rows has."""
    import pyarrow as pa

    words = [(name, pa.string()) for name in ("grain", "attribution", "time_zone", "file")]
    return pa.schema([("date", pa.date32()), *((name, pa.string()) for name in NAMES), *((name, pa.float64()) for name in NUMBERS),
                      ("open", pa.bool_()), *words, ("line", pa.int32()), ("id", pa.string()), ("key", pa.binary(16)),
                      ("id_key", pa.binary(16))])


class Campaigns:
    """Artifacts of the kind `campaigns`, and what they say together."""

    def __init__(self, catalogue: Catalogue):
        self.catalogue = catalogue

    def imports(self, client: str) -> list[dict[str, Any]]:
        """Records of the client's imports, the oldest first."""
        return self.catalogue.listing(KIND, client)[::-1]

    def add(self, client: str, table: pa.Table, record: Mapping[str, Any], parents: tuple[str, ...] = ()) -> str:
        """Stores a table for good; gives the artifact's id. Raises DiskFullError, WorkspaceError."""
        import pyarrow.parquet as pq

        with tempfile.TemporaryDirectory(dir=self.catalogue.store.root.parent) as folder, disk_faults(Path(folder)):
            path = Path(folder) / FILE
            pq.write_table(table, path, compression="zstd", row_group_size=131_072)
            return self.catalogue.publish(KIND, client, {FILE: path}, dict(record), parents, None)

    def stored(self, client: str, kind: str = ROWS) -> Iterator[pa.Table]:
        """The tables of this kind, one for each import, the oldest first."""
        import pyarrow.parquet as pq

        for entry in self.imports(client):
            if entry["record"].get("table", ROWS) == kind:
                yield pq.read_table(self.catalogue.path(entry["id"], verify=False) / FILE)

    def table(self, client: str, repeats: bool = False) -> pa.Table:
        """The rows that hold, with what is joined to them; an empty table where there are none. See `Workspace.campaigns`."""
        tables = list(self.stored(client))
        if not tables:
            return schema().empty_table()
        rows = in_force(tables)
        return self.with_joins(client, rows if repeats else without_repeats(rows)[0])

    def with_joins(self, client: str, rows: pa.Table) -> pa.Table:
        """`rows` with the inputs of the client's calendars and products, and without those that were found to have seen an outcome."""
        rows = with_lookups(rows, list(self.stored(client, LOOKUP)))
        refused = {INPUT + name for entry in self.imports(client) for name in entry["record"].get(REFUSED, ())}
        return rows.drop_columns([name for name in rows.column_names if name in refused])

    def planned(self, client: str, plan: pa.Table) -> pa.Table:
        """Rows to come with what is joined to them; what the plan says itself holds."""
        import pyarrow.compute as pc

        told = self.with_joins(client, plan)
        for name in set(plan.column_names) & set(told.column_names):
            if plan[name].type == told[name].type:
                told = told.set_column(told.column_names.index(name), name, pc.coalesce(plan[name], told[name]))
        return told


def in_force(tables: list[pa.Table]) -> pa.Table:
    """Of each key the rows of the latest table that has it; a cell with its platform's ids is found by them too, under any name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(tables) == 1:
        return tables[0]
    table = joined([one.append_column("turn", pa.array([turn] * one.num_rows, pa.int32())) for turn, one in enumerate(tables)])
    for key in ("key", "id_key"):
        known = table.select([key, "turn"]).filter(pc.is_valid(table[key]))
        latest = known.group_by(key).aggregate([("turn", "max")])
        newest = _looked_up(table[key], latest[key], latest["turn_max"])
        table = table.filter(pc.or_kleene(pc.is_null(newest), pc.equal(newest, table["turn"])))
    return table.drop_columns(["turn"])


def joined(tables: list[pa.Table]) -> pa.Table:
    """One below the other; a column that is a number here and words there becomes words."""
    import pyarrow as pa

    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, set()).add(field.type)
    mixed = {name for name, found in kinds.items() if pa.string() in found and len(found) > 1}
    cast = [table.cast(pa.schema([pa.field(f.name, pa.string()) if f.name in mixed else f for f in table.schema])) for table in tables]
    return pa.concat_tables(cast, promote_options="default")


def _looked_up(values: pa.ChunkedArray, keys: pa.ChunkedArray, results: pa.ChunkedArray) -> pa.ChunkedArray:
    """For each value the result of its key, null where it has none."""
    import pyarrow.compute as pc

    return pc.take(results.combine_chunks(), pc.index_in(values, value_set=keys.combine_chunks()))


def campaign_rows(table: pa.Table) -> Iterator[CampaignRow]:
    """The table's rows as records."""
    columns = table.column_names
    inputs = [name for name in columns if name.startswith(INPUT)]
    bounds = [name[len(LOW):] for name in columns if name.startswith(LOW)]
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            yield CampaignRow(
                row["date"] and row["date"].isoformat(), *(row[name] for name in (*NAMES, *NUMBERS)),
                {name[len(INPUT):]: row[name] for name in inputs if row[name] is not None},
                {name: (row[LOW + name], row[HIGH + name]) for name in bounds if row[LOW + name] is not None},
                row["open"], row["grain"], row["attribution"], Source(row["file"], row["line"], row["id"]), row["time_zone"])
