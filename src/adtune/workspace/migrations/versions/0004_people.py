"""What people log: edits of drafts with their minutes, and blind ratings; rows are only added, the later one holds."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "edit",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("moment", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_edit"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_edit_client"),
        sa.UniqueConstraint("client", "id", name="uq_edit_client_id"),
    )
    op.create_table(
        "rating",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("sheet", sa.String(80), nullable=False),
        sa.Column("item", sa.String(32), nullable=False),
        sa.Column("rater", sa.Text(), nullable=False),
        sa.Column("on_brand", sa.Boolean()),
        sa.Column("grade", sa.Integer()),
        sa.Column("note", sa.Text()),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("moment", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_rating"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_rating_client"),
    )
    op.create_index("ix_rating_client_sheet", "rating", ["client", "sheet"])


def downgrade() -> None:
    op.drop_table("rating")
    op.drop_table("edit")
