"""The last days of an export, whose conversions are not all in yet."""

from __future__ import annotations

import re
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

DAYS, MOST = 7, 30   # in which conversions still come where the file states no window, and the longest window that counts


def days_of(attribution: str | None) -> int:
    """The longest window of an attribution setting (`7-day click or 1-day view`), in days."""
    stated = [int(days) for days in re.findall(r"(\d+)[ -]?d(?:ay)?", attribution or "", re.IGNORECASE)]
    return min(max(stated), MOST) if stated else DAYS


def mark_open(tables: list[pa.Table]) -> list[pa.Table]:
    """Sets `open` for the last days of each account and channel, by the window that their rows state; rows without conversions are
    closed."""
    last: dict[tuple[str | None, str | None], object] = {}
    for table in tables:
        for one in table.group_by(["account", "channel"]).aggregate([("date", "max")]).to_pylist():
            key = (one["account"], one["channel"])
            if one["date_max"] is not None:
                last[key] = max(one["date_max"], last.get(key, one["date_max"]))
    return [_marked(table, last) for table in tables]


def _marked(table: pa.Table, last: dict) -> pa.Table:
    groups = table.group_by(["account", "channel", "attribution"]).aggregate([]).to_pylist()
    is_open = pa.chunked_array([pa.repeat(pa.scalar(False), table.num_rows)])
    awaited = pc.or_(pc.is_valid(table["conversions"]), pc.is_valid(table["value"]))
    for one in groups:
        end = last.get((one["account"], one["channel"]))
        if end is None:
            continue
        since = end - timedelta(days_of(one["attribution"]) - 1)
        mask = pc.and_(awaited, pc.fill_null(pc.greater_equal(table["date"], pa.scalar(since, pa.date32())), False))
        for name in ("account", "channel", "attribution"):
            same = pc.is_null(table[name]) if one[name] is None else pc.fill_null(pc.equal(table[name], one[name]), False)
            mask = pc.and_(mask, same)
        is_open = pc.or_(is_open, mask)
    return table.set_column(table.column_names.index("open"), "open", is_open)
