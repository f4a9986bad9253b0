"""Artifacts: published atomically, verified, healed, traced back."""

import errno
import json
import os

import pytest

from adtune.errors import DiskFullError, InputError, IntegrityError, WorkspaceError
from adtune.workspace import Workspace, artifacts
from adtune.workspace.catalogue import Catalogue

FILES = {"model.bin": b"\x00\x01\x02" * 1000, "notes/card.md": "# Überblick".encode()}


@pytest.fixture
def acme(ws):
    ws.ensure_client("acme")
    return ws


def leftovers(ws):
    return [path.name for path in (ws.root / "artifacts").iterdir() if path.name.startswith(".tmp-")]


def test_publish_and_read(acme):
    id = acme.publish("adapter", "acme", FILES, {"method": "lora"})
    folder = acme.path(id)
    assert folder == acme.root / "artifacts" / "adapter" / id
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    manifest = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == set(FILES) and manifest["files"]["model.bin"]["size"] == 3000
    record = acme.record(id)
    assert id == f"adapter-{record['hash'][:12]}"
    assert record["record"] == {"method": "lora"} and record["client"] == "acme" and record["parents"] == []
    assert record["created"].endswith("+00:00") and leftovers(acme) == []


def test_publish_twice_is_one_artifact(acme):
    first = acme.publish("adapter", "acme", FILES, {"a": 1})
    created = acme.record(first)["created"]
    assert acme.publish("adapter", "acme", dict(reversed(FILES.items())), {"a": 1}) == first
    assert acme.record(first)["created"] == created
    assert len(acme.listing()) == 1 and leftovers(acme) == []


def test_the_id_depends_on_everything_but_the_order(acme):
    acme.ensure_client("other")
    ids = {
        acme.publish("adapter", "acme", {"a": b"1"}, {}),
        acme.publish("adapter", "acme", {"a": b"2"}, {}),
        acme.publish("adapter", "acme", {"b": b"1"}, {}),
        acme.publish("adapter", "acme", {"a": b"1"}, {"x": 1}),
        acme.publish("adapter", "other", {"a": b"1"}, {}),
        acme.publish("report", "acme", {"a": b"1"}, {}),
    }
    assert len(ids) == 6


def test_identity_stands_for_files_and_record(acme):
    first = acme.publish("dataset", "acme", {"a": b"1"}, {"seconds": 1.0}, identity="h1")
    assert acme.publish("dataset", "acme", {"a": b"1"}, {"seconds": 2.0}, identity="h1") == first
    assert acme.publish("dataset", "acme", {"a": b"1"}, {"seconds": 2.0}, identity="h2") != first
    assert acme.record(first)["record"] == {"seconds": 1.0}
    acme.path(first)


def test_paths_and_directories_are_copied(acme, tmp_path):
    folder = tmp_path / "model"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "w.bin").write_bytes(b"w")
    (folder / "config.json").write_text("{}")
    (folder / "link.json").symlink_to(folder / "config.json")
    id = acme.publish("base", None, {"model": folder, "single": folder / "config.json"}, {})
    found = {p.relative_to(acme.path(id)).as_posix() for p in acme.path(id).rglob("*") if p.is_file()}
    assert found == {"MANIFEST.json", "model/config.json", "model/link.json", "model/deep/er/w.bin", "single"}
    assert not (acme.path(id) / "model" / "link.json").is_symlink()
    (folder / "loop").symlink_to(folder)
    with pytest.raises(InputError, match="link to a directory"):
        acme.publish("base", None, {"model": folder}, {})


@pytest.mark.parametrize("name", ["", "/etc/x", "../x", "a/../b", "a//b", "./a", "a\\b", "MANIFEST.json", "a/"])
def test_unsafe_names(acme, name):
    with pytest.raises(InputError, match="unsafe or reserved"):
        acme.publish("adapter", "acme", {name: b""}, {})
    assert leftovers(acme) == []


def test_refusals(acme, tmp_path):
    acme.ensure_client("other")
    others = acme.publish("dataset", "other", {"a": b"1"}, {})
    with pytest.raises(InputError, match="neither a file"):
        acme.publish("adapter", "acme", {"a": tmp_path / "missing"}, {})
    with pytest.raises(InputError, match="as a file and as a folder"):
        acme.publish("adapter", "acme", {"a": b"", "a/b": b""}, {})
    with pytest.raises(InputError, match="impossible kind"):
        acme.publish("../up", "acme", {}, {})
    with pytest.raises(InputError, match="no client"):
        acme.publish("adapter", "nobody", {}, {})
    with pytest.raises(InputError, match="no artifact or run"):
        acme.publish("adapter", "acme", {}, {}, parents=["dataset-000000000000"])
    with pytest.raises(InputError, match="of client 'other'"):
        acme.publish("adapter", "acme", {}, {}, parents=[others])
    assert [row["id"] for row in acme.listing()] == [others]


def test_a_crash_between_rename_and_row_heals(acme, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "enter", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            acme.publish("adapter", "acme", FILES, {"a": 1})
    (folder,) = (acme.root / "artifacts" / "adapter").iterdir()
    assert acme.listing() == []
    id = acme.publish("adapter", "acme", FILES, {"a": 1})
    assert acme.path(id) == folder and leftovers(acme) == []


def test_a_kill_between_rename_and_row_heals(root):
    with Workspace.open(root) as ws:
        ws.ensure_client("acme")
        child = os.fork()
        if child == 0:
            try:
                Catalogue.enter = lambda *_: os.kill(os.getpid(), 9)
                Workspace.open(root).publish("adapter", "acme", FILES, {"a": 1})
            finally:
                os._exit(1)  # whatever goes wrong, the child must not go on as a second pytest
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
        assert ws.newest("adapter", "acme") is None
        id = ws.publish("adapter", "acme", FILES, {"a": 1})
        assert ws.path(id).is_dir() and ws.newest("adapter", "acme") == id


def test_a_flipped_bit_is_found_and_repaired(acme):
    id = acme.publish("adapter", "acme", FILES, {})
    file = acme.path(id) / "notes" / "card.md"
    content = bytearray(file.read_bytes())
    content[3] ^= 1
    file.write_bytes(content)
    with pytest.raises(IntegrityError, match="notes/card.md"):
        acme.path(id)
    assert acme.path(id, verify=False).is_dir()
    assert acme.publish("adapter", "acme", FILES, {}) == id
    assert (acme.path(id) / "notes" / "card.md").read_bytes() == FILES["notes/card.md"] and leftovers(acme) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "model.bin").unlink(), "model.bin: found no file"),
        (lambda folder: (folder / "model.bin").write_bytes(b""), "model.bin: found 0 bytes"),
        (lambda folder: (folder / "extra.py").write_text("x"), "extra.py: found a file that was not published"),
        (lambda folder: (folder / "MANIFEST.json").unlink(), "MANIFEST.json: found no manifest"),
        (lambda folder: (folder / "MANIFEST.json").write_text('{"files": {}}'), "MANIFEST.json: found other bytes"),
        (lambda folder: folder.rename(folder.with_name("away")), "found no directory"),
    ],
)
def test_damage_is_named(acme, damage, words):
    id = acme.publish("adapter", "acme", FILES, {})
    damage(acme.path(id))
    with pytest.raises(IntegrityError, match=words):
        acme.path(id)


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, DiskFullError), (errno.EIO, WorkspaceError)])
def test_a_full_disk_leaves_nothing(acme, monkeypatch, code, kind):
    before = acme.publish("adapter", "acme", {"a": b"old"}, {})
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(artifacts.os, "fsync", fsync)
        with pytest.raises(kind) as caught:
            acme.publish("adapter", "acme", FILES, {})
    assert type(caught.value) is kind
    assert leftovers(acme) == [] and [row["id"] for row in acme.listing()] == [before]
    assert acme.path(before).is_dir()


def test_old_leftovers_are_swept_and_young_ones_kept(root):
    Workspace.open(root).close()
    for name, age in ((".tmp-1-old", 100_000), (".tmp-2-young", 60)):
        folder = root / "artifacts" / name
        folder.mkdir()
        moment = folder.stat().st_mtime - age
        os.utime(folder, (moment, moment))
    with Workspace.open(root) as ws:
        assert leftovers(ws) == [".tmp-2-young"]


def test_newest_is_what_was_published_last(acme):
    first = acme.publish("dataset", "acme", {"a": b"1"}, {})
    second = acme.publish("dataset", "acme", {"a": b"2"}, {})
    shared = acme.publish("dataset", None, {"a": b"3"}, {})
    assert acme.newest("dataset", "acme") == second
    assert acme.newest("dataset", None) == shared and acme.newest("plan", "acme") is None
    acme.publish("dataset", "acme", {"a": b"1"}, {})
    assert acme.newest("dataset", "acme") == first
    assert [row["id"] for row in acme.listing("dataset", "acme")] == [first, second]
    assert len(acme.listing()) == 3 and acme.listing("plan") == []


def test_lineage_breadth_first(acme):
    guide = acme.publish("guide", "acme", {"g": b"1"}, {})
    dataset = acme.publish("dataset", "acme", {"d": b"1"}, {"assets": ["x"]}, [guide])
    base = acme.publish("base", None, {"b": b"1"}, {})
    run = acme.create_run("acme", {})
    adapter = acme.publish("adapter", "acme", {"w": b"1"}, {}, [dataset, base, run])
    report = acme.publish("report", "acme", {"r": b"1"}, {}, [adapter, dataset])
    lineage = acme.lineage(report)
    assert [row["id"] for row in lineage] == [adapter, dataset, base, run, guide]
    assert [row["kind"] for row in lineage] == ["adapter", "dataset", "base", "run", "guide"]
    assert lineage[2]["client"] is None and all(row["created"] for row in lineage)
    assert acme.lineage(guide) == acme.lineage(run) == []
    draft = acme.log_draft("acme", adapter, {}, "x", {})
    assert [row["id"] for row in acme.lineage(draft)] == [adapter, dataset, base, run, guide]
    with pytest.raises(InputError, match="no artifact"):
        acme.lineage("nope")
