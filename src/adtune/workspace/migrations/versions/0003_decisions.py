"""Decisions of persons about pieces: what was said, of what, by whom and when; nothing is overwritten, the later one holds."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("asset", sa.String(64), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("says", sa.String(16), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("about", sa.String(64)),
        sa.Column("kind", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("moment", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_decision"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_decision_client"),
    )
    op.create_index("ix_decision_client", "decision", ["client"])


def downgrade() -> None:
    op.drop_table("decision")
