"""Serving: keys, allowances and usage, the ladder of live versions, model names, jobs with their events, and uploaded files."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _create_keys()
    _create_ladder()
    _create_jobs()
    op.create_table(
        "upload",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_upload"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_upload_client"),
        sa.UniqueConstraint("id", name="uq_upload_id"),
    )
    op.create_index("ix_upload_client", "upload", ["client"])


def _create_keys() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("per_minute", sa.Integer()),
        sa.Column("concurrent", sa.Integer()),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("expires", sa.String(32)),
        sa.Column("revoked", sa.String(32)),
        sa.Column("replaces", sa.String(16)),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_api_key_client"),
    )
    op.create_index("ix_api_key_client", "api_key", ["client"])
    op.create_table(
        "allowance",
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("monthly_tokens", sa.BigInteger()),
        sa.Column("learn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("client", name="pk_allowance"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_allowance_client"),
    )
    op.create_table(
        "usage",
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client", "month", name="pk_usage"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_usage_client"),
    )


def _create_ladder() -> None:
    op.create_table(
        "rung",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("version", sa.String(80)),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("evidence", sa.String(80)),
        sa.Column("reason", sa.Text()),
        sa.Column("moment", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_rung"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_rung_client"),
    )
    op.create_index("ix_rung_client", "rung", ["client"])
    op.create_table(
        "model_name",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("version", sa.String(80), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_model_name"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_model_name_client"),
    )
    op.create_index("ix_model_name_client", "model_name", ["client"])


def _create_jobs() -> None:
    op.create_table(
        "job",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("wants", sa.String(16)),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.Column("worker", sa.String(80)),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Double()),
        sa.Column("idempotency", sa.String(128)),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("updated", sa.String(32), nullable=False),
        sa.Column("finished", sa.String(32)),
        sa.PrimaryKeyConstraint("seq", name="pk_job"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_job_client"),
        sa.UniqueConstraint("id", name="uq_job_id"),
        sa.UniqueConstraint("client", "idempotency", name="uq_job_client_idempotency"),
    )
    op.create_index("ix_job_status_seq", "job", ["status", "seq"])
    op.create_table(
        "job_event",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(40), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON()),
        sa.Column("moment", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_job_event"),
        sa.ForeignKeyConstraint(["job"], ["job.id"], name="fk_job_event_job"),
    )
    op.create_index("ix_job_event_job", "job_event", ["job"])


def downgrade() -> None:
    for table in ("upload", "job_event", "job", "model_name", "rung", "usage", "allowance", "api_key"):
        op.drop_table(table)
