"""The tables, and the connection to SQLite (default) or PostgreSQL (by URL).

SQLite runs with a write-ahead log and synchronous=FULL: what was acknowledged survives a power cut
(https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous). Writers take their lock at
BEGIN (IMMEDIATE), so that two of them queue for the busy timeout and never fail half-way.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Connection, ForeignKey, Index, Integer, String, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from ..errors import WorkspaceError
from . import tables_serving  # noqa: F401 - its tables belong to the metadata
from .faults import disk_full
from .schema import metadata

HEAD = "0005"  # newest revision under migrations/versions; a test holds the two together
BUSY_SECONDS = 30.0
SHARED_MEMORY_BYTES = 1 << 16

client = Table("client", metadata, Column("name", String(64), primary_key=True), Column("created", String(32), nullable=False))

asset = Table(
    "asset",
    metadata,
    Column("seq", Integer, primary_key=True),  # the order of first import
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("id", String(64), nullable=False),
    Column("body", sa.JSON, nullable=False),
    Column("origin", String(64)),  # sha256 of the file's own id, which may be of any length
    Column("split", String(16)),  # the split that the client's files gave the piece
    Column("replaced_by", String(64)),  # the id of the next version; None for the one in force
    Column("withdrawn", String(32)),  # since when
    sa.UniqueConstraint("client", "id"),
    Index(None, "id"),
    Index(None, "client", "origin"),
    Index(None, "client", "replaced_by"),
)

change = Table(
    "change",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("asset", String(64), nullable=False),  # the version that was in force
    Column("what", String(16), nullable=False),
    Column("becomes", String(64)),  # the version that is in force after it
    Column("before", sa.JSON, nullable=False),
    Column("after", sa.JSON, nullable=False),
    Column("who", sa.Text, nullable=False),
    Column("moment", String(32), nullable=False),
    Column("source", sa.JSON, nullable=False),
    Column("reason", sa.Text),
    Index(None, "client", "asset"),
    Index(None, "client", "becomes"),
)

decision = Table(
    "decision",
    metadata,
    Column("seq", Integer, primary_key=True),  # the later one holds
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("asset", String(64), nullable=False),
    Column("content", String(64), nullable=False),  # sha256 of the piece's plain words
    Column("says", String(16), nullable=False),
    Column("who", sa.Text, nullable=False),
    Column("about", String(64)),
    Column("kind", sa.Text),
    Column("note", sa.Text),
    Column("source", sa.JSON, nullable=False),
    Column("moment", String(32), nullable=False),
    Index(None, "client"),
)

edit = Table(
    "edit",
    metadata,
    Column("seq", Integer, primary_key=True),  # the later one of a pair holds
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("id", String(64), nullable=False),  # sha256 of all content, so that importing a log again adds nothing
    Column("body", sa.JSON, nullable=False),
    Column("source", sa.JSON, nullable=False),
    Column("moment", String(32), nullable=False),
    sa.UniqueConstraint("client", "id"),
)

rating = Table(
    "rating",
    metadata,
    Column("seq", Integer, primary_key=True),  # the later one of a rater and an item holds
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("sheet", String(80), nullable=False),
    Column("item", String(32), nullable=False),
    Column("rater", sa.Text, nullable=False),
    Column("on_brand", sa.Boolean),
    Column("grade", Integer),
    Column("note", sa.Text),
    Column("source", sa.JSON, nullable=False),
    Column("moment", String(32), nullable=False),
    Index(None, "client", "sheet"),
)

artifact = Table(
    "artifact",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("client", ForeignKey("client.name")),
    Column("hash", String(64), nullable=False),
    Column("manifest", String(64), nullable=False),  # sha256 of MANIFEST.json
    Column("created", String(32), nullable=False),
    Column("turn", Integer, nullable=False),  # order of the last publish: making an artifact again makes it the newest
    Column("record", sa.JSON, nullable=False),
    Index(None, "kind", "client", "turn"),
)

parent = Table(
    "parent",
    metadata,
    Column("child", ForeignKey("artifact.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("parent", String(80), nullable=False),  # an artifact or a run
)

run = Table(
    "run",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("settings", sa.JSON, nullable=False),
    Column("outcome", sa.JSON(none_as_null=True)),
    Column("created", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
)

draft = Table(
    "draft",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("adapter", String(80)),
    Column("brief", sa.JSON, nullable=False),
    Column("text", sa.Text, nullable=False),
    Column("scores", sa.JSON, nullable=False),
    Column("created", String(32), nullable=False),
)


class Database:
    """An engine whose transactions either happen wholly or not at all, and whose errors are WorkspaceErrors."""

    def __init__(self, url: str | sa.URL):
        self.engine = _engine(url)
        self.where = self.engine.url.render_as_string(hide_password=True) if not self.is_sqlite else str(self.engine.url.database)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that holds the writer's lock from its begin and commits at the end, or rolls back."""
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, write: bool) -> Iterator[Connection]:
        try:
            with self.engine.connect().execution_options(adtune_write=write) as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            raise explain(error, self.where) from error

    def insert_or_ignore(self, table: Table) -> Any:
        """An insert that leaves rows alone that are there already."""
        dialect = sqlite if self.is_sqlite else postgresql
        return dialect.insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        self.engine.dispose()


def explain(error: DBAPIError, where: str) -> WorkspaceError:
    """The WorkspaceError that tells what a database error means, and what to do."""
    cause = error.orig
    code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_space(where)):
        return disk_full(where)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return WorkspaceError(
            where,
            f"a damaged file or something else than a database ({cause})",
            "an adtune database",
            "Restore it from a backup, or name another directory with --workspace.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return WorkspaceError(
            where,
            f"a database that another process kept busy for {BUSY_SECONDS:.0f} s",
            "its turn to write",
            "Wait for the other process, then try again.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return WorkspaceError(
            where,
            f"a database that cannot be written ({cause})",
            "a writable file in a writable directory",
            "Change the permissions, or name another directory with --workspace.",
        )
    return WorkspaceError(where, f"{cause}", "a working database", "Check the disk and the database, then try again.")


def _no_space(file: str) -> bool:
    """Whether a disk has no room for SQLite's shared memory; SQLite calls that an I/O error."""
    return shutil.disk_usage(Path(file).parent).free < SHARED_MEMORY_BYTES


def _engine(url: str | sa.URL) -> sa.Engine:
    url = sa.make_url(url)
    if url.drivername == "postgresql":  # SQLAlchemy would take psycopg 2
        url = url.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, json_serializer=_json)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in (f"busy_timeout={int(BUSY_SECONDS * 1000)}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("adtune_write") else "BEGIN")
