"""Versions of pieces: an import is stored with the changes that it makes, in one transaction; nothing is overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ..records import Asset, Change, Source
from .archive import Archive, batches, check_name, now, piece_of, row_of
from .database import asset, change


@dataclass(frozen=True)
class Revision:
    """A change with the version that it leads to, as it is to be stored; `piece` is None where the content stays."""

    change: Change
    piece: Asset | None = None


class Versions:
    """Rows of the table change, and the state of assets."""

    def __init__(self, archive: Archive):
        self.archive, self.database = archive, archive.database

    def commit(self, name: str, items: Iterable[Asset | Revision], splits: Sequence[tuple[str, str]] = ()) -> int:
        """Adds new assets, revises others and notes splits (id, split), all or nothing; gives the number of assets added. A new
        client is created. `items` may be a generator: a batch of them is in memory at a time."""
        check_name(name)
        added = 0
        with self.database.write() as connection:
            for batch in batches(items):
                added += self.archive.insert(connection, name, [item for item in batch if isinstance(item, Asset)])
                for item in batch:
                    if isinstance(item, Revision):
                        self._revise(connection, name, item)
            self.archive.keep_splits(connection, name, splits)
        return added

    def _revise(self, connection: Connection, name: str, revision: Revision) -> None:
        done, piece = revision.change, revision.piece
        if piece is not None:
            connection.execute(self.database.insert_or_ignore(asset), row_of(piece))
            # going back to an earlier version puts that one in force again
            _set(connection, name, done.becomes, replaced_by=None, withdrawn=piece.withdrawn)
            _set(connection, name, done.asset, replaced_by=done.becomes)
        else:
            moment = done.when or now()
            _set(connection, name, done.asset, withdrawn=moment if done.what == "withdrawn" else None)
        row: dict[str, Any] = {"client": name, "asset": done.asset, "what": done.what, "becomes": done.becomes, "before": done.before,
                               "after": done.after, "who": done.who, "moment": done.when or now(), "source": vars(done.source),
                               "reason": done.reason}
        connection.execute(insert(change), row)

    def chain(self, name: str, id: str) -> list[str]:
        """The ids of all versions of a piece, in the order in which they came in force for the first time."""
        with self.database.read() as connection:
            found, edge = {id}, {id}
            while edge:
                links = connection.execute(
                    select(change.c.asset, change.c.becomes).where(change.c.client == name,
                                                                   change.c.asset.in_(edge) | change.c.becomes.in_(edge))).all()
                edge = {one for link in links for one in link if one is not None} - found
                found |= edge
            order = select(asset.c.id).where(asset.c.client == name, asset.c.id.in_(found)).order_by(asset.c.seq)
            return list(connection.scalars(order))

    def changed(self, name: str, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that some change left or led to."""
        links = select(change.c.asset, change.c.becomes).where(change.c.client == name)
        with self.database.read() as connection:
            rows = (row for batch in batches(ids)
                    for row in connection.execute(links.where(change.c.asset.in_(batch) | change.c.becomes.in_(batch))))
            return {id for row in rows for id in row} & set(ids)

    def history(self, name: str, ids: Sequence[str]) -> list[Change]:
        """What happened to these versions, the oldest first."""
        query = select(change).where(change.c.client == name, change.c.asset.in_(ids)).order_by(change.c.seq)
        with self.database.read() as connection:
            return [Change(row.asset, row.what, row.becomes, row.before, row.after, row.who, Source(**row.source), row.reason, row.moment)
                    for row in connection.execute(query)]

    def withdrawn(self, name: str) -> list[Asset]:
        """The client's withdrawn pieces, in the order of their import; of each the version in force."""
        columns = (asset.c.body, asset.c.split, asset.c.replaced_by, asset.c.withdrawn)
        query = select(*columns).where(asset.c.client == name, asset.c.withdrawn.is_not(None), asset.c.replaced_by.is_(None))
        with self.database.read() as connection:
            return [piece_of(row) for row in connection.execute(query.order_by(asset.c.seq))]


def _set(connection: Connection, name: str, id: str, **values: Any) -> None:
    connection.execute(update(asset).where(asset.c.client == name, asset.c.id == id).values(**values))
