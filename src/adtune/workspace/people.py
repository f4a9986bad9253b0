"""What people log of drafts: edits with their minutes, and blind ratings. Rows are only added; the later one holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import insert, select

from ..records import Edit, Rating, Source
from .archive import now
from .database import Database, edit, rating


class People:
    """Rows of the tables edit and rating."""

    def __init__(self, database: Database):
        self.database = database

    def add_edits(self, client: str, edits: Sequence[Edit]) -> int:
        """Adds those whose id is new, all or none; gives how many were."""
        moment = now()
        with self.database.write() as connection:
            known = set(connection.scalars(select(edit.c.id).where(edit.c.client == client)))
            new = {one.id: one for one in edits if one.id not in known}
            rows = [{"client": client, "id": one.id, "body": {name: getattr(one, name) for name in Edit.CONTENT},
                     "source": vars(one.source), "moment": one.when or moment} for one in new.values()]
            if rows:
                connection.execute(insert(edit), rows)
        return len(rows)

    def edits(self, client: str) -> list[Edit]:
        """All that were ever logged, the oldest first."""
        query = select(edit).where(edit.c.client == client).order_by(edit.c.seq)
        with self.database.read() as connection:
            return [Edit(row.id, source=Source(**row.source), when=row.moment, **row.body) for row in connection.execute(query)]

    def add_ratings(self, client: str, ratings: Sequence[Rating]) -> None:
        """Adds them in their order, all or none; those without a moment get this one."""
        moment = now()
        rows = [{**vars(replace(one, when="")), "client": client, "source": vars(one.source), "moment": one.when or moment}
                for one in ratings]
        for row in rows:
            del row["when"]
        if rows:
            with self.database.write() as connection:
                connection.execute(insert(rating), rows)

    def ratings(self, client: str, sheet: str | None = None) -> list[Rating]:
        """All that was ever said of a client's sheets, or of one, the oldest first."""
        query = select(rating).where(rating.c.client == client).order_by(rating.c.seq)
        with self.database.read() as connection:
            found = connection.execute(query if sheet is None else query.where(rating.c.sheet == sheet))
            return [Rating(row.sheet, row.item, row.rater, row.on_brand, row.grade, row.note, Source(**row.source), row.moment)
                    for row in found]
