"""Clients and the assets of their archives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from ..errors import InputError, did_you_mean
from ..records import Asset
from .database import Database, asset, client

NAME = re.compile(r"(?![. ])[\w.\- ]{1,64}(?<! )")


def now() -> str:
    """This moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


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
        with self.database.write() as connection:
            self._ensure(connection, name)

    def _ensure(self, connection: Connection, name: str) -> None:
        if not NAME.fullmatch(name):
            raise InputError(
                f"client '{name}'",
                "an impossible name",
                "1 to 64 letters, digits, '.', '_', '-' or spaces, no '.' or space in front",
                "Choose another name.",
            )
        connection.execute(self.database.insert_or_ignore(client), {"name": name, "created": now()})

    def require_client(self, name: str) -> None:
        """Raises InputError where there is no such client."""
        known = self.clients()
        if name not in known:
            raise InputError(f"client '{name}'", "no client of this name", "a client of this workspace", did_you_mean(name, known))

    def add_assets(self, name: str, assets: Sequence[Asset]) -> int:
        """Adds what is new, all or nothing, in one transaction; gives the number added. A new client is created."""
        stranger = next((piece for piece in assets if piece.client != name), None)
        if stranger:
            raise InputError(
                f"asset {stranger.id}",
                f"a piece of client '{stranger.client}'",
                f"pieces of client '{name}'",
                "Import it under its own client.",
            )
        rows = [{"client": name, "id": piece.id, "body": {**vars(piece), "source": vars(piece.source)}} for piece in assets]
        count = select(func.count()).select_from(asset).where(asset.c.client == name)
        with self.database.write() as connection:
            self._ensure(connection, name)
            connection.execute(
                select(client).where(client.c.name == name).with_for_update()
            )  # PostgreSQL: one import of a client at a time
            before = connection.scalar(count) or 0
            if rows:
                connection.execute(self.database.insert_or_ignore(asset), rows)
            return (connection.scalar(count) or 0) - before

    def assets(self, name: str) -> list[Asset]:
        """The client's pieces in the order of their first import."""
        with self.database.read() as connection:
            return [
                Asset.from_dict(body)
                for body in connection.scalars(select(asset.c.body).where(asset.c.client == name).order_by(asset.c.seq))
            ]

    def archive_hash(self, name: str) -> str:
        """Hex sha256 over the client's sorted asset ids, one to a line."""
        digest = hashlib.sha256()
        with self.database.read() as connection:
            ids = connection.execution_options(yield_per=10_000).scalars(
                select(asset.c.id).where(asset.c.client == name).order_by(asset.c.id)
            )
            for id in ids:
                digest.update(f"{id}\n".encode())
        return digest.hexdigest()

    def asset(self, id: str, name: str | None = None) -> Asset:
        """One piece by its id, of client `name` where two clients hold the same content.

        Raises InputError where it is unknown, or where it is several clients' and none is named.
        """
        query = select(asset.c.body).where(asset.c.id == id).limit(2)
        with self.database.read() as connection:
            found = list(connection.scalars(query if name is None else query.where(asset.c.client == name)))
        if not found:
            raise InputError(
                f"asset '{id}'",
                "no asset of this id",
                "the full id of an imported piece",
                "Look the id up in its dataset with `adtune show`.",
            )
        if len(found) > 1:
            raise InputError(f"asset '{id}'", "the same content at several clients", "the client whose piece is meant", "Name the client.")
        return Asset.from_dict(found[0])
