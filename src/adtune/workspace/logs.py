"""Runs of training, and the log of drafts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update

from ..errors import InputError, did_you_mean
from .archive import now
from .database import Database, draft, run

STATES = ("running", "interrupted", "failed", "done")


class Logs:
    """Rows of the tables run and draft."""

    def __init__(self, database: Database):
        self.database = database

    def create_run(self, client: str, settings: Mapping[str, Any]) -> str:
        """A new run in the state `running`; gives its id."""
        id, moment = f"run-{secrets.token_hex(6)}", now()
        with self.database.write() as connection:
            connection.execute(
                insert(run),
                {
                    "id": id,
                    "client": client,
                    "state": "running",
                    "settings": dict(settings),
                    "outcome": None,
                    "created": moment,
                    "updated": moment,
                },
            )
        return id

    def update_run(self, id: str, state: str, outcome: Mapping[str, Any] | None) -> None:
        """Sets the state, and the outcome where one is given. Raises InputError for an unknown run, ValueError for an unknown state."""
        if state not in STATES:
            raise ValueError(f"a run is one of {', '.join(STATES)}, not {state!r}")
        values: dict[str, Any] = {"state": state, "updated": now()}
        if outcome is not None:
            values["outcome"] = dict(outcome)
        with self.database.write() as connection:
            touched = connection.execute(update(run).where(run.c.id == id).values(**values)).rowcount
        if not touched:
            self.run(id)  # raises

    def run(self, id: str) -> dict[str, Any]:
        """{id, client, state, settings, outcome, created, updated}. Raises InputError for an unknown id."""
        with self.database.read() as connection:
            row = connection.execute(select(run).where(run.c.id == id)).first()
            if row is None:
                raise InputError(
                    f"run '{id}'", "no run of this id", "the id of a run", did_you_mean(id, connection.scalars(select(run.c.id)))
                )
        return _without_seq(row)

    def runs(self, client: str | None) -> list[dict[str, Any]]:
        """All runs, or a client's, the newest first."""
        query = select(run).order_by(run.c.seq.desc())
        with self.database.read() as connection:
            rows = connection.execute(query if client is None else query.where(run.c.client == client)).all()
        return [_without_seq(row) for row in rows]

    def newest_run(self, client: str, states: Sequence[str]) -> dict[str, Any] | None:
        """The client's newest run that is in one of the states."""
        query = select(run).where(run.c.client == client, run.c.state.in_(states)).order_by(run.c.seq.desc()).limit(1)
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _without_seq(row)

    def log_draft(self, client: str, adapter: str | None, brief: Mapping[str, Any], text: str, scores: Mapping[str, Any]) -> str:
        """Notes who was served what; gives the draft's id."""
        row = draft_row(client, adapter, brief, text, scores)
        with self.database.write() as connection:
            connection.execute(insert(draft), row)
        return str(row["id"])

    def drafts(self, client: str) -> list[dict[str, Any]]:
        """The client's drafts, the oldest first."""
        with self.database.read() as connection:
            return [_without_seq(row) for row in connection.execute(select(draft).where(draft.c.client == client).order_by(draft.c.seq))]

    def draft(self, id: str) -> dict[str, Any]:
        """{id, client, adapter, brief, text, scores, created}. Raises InputError for an unknown id."""
        with self.database.read() as connection:
            row = connection.execute(select(draft).where(draft.c.id == id)).first()
        if row is None:
            raise InputError(
                f"draft '{id}'", "no draft of this id", "the id of a logged draft", "Draft again, or look the id up where it was printed."
            )
        return _without_seq(row)


def draft_row(client: str, adapter: str | None, brief: Mapping[str, Any], text: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    """The table's row of a draft, with a new id."""
    return {"id": f"draft-{secrets.token_hex(6)}", "client": client, "adapter": adapter, "brief": dict(brief), "text": text,
            "scores": dict(scores), "created": now()}


def _without_seq(row: Row[Any]) -> dict[str, Any]:
    return {key: value for key, value in row._mapping.items() if key != "seq"}
