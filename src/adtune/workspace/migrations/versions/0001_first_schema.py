"""The first schema: clients, assets, artifacts with their parents, runs, drafts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_client"),
    )
    op.create_table(
        "asset",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_asset"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_asset_client"),
        sa.UniqueConstraint("client", "id", name="uq_asset_client_id"),
    )
    op.create_index("ix_asset_id", "asset", ["id"])
    _create_artifacts()
    _create_logs()


def _create_artifacts() -> None:
    op.create_table(
        "artifact",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("client", sa.String(64)),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("manifest", sa.String(64), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifact"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_artifact_client"),
    )
    op.create_index("ix_artifact_kind_client_turn", "artifact", ["kind", "client", "turn"])
    op.create_table(
        "parent",
        sa.Column("child", sa.String(80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("parent", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("child", "position", name="pk_parent"),
        sa.ForeignKeyConstraint(["child"], ["artifact.id"], name="fk_parent_child"),
    )


def _create_logs() -> None:
    op.create_table(
        "run",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.JSON()),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("updated", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_run"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_run_client"),
        sa.UniqueConstraint("id", name="uq_run_id"),
    )
    op.create_table(
        "draft",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("adapter", sa.String(80)),
        sa.Column("brief", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_draft"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_draft_client"),
        sa.UniqueConstraint("id", name="uq_draft_id"),
    )


def downgrade() -> None:
    for table in ("draft", "run", "parent", "artifact", "asset", "client"):
        op.drop_table(table)
