"""Alembic's entry: migrates over the connection, inside the transaction, that `upgrade` hands in."""

from alembic import context

from adtune.workspace.database import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
