"""Clients and assets."""

import hashlib
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from sqlalchemy.exc import StatementError

from adtune.errors import InputError
from adtune.records import Source
from adtune.workspace import Workspace


def test_clients(ws):
    for name in ("Zoë & Co".replace("&", "-"), "acme", "A.b_c-d 9", "x" * 64):
        ws.ensure_client(name)
        ws.ensure_client(name)
    assert ws.clients() == ["A.b_c-d 9", "Zoë - Co", "acme", "x" * 64]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a\nb", "a\0b", " a", "a ", "x" * 65, "a:b", "../x"])
def test_impossible_names(ws, name):
    with pytest.raises(InputError, match="impossible name"):
        ws.ensure_client(name)
    assert ws.clients() == []


def test_require_client_suggests(ws):
    ws.ensure_client("acme")
    ws.require_client("acme")
    with pytest.raises(InputError, match="Did you mean 'acme'"):
        ws.require_client("acmee")


def test_assets_come_back_as_they_were(ws, piece):
    full = piece(
        1,
        text="Grüße 你好 👩‍👩‍👧 \u2028 'quotes' \"double\"\nnew line\ttab \x00 nul",
        title="Ümlaut",
        facts=("Zins: 3,5 %", "日本"),
        category="Спорт",
        date="2024-05-31",
    )
    bare = replace(piece(2), source=Source("a b.docx", None, "row-7"))
    assert ws.add_assets("acme", [full, bare]) == 2
    assert ws.assets("acme") == [full, bare]
    assert ws.asset(full.id) == full
    with pytest.raises(InputError, match="no asset"):
        ws.asset("nope")


def test_importing_again_adds_only_what_is_new(ws, piece):
    assert ws.add_assets("acme", [piece(2), piece(1)]) == 2
    assert ws.add_assets("acme", [piece(1), piece(3), piece(2), piece(3)]) == 1
    assert ws.assets("acme") == [piece(2), piece(1), piece(3)]
    assert ws.add_assets("acme", []) == 0


def test_archive_hash_ignores_order(ws, piece):
    ws.add_assets("acme", [piece(2), piece(1)])
    ws.add_assets("other", [piece(1, "other"), piece(2, "other")])
    expected = hashlib.sha256("".join(f"{i}\n" for i in sorted([piece(1).id, piece(2).id])).encode()).hexdigest()
    assert ws.archive_hash("acme") == ws.archive_hash("other") == expected
    ws.add_assets("acme", [piece(3)])
    assert ws.archive_hash("acme") != expected


def test_clients_are_kept_apart(ws, piece):
    ws.add_assets("acme", [piece(1)])
    ws.add_assets("other", [piece(1, "other")])
    assert [a.client for a in ws.assets("acme")] == ["acme"]
    assert ws.asset(piece(1).id, "other").client == "other"
    with pytest.raises(InputError, match="several clients"):
        ws.asset(piece(1).id)
    with pytest.raises(InputError, match="'other'"):
        ws.add_assets("acme", [piece(4), piece(5, "other")])
    assert len(ws.assets("acme")) == 1


def test_an_import_happens_wholly_or_not_at_all(ws, piece):
    with pytest.raises((StatementError, TypeError), match="not JSON serializable"):  # SQLAlchemy wraps what SQLite's driver raises
        ws.add_assets("acme", [piece(1), replace(piece(2), rights=object())])
    assert ws.assets("acme") == [] and ws.clients() == []


def test_many_assets(ws, piece):
    first = piece(0)
    many = [replace(first, id=f"{n:064x}") for n in range(20_000)]
    start = time.process_time()
    assert ws.add_assets("acme", many) == 20_000
    assert ws.add_assets("acme", many) == 0
    assert time.process_time() - start < 10


def test_two_processes_add_at_once(root, url, piece):
    Workspace.open(root, url).close()
    code = """
import sys
from pathlib import Path
from adtune.records import Asset
from adtune.workspace import Workspace
ws = Workspace.open(Path(sys.argv[1]), *sys.argv[2:])
print(sum(ws.add_assets("acme", [Asset(f"{n:064x}", "acme", "x") for n in range(start, start + 30)]) for start in range(0, 300, 10)))
"""
    command = [sys.executable, "-c", code, root, *([] if url is None else [url.render_as_string(hide_password=False)])]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate() for process in both]
    assert [error for _, error in answers] == ["", ""]
    with Workspace.open(root, url) as ws:
        assert len(ws.assets("acme")) == 320 == sum(int(out) for out, _ in answers)
