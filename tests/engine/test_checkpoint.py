"""Checkpoints under corruption, a full disk and a kill: the newest one that verifies is used, never half of one."""

from __future__ import annotations

import errno
import json
import random
import shutil

import pytest
import torch

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


def swap(path, rng):
    older = path.parent.with_name("step-00000004") / path.name
    kept = path.read_bytes()
    path.write_bytes(older.read_bytes())
    older.with_suffix(".kept").write_bytes(kept)


def test_every_corruption_is_found_and_the_one_before_is_used(tmp_path):
    for step in (4, 8):
        write(tmp_path / "good", step)
    rng = random.Random(0)
    draws = [(change, rng.choice(FILES)) for change in (flip, truncate, delete, swap) for _ in range(14)] + [(flip, "MANIFEST.json")] * 25
    for number, (change, name) in enumerate(draws):
        root = tmp_path / f"{number}"
        shutil.copytree(tmp_path / "good", root)
        change(root / "step-00000008" / name, rng)
        with pytest.raises(IntegrityError, match="step-00000008"):
            verify(root / "step-00000008")
        problems = []
        assert loaded(root, problems) == 4, (change, name)
        assert len(problems) == 1 and "step-00000008" in problems[0]
        shutil.rmtree(root)


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
