"""`adtune show` and `adtune ls`: what the workspace holds, and what each thing was made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import InputError, did_you_mean
from ..records import Dataset, Split
from .campaigns import sums
from .curation import read_dataset
from .ladder import versions
from .pieces import find_piece, show_piece, withdrawn_pieces

if TYPE_CHECKING:
    from ..workspace import Workspace

ROWS = "rows"  # datasets of campaign rows
KINDS = ("client", "dataset", ROWS, "plan", "run", "adapter", "profile", "rules", "report", "comparison")
DATASETS = ("dataset", "examples")  # curated, and handed in by the API as they are


def show(ws: Workspace, id: str) -> dict[str, Any]:
    """The record of anything: a client by its name; a dataset, run, adapter, report, draft or piece by its id or the beginning of it;
    a piece by `CLIENT/ID` with the id that its file gave it too.

    Beside the record stand `kind`, `client`, `lineage` (all ancestors, nearest first) and, for what learned from a dataset,
    `learned_from{dataset pieces[{source category}]}` with the places of its training pieces. Raises InputError for an
    unknown or ambiguous id.
    """
    piece = find_piece(ws, id)
    if piece is not None:
        return show_piece(ws, *piece)
    id = ws.find(id)
    if id in ws.clients():
        return _client(ws, id)
    if id.startswith("run-"):
        found = {"kind": "run", **ws.run(id)}
    elif id.startswith("draft-"):
        found = {"kind": "draft", **ws.draft(id)}
    else:
        found = _artifact(ws, id)
    found["lineage"] = ws.lineage(id)
    if found["kind"] in DATASETS:
        found["items"] = [_item(item) for item in read_dataset(ws, id).items]
    elif found["kind"] == ROWS:
        found["items"] = json.loads((ws.path(id) / "rows.json").read_text(encoding="utf-8"))
    else:
        found["learned_from"] = _learned_from(ws, found)
    return found


def ls(ws: Workspace, kind: str | None = None, client: str | None = None) -> dict[str, Any]:
    """`clients`, and `items[{kind id client created state}]` of artifacts and runs, the newest first; of clients where they are asked for.

    Raises InputError for an unknown kind or client.
    """
    entries = ws.listing(None, client)
    kinds = sorted({*KINDS, *(entry["kind"] for entry in entries)})
    if kind is not None and kind not in kinds:
        raise InputError("--kind", f"'{kind}'", f"one of {', '.join(kinds)}", did_you_mean(kind, kinds))
    if client is not None:
        ws.require_client(client)
    found = [*entries, *({"kind": "run", **run} for run in ws.runs(client))]
    found.sort(key=lambda one: one["created"], reverse=True)
    items = [{**{key: one[key] for key in ("kind", "id", "client", "created")}, "state": one.get("state")} for one in found]
    clients = [name for name in ws.clients() if client in (None, name)]
    if kind == "client":
        items = [{"kind": kind, "id": name, "client": name, "created": None, "state": None} for name in clients]
    return {"clients": clients, "items": [one for one in items if kind in (None, one["kind"])]}


def _client(ws: Workspace, name: str) -> dict[str, Any]:
    held = ls(ws, None, name)
    campaigns = sums(ws.campaigns(name)) if ws.campaign_imports(name) else []
    return {"kind": "client", "id": name, "client": name, "pieces": ws.count_assets(name), "archive": ws.archive_hash(name),
            "items": held["items"], "withdrawn": withdrawn_pieces(ws, name), "lineage": [], "versions": versions(ws, name),
            "campaigns": campaigns}


def _artifact(ws: Workspace, id: str) -> dict[str, Any]:
    """The record on one level; the artifact's own keys are never hidden by the record's, but for `hash`, which is its content's."""
    entry = ws.record(id)
    record, hash_ = entry.pop("record"), entry.pop("hash")
    return {"hash": hash_, **record, **entry, "path": str(ws.path(id, verify=False))}


def _item(item: Any) -> dict[str, Any]:
    source = {"file": item.source.file, "line": item.source.line, "id": item.source.id}
    return {"source": source, "split": str(item.split), "category": item.category, "asset": item.asset, "title": item.example.brief.title}


def _learned_from(ws: Workspace, found: dict[str, Any]) -> dict[str, Any] | None:
    """The dataset that a thing learned from, with the places of the training pieces; None where it learned from none."""
    id = next((one["id"] for one in found["lineage"] if one["kind"] in DATASETS), None) or _dataset_of_run(found)
    if id is None:
        return None
    dataset: Dataset = read_dataset(ws, id)
    pieces = [{"source": one["source"], "category": one["category"]} for one in map(_item, dataset.split(Split.TRAIN))]
    return {"dataset": id, "hash": dataset.hash, "pieces": pieces}


def _dataset_of_run(found: dict[str, Any]) -> str | None:
    """A run has no parents in the catalogue; its settings name the dataset it was started on."""
    named = (found.get("settings") or {}).get("dataset") if found["kind"] == "run" else None
    return named if isinstance(named, str) and named.startswith(tuple(f"{kind}-" for kind in DATASETS)) else None
