"""An open workspace, and pieces to put into it."""

import pytest

from adtune.records import Asset, Source
from adtune.workspace import Workspace


@pytest.fixture
def root(tmp_path):
    return tmp_path / "space"


@pytest.fixture
def ws(root):
    with Workspace.open(root) as workspace:
        yield workspace


@pytest.fixture
def piece():
    def make(number, client="acme", **fields):
        content = {"text": f"Piece number {number}.", **fields}
        return Asset(id=Asset.identity(content, 0), client=client, source=Source("posts.csv", number + 2), **content)

    return make
