"""The ladder: which version of a client's was live when, on whose word and evidence; and the names that versions answer to.

Rows are only added and the newest one holds, so going live and rolling back are one insert each: atomic, and never forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from ..errors import InputError
from .archive import now
from .database import Database, client
from .tables_serving import model_name, rung

LIVE, ROLLBACK, CANARY, DOWN, WITHDRAWN = "live", "rollback", "canary", "down", "withdrawn"
HOLDING = (LIVE, ROLLBACK, DOWN)  # the steps that say which version is live


@dataclass(frozen=True)
class Rung:
    """A step on a ladder. `what` is live, rollback, canary (`share` of the requests), down (`version` None: nothing is live) or
    withdrawn (the version is never served again)."""

    client: str
    what: str
    version: str | None
    who: str
    evidence: str | None = None
    reason: str | None = None
    share: float = 1.0
    moment: str = ""


@dataclass(frozen=True)
class ModelName:
    """A name that a version answers to, such as `ft:starter:acme:spring:1a2b3c`."""

    name: str
    client: str
    version: str
    created: str = ""


@dataclass(frozen=True)
class Standing:
    """What of a client's may answer now: the live step, the canary beside it, and the versions that never answer again."""

    live: Rung | None
    canary: Rung | None
    withdrawn: frozenset[str]


class Ladder:
    """Rows of the tables rung and model_name."""

    def __init__(self, database: Database):
        self.database = database

    def step(self, step: Rung, after: int | None = None) -> None:
        """Adds a step. `after` is `height` as the caller saw it. Raises InputError where somebody else took a step meanwhile."""
        with self.database.write() as connection:
            # PostgreSQL: one step of a client at a time
            connection.execute(select(client).where(client.c.name == step.client).with_for_update())
            if after is not None and self._height(connection, step.client) != after:
                raise InputError(f"client {step.client}", "another version that went live meanwhile", "the version that was live",
                                 "Look at `adtune ls`, then say it again.")
            connection.execute(insert(rung), {**vars(step), "moment": step.moment or now()})

    def height(self, name: str) -> int:
        """A number that grows with every step of the client's."""
        with self.database.read() as connection:
            return self._height(connection, name)

    def _height(self, connection: Connection, name: str) -> int:
        return connection.scalar(select(func.max(rung.c.seq)).where(rung.c.client == name)) or 0

    def history(self, name: str) -> list[Rung]:
        """All steps of the client's, the oldest first."""
        with self.database.read() as connection:
            return [_rung(row) for row in connection.execute(select(rung).where(rung.c.client == name).order_by(rung.c.seq))]

    def standing(self, name: str) -> Standing:
        """Live, canary and withdrawn versions in one view."""
        holding = select(rung).where(rung.c.client == name, rung.c.what.in_((*HOLDING, CANARY))).order_by(rung.c.seq.desc())
        with self.database.read() as connection:
            newest = connection.execute(holding.limit(1)).first()
            held = newest
            if newest is not None and newest.what == CANARY:
                held = connection.execute(holding.where(rung.c.what != CANARY).limit(1)).first()
            gone = connection.scalars(select(rung.c.version).where(rung.c.client == name, rung.c.what == WITHDRAWN)).all()
        canary = _rung(newest) if newest is not None and newest.what == CANARY and newest.version is not None else None
        return Standing(None if held is None or held.version is None else _rung(held), canary, frozenset(gone))

    def live(self, name: str) -> Rung | None:
        """The step that made the client's live version live; None where nothing is."""
        return self.standing(name).live

    def canary(self, name: str) -> Rung | None:
        """The version that gets a share of the live one's requests; None where there is none."""
        return self.standing(name).canary

    def withdrawn(self, name: str) -> set[str]:
        """The client's versions that are never served again."""
        return set(self.standing(name).withdrawn)

    def name(self, named: ModelName) -> None:
        """Gives a version a name, for good. Raises InputError where the name is taken by another version."""
        with self.database.write() as connection:
            self.enter(connection, named)

    def enter(self, connection: Connection, named: ModelName) -> None:
        """`name` within a transaction of the caller's."""
        connection.execute(self.database.insert_or_ignore(model_name), {**vars(named), "created": named.created or now()})
        held = connection.execute(select(model_name).where(model_name.c.name == named.name)).one()
        if (held.client, held.version) != (named.client, named.version):
            raise InputError(f"model name '{named.name}'", "a name that is taken", "a new name", "Choose another suffix.")

    def named(self, owner: str, name: str) -> ModelName | None:
        """The client's version of this name."""
        query = select(model_name).where(model_name.c.name == name, model_name.c.client == owner)
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else ModelName(**row._mapping)

    def names(self, owner: str) -> list[ModelName]:
        """All names of the client's versions, the oldest first."""
        query = select(model_name).where(model_name.c.client == owner).order_by(model_name.c.created, model_name.c.name)
        with self.database.read() as connection:
            return [ModelName(**row._mapping) for row in connection.execute(query)]


def _rung(row: Row[Any]) -> Rung:
    return Rung(**{name: value for name, value in row._mapping.items() if name != "seq"})
