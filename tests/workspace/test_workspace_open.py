"""Opening: migrations, speed, and every place that cannot be a workspace."""

import errno
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from adtune.errors import DiskFullError, InputError, WorkspaceError
from adtune.workspace import Workspace
from adtune.workspace import database as db
from adtune.workspace.database import Database
from adtune.workspace.upgrade import MIGRATIONS, stored_revision, upgrade


@pytest.fixture
def tables():
    """Nothing stands in for the migrations here: they are what is tested."""


def said(url):
    """A database's URL as words for another process."""
    return [] if url is None else [url.render_as_string(hide_password=False)]


def test_importing_loads_neither_sqlalchemy_nor_alembic():
    code = "import sys, adtune.workspace; print([m for m in ('sqlalchemy', 'alembic', 'filelock') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_opening_again_is_fast_and_without_alembic(root):
    Workspace.open(root).close()
    code = (
        "import sys, time, sqlalchemy, filelock; from pathlib import Path; from adtune.workspace import Workspace\n"
        "from adtune.workspace import archive, catalogue, logs, upgrade\n"
        "start = time.process_time(); Workspace.open(Path(sys.argv[1])); print(time.process_time() - start, 'alembic' in sys.modules)"
    )
    seconds, alembic = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True).stdout.split()
    assert alembic == "False"
    assert float(seconds) < 0.15


def test_sqlite_is_durable(local):
    with local._database.read() as connection:
        names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    assert values == ["wal", 2, 30_000, 1]


def test_models_equal_migrations(ws):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with ws._database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, db.metadata) == []


def test_head_is_the_newest_revision():
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == db.HEAD


def test_tables_compile_for_postgresql():
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    ddl = str(CreateTable(db.asset).compile(dialect=postgresql.dialect()))
    assert "seq SERIAL" in ddl


def test_existing_workspace_keeps_its_rows_when_upgraded(root, url, piece):
    with Workspace.open(root, url) as ws:
        ws.add_assets("acme", [piece(1)])
    with Workspace.open(root, url) as ws:
        assert [a.text for a in ws.assets("acme")] == ["Piece number 1."]
        assert stored_revision(ws._database) == db.HEAD


def test_a_failed_migration_leaves_nothing(root, url, monkeypatch):
    root.mkdir()
    database = Database(url or sa.URL.create("sqlite", database=str(root / "adtune.db")))
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")), raising=False)
        with pytest.raises(RuntimeError, match="power cut"):
            upgrade(database)
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == []
    upgrade(database)
    assert stored_revision(database) == db.HEAD
    database.close()


def test_two_processes_open_a_new_workspace_at_once(root, url):
    code = "import sys; from adtune.workspace import Workspace; Workspace.open(sys.argv[1], *sys.argv[3:]).ensure_client(sys.argv[2])"
    both = [subprocess.Popen([sys.executable, "-c", code, root, name, *said(url)], stderr=subprocess.PIPE) for name in ("one", "two")]
    assert [(p.communicate()[1], p.returncode) for p in both] == [(b"", 0), (b"", 0)]
    with Workspace.open(root, url) as ws:
        assert ws.clients() == ["one", "two"]


def test_a_url_of_postgresql_takes_the_driver_that_the_extra_installs():
    database = Database("postgresql://someone:secret@nowhere/adtune")
    assert database.engine.driver == "psycopg" and not database.is_sqlite and "secret" not in database.where
    with pytest.raises(WorkspaceError, match="nowhere"), database.read():
        pass


def test_a_postgresql_database_is_backed_up_by_its_own_tool(root, postgresql, tmp_path):
    with Workspace.open(root, postgresql) as ws, pytest.raises(WorkspaceError, match="pg_dump"):
        ws.backup(tmp_path / "copy.db")


def test_newer_adtune(root):
    Workspace.open(root).close()
    with sqlite3.connect(root / "adtune.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(WorkspaceError, match="9999") as caught:
        Workspace.open(root)
    assert "Upgrade adtune" in caught.value.do


def test_not_a_database(root):
    root.mkdir()
    (root / "adtune.db").write_bytes(b"title,text\n" * 500)
    with pytest.raises(WorkspaceError, match="something else than a database"):
        Workspace.open(root)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_truncated_database(root, piece, share):
    with Workspace.open(root) as ws:
        ws.add_assets("acme", [piece(n) for n in range(300)])
        ws.publish("guide", "acme", {"guide.txt": b"Be brief."}, {})
    file = root / "adtune.db"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(WorkspaceError, match="adtune.db"):
        Workspace.open(root).assets("acme")


def test_root_is_a_file(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    for place in (file, file / "below"):
        with pytest.raises(WorkspaceError, match="a file where a directory belongs"):
            Workspace.open(place)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [(errno.EACCES, WorkspaceError, "may not be written"), (errno.ENOSPC, DiskFullError, "no space")],
)
def test_unwritable_or_full_place(root, monkeypatch, code, kind, words):
    def refuse(self, *_, **__):
        raise OSError(code, "no", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(kind, match=words):
        Workspace.open(root)


def test_read_only_database_file(root, monkeypatch):
    Workspace.open(root).close()
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "adtune.db")
    with pytest.raises(WorkspaceError, match="may not be written"):
        Workspace.open(root)


def test_full_disk_while_writing_rows(local, piece):
    with local._database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={connection.exec_driver_sql('PRAGMA page_count').scalar()}")
    with pytest.raises(DiskFullError, match="no space"):
        local.add_assets("acme", [piece(n) for n in range(2000)])
    assert local.clients() == [] and local.assets("acme") == []


def test_a_busy_database_is_named(local, monkeypatch):
    other = sqlite3.connect(local.root / "adtune.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.1)
    local._database.engine.dispose()
    start = time.perf_counter()
    with pytest.raises(WorkspaceError, match="kept busy"):
        local.ensure_client("acme")
    assert time.perf_counter() - start < 5
    other.execute("ROLLBACK")
    other.close()


def test_backup_while_writing(local, piece, tmp_path):
    local.add_assets("acme", [piece(n) for n in range(50)])
    restored = tmp_path / "restored"
    restored.mkdir()
    local.backup(restored / "adtune.db")
    local.add_assets("acme", [piece(99)])
    with Workspace.open(restored) as copy:
        assert copy.assets("acme") == [piece(n) for n in range(50)]
    assert [path.name for path in restored.iterdir() if path.name.endswith(".tmp")] == []


def test_backup_to_an_impossible_place(local, tmp_path):
    with pytest.raises(InputError, match="a directory"):
        local.backup(tmp_path)
    with pytest.raises(WorkspaceError, match="unable to open"):
        local.backup(tmp_path / "missing" / "copy.db")
