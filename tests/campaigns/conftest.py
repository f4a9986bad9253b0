"""Made exports: a file of one platform's shape, imported into a workspace of its own."""

import shutil

import pytest

from adtune.steps.campaigns import import_campaigns
from adtune.workspace import Workspace
from adtune.workspace.campaigns import campaign_rows


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory):
    """A workspace whose tables were made once: copying it is quicker than making them again."""
    root = tmp_path_factory.mktemp("template") / "ws"
    Workspace.open(root).close()
    return root


@pytest.fixture
def ws(tmp_path, empty_workspace):
    shutil.copytree(empty_workspace, tmp_path / "ws")
    with Workspace.open(tmp_path / "ws") as workspace:
        yield workspace


@pytest.fixture
def export(tmp_path):
    """Writes a file of these lines and gives its path."""

    def write(*lines: str, name: str = "export.csv", encoding: str = "utf-8"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path

    return write


@pytest.fixture
def take(ws, export):
    """Imports a file of these lines; gives the answer and the rows that hold then. kept + rejected = read, always."""

    def run(*lines: str, mapping=None, rates=None, repeats: bool = False, **how):
        path = how.pop("path", None) or export(*lines, **how)
        answer = import_campaigns(ws, path, "acme", mapping, rates)
        assert answer["kept"] + answer["rejected"] == answer["read"] and answer["rejected"] == len(answer["rejections"])
        return answer, list(campaign_rows(ws.campaigns("acme", repeats=repeats)))

    return run
