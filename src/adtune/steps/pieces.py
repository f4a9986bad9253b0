"""One piece of an archive: what it says, what happened to it, and which datasets and adapters hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..records import Asset

if TYPE_CHECKING:
    from ..workspace import Workspace

HEX = re.compile(r"[0-9a-f]{6,64}")


def find_piece(ws: Workspace, word: str) -> tuple[str, str] | None:
    """(client, id) of the piece that `word` names: its id or the beginning of it, or `CLIENT/ID` with our id or the file's own.

    None where it names none. Raises InputError where several pieces are meant.
    """
    client, slash, rest = word.partition("/")
    clients = ws.clients()
    if word in clients:   # a name of hex digits
        return None
    if slash and client in clients:
        own = ws.assets_in_force(client, [rest]).get(rest, [])
        found = [(client, piece.id) for piece in own] or (ws.find_asset(rest, client) if HEX.fullmatch(rest) else [])
    else:
        found = ws.find_asset(word) if HEX.fullmatch(word) else []
    if len(found) > 1:
        shown = ", ".join(f"{owner}/{id[:12]}" for owner, id in found)
        raise InputError(f"id '{word}'", f"{len(found)} pieces: {shown}", "the id of exactly one piece", "Give more of it, or CLIENT/ID.")
    return found[0] if found else None


def show_piece(ws: Workspace, client: str, id: str) -> dict[str, Any]:
    """The record of a piece with its `state` (in force, replaced, withdrawn), its `versions`, its `history`, what persons decided of it in
    curation, and what holds it."""
    piece = ws.asset(id, client)
    versions = ws.versions(client, id)
    history = [{"when": one.when, "what": one.what, "who": one.who, "reason": one.reason, "asset": one.asset, "becomes": one.becomes,
                "source": asdict(one.source), "before": one.before, "after": one.after} for one in ws.history(client, versions)]
    decisions = [{"says": one.says, "who": one.who, "when": one.when, "about": one.about, "note": one.note, "source": asdict(one.source)}
                 for one in ws.decisions(client) if one.asset in versions]
    state = "withdrawn" if piece.withdrawn else "replaced" if piece.replaced_by else "in force"
    return {"kind": "asset", **asdict(piece), "state": state, "versions": versions, "history": history, "decisions": decisions,
            "held_by": held_by(ws, client, versions), "lineage": []}


def held_by(ws: Workspace, client: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The datasets that hold one of these pieces, and everything that was made from them (plans, runs, adapters, reports):
    `{kind id created split asset dataset}`, the newest dataset first. An adapter learned from the piece where `split` is train."""
    found = []
    for entry in ws.listing("dataset", client):
        for id, split in splits_in(ws, entry["id"], ids).items():
            common = {"split": split, "asset": id, "dataset": entry["id"]}
            made = [{**one, "kind": "run"} for one in ws.runs(client) if (one["settings"] or {}).get("dataset") == entry["id"]]
            found += [{"kind": one["kind"], "id": one["id"], "created": one["created"], **common}
                      for one in ({**entry, "kind": "dataset"}, *made, *ws.descendants(entry["id"]))]
    return found


def splits_in(ws: Workspace, dataset: str, ids: Iterable[str]) -> dict[str, str]:
    """The split of each of these pieces in a dataset, of those that it holds.

    A dataset's file is large, and most datasets hold none of a few pieces: so its bytes are searched before they are parsed.
    """
    raw = (ws.path(dataset, verify=False) / "dataset.json").read_bytes()
    there = {id for id in ids if id.encode() in raw}
    if not there:
        return {}
    return {item["asset"]: item["split"] for item in json.loads(raw)["items"] if item["asset"] in there}


def withdrawn_pieces(ws: Workspace, client: str) -> list[dict[str, Any]]:
    """The client's withdrawn pieces, each with the datasets and adapters that hold one of its versions."""
    pieces = ws.withdrawn(client)
    owners: dict[str, Asset] = {id: piece for piece in pieces for id in ws.versions(client, piece.id)}
    held: dict[str, list[str]] = {piece.id: [] for piece in pieces}
    for entry in held_by(ws, client, list(owners)) if owners else ():
        if entry["kind"] in ("dataset", "adapter") and entry["id"] not in held[owners[entry["asset"]].id]:
            held[owners[entry["asset"]].id].append(entry["id"])
    return [{"asset": piece.id, "title": piece.title, "source": asdict(piece.source), "since": piece.withdrawn, "held_by": held[piece.id]}
            for piece in pieces]
