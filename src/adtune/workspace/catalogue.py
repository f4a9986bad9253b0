"""Artifacts as the rest of adtune sees them: published with a record and parents, looked up, traced back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Row, func, insert, select, update

from ..errors import InputError, IntegrityError, did_you_mean
from ..records import hash_of
from .archive import now
from .artifacts import ArtifactStore
from .database import Database, artifact, client, draft, parent, run

KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
SHOWN = 5  # candidates that an ambiguous prefix names


@dataclass(frozen=True)
class Entry:
    """What is known of an artifact beside its files."""

    kind: str
    client: str | None
    hash: str
    record: Mapping[str, Any]
    parents: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.kind}-{self.hash[:12]}"


class Catalogue:
    """Rows of the tables artifact and parent, with the store that holds the files."""

    def __init__(self, database: Database, store: ArtifactStore):
        self.database, self.store = database, store

    def publish(
        self,
        kind: str,
        client: str | None,
        files: Mapping[str, bytes | Path],
        record: Mapping[str, Any],
        parents: Sequence[str],
        identity: str | None,
    ) -> str:
        """See Workspace.publish."""
        self._check(kind, client, parents)
        with self.store.staged(files) as staged:
            what = identity if identity is not None else [{name: file.sha256 for name, file in staged.files.items()}, dict(record)]
            entry = Entry(kind, client, hash_of([kind, client, what]), dict(record), tuple(parents))
            self._refuse_collision(entry)
            header = {
                "id": entry.id,
                "kind": kind,
                "client": client,
                "hash": entry.hash,
                "record": entry.record,
                "parents": list(entry.parents),
            }
            manifest = self.store.settle(staged, kind, entry.id, header)
        self.enter(entry, manifest)
        return entry.id

    def enter(self, entry: Entry, manifest: str) -> None:
        """Writes the row of an artifact whose files are in place; where it is there already, makes it the newest of its kind."""
        with self.database.write() as connection:
            turn = (connection.scalar(select(func.max(artifact.c.turn))) or 0) + 1
            row = {
                "id": entry.id,
                "kind": entry.kind,
                "client": entry.client,
                "hash": entry.hash,
                "manifest": manifest,
                "created": now(),
                "turn": turn,
                "record": entry.record,
            }
            known = connection.scalar(select(artifact.c.id).where(artifact.c.id == entry.id))
            if known:
                connection.execute(update(artifact).where(artifact.c.id == entry.id).values(manifest=manifest, turn=turn))
                return
            connection.execute(insert(artifact), row)
            links = [{"child": entry.id, "position": at, "parent": up} for at, up in enumerate(entry.parents)]
            if links:
                connection.execute(insert(parent), links)

    def _check(self, kind: str, owner: str | None, parents: Sequence[str]) -> None:
        if not KIND.fullmatch(kind):
            raise InputError(f"artifact kind '{kind}'", "an impossible kind", "lower-case letters, digits and '-'", "Choose another kind.")
        with self.database.read() as connection:
            if owner is not None and connection.scalar(select(client.c.name).where(client.c.name == owner)) is None:
                raise InputError(
                    f"client '{owner}'",
                    "no client of this name",
                    "a client of this workspace",
                    did_you_mean(owner, connection.scalars(select(client.c.name))),
                )
            for id in parents:
                row = (
                    connection.execute(select(artifact.c.client).where(artifact.c.id == id)).first()
                    or connection.execute(select(run.c.client).where(run.c.id == id)).first()
                )
                if row is None:
                    raise InputError(
                        f"parent '{id}'", "no artifact or run of this id", "one that was published before", "Publish the parent first."
                    )
                if row.client not in (owner, None):
                    raise InputError(
                        f"parent '{id}'",
                        f"something of client '{row.client}'",
                        "the same client's, or nobody's",
                        "Never make one client's artifact from another's.",
                    )

    def _refuse_collision(self, entry: Entry) -> None:
        with self.database.read() as connection:
            stored = connection.scalar(select(artifact.c.hash).where(artifact.c.id == entry.id))
        if stored not in (None, entry.hash):
            raise IntegrityError(
                entry.id, f"another artifact with hash {stored}", f"hash {entry.hash}", "Change the record a little and publish again."
            )

    def record(self, id: str) -> dict[str, Any]:
        """{id, kind, client, hash, created, parents, record}. Raises InputError for an unknown id."""
        with self.database.read() as connection:
            row = self._row(connection, id)
            return _as_dict(row, _parents(connection, [id]))

    def owned(self, id: str, owner: str) -> dict[str, Any] | None:
        """The record of a client's own artifact; None for an unknown id and for another's, which take the same time."""
        with self.database.read() as connection:
            row = connection.execute(select(artifact).where(artifact.c.id == id, artifact.c.client == owner)).first()
        return None if row is None else _as_dict(row, {})

    def path(self, id: str, verify: bool) -> Path:
        """The artifact's directory. Raises IntegrityError where it is missing or (with `verify`) not as published."""
        with self.database.read() as connection:
            row = self._row(connection, id)
        folder = self.store.folder(row.kind, id)
        if not folder.is_dir():
            raise IntegrityError(str(folder), "no directory", f"the files of {id}", "Restore it from a backup, or make the artifact again.")
        if verify:
            self.store.verify(folder, row.manifest)
        return folder

    def newest(self, kind: str, owner: str | None) -> str | None:
        """The id of the artifact of this kind and client that was published last."""
        query = select(artifact.c.id).where(artifact.c.kind == kind, artifact.c.client == owner)
        with self.database.read() as connection:
            return connection.scalar(query.order_by(artifact.c.turn.desc()).limit(1))

    def listing(self, kind: str | None, owner: str | None) -> list[dict[str, Any]]:
        """The records of all artifacts, or of those of a kind or client, the newest first."""
        query = select(artifact).order_by(artifact.c.turn.desc())
        if kind is not None:
            query = query.where(artifact.c.kind == kind)
        if owner is not None:
            query = query.where(artifact.c.client == owner)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
            links = _parents(connection, None)
        return [_as_dict(row, links) for row in rows]

    def lineage(self, id: str) -> list[dict[str, Any]]:
        """All ancestors of an artifact, run or draft, each once, the nearest first: {id, kind, client, created}."""
        with self.database.read() as connection:
            level, seen, found = self._ups(connection, id), {id}, []
            while level:
                fresh = [up for up in dict.fromkeys(level) if up not in seen]
                seen.update(fresh)
                found += [_brief(connection, up) for up in fresh]
                links = _parents(connection, fresh)
                level = [up for child in fresh for up in links.get(child, [])]
        return found

    def descendants(self, id: str) -> list[dict[str, Any]]:
        """All artifacts that were made from this one, each once, the nearest first: {id, kind, client, created}."""
        query = select(parent.c.child).order_by(parent.c.child)
        with self.database.read() as connection:
            level, seen, found = [id], {id}, []
            while level:
                children = dict.fromkeys(connection.scalars(query.where(parent.c.parent.in_(level))))
                level = [child for child in children if child not in seen]
                seen.update(level)
                found += [_brief(connection, child) for child in level]
        return found

    def _ups(self, connection: Connection, id: str) -> list[str]:
        drafted = connection.execute(select(draft.c.adapter).where(draft.c.id == id)).first()
        if drafted:
            return [drafted.adapter] if drafted.adapter else []
        if connection.scalar(select(run.c.id).where(run.c.id == id)):
            return []
        self._row(connection, id)
        return _parents(connection, [id]).get(id, [])

    def find(self, word: str) -> str:
        """The full id that `word` is or begins: an artifact, run or draft; or a client by its exact name."""
        with self.database.read() as connection:
            matching = sorted(id for table in (artifact, run, draft) for id in _beginning(connection, table.c.id, word))
            names = list(connection.scalars(select(client.c.name)))
            known = [*connection.scalars(select(artifact.c.id)), *connection.scalars(select(run.c.id)), *names]
        if word in matching or word in names:
            return word
        if len(matching) == 1:
            return matching[0]
        if matching:
            shown = ", ".join(matching[:SHOWN]) + (", …" if len(matching) > SHOWN else "")
            raise InputError(
                f"id '{word}'", f"{len(matching)} that begin so: {shown}", "the beginning of exactly one id", "Give more of it."
            )
        raise InputError(
            f"id '{word}'", "nothing of this id or name", "an id, the beginning of one, or a client's name", _hint(word, known)
        )

    def _row(self, connection: Connection, id: str) -> Row[Any]:
        row = connection.execute(select(artifact).where(artifact.c.id == id)).first()
        if row is None:
            raise InputError(
                f"artifact '{id}'",
                "no artifact of this id",
                "the id of a published artifact",
                _hint(id, connection.scalars(select(artifact.c.id)).all()),
            )
        return row


def _beginning(connection: Connection, column: Column[str], word: str) -> list[str]:
    if not word:
        return []
    found = connection.scalars(select(column).where(column.startswith(word, autoescape=True)))
    return [id for id in found if id.startswith(word)]  # SQLite's LIKE takes A for a


def _hint(word: str, known: Sequence[str]) -> str:
    """As did_you_mean, without listing a whole workspace."""
    hint = did_you_mean(word, known)
    return hint if len(known) <= SHOWN or hint.endswith("?") else "See `adtune ls`."


def _parents(connection: Connection, children: Sequence[str] | None) -> dict[str, list[str]]:
    query = select(parent.c.child, parent.c.parent).order_by(parent.c.child, parent.c.position)
    if children is not None:
        query = query.where(parent.c.child.in_(children))
    links: dict[str, list[str]] = {}
    for child, up in connection.execute(query):
        links.setdefault(child, []).append(up)
    return links


def _as_dict(row: Row[Any], links: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "client": row.client,
        "hash": row.hash,
        "created": row.created,
        "parents": links.get(row.id, []),
        "record": row.record,
    }


def _brief(connection: Connection, id: str) -> dict[str, Any]:
    row = connection.execute(select(artifact.c.kind, artifact.c.client, artifact.c.created).where(artifact.c.id == id)).first()
    if row is not None:
        return {"id": id, "kind": row.kind, "client": row.client, "created": row.created}
    made = connection.execute(select(run.c.client, run.c.created).where(run.c.id == id)).first()
    return {"id": id, "kind": "run", "client": made.client if made else None, "created": made.created if made else None}
