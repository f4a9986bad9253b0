"""What persons said of a client's pieces: a log to which rows are only added; the later one holds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select

from ..records import Decision, Source
from .archive import now
from .database import Database, decision


class Decisions:
    """Rows of the table decision."""

    def __init__(self, database: Database):
        self.database = database

    def add(self, client: str, decisions: Sequence[Decision]) -> None:
        """Adds them in their order, all or none; those without a moment get this one. Raises ValueError for a word that says nothing."""
        wrong = next((one.says for one in decisions if one.says not in Decision.SAYS), None)
        if wrong is not None:
            raise ValueError(f"a decision says one of {', '.join(Decision.SAYS)}, not {wrong!r}")
        moment = now()
        rows = [{"client": client, "asset": one.asset, "content": one.content, "says": one.says, "who": one.who, "about": one.about,
                 "kind": one.kind, "note": one.note, "source": vars(one.source), "moment": one.when or moment} for one in decisions]
        if rows:
            with self.database.write() as connection:
                connection.execute(insert(decision), rows)

    def all(self, client: str) -> list[Decision]:
        """All that was ever said of the client's pieces, the oldest first."""
        query = select(decision).where(decision.c.client == client).order_by(decision.c.seq)
        with self.database.read() as connection:
            return [Decision(row.asset, row.content, row.says, row.who, row.about, row.kind, row.note, Source(**row.source), row.moment)
                    for row in connection.execute(query)]
