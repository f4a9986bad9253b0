"""Rows that repeat another one cell for cell: totals and blocks that were written twice, or single events that are merely alike.

Two views of one banner on one day are two rows without a difference, and both are true. Two days of 1,200 views with the same clicks are
one day that came twice. What a row counts tells them apart, and whether whole stretches of the file come again in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SINGLE, FEW = 2, 10   # exposures up to which a repeated row is an event of its own: in any table, and where most rows are single ones
DOUBLED = 0.95        # of all rows that are there exactly twice, from which a table was written twice, whatever its order
BLOCK = 10            # rows in their order, each there twice, from which a stretch was written twice


def repeated(cells: list[pa.ChunkedArray], lines: pa.ChunkedArray, columns: Mapping[str, Any],
             kept: pa.ChunkedArray) -> tuple[pa.ChunkedArray | None, pa.ChunkedArray | None, int]:
    """(rows that repeat another one and count it twice, the line of that one, how many more repeat one and are events of their own)."""
    counts = pc.value_counts(columns["key"].filter(kept))
    shared = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(shared):
        return None, None, 0
    among = pc.is_in(columns["key"], value_set=shared).combine_chunks()
    parts = [column.filter(among).combine_chunks() for column in cells]
    whole = pc.binary_join_element_wise(*parts, "\x1f", null_handling="replace", null_replacement="")
    own = lines.filter(among).combine_chunks()
    seen = pa.table({"row": whole, "line": own}).group_by("row").aggregate([("line", "min"), ("line", "count")])
    at = pc.index_in(whole, value_set=seen["row"].combine_chunks())
    first, times = (pc.take(seen[name].combine_chunks(), at).to_numpy(zero_copy_only=False) for name in ("line_min", "line_count"))
    own = own.to_numpy(zero_copy_only=False)
    twin = first != own
    if not twin.any():
        return None, None, 0
    exposure, active = _exposure(columns)
    mostly = np.median(exposure[kept.to_numpy()]) <= SINGLE
    row = np.flatnonzero(among.to_numpy(zero_copy_only=False))
    doubled = (times == 2).sum() >= max(DOUBLED * len(lines), 2 * BLOCK)
    event = (exposure[row] <= (FEW if mostly else SINGLE)) & ~_in_block(own, first, twin & (times == 2)) & (not doubled)
    wrong = twin & active[row] & ~event
    mask, of = np.zeros(len(lines), bool), np.zeros(len(lines), np.int64)
    mask[row], of[row] = wrong, first
    alike = int((twin & event & active[row] & kept.to_numpy()[row]).sum())
    return pa.chunked_array([pa.array(mask)]), pa.chunked_array([pa.array(of)]), alike


def _exposure(columns: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(the larger of each row's impressions and clicks, infinite where only money was counted; whether anything was delivered)."""
    shown, clicked, spent = (pc.cast(columns[name], pa.float64()).to_numpy() for name in ("impressions", "clicks", "spend"))
    none = np.isnan(shown) & np.isnan(clicked)
    largest = np.where(none, np.inf, np.fmax(np.nan_to_num(shown), np.nan_to_num(clicked)))
    return largest, np.nan_to_num(shown) + np.nan_to_num(spent) > 0


def _in_block(line: np.ndarray, first: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """Rows of stretches of BLOCK and more that repeat an earlier stretch row by row: no chance puts single events into the same order."""
    out = np.zeros(len(line), bool)
    if len(line) < BLOCK:
        return out
    order = np.argsort(line, kind="stable")
    line, first, twice = line[order], first[order], twice[order]
    breaks = np.ones(len(line), bool)
    breaks[1:] = ~(twice[1:] & twice[:-1] & (np.diff(line) == 1) & (np.diff(first) == 1))
    stretch = np.cumsum(breaks)
    long = np.bincount(stretch)[stretch] >= BLOCK
    out[order] = long & twice
    return out
