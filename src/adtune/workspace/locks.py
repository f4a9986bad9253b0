"""Locks between processes, released by the operating system when their holder dies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from ..errors import WorkspaceError
from .faults import disk_error


@contextmanager
def held(folder: Path, name: str, wait: float = 0.0) -> Iterator[None]:
    """Holds the exclusive lock `name` under `folder`, waiting at most `wait` seconds for it.

    Raises WorkspaceError naming the pid of the holder and since when it holds.
    """
    from filelock import FileLock, Timeout

    stem = quote(name, safe=" ")
    holder = folder / f"{stem}.holder"
    lock = FileLock(str(folder / f"{stem}.lock"))
    try:
        lock.acquire(timeout=wait)
    except Timeout:  # an OSError too, so it goes first
        raise WorkspaceError(
            f"lock '{name}'",
            f"held by {_who(holder)}",
            "nobody else at work on it",
            "Wait until that process is done, or stop it; a dead process holds nothing.",
        ) from None
    except OSError as error:
        raise disk_error(error, folder) from error
    try:
        with suppress(OSError):  # the note only informs: a full disk must not keep anybody from the lock
            _sign(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _sign(holder: Path) -> None:
    aside = holder.with_name(f"{holder.name}.{os.getpid()}")
    aside.write_text(json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}), encoding="utf-8")
    aside.replace(holder)  # a reader sees a whole note or none


def _who(holder: Path) -> str:
    try:
        note = json.loads(holder.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another process that has only just taken it"
    return f"process {note['pid']} since {note['since']}"
