"""The door as tests use it: `main(argv)` in this process, with its output and exit code."""

import json
import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from adtune.cli.main import main


@dataclass
class Said:
    """What one command line gave back."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict:
        """The one JSON object on stdout."""
        assert len(self.out.splitlines()) == 1, self.out
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


@pytest.fixture
def adtune(capsys, tmp_path, monkeypatch):
    """Runs a command line in an empty folder whose workspace is `ws`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADTUNE_WORKSPACE", str(tmp_path / "ws"))

    def run(*argv: str) -> Said:
        capsys.readouterr()
        code = main(list(argv))
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture
def fake_step(monkeypatch):
    """Puts a function in the place of a step, so that the door is tested without the work."""

    def put(module: str, function) -> None:
        stand_in = ModuleType(f"adtune.steps.{module}")
        setattr(stand_in, function.__name__, function)
        monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)

    return put
