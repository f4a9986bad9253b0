"""Brings the database's schema to this version of adtune; loads alembic only where there is something to do."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from ..errors import WorkspaceError
from .database import HEAD, Database

MIGRATIONS = Path(__file__).parent / "migrations"


def stored_revision(database: Database) -> str | None:
    """The revision that the database says it has; None for an empty one."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def upgrade(database: Database) -> None:
    """Runs the missing migrations in one transaction. Raises WorkspaceError where a newer adtune wrote the database."""
    stored = stored_revision(database)
    if stored != HEAD:
        _migrate(database, stored)


def _migrate(database: Database, stored: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if stored is not None and stored not in known:
        raise WorkspaceError(
            database.where,
            f"schema revision '{stored}' of a newer adtune",
            f"revision {HEAD} or older",
            "Upgrade adtune, or name another directory with --workspace.",
        )
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
