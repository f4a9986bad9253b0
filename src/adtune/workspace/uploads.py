"""Files that a client hands in by the API: bytes in root/uploads/<id>, named by us alone, with a row each."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, insert, select

from .archive import now
from .database import Database
from .faults import disk_faults
from .tables_serving import upload


@dataclass(frozen=True)
class Upload:
    """One file; `name` is the client's word for it and never a path of ours."""

    id: str
    client: str
    name: str
    purpose: str
    bytes: int
    sha256: str
    created: str


class Uploads:
    """Rows of the table upload, and the files."""

    def __init__(self, database: Database, root: Path):
        self.database, self.root = database, root

    def add(self, client: str, name: str, purpose: str, chunks: Iterable[bytes], once: str = "") -> Upload:
        """Keeps a file: written aside, synced, renamed, then entered. Raises DiskFullError, WorkspaceError.

        What is added again under the same `once`, by whoever was cut short before, takes the place of what was there.
        """
        id = f"file-{hashlib.sha256(f'{client} {once} {name}'.encode()).hexdigest()[:24] if once else secrets.token_hex(12)}"
        digest, size = hashlib.sha256(), 0
        aside = self.root / f".tmp-{id}"
        try:
            with disk_faults(self.root):
                self.root.mkdir(exist_ok=True)
                with aside.open("wb") as out:
                    for chunk in chunks:
                        out.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                    out.flush()
                    os.fsync(out.fileno())
                aside.replace(self.root / id)
        finally:
            aside.unlink(missing_ok=True)
        made = Upload(id, client, name, purpose, size, digest.hexdigest(), now())
        with self.database.write() as connection:
            connection.execute(delete(upload).where(upload.c.id == id))
            connection.execute(insert(upload), vars(made))
        return made

    def find(self, id: str, client: str) -> Upload | None:
        """The client's file of this id."""
        with self.database.read() as connection:
            row = connection.execute(select(upload).where(upload.c.id == id, upload.c.client == client)).first()
        return None if row is None else Upload(**{name: value for name, value in row._mapping.items() if name != "seq"})

    def all(self, client: str) -> list[Upload]:
        """The client's files, the newest first."""
        query = select(upload).where(upload.c.client == client).order_by(upload.c.seq.desc())
        with self.database.read() as connection:
            return [Upload(**{name: value for name, value in row._mapping.items() if name != "seq"}) for row in connection.execute(query)]

    def path(self, held: Upload) -> Path:
        """Where the bytes lie."""
        return self.root / held.id

    def remove(self, held: Upload) -> None:
        """Takes the file away: the row first, so that nobody finds a row without bytes."""
        with self.database.write() as connection:
            connection.execute(delete(upload).where(upload.c.id == held.id))
        self.path(held).unlink(missing_ok=True)
