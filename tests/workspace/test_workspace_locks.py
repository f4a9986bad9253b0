"""Locks between processes."""

import os
import subprocess
import sys

import pytest

from adtune.errors import WorkspaceError

TAKE = """
import os, sys
from pathlib import Path
from adtune.workspace import Workspace
lock = Workspace.open(Path(sys.argv[1])).lock("tune acme")
lock.__enter__()
print("held", flush=True)
sys.stdin.readline()
os._exit(1)
"""


def test_a_second_holder_is_told_who_holds(ws):
    with ws.lock("tune acme"):
        with pytest.raises(WorkspaceError, match=rf"process {os.getpid()} since 20\d\d-"), ws.lock("tune acme"):
            pass
        with ws.lock("tune other"):
            pass
    with ws.lock("tune acme"):
        pass


def test_an_error_inside_releases(ws):
    with pytest.raises(RuntimeError), ws.lock("x"):
        raise RuntimeError
    with ws.lock("x"):
        pass


def test_odd_names_stay_in_their_folder(ws):
    for name in ("../../up", "a/b", "..", "ü:*?"):
        with ws.lock(name):
            pass
    assert not (ws.root / "up.lock").exists() and all(path.is_file() for path in (ws.root / "locks").iterdir())


def test_a_dead_holder_holds_nothing(ws):
    with subprocess.Popen([sys.executable, "-c", TAKE, ws.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError, match=f"process {child.pid} "), ws.lock("tune acme"):
            pass
        child.communicate("die\n")
    assert child.returncode == 1
    assert (ws.root / "locks" / "tune acme.holder").exists()  # it had no time to tidy up
    with ws.lock("tune acme"):
        pass
