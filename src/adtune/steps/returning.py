"""What comes back by the API: edits of drafts that were served, taken like a log of edits that is imported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .edits import import_edits

if TYPE_CHECKING:
    from ..workspace import Workspace


def edits_back(ws: Workspace, client: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Take edits: `{read kept added … rejections[{where reason}] learn}`, `where` being `line N` of the rows, counted from 1.

    A row says its draft in words, or by the id under which it stands in the client's log. Raises InputError where nothing can be kept,
    and where the client asked not to be learned from.
    """
    if not ws.keys.allowance(client).learn:
        raise InputError("edits", "a client that asked not to be learned from", "a client that allows it",
                         "Ask an administrator of the client: PUT /v1/adtune/wishes.")
    served = {one["id"]: one for one in ws.drafts(client)} if any("draft_id" in row for row in rows) else {}
    made = []
    for number, row in enumerate(rows, 1):
        row = dict(row)
        id = row.pop("draft_id", None)
        if id is not None:
            if id not in served:
                raise InputError(f"edits[{number - 1}].draft_id", "no draft of this id", "the id of a draft in the client's log",
                                 "List them with GET /v1/adtune/drafts.")
            row.setdefault("draft", served[id]["text"])
            row |= {"adapter": served[id]["adapter"] or "base"}
        made.append(row)
    with TemporaryDirectory(dir=ws.root) as folder:
        path = Path(folder) / "edits.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=True) + "\n" for row in made), encoding="utf-8")
        return import_edits(ws, client, path)
