"""`adtune rate`: what people say of drafts comes in (logged edits, blind ratings), and what it says is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import Progress, silent

if TYPE_CHECKING:
    from ..workspace import Workspace


@dataclass(frozen=True)
class Asked:
    """The words of `rate`: a log of edits to take in, and the minutes that a piece takes beside editing."""

    edits: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    other_minutes: float | None = None


def rate(ws: Workspace, client: str, asked: Asked, progress: Progress = silent) -> dict[str, Any]:
    """Takes in what is given and tells what is known: `{client edits minutes notes}`; `edits` is null where no log was given.

    Raises InputError for files that cannot be read, and for other minutes that are no time.
    """
    from .edits import import_edits
    from .minutes import told

    ws.require_client(client)
    if asked.other_minutes is not None and not 0 <= asked.other_minutes < 10_000:
        raise InputError("--other-minutes", f"{asked.other_minutes:g}", "minutes a piece, 0 or more", "Leave it out where it is not known.")
    edits = import_edits(ws, client, asked.edits, asked.mapping, progress) if asked.edits else None
    notes = edits.pop("notes") if edits else []
    return {"client": client, "edits": edits, "minutes": told(ws, client, asked.other_minutes), "notes": notes}
