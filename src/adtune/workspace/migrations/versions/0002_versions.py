"""Versions of a piece: the file's own id to find it by, what replaced it, since when it is withdrawn, and every change."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
BATCH = 1000


def upgrade() -> None:
    for column in (
        sa.Column("origin", sa.String(64)),
        sa.Column("split", sa.String(16)),
        sa.Column("replaced_by", sa.String(64)),
        sa.Column("withdrawn", sa.String(32)),
    ):
        op.add_column("asset", column)
    _name_origins()
    op.create_index("ix_asset_client_origin", "asset", ["client", "origin"])
    op.create_index("ix_asset_client_replaced_by", "asset", ["client", "replaced_by"])
    op.create_table(
        "change",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("asset", sa.String(64), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("becomes", sa.String(64)),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("moment", sa.String(32), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("seq", name="pk_change"),
        sa.ForeignKeyConstraint(["client"], ["client.name"], name="fk_change_client"),
    )
    op.create_index("ix_change_client_asset", "change", ["client", "asset"])
    op.create_index("ix_change_client_becomes", "change", ["client", "becomes"])


def _name_origins() -> None:
    """Fills `origin` of the pieces that are there, a thousand at a time."""
    asset = sa.table("asset", sa.column("seq", sa.Integer), sa.column("body", sa.JSON), sa.column("origin", sa.String))
    connection, last = op.get_bind(), 0
    fill = sa.update(asset).where(asset.c.seq == sa.bindparam("row")).values(origin=sa.bindparam("digest"))
    rest = sa.select(asset.c.seq, asset.c.body).where(asset.c.seq > sa.bindparam("last")).order_by(asset.c.seq).limit(BATCH)
    while rows := connection.execute(rest, {"last": last}).all():
        last = rows[-1].seq
        bodies = ((row.seq, json.loads(row.body) if isinstance(row.body, str) else row.body) for row in rows)
        named = [(seq, body["source"]["id"]) for seq, body in bodies if (body.get("source") or {}).get("id") is not None]
        if named:
            connection.execute(fill, [{"row": seq, "digest": hashlib.sha256(str(id).encode()).hexdigest()} for seq, id in named])


def downgrade() -> None:
    op.drop_table("change")
    op.drop_index("ix_asset_client_replaced_by", "asset")
    op.drop_index("ix_asset_client_origin", "asset")
    with op.batch_alter_table("asset") as table:
        for name in ("withdrawn", "replaced_by", "split", "origin"):
            table.drop_column(name)
