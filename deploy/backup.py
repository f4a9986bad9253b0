"""Copies a workspace while it is in use: `python deploy/backup.py WORKSPACE FOLDER`. To restore, put the copy in the workspace's place.

The database is copied by SQLite's online backup, first: what it names lies in files that never change, which are copied after it. Files
that the database does not know yet come along and harm nothing. Run it again into the same folder: only what is new is copied.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

FOLDERS = ("artifacts", "runs", "uploads")


def backup(workspace: Path, folder: Path) -> int:
    """Copy a workspace; gives the number of files that were new."""
    from adtune.workspace import Workspace

    if not (workspace / "adtune.db").is_file():
        raise SystemExit(f"{workspace}: no workspace with a database of its own; a PostgreSQL database is backed up with pg_dump")
    folder.mkdir(parents=True, exist_ok=True)
    with Workspace.open(workspace) as ws:
        ws.backup(folder / "adtune.db")
    new = 0
    for name in FOLDERS:
        for source in sorted((workspace / name).rglob("*")) if (workspace / name).is_dir() else ():
            target = folder / source.relative_to(workspace)
            if any(part.startswith(".tmp-") for part in source.parts) or not source.is_file():
                continue
            if name == "artifacts" and target.is_file() and target.stat().st_size == source.stat().st_size:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = target.with_name(f".tmp-{target.name}")
            try:
                shutil.copy2(source, aside)
            except FileNotFoundError:  # a checkpoint that was replaced meanwhile
                continue
            aside.replace(target)
            new += 1
    return new


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    print(f"{backup(Path(sys.argv[1]), Path(sys.argv[2]))} files copied")
