"""Everything of one client's leaves the workspace: files first, then rows, so that a stop in the middle is ended by saying it again.

SQLite keeps what was deleted in free pages and in its log until they are written over: the database is rewritten (VACUUM) and the log cut.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import select

from ..errors import WorkspaceError
from .database import BUSY_SECONDS, Database, artifact, parent, run
from .database import client as client_table
from .faults import disk_faults
from .jobs import RUNNING
from .schema import metadata
from .tables_serving import job, job_event, upload
from .workspace import DATABASE

if TYPE_CHECKING:
    from .workspace import Workspace

LEFT_SECONDS = 3600.0  # from which on what a killed process left aside is nobody's work in progress
CHUNK = 8 << 20


@dataclass
class Erased:
    """What there was and is gone: rows by table, artifacts by kind, files and their bytes."""

    rows: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0


def rows_of(client: str) -> list[tuple[sa.Table, Any]]:
    """(table, which of its rows are the client's), in an order in which they may be deleted. Raises KeyError for a table that says nothing
    of clients: whoever adds one has to say here whose its rows are."""
    linked = {"parent": parent.c.child.in_(select(artifact.c.id).where(artifact.c.client == client)),
              "job_event": job_event.c.job.in_(select(job.c.id).where(job.c.client == client)),
              "client": client_table.c.name == client}
    return [(table, table.c.client == client if "client" in table.c else linked[table.name]) for table in reversed(metadata.sorted_tables)]


def running(ws: Workspace, client: str) -> list[str]:
    """The client's jobs that a live worker works on."""
    with ws._database.read() as connection:
        held = sa.and_(job.c.client == client, job.c.status == RUNNING, job.c.lease_until >= ws.jobs._clock())
        return list(connection.scalars(select(job.c.id).where(held)))


def erase(ws: Workspace, client: str, published: Sequence[str] = ()) -> Erased:
    """Take away every file and row of the client's; `published` are names of its adapters under root/published.

    Raises WorkspaceError where somebody trains one of its runs, or where the disk or the database fails; say it again then.
    """
    out, database = Erased(), ws._database
    with database.read() as connection:
        made = connection.execute(select(artifact.c.id, artifact.c.kind).where(artifact.c.client == client)).all()
        runs = list(connection.scalars(select(run.c.id).where(run.c.client == client)))
        uploads = list(connection.scalars(select(upload.c.id).where(upload.c.client == client)))
    for one in runs:
        with ws.lock(one):  # raises where a process of this machine trains it
            pass
    for _, kind in made:
        out.artifacts[kind] = out.artifacts.get(kind, 0) + 1
    root = ws.root
    paths = [*(root / "artifacts" / kind / id for id, kind in made), *(root / "runs" / one for one in runs),
             *(root / "uploads" / one for one in uploads), *(root / "published" / one for one in published),
             *(root / "locks" / f"{one}.{end}" for one in runs for end in ("lock", "holder")), *_left_over(root)]
    with disk_faults(root):
        for path in paths:
            _remove(path, out)
    with database.write() as connection:
        for table, mine in rows_of(client):
            out.rows[table.name] = connection.execute(sa.delete(table).where(mine)).rowcount
    _compact(database, root)
    return out


def _left_over(root: Path) -> Iterator[Path]:
    """What may hold a client's words and cannot be told apart: kept measurements, reports of bugs, and what killed processes left aside."""
    yield from (path for path in (root / "measured").glob("*") if not path.name.startswith("probe-"))
    yield from root.glob("bug-*.txt")
    for folder, form in (("artifacts", ".tmp-*"), ("uploads", ".tmp-*"), (".", "tmp*"), ("published", ".*")):
        yield from (path for path in (root / folder).glob(form) if _is_left(path))


def _is_left(path: Path) -> bool:
    """Whether nobody works on it: it is old, or names a process that has ended."""
    parts = path.name.split("-")
    if path.parent.name == "artifacts" and len(parts) == 3 and parts[1].isdigit():
        try:
            os.kill(int(parts[1]), 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
    with suppress(OSError):
        return path.stat().st_mtime < time.time() - LEFT_SECONDS
    return False


def _remove(path: Path, out: Erased) -> None:
    inside = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    out.files += len(inside)
    out.bytes += sum(one.stat().st_size for one in inside)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _compact(database: Database, root: Path) -> None:
    """Write the database anew, so that nothing deleted is left in its file or log. Raises WorkspaceError where others keep it busy."""
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM FULL")
        return
    with closing(sqlite3.connect(str(root / DATABASE), timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        try:
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            raise WorkspaceError(str(root / DATABASE), str(error), "its turn to rewrite the database", "Say it again.") from error
    if busy:
        raise WorkspaceError(str(root / DATABASE), "a database that others read for long", "a moment in which its log can be cut",
                             "What was deleted is still in the log: say it again.")


def search(root: Path, words: Sequence[bytes]) -> tuple[dict[str, int], int]:
    """({file: how many of the words it holds}, bytes that were read) over every file of the workspace."""
    found: dict[str, int] = {}
    total, longest = 0, max(map(len, words), default=1)
    for path in sorted(one for one in root.rglob("*") if one.is_file()):
        seen, tail = set(), b""
        with suppress(FileNotFoundError), path.open("rb") as data:
            while chunk := data.read(CHUNK):
                total += len(chunk)
                window = tail + chunk
                seen |= {word for word in words if word in window}
                tail = window[-longest:]
        if seen:
            found[path.relative_to(root).as_posix()] = len(seen)
    return found, total
