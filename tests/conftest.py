"""What holds for every test: no network, no hub cache of the person who runs it, no workspace but its own, the same made-up examples."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.pop("ADTUNE_WORKSPACE", None)

import pytest  # noqa: E402 - the environment above must stand before anything loads a hub client
from hypothesis import settings

from adtune.workspace import upgrade  # noqa: E402

settings.register_profile("the same examples in every run", derandomize=True, database=None)
settings.load_profile("the same examples in every run")


# Files whose few tests take long, the longest first: taken last, as xdist takes files of few tests, they would leave workers idle.
LONG = ("engine/test_compiled", "steps/test_steps_advice", "steps/test_steps_main_job", "curate/test_curate_choose", "engine/test_resume",
        "steps/test_steps_main_job_after", "steps/test_steps_pretraining", "steps/test_steps_resume", "archive/test_archive_child",
        "curate/test_curate_same_hash", "evaluate/test_evaluate_groups", "steps/test_steps_curve", "pretrain/test_advertisers",
        "curate/test_curate_split", "steps/test_steps_response_words", "steps/test_steps_evaluate_more")


def pytest_configure(config: pytest.Config) -> None:
    """The order in which workers take files is the one below."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Workers begin with the files that take long and end with those of few tests; without workers the order stays as it is."""
    if not hasattr(config, "workerinput"):
        return
    tests = Counter(item.path for item in items)
    first = {(Path(__file__).parent / f"{name}.py"): place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: (first.get(item.path, len(first)), -tests[item.path], str(item.path)))


@pytest.fixture(scope="session", autouse=True)
def unsynced() -> Iterator[None]:
    """No file is pushed to the disk: no test cuts the power, and a killed process leaves what it wrote. A closed file is still refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: os.fstat(file if isinstance(file, int) else file.fileno()) and None)
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this machine fails the test that opened it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address):  # noqa: ANN001, ANN202
        if self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost"):
            return connect(self, address)
        raise AssertionError(f"a test reached for the network: {address}")

    monkeypatch.setattr(socket.socket, "connect", guarded)


migrate = upgrade._migrate


@cache
def statements() -> tuple[str, ...]:
    """What makes the tables of a new workspace in SQLite, as the migrations left them in one that was made for this."""
    from sqlalchemy import URL

    from adtune.workspace.database import HEAD, Database

    with TemporaryDirectory() as folder:
        database = Database(URL.create("sqlite", database=f"{folder}/adtune.db"))
        migrate(database, None)
        with database.read() as connection:
            made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").scalars().all()
        database.close()
    return (*made, f"INSERT INTO alembic_version VALUES ('{HEAD}')")


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new workspace gets its tables at once: migrating takes most of the time of a test that only wants a workspace.

    tests/workspace/test_workspace_open.py migrates each one, and PostgreSQL and older databases are migrated everywhere.
    """
    def make(database, stored):  # noqa: ANN001, ANN202
        if stored is not None or not database.is_sqlite:
            return migrate(database, stored)
        with database.write() as connection:
            for statement in statements():
                connection.exec_driver_sql(statement)

    monkeypatch.setattr(upgrade, "_migrate", make)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The local test beds beside the checkout; tests that need them are skipped where they are absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared test beds are not on this machine")
    return folder
