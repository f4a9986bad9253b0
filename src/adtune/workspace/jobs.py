"""The job table: work that is done by one worker at a time, survives every crash, and whose effects happen once.

    queued -> running -> succeeded | failed | cancelled            paused <-> queued
                 |-> queued again: its worker died (its lease ran out), was stopped, or the try failed and may be repeated
                 |-> failed, "dead letter": after MOST_TRIES workers died or failed over it

A claim takes the oldest job that is queued, or running with a lease that ran out, and raises its fence. Whatever a worker writes
afterwards names that fence in the same statement: a worker that was away too long is refused and changes nothing. The clock is the
database's, so a worker's own clock decides nothing. SQLite's writer lock (BEGIN IMMEDIATE) and PostgreSQL's SKIP LOCKED let one worker
win each claim.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Float, Row, and_, case, cast, func, insert, literal, or_, select, update

from ..errors import InputError, did_you_mean
from .archive import now
from .database import Database
from .ladder import Ladder, ModelName
from .tables_serving import job, job_event

QUEUED, RUNNING, PAUSED, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "paused", "succeeded", "failed", "cancelled"
DONE = (SUCCEEDED, FAILED, CANCELLED)
CANCEL, PAUSE = "cancel", "pause"
MOST_TRIES = 3
LEASE_SECONDS = 30.0


@dataclass(frozen=True)
class Job:
    """A job as the table holds it. `state` is what a next try goes on from, `wants` what a person asked of it while it runs."""

    id: str
    client: str
    kind: str
    status: str
    payload: dict[str, Any]
    state: dict[str, Any] = field(default_factory=dict)
    wants: str | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    worker: str | None = None
    fence: int = 0
    tries: int = 0
    created: str = ""
    updated: str = ""
    finished: str | None = None


@dataclass(frozen=True)
class JobEvent:
    """One line of a job's log; `seq` grows."""

    seq: int
    job: str
    level: str
    message: str
    data: dict[str, Any] | None
    moment: str


class Stale(Exception):  # noqa: N818 - it is a refusal, not an error
    """A worker wrote with an old fence, or to a job that is no longer running: the job is not its own any more."""


class Jobs:
    """Rows of the tables job and job_event."""

    def __init__(self, database: Database):
        self.database = database

    def submit(self, client: str, kind: str, payload: Mapping[str, Any], idempotency: str | None = None) -> Job:
        """A new job in the state queued; with an idempotency key that the client has used before, the job of then."""
        moment, id = now(), f"job-{secrets.token_hex(8)}"
        row = {"id": id, "client": client, "kind": kind, "status": QUEUED, "payload": dict(payload), "state": {}, "fence": 0, "tries": 0,
               "idempotency": idempotency, "created": moment, "updated": moment}
        with self.database.write() as connection:
            connection.execute(self.database.insert_or_ignore(job), row)
            found = connection.execute(select(job).where(job.c.id == id)).first()
            if found is None:
                found = connection.execute(select(job).where(job.c.client == client, job.c.idempotency == idempotency)).one()
        return _job(found)

    def get(self, id: str, client: str | None = None) -> Job:
        """One job, of the client's where one is named. Raises InputError."""
        found = self.find(id, client)
        if found is None:
            with self.database.read() as connection:
                known = list(connection.scalars(select(job.c.id).where(client is None or job.c.client == client).limit(100)))
            raise InputError(f"job '{id}'", "no job of this id", "the id of a job", did_you_mean(id, known) if known else "There is none.")
        return found

    def find(self, id: str, client: str | None = None) -> Job | None:
        """One job, of the client's where one is named; None where there is none."""
        query = select(job).where(job.c.id == id)
        with self.database.read() as connection:
            row = connection.execute(query if client is None else query.where(job.c.client == client)).first()
        return None if row is None else _job(row)

    def all(self, client: str | None = None, kind: str | None = None) -> list[Job]:
        """All jobs, the newest first."""
        query = select(job).order_by(job.c.seq.desc())
        query = query if client is None else query.where(job.c.client == client)
        with self.database.read() as connection:
            return [_job(row) for row in connection.execute(query if kind is None else query.where(job.c.kind == kind))]

    def claim(self, worker: str, kinds: Sequence[str] | None = None, lease: float = LEASE_SECONDS) -> Job | None:
        """The oldest job that may be worked on, now this worker's for `lease` seconds; None where there is none.

        A job over which MOST_TRIES workers have died is failed as a dead letter and passed over.
        """
        clock = self._clock()
        waiting = or_(job.c.status == QUEUED, and_(job.c.status == RUNNING, job.c.lease_until < clock))
        if kinds is not None:
            waiting = and_(waiting, job.c.kind.in_(kinds))
        with self.database.write() as connection:
            while True:
                row = connection.execute(select(job).where(waiting).order_by(job.c.seq).limit(1).with_for_update(skip_locked=True)).first()
                if row is None:
                    return None
                if self._settled(connection, row):
                    continue
                values = {"status": RUNNING, "worker": worker, "fence": row.fence + 1, "tries": row.tries + 1, "updated": now()}
                connection.execute(update(job).where(job.c.seq == row.seq).values(**values, lease_until=clock + lease))
                return _job(connection.execute(select(job).where(job.c.seq == row.seq)).one())

    def _settled(self, connection: Connection, row: Row[Any]) -> bool:
        """Ends a job that nobody should work on: a person asked its dead worker to stop, or it has had its tries."""
        if row.wants == CANCEL:
            self._end(connection, row.seq, CANCELLED)
        elif row.wants == PAUSE:
            connection.execute(update(job).where(job.c.seq == row.seq).values(status=PAUSED, wants=None, worker=None, lease_until=None))
        elif row.tries >= MOST_TRIES:
            error = {"code": "dead_letter", "message": f"{row.tries} workers died over this job; it is not tried again", "param": None}
            self._end(connection, row.seq, FAILED, error=error)
            self._log(connection, row.id, "error", error["message"])
        else:
            return False
        return True

    def beat(self, held: Job, lease: float = LEASE_SECONDS) -> str | None:
        """Renews the lease, and gives what a person asks of the job. Raises Stale."""
        with self.database.write() as connection:
            self._fenced(connection, held, {"lease_until": self._clock() + lease})
            return connection.scalar(select(job.c.wants).where(job.c.id == held.id))

    def keep(self, held: Job, state: Mapping[str, Any]) -> None:
        """Keeps what a next try goes on from. Raises Stale."""
        with self.database.write() as connection:
            self._fenced(connection, held, {"state": dict(state), "updated": now()})

    def log(self, held: Job, message: str, data: Mapping[str, Any] | None = None, level: str = "info") -> None:
        """Adds a line to the job's log. Raises Stale."""
        with self.database.write() as connection:
            self._fenced(connection, held, {"updated": now()})
            self._log(connection, held.id, level, message, data)

    def succeed(self, held: Job, result: Mapping[str, Any], named: ModelName | None = None) -> None:
        """Ends the job well, and gives its model a name in the same transaction. Raises Stale: what a stale worker made is not taken."""
        self._finish(held, SUCCEEDED, {"result": dict(result)}, named)

    def fail(self, held: Job, error: Mapping[str, Any]) -> None:
        """Ends the job for good: trying again would not help. Raises Stale."""
        self._finish(held, FAILED, {"error": dict(error)})

    def _finish(self, held: Job, status: str, values: Mapping[str, Any], named: ModelName | None = None) -> None:
        with self.database.write() as connection:
            if named is not None:
                Ladder(self.database).enter(connection, named)
            self._fenced(connection, held, {**values, "status": status, "wants": None, "worker": None, "lease_until": None,
                                            "updated": now(), "finished": now()})

    def stop(self, held: Job) -> str:
        """Gives back a job whose work was stopped at a safe point: cancelled or paused where a person asked for it, else queued again,
        without counting the try. Gives the new status. Raises Stale."""
        status = case((job.c.wants == CANCEL, CANCELLED), (job.c.wants == PAUSE, PAUSED), else_=QUEUED)
        values = {"status": status, "wants": None, "worker": None, "lease_until": None, "updated": now(), "tries": job.c.tries - 1,
                  "finished": case((job.c.wants == CANCEL, now()), else_=None)}
        with self.database.write() as connection:
            self._fenced(connection, held, values)
            return str(connection.scalar(select(job.c.status).where(job.c.id == held.id)))

    def retry(self, held: Job, reason: str) -> str:
        """Queues a job again whose try failed by no fault of its own; dead after MOST_TRIES. Gives the new status. Raises Stale."""
        values = {"status": QUEUED, "worker": None, "lease_until": None, "updated": now()}
        with self.database.write() as connection:
            self._fenced(connection, held, values)
            self._log(connection, held.id, "warn", reason)
            self._settled(connection, connection.execute(select(job).where(job.c.id == held.id)).one())
            return str(connection.scalar(select(job.c.status).where(job.c.id == held.id)))

    def ask(self, id: str, what: str, client: str | None = None) -> Job:
        """Asks to cancel or pause a job: at once where nobody works on it, else its worker is told. A job that has ended stays as it is."""
        found = self.get(id, client)
        with self.database.write() as connection:
            idle = {"status": CANCELLED, "finished": now()} if what == CANCEL else {"status": PAUSED}
            waiting = job.c.status.in_((QUEUED, PAUSED) if what == CANCEL else (QUEUED,))
            connection.execute(update(job).where(job.c.id == found.id, waiting).values(**idle, updated=now()))
            # whoever asked to cancel is not overruled by a later wish to pause
            asked = job.c.wants.is_(None) | literal(what == CANCEL)
            connection.execute(update(job).where(job.c.id == found.id, job.c.status == RUNNING, asked).values(wants=what))
        return self.get(id)

    def resume(self, id: str, client: str | None = None) -> Job:
        """Queues a paused job again; one that is asked to pause and still runs goes on. Any other stays as it is."""
        found = self.get(id, client)
        with self.database.write() as connection:
            connection.execute(update(job).where(job.c.id == found.id, job.c.status == PAUSED).values(status=QUEUED, updated=now()))
            connection.execute(update(job).where(job.c.id == found.id, job.c.wants == PAUSE).values(wants=None))
        return self.get(id)

    def events(self, id: str) -> list[JobEvent]:
        """The job's log, the oldest line first."""
        with self.database.read() as connection:
            return [JobEvent(**row._mapping) for row in connection.execute(
                select(job_event).where(job_event.c.job == id).order_by(job_event.c.seq))]

    def counts(self) -> dict[str, int]:
        """How many jobs there are of each status."""
        with self.database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(select(job.c.status, func.count()).group_by(job.c.status))}

    def _clock(self) -> Any:
        """Seconds since 1970 by the database's own clock."""
        if self.database.is_sqlite:
            return (func.julianday("now") - 2440587.5) * 86400.0
        return cast(func.extract("epoch", func.clock_timestamp()), Float(53))

    def _fenced(self, connection: Connection, held: Job, values: Mapping[str, Any]) -> None:
        mine = and_(job.c.id == held.id, job.c.fence == held.fence, job.c.status == RUNNING)
        if not connection.execute(update(job).where(mine).values(**values)).rowcount:
            raise Stale(held.id)

    def _end(self, connection: Connection, seq: int, status: str, error: Mapping[str, Any] | None = None) -> None:
        connection.execute(update(job).where(job.c.seq == seq).values(
            status=status, error=dict(error) if error else None, wants=None, worker=None, lease_until=None, updated=now(), finished=now()))

    def _log(self, connection: Connection, id: str, level: str, message: str, data: Mapping[str, Any] | None = None) -> None:
        connection.execute(insert(job_event), {"job": id, "level": level, "message": message, "data": dict(data) if data else None,
                                               "moment": now()})


def _job(row: Row[Any]) -> Job:
    left_out = ("seq", "lease_until", "idempotency")
    return Job(**{name: value for name, value in row._mapping.items() if name not in left_out})
