"""`adtune import`: a client's files become assets in the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, did_you_mean
from ..progress import Progress, silent

if TYPE_CHECKING:
    from ..archive import Reading
    from ..workspace import Workspace

KINDS = {"content": True, "images": False, "campaigns": False, "creatives": False}
REASONS_SHOWN = 3


def import_archive(ws: Workspace, path: Path, client: str, kind: str = "content", mapping: dict[str, str] | None = None,
                   progress: Progress = silent) -> dict[str, Any]:
    """Read the file or folder `path` into the archive of `client`, who is created where new.

    `mapping` gives the column of a field. Gives the JSON object of `adtune import`; kept + rejected = read, and `added` counts
    what was new. Raises InputError for an unknown or unbuilt kind, a path that cannot be read, and an archive of which nothing can
    be kept (then nothing is stored and no client is created).
    """
    _check_kind(kind)
    from ..archive import read_archive

    reading = read_archive(Path(path), client, mapping, progress)
    if not reading.assets:  # before the client is created
        raise _nothing_kept(path, reading)
    added = ws.add_assets(client, reading.assets)
    rejections = [{"where": one.where, "reason": one.reason} for one in reading.rejected]
    return {"client": client, "kind": kind, "archive": ws.archive_hash(client), "read": reading.read, "kept": len(reading.assets),
            "added": added, "rejected": len(rejections), "rejections": rejections, "notes": list(reading.notes)}


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError("--as", f"the kind '{kind}'", f"one of {', '.join(KINDS)}", did_you_mean(kind, KINDS))
    if not KINDS[kind]:
        raise InputError("--as", f"the kind '{kind}', which is not built yet", "the kind content",
                         "Import texts for now; other kinds come with a later release.")


def _nothing_kept(path: Path, reading: Reading) -> InputError:
    reasons = "; ".join(f"{one.where}: {one.reason}" for one in reading.rejected[:REASONS_SHOWN])
    more = len(reading.rejected) - REASONS_SHOWN
    told = f" ({reasons}{f'; and {more} more' if more > 0 else ''})" if reasons else ""
    return InputError(str(path), f"no piece that can be kept among {reading.read} read{told}", "at least one piece with a text",
                      "Mend the file, or say which column holds the text: --map text=COLUMN.")
