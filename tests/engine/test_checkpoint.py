"""Checkpoints under corruption, a full disk and a kill: the newest one that verifies is used, never half of one."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil

import pytest
import torch

from adtune import durable
from adtune.engine import checkpoint
from adtune.engine.checkpoint import load_latest, pack_optimizer, save_checkpoint, unpack_optimizer, verify
from adtune.errors import DiskFullError, IntegrityError, WorkspaceError

FILES = ("state.safetensors", "meta.json", "MANIFEST.json")


def write(root, step, **more):
    return save_checkpoint(root, step, {"w": torch.full((7,), float(step)), "n": torch.tensor(step)}, {"step": step, "note": "ä"}, **more)


def loaded(root, problems=None):
    found = load_latest(root, problems)
    if found is None:
        return None
    step, tensors, meta = found
    assert meta["step"] == step == int(tensors["n"]) and tensors["w"].tolist() == [step] * 7 and meta["note"] == "ä"
    return step


def test_the_newest_is_read_and_two_are_kept(tmp_path):
    assert loaded(tmp_path) is None
    for step in (1, 9, 10, 110):
        write(tmp_path, step)
        assert loaded(tmp_path) == step
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000010", "step-00000110"]


def flip(path, rng):
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def truncate(path, rng):
    path.write_bytes(path.read_bytes()[:rng.randrange(path.stat().st_size)])


def delete(path, rng):
    path.unlink()


def page(path, rng):
    data = bytearray(path.read_bytes())
    start = rng.randrange(0, len(data), 4096)
    data[start:start + 4096] = bytes(len(data[start:start + 4096]))
    path.write_bytes(data)


def older(path, rng):
    path.write_bytes((path.parent.with_name("step-00000004") / path.name).read_bytes())


def swap(path, rng):
    other = path.with_name(FILES[FILES.index(path.name) - 1])
    kept = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def test_every_corruption_is_found_and_named_and_the_one_before_is_used(tmp_path):
    """The short form; `benchmarks/gate_checkpoints.py` draws 500."""
    for step in (4, 8):
        write(tmp_path / "good", step)
    rng = random.Random(0)
    draws = [(change, name) for change in (flip, truncate, delete, page, older, swap) for name in FILES for _ in range(4)]
    for number, (change, name) in enumerate(draws + [(flip, "MANIFEST.json")] * 30):
        root = tmp_path / f"{number}"
        shutil.copytree(tmp_path / "good", root)
        change(root / "step-00000008" / name, rng)
        with pytest.raises(IntegrityError, match="step-00000008"):
            verify(root / "step-00000008")
        problems = []
        assert loaded(root, problems) == 4, (change, name)
        assert len(problems) == 1 and (change is swap or f"step-00000008/{name}:" in problems[0]), (change, name, problems)
        shutil.rmtree(root)


def test_a_manifest_without_a_hash_of_its_own_is_still_read(tmp_path):
    write(tmp_path, 4)
    path = tmp_path / "step-00000004" / "MANIFEST.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({name: said[name] for name in ("step", "files")}))
    assert loaded(tmp_path) == 4
    path.write_text(json.dumps(said | {"sha256": "0"}))
    assert loaded(tmp_path) is None


class Killed(BaseException):
    """No handler sees it: what is on the disk stays as a SIGKILL would leave it."""


def calls_of(work, monkeypatch):
    seen = []
    monkeypatch.setattr(durable, "watch", lambda call, path: seen.append(call))
    work()
    monkeypatch.setattr(durable, "watch", None)
    return seen


def stop_at(number, error, monkeypatch):
    left = iter(range(number + 1))

    def watch(call, path):
        if next(left, None) == number:
            raise error

    monkeypatch.setattr(durable, "watch", watch)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_kill_before_any_call_of_a_save_loses_nothing(damaged, tmp_path, monkeypatch):
    def scene(root):
        for step in (4, 8, 12) if damaged else (4, 8):
            write(root, step, keep=3)
        if damaged:
            (root / "step-00000012" / "meta.json").write_text("{}")
        return root

    made = calls_of(lambda: write(scene(tmp_path / "whole"), 12), monkeypatch)
    count = len(calls_of(lambda: write(scene(tmp_path / "again"), 12), monkeypatch))
    first = count - len(calls_of(lambda: scene(tmp_path / "once"), monkeypatch))
    assert count == len(made) and first >= 10 and {"mkdir", "open", "write", "fsync", "rename", "remove"} <= set(made)
    for number in range(first):
        root = scene(tmp_path / f"{number}")
        stop_at(number, Killed(), monkeypatch)
        with pytest.raises(Killed):
            write(root, 12)
        monkeypatch.setattr(durable, "watch", None)
        assert loaded(root) in (8, 12)
        write(root, 16)
        assert loaded(root) == 16 and not list(root.glob(".tmp-*"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_at_any_call_of_a_save_is_told(code, tmp_path, monkeypatch):
    for step in (4, 8):
        write(tmp_path, step)
    made = calls_of(lambda: save_checkpoint(tmp_path / "aside", 1, {}, {}), monkeypatch)
    for number in range(len(made)):
        stop_at(number, OSError(code, "made to fail"), monkeypatch)
        with pytest.raises(WorkspaceError) as caught:
            write(tmp_path, 12)
        monkeypatch.setattr(durable, "watch", None)
        assert isinstance(caught.value, DiskFullError) == (code == errno.ENOSPC)
        names = sorted(p.name for p in tmp_path.glob("*step*"))
        if number == len(made) - 1:  # the rename was made: the step is there, whole
            assert loaded(tmp_path) == 12
        else:
            assert loaded(tmp_path) == 8 and names == ["step-00000004", "step-00000008"] and not list(tmp_path.glob(".tmp-*"))


def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path):
    import multiprocessing
    import resource

    write(tmp_path, 4)

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            save_checkpoint(tmp_path, 8, {"w": torch.zeros(5000)}, {})
        except DiskFullError:
            os._exit(7)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == 7 and loaded(tmp_path) == 4 and sorted(p.name for p in tmp_path.iterdir()) == ["step-00000004"]


@pytest.mark.parametrize("manifest", ["[]", "null", "{}", '{"step": 8, "files": {"state.safetensors": 3, "meta.json": 4}}',
                                      '{"step": 8, "files": {"state.safetensors": {}, "meta.json": {}}}', '{"step": "8", "files": []}'])
def test_a_manifest_of_another_shape_is_a_corruption(manifest, tmp_path):
    for step in (4, 8):
        write(tmp_path, step)
    (tmp_path / "step-00000008" / "MANIFEST.json").write_text(manifest)
    assert loaded(tmp_path) == 4


def test_exchanged_directories_are_found(tmp_path):
    for step in (4, 8):
        write(tmp_path, step)
    (tmp_path / "step-00000004").rename(tmp_path / "aside")
    (tmp_path / "step-00000008").rename(tmp_path / "step-00000004")
    (tmp_path / "aside").rename(tmp_path / "step-00000008")
    assert loaded(tmp_path) is None


def test_what_a_kill_left_behind_is_ignored_and_cleared(tmp_path):
    write(tmp_path, 4)
    for number, present in enumerate([(), FILES[:1], FILES[:2], FILES]):
        left = tmp_path / f".tmp-0000000{number + 5}-99"
        shutil.copytree(tmp_path / "step-00000004", left)
        for name in set(FILES) - set(present):
            (left / name).unlink()
    (tmp_path / "step-00000007").mkdir()  # a rename that never finished on some file system
    assert loaded(tmp_path) == 4
    write(tmp_path, 9)
    assert loaded(tmp_path) == 9
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_run_that_went_back_behind_corrupt_steps_keeps_what_it_writes(tmp_path):
    for step in (4, 10, 11):
        write(tmp_path, step, keep=3)
    for step in (10, 11):
        (tmp_path / f"step-{step:08d}" / "meta.json").write_text("{}")
    assert loaded(tmp_path) == 4
    for step in (5, 6):
        write(tmp_path, step)
        assert loaded(tmp_path) == step
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000005", "step-00000006"]


def test_the_same_step_written_again_replaces_it(tmp_path):
    write(tmp_path, 4)
    write(tmp_path, 8)
    (tmp_path / "step-00000008" / "meta.json").write_text("{}")
    write(tmp_path, 8)
    assert loaded(tmp_path) == 8


@pytest.mark.parametrize("place", ["save_file", "sync", "rename", "manifest"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_a_failed_write_leaves_the_older_ones(place, code, tmp_path, monkeypatch):
    for step in (4, 8):
        write(tmp_path, step)

    def fail(*given, **named):
        raise OSError(code, "made to fail")

    if place == "rename":
        monkeypatch.setattr(checkpoint, "rename", fail)
    elif place == "manifest":
        monkeypatch.setattr(checkpoint, "sha256_file", fail)
    else:
        monkeypatch.setattr(checkpoint, place, fail)
    with pytest.raises(WorkspaceError) as caught:
        write(tmp_path, 12)
    assert isinstance(caught.value, DiskFullError) == (code != errno.EACCES)
    monkeypatch.undo()
    assert loaded(tmp_path) == 8
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000004", "step-00000008"]
    write(tmp_path, 12)
    assert loaded(tmp_path) == 12


def test_a_full_disk_as_safetensors_tells_it(tmp_path, monkeypatch):
    write(tmp_path, 4)

    def fail(tensors, path):
        raise RuntimeError("Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: \"No space left on device\" })")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(DiskFullError, match="--resume last"):
        write(tmp_path, 8)
    monkeypatch.undo()
    assert loaded(tmp_path) == 4


def test_a_folder_that_cannot_be_made_is_a_workspace_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError):
        write(tmp_path / "file" / "checkpoints", 1)


@pytest.mark.parametrize("kind", ["adamw", "sgd", "muon"])
def test_an_optimiser_goes_on_as_if_nothing_had_happened(kind, tmp_path):
    def run(steps, stop=None):
        torch.manual_seed(0)
        weight = torch.randn(4, 3, requires_grad=True)
        make = {"adamw": lambda: torch.optim.AdamW([weight], lr=0.1, fused=True), "muon": lambda: torch.optim.Muon([weight], lr=0.1),
                "sgd": lambda: torch.optim.SGD([weight], lr=0.1, momentum=0.9)}[kind]
        optimizer = make()
        for step in range(steps):
            if step == stop:
                tensors, packed = pack_optimizer(optimizer)
                save_checkpoint(tmp_path, step, tensors, json.loads(json.dumps(packed)))
                optimizer = make()
                _, tensors, meta = load_latest(tmp_path)
                unpack_optimizer(optimizer, tensors, meta)
            (weight * torch.arange(12.0).view(4, 3)).sin().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        return weight.detach()

    assert torch.equal(run(6), run(6, stop=3))
