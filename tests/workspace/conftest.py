"""An open workspace on SQLite and, where a server is named, on PostgreSQL; and pieces to put into it."""

import itertools
import os

import pytest
import sqlalchemy as sa

from adtune.records import Asset, Source
from adtune.workspace import Workspace

SERVER = "ADTUNE_TEST_POSTGRESQL"  # the URL of a server where databases may be made and dropped; .ci/run starts one
numbers = itertools.count()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "space"


@pytest.fixture
def postgresql():
    """The URL of an empty database of this test's own."""
    if not os.environ.get(SERVER):
        pytest.skip(f"no PostgreSQL server: {SERVER} names none")
    server, name = sa.make_url(os.environ[SERVER]), f"adtune_{os.getpid()}_{next(numbers)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """Where the database of a workspace is: None is SQLite's file in its folder."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def ws(root, url):
    with Workspace.open(root, url) as workspace:
        yield workspace


@pytest.fixture
def local(root):
    """A workspace on SQLite, for what only a file can suffer."""
    with Workspace.open(root) as workspace:
        yield workspace


@pytest.fixture
def piece():
    def make(number, client="acme", **fields):
        content = {"text": f"Piece number {number}.", **fields}
        return Asset(id=Asset.identity(content, 0), client=client, source=Source("posts.csv", number + 2), **content)

    return make
