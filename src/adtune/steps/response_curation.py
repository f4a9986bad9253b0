"""`adtune curate` for campaign rows: which of them can be learned from, their split by time, and the hash that a run is bound to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from ..settings import ResponseSettings, resolve
from .response import choose_outcome, load_rows, rows_hash

if TYPE_CHECKING:
    import numpy as np

    from ..engine.response.columns import Columns
    from ..engine.response.encode import Codebook
    from ..tune.response_split import Split
    from ..workspace import Workspace

KIND = "rows"        # a dataset of campaign rows
REVIEW = ("mix", "uncovered", "decisions", "queue", "review", "taken", "curve", "guide_draft")   # what only pieces have


def curate_response(ws: Workspace, client: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's object of `curate` for campaign rows; `options` are ResponseSettings by name. The rows stay where they are: what is
    published says which of them are learned from. Raises InputError where there are too few, as `tune` does."""
    from ..curate.rows_report import rows_report
    from ..tune.response_split import read_rows

    chosen, _ = resolve(ResponseSettings, ("option", dict(options)))
    columns, told, table = load_rows(ws, client)
    book, split = read_rows(columns, choose_outcome(columns, chosen.outcome), chosen.exposure, chosen.country)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    kept = sum(len(part) for part in parts.values())
    channels = Counter(str(name) or "none" for part in parts.values() for name in columns.named["channel"][part])
    digest = rows_hash(columns, book)
    answer: dict[str, Any] = {
        "dataset": None, "hash": digest, "read": told["rows"], "kept": kept,
        "dropped": _dropped(columns, book, split, told["rows"] - len(columns)),
        "splits": {name: len(part) for name, part in parts.items()}, "categories": dict(sorted(channels.items())), "report": None,
        "task": "response", "outcome": book.outcome, "exposure": book.exposure, "notes": [], "findings": [], **dict.fromkeys(REVIEW)}
    sources = table.select(["file", "line", "id"]).to_pylist()
    items = [{"source": sources[n], "split": name, "category": str(columns.named["channel"][n]) or None}
             for name, part in parts.items() for n in part]
    page = rows_report(client, answer, {name: _span(columns, part) for name, part in parts.items()})
    id = ws.publish(KIND, client, {"rows.json": json.dumps(items).encode(), "report.html": page.encode(),
                                   "codebook.json": json.dumps(book.as_dict(), sort_keys=True, ensure_ascii=False).encode()},
                    {key: value for key, value in answer.items() if key not in ("dataset", "report")}, identity=digest)
    return {**answer, "dataset": id, "report": str(ws.path(id, verify=False) / "report.html")}


def _dropped(columns: Columns, book: Codebook, split: Split, still_open: int) -> dict[str, int]:
    """How many rows no split holds, by the first reason."""
    import numpy as np

    y, e = columns.counts[book.outcome], columns.counts[book.exposure]
    left = np.ones(len(columns), bool)
    left[np.concatenate([split.train, split.validation, split.test])] = False
    reasons = {"no exposure": np.isnan(e) | (np.nan_to_num(e) <= 0), "no outcome": np.isnan(y), "below zero": np.nan_to_num(y) < 0,
               "above the exposure": (np.nan_to_num(y) > np.nan_to_num(e)) & (book.family <= 2), "no date": left}
    found = {"open": still_open}
    for name, flags in reasons.items():
        found[name] = int((left & flags).sum())
        left &= ~flags
    return {name: count for name, count in found.items() if count}


def _span(columns: Columns, rows: np.ndarray) -> tuple[str, str] | None:
    days = columns.day[rows][columns.day[rows] > 0]
    return (date.fromordinal(int(days.min())).isoformat(), date.fromordinal(int(days.max())).isoformat()) if len(days) else None
