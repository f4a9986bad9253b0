"""Clients and the assets of their archives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from ..errors import InputError, did_you_mean
from ..records import Asset
from .database import Database, asset, client

NAME = re.compile(r"(?![. ])[\w.\- ]{1,64}(?<! )")
BATCH = 1000   # rows in memory at a time
STATE = (asset.c.split, asset.c.replaced_by, asset.c.withdrawn)


def now() -> str:
    """This moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def origin_of(source_id: str) -> str:
    """What a piece is found by: the sha256 of the file's own id, which may be of any length."""
    return hashlib.sha256(source_id.encode("utf-8", "surrogatepass")).hexdigest()


def row_of(piece: Asset) -> dict[str, Any]:
    """The table's row of a piece; its state has columns of its own."""
    body = {**vars(piece), "source": vars(piece.source)}
    state = {column.name: body.pop(column.name) for column in STATE}
    return {"client": piece.client, "id": piece.id, "body": body, **state,
            "origin": None if piece.source.id is None else origin_of(piece.source.id)}


def piece_of(row: Row[Any]) -> Asset:
    """The piece of a row with the columns `body` and STATE."""
    return Asset.from_dict({**row.body, "split": row.split, "replaced_by": row.replaced_by, "withdrawn": row.withdrawn})


def batches(items: Iterable[Any], size: int = BATCH) -> Iterator[list[Any]]:
    """Lists of up to `size` items, in order."""
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


class Archive:
    """Rows of the tables client and asset."""

    def __init__(self, database: Database):
        self.database = database

    def clients(self) -> list[str]:
        """All clients' names, sorted."""
        with self.database.read() as connection:
            return list(connection.scalars(select(client.c.name).order_by(client.c.name)))

    def ensure_client(self, name: str) -> None:
        """Creates the client where it is new. Raises InputError for an impossible name."""
        check_name(name)
        with self.database.write() as connection:
            self._ensure(connection, name)

    def _ensure(self, connection: Connection, name: str) -> None:
        connection.execute(self.database.insert_or_ignore(client), {"name": name, "created": now()})

    def require_client(self, name: str) -> None:
        """Raises InputError where there is no such client."""
        known = self.clients()
        if name not in known:
            raise InputError(f"client '{name}'", "no client of this name", "a client of this workspace", did_you_mean(name, known))

    def add_assets(self, name: str, assets: Iterable[Asset]) -> int:
        """Adds what is new, all or nothing, in one transaction; gives the number added. A new client is created.

        `assets` may be a generator: a batch of them is in memory at a time.
        """
        check_name(name)
        with self.database.write() as connection:
            return self.insert(connection, name, assets)

    def insert(self, connection: Connection, name: str, assets: Iterable[Asset]) -> int:
        """`add_assets` within a transaction of the caller's."""
        self._ensure(connection, name)
        # PostgreSQL: one import of a client at a time
        connection.execute(select(client).where(client.c.name == name).with_for_update())
        newest = connection.scalar(select(func.max(asset.c.seq))) or 0
        for batch in batches(assets):
            stranger = next((piece for piece in batch if piece.client != name), None)
            if stranger:
                raise InputError(f"asset {stranger.id}", f"a piece of client '{stranger.client}'", f"pieces of client '{name}'",
                                 "Import it under its own client.")
            connection.execute(self.database.insert_or_ignore(asset), [row_of(piece) for piece in batch])
        return connection.scalar(select(func.count()).select_from(asset).where(asset.c.client == name, asset.c.seq > newest)) or 0

    def known(self, name: str, ids: Sequence[str]) -> dict[str, Asset]:
        """The client's pieces among `ids`, with their state but without their content."""
        with self.database.read() as connection:
            query = select(asset.c.id, *STATE).where(asset.c.client == name)
            rows = (row for batch in batches(ids) for row in connection.execute(query.where(asset.c.id.in_(batch))))
            return {row.id: Asset(row.id, name, "", split=row.split, replaced_by=row.replaced_by, withdrawn=row.withdrawn) for row in rows}

    def pieces(self, name: str, ids: Sequence[str]) -> dict[str, Asset]:
        """The client's pieces among `ids`."""
        query = select(asset.c.id, asset.c.body, *STATE).where(asset.c.client == name)
        with self.database.read() as connection:
            rows = (row for batch in batches(ids) for row in connection.execute(query.where(asset.c.id.in_(batch))))
            return {row.id: piece_of(row) for row in rows}

    def in_force(self, name: str, source_ids: Sequence[str]) -> dict[str, list[Asset]]:
        """The client's pieces that are in force, by the ids that their own files gave them."""
        found: dict[str, list[Asset]] = {}
        query = select(asset.c.body, *STATE).where(asset.c.client == name, asset.c.replaced_by.is_(None)).order_by(asset.c.seq)
        with self.database.read() as connection:
            for batch in batches(dict.fromkeys(map(origin_of, source_ids))):
                for piece in map(piece_of, connection.execute(query.where(asset.c.origin.in_(batch)))):
                    found.setdefault(str(piece.source.id), []).append(piece)
        return found

    def keep_splits(self, connection: Connection, name: str, splits: Sequence[tuple[str, str]]) -> None:
        """Notes the split (id, split) that files gave pieces which had none so far."""
        fill = update(asset).where(asset.c.client == name, asset.c.id == bindparam("piece"), asset.c.split.is_(None))
        for batch in batches(splits):
            connection.execute(fill.values(split=bindparam("given")), [{"piece": id, "given": split} for id, split in batch])

    def assets(self, name: str) -> list[Asset]:
        """The client's pieces in the order of their first import; versions that were replaced and withdrawn pieces say so."""
        with self.database.read() as connection:
            rows = connection.execution_options(yield_per=BATCH).execute(
                select(asset.c.body, *STATE).where(asset.c.client == name).order_by(asset.c.seq))
            return [piece_of(row) for row in rows]

    def count(self, name: str) -> int:
        """How many of the client's pieces are in force."""
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(asset).where(*_counted(name))) or 0

    def archive_hash(self, name: str) -> str:
        """Hex sha256 over the sorted ids of the client's pieces in force, one to a line."""
        digest = hashlib.sha256()
        with self.database.read() as connection:
            ids = connection.execution_options(yield_per=10_000).scalars(select(asset.c.id).where(*_counted(name)).order_by(asset.c.id))
            for id in ids:
                digest.update(f"{id}\n".encode())
        return digest.hexdigest()

    def asset(self, id: str, name: str | None = None) -> Asset:
        """One piece by its id, of client `name` where two clients hold the same content.

        Raises InputError where it is unknown, or where it is several clients' and none is named.
        """
        query = select(asset.c.body, *STATE).where(asset.c.id == id).limit(2)
        with self.database.read() as connection:
            found = connection.execute(query if name is None else query.where(asset.c.client == name)).all()
        if not found:
            raise InputError(
                f"asset '{id}'",
                "no asset of this id",
                "the full id of an imported piece",
                "Look the id up in its dataset with `adtune show`.",
            )
        if len(found) > 1:
            raise InputError(f"asset '{id}'", "the same content at several clients", "the client whose piece is meant",
                             "Name the client: CLIENT/ID.")
        return piece_of(found[0])

    def beginning(self, word: str, name: str | None = None) -> list[tuple[str, str]]:
        """(client, id) of the pieces whose id is or begins with `word`, at most a few."""
        # a range, which the index serves; "g" follows the hex digits
        query = select(asset.c.client, asset.c.id).where(asset.c.id >= word, asset.c.id < word + "g").order_by(asset.c.id).limit(6)
        with self.database.read() as connection:
            return [(row.client, row.id) for row in connection.execute(query if name is None else query.where(asset.c.client == name))]


def check_name(name: str) -> None:
    """Raises InputError for a name that no client can have."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"client '{name}'",
            "an impossible name",
            "1 to 64 letters, digits, '.', '_', '-' or spaces, no '.' or space in front",
            "Choose another name.",
        )


def _counted(name: str) -> tuple[Any, ...]:
    return asset.c.client == name, asset.c.replaced_by.is_(None), asset.c.withdrawn.is_(None)
