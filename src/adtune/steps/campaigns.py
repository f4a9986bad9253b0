"""`adtune import --as campaigns`: what platforms, shops and agencies export becomes campaign rows in the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import Progress, silent
from ..records import hash_of
from .campaign_changes import changes

if TYPE_CHECKING:
    import pyarrow as pa

    from ..archive.campaigns import CampaignReading
    from ..workspace import Workspace

REASONS_SHOWN = 3
KIND = "campaigns"


def import_campaigns(ws: Workspace, path: Path, client: str, mapping: dict[str, str] | None = None, rates: Path | None = None,
                     progress: Progress = silent) -> dict[str, Any]:
    """Read campaign files at `path` into the archive of `client`, who is created where new. Gives the JSON object of `adtune import`.

    `rates` is a table that converts money into one currency. `added` counts the file's rows whose cell (day, campaign, ad, breakdown) was
    not there, `corrected` those whose numbers (late conversions) or inputs changed. Raises InputError where nothing can be kept, and for
    two currencies without rates; then nothing is stored and no client is created.
    """
    ws.check_client(client)
    from ..archive.campaigns import one_currency, read_campaigns, read_rates
    from ..workspace.campaigns import in_force

    table_of_rates = read_rates(rates) if rates else None
    found = read_campaigns(Path(path), mapping, progress)
    if not found.tables and not found.lookups:
        raise _nothing_kept(path, found)
    known = ws.campaigns(client, repeats=True) if client in ws.clients() else None
    rows = in_force(found.tables) if found.tables else None
    if rows is not None:
        _tell_replaced(found, rows)
        rows, told = one_currency(rows, table_of_rates, _currency(known), str(path))
        found.notes += [told] if told else []
    _check_lookups(found, rows, known)
    imports = [entry["record"] for entry in ws.campaign_imports(client)] if known is not None else []
    changed = changes(rows, known, {name for record in imports for name in record.get("inputs", ())})
    added, corrected = changed.added, changed.corrected
    if not (corrected and _came_before(rows, imports, bool(changed.renumbered))):
        found.notes += changed.notes
    else:
        corrected = 0
        found.notes.append("these rows were imported before, and later imports changed them: the later ones hold")
    progress("storing", 0, 1)
    artifact, joins = _stored(ws, client, found, rows, bool(added or corrected) or _tells_more(rows, known))
    _refuse_joined(ws, client, found)
    channels = _channels(ws, client, found)
    rejections = [{"where": one.where, "reason": one.reason} for one in found.rejected]
    return {"client": client, "kind": KIND, "archive": archive_hash(ws, client), "read": found.kept + len(rejections), "kept": found.kept,
            "added": added + joins, "corrected": corrected, "withdrawn": 0, "restored": 0, "rejected": len(rejections),
            "rejections": rejections,
            "notes": found.notes, "guides": [], "rows": 0 if rows is None else rows.num_rows, "channels": channels,
            "platforms": sorted(found.platforms),
            "refused": [{"column": column, "reason": reason} for column, reason in found.refused.items()], "import": artifact}


def day_order(ws: Workspace, client: str) -> str | None:
    """What comes first in the dates of the client's imported files, `day` or `month`; None where they do not tell, or tell both."""
    orders = {order for entry in ws.campaign_imports(client) for order in entry["record"].get("day_orders", ())}
    return orders.pop() if len(orders) == 1 else None


def archive_hash(ws: Workspace, client: str) -> str:
    """Hex sha256 over the client's imports in their order."""
    return hash_of([entry["hash"] for entry in ws.campaign_imports(client)])


def _stored(ws: Workspace, client: str, found: CampaignReading, rows: pa.Table | None, changed: bool) -> tuple[str | None, int]:
    """Stores what is new; (the id of the rows' artifact, None where the archive had them all; rows of tables to join that are new)."""
    from ..archive.campaigns import files_of
    from ..workspace.campaigns import LOOKUP

    stored = {entry["record"].get("content") for entry in ws.campaign_imports(client)} if client in ws.clients() else set()
    artifact, joins = None, 0
    orders = {"day_orders": sorted(found.day_orders)} if found.day_orders else {}
    if rows is not None and changed:
        record = {"files": sorted(files_of(found)), "rows": rows.num_rows, "platforms": sorted(found.platforms), "content": _content(rows),
                  "cells": _content(rows, True), **orders}
        artifact = ws.add_campaigns(client, rows, record)
    ws.ensure_client(client)
    for lookup in found.lookups:
        content = hash_of([lookup.column_names, [[str(cell) for cell in column] for column in lookup.to_pydict().values()]])
        if lookup.num_rows and content not in stored:
            ws.add_campaigns(client, lookup, {"table": LOOKUP, "rows": lookup.num_rows, "content": content, "inputs": _inputs(lookup),
                                          **orders})
            joins += lookup.num_rows
    return artifact, joins


def _tells_more(rows: pa.Table | None, known: pa.Table | None) -> bool:
    """Whether rows whose numbers are known have columns or channels that are new."""
    from ..workspace.campaigns import INPUT

    if rows is None or known is None:
        return False
    new = {name for name in rows.column_names if name.startswith(INPUT)} - set(known.column_names)
    return bool(new or set(rows["channel"].unique().to_pylist()) - set(known["channel"].unique().to_pylist()))


def _came_before(rows: pa.Table, imports: list[dict[str, Any]], renumbered: bool) -> bool:
    """Whether these rows were imported as they are; of imports that kept no hash of inputs only the numbers tell."""
    cells, numbers = _content(rows, True), _content(rows)
    return any(record["cells"] == cells if "cells" in record else renumbered and record.get("content") == numbers for record in imports)


def _content(rows: pa.Table, inputs: bool = False) -> str:
    """Hex sha256 of the cells and their numbers, in their order; with their channels and inputs where asked for."""
    import hashlib

    import pyarrow as pa

    from ..workspace.campaigns import INPUT, NUMBERS

    sink = pa.BufferOutputStream()
    told = ["channel", *sorted(name for name in rows.column_names if name.startswith(INPUT))] if inputs else []
    part = rows.select(["key", *NUMBERS, *told]).combine_chunks().replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, part.schema) as stream:
        stream.write_table(part)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _currency(known: pa.Table | None) -> str | None:
    return None if known is None else next((one for one in known["currency"].unique().to_pylist() if one), None)


def _check_lookups(found: CampaignReading, rows: pa.Table | None, known: pa.Table | None) -> None:
    """Columns of a table to join that have seen the outcome are refused, as those of the rows are."""
    from ..archive.campaigns.leak import leaks
    from ..workspace.campaign_view import with_lookups
    from ..workspace.campaigns import INPUT, joined

    there = [table for table in (known, rows) if table is not None and table.num_rows]
    if not there or not found.lookups:
        return
    kept = []
    for lookup in found.lookups:
        own = [name for name in lookup.column_names if name.startswith(INPUT)]
        view = with_lookups(joined(there), [lookup])
        view = view.drop_columns([name for name in view.column_names if name.startswith(INPUT) and name not in own])
        seen = leaks(view)
        found.refused.update(seen)
        kept.append(lookup.drop_columns([INPUT + name for name in seen if INPUT + name in own]))
    found.lookups = kept


def _inputs(table: pa.Table) -> list[str]:
    from ..workspace.campaigns import INPUT

    return [name.removeprefix(INPUT) for name in table.column_names if name.startswith(INPUT)]


def _refuse_joined(ws: Workspace, client: str, found: CampaignReading) -> None:
    """Tables that were stored before the rows that they are joined to are checked when these come."""
    from ..archive.campaigns.leak import leaks
    from ..workspace.campaigns import INPUT, NUMBERS, REFUSED, schema

    named = {name for entry in ws.campaign_imports(client) for name in entry["record"].get("inputs", ())}
    if not found.tables or not named:
        return
    rows = ws.campaigns(client)
    seen = leaks(rows.select([*NUMBERS, *(INPUT + name for name in sorted(named) if INPUT + name in rows.column_names)]))
    if seen:
        found.refused.update(seen)
        ws.add_campaigns(client, schema().empty_table(), {"table": REFUSED, REFUSED: sorted(seen)})


def _tell_replaced(found: CampaignReading, rows: pa.Table) -> None:
    lost = sum(table.num_rows for table in found.tables) - rows.num_rows
    if lost:
        found.notes.append(f"{lost:,} rows stand for a day and campaign that a later file of this import has too: the later file holds. "
                           f"Are they "
                           "accounts of their own? Then give them a column for it: --map account=COLUMN")


def _channels(ws: Workspace, client: str, found: CampaignReading) -> list[dict[str, Any]]:
    """The archive's sums by channel; tells how many rows are left out of them."""
    from ..workspace.campaign_view import without_repeats

    rows, repeats = without_repeats(ws.campaigns(client, repeats=True))
    if repeats:
        found.notes.append(f"{repeats:,} rows of the archive repeat others in another breakdown (by age, by placement): they are kept, "
                           "and left "
                           "out of sums and of training")
    twice = _without_account(rows)
    if twice:
        found.notes.append(f"{twice}: the same days and campaigns come with an account and without one, and may be counted twice. Name "
                           "the account "
                           "in all files: --map account=COLUMN")
    return sums(rows)


def _without_account(rows: pa.Table) -> str:
    """The channels of which some rows have an account and others, of the same days and campaigns, have none."""
    import pyarrow.compute as pc

    cell = ["channel", "date", "campaign", "ad_group", "ad", "audience"]
    nameless = pc.is_null(rows["account"])
    if not pc.any(nameless).as_py() or pc.all(nameless).as_py():
        return ""
    cells = rows.select(cell).append_column("nameless", nameless).group_by([*cell, "nameless"]).aggregate([])
    both = cells.group_by(cell).aggregate([("nameless", "count")]).filter(pc.field("nameless_count") > 1)
    return ", ".join(sorted({name or "rows without a channel" for name in both["channel"].to_pylist()}))


def sums(rows: pa.Table) -> list[dict[str, Any]]:
    """`{channel currency rows first last spend impressions clicks conversions value open}` of each channel, the dearest first: what a
    person can hold against the platform's own totals. A number that no row has is None."""
    import pyarrow.compute as pc

    from ..workspace.campaigns import NUMBERS

    asked = [("line", "count"), ("date", "min"), ("date", "max"), *((name, "sum") for name in NUMBERS), ("still", "sum")]
    still = rows.append_column("still", pc.cast(rows["open"], "int64"))
    found = still.group_by(["channel", "currency"]).aggregate(asked).to_pylist()
    found.sort(key=lambda one: (-(one["spend_sum"] or 0), one["channel"] or ""))
    return [{"channel": one["channel"], "currency": one["currency"], "rows": one["line_count"],
             "first": one["date_min"] and one["date_min"].isoformat(),
             "last": one["date_max"] and one["date_max"].isoformat(), **{name: _rounded(one[f"{name}_sum"]) for name in NUMBERS},
             "open": one["still_sum"]} for one in found]


def _rounded(number: float | None) -> float | int | None:
    """Cents at most, whole numbers as such."""
    if number is None:
        return None
    return int(number) if float(number).is_integer() else round(number, 2)


def _nothing_kept(path: Path, found: CampaignReading) -> InputError:
    reasons = "; ".join(f"{one.where}: {one.reason}" for one in found.rejected[:REASONS_SHOWN])
    more = len(found.rejected) - REASONS_SHOWN
    told = f" ({reasons}{f'; and {more:,} more' if more > 0 else ''})" if reasons else ""
    return InputError(str(path), f"no row that can be kept among {len(found.rejected):,} read{told}",
                      "rows with an exposure (impressions, clicks or spend) and an outcome", "Export them by day, or name the columns: "
                                                                                             "--map "
                      "date=COLUMN --map impressions=COLUMN --map clicks=COLUMN.")
