"""The tables of serving: keys, allowances, usage, the ladder, model names, jobs and uploads; in the same metadata as the others."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from .schema import metadata

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("digest", String(64), nullable=False),  # sha256 of the whole key, which is kept nowhere
    Column("scopes", sa.JSON, nullable=False),
    Column("label", sa.Text),
    Column("per_minute", Integer),  # requests; None is the server's default
    Column("concurrent", Integer),
    Column("created", String(32), nullable=False),
    Column("expires", String(32)),
    Column("revoked", String(32)),  # since when
    Column("replaces", String(16)),  # the key that this one was rotated from
    Index(None, "client"),
)

allowance = Table(
    "allowance",
    metadata,
    Column("client", ForeignKey("client.name"), primary_key=True),
    Column("monthly_tokens", BigInteger),  # read and written in a calendar month (UTC); None is no limit
    Column("learn", sa.Boolean, nullable=False),  # False: what is served is not to be learned from
)

usage = Table(
    "usage",
    metadata,
    Column("client", ForeignKey("client.name"), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
)

rung = Table(
    "rung",
    metadata,
    Column("seq", Integer, primary_key=True),  # the newest of a client holds
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("what", String(16), nullable=False),
    Column("version", String(80)),  # None: nothing is live
    Column("share", sa.Float, nullable=False),  # of the requests, for a canary
    Column("who", sa.Text, nullable=False),
    Column("evidence", String(80)),  # the report or plan whose gates passed
    Column("reason", sa.Text),
    Column("moment", String(32), nullable=False),
    Index(None, "client"),
)

model_name = Table(
    "model_name",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("version", String(80), nullable=False),
    Column("created", String(32), nullable=False),
    Index(None, "client"),
)

job = Table(
    "job",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("wants", String(16)),  # what a person asked of a running job: cancel or pause
    Column("payload", sa.JSON, nullable=False),
    Column("state", sa.JSON, nullable=False),  # what a next try goes on from
    Column("result", sa.JSON(none_as_null=True)),
    Column("error", sa.JSON(none_as_null=True)),
    Column("worker", String(80)),
    Column("fence", Integer, nullable=False),  # grows at every claim; a write with an older one is refused
    Column("tries", Integer, nullable=False),
    Column("lease_until", sa.Double),  # seconds since 1970 by the database's clock
    Column("idempotency", String(128)),
    Column("created", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    Column("finished", String(32)),
    sa.UniqueConstraint("client", "idempotency"),
    Index(None, "status", "seq"),
)

job_event = Table(
    "job_event",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("job", ForeignKey("job.id"), nullable=False),
    Column("level", String(8), nullable=False),
    Column("message", sa.Text, nullable=False),
    Column("data", sa.JSON(none_as_null=True)),
    Column("moment", String(32), nullable=False),
    Index(None, "job"),
)

upload = Table(
    "upload",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("client", ForeignKey("client.name"), nullable=False),
    Column("name", sa.Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created", String(32), nullable=False),
    Index(None, "client"),
)
