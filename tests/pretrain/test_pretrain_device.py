"""The lease, rehearsed: every call of benchmarks/pretrain_device.py in turn, on the CPU, with a tiny model."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "pretrain_device.py"
SMALL = ["--size", "tiny", "--vocabulary", "320", "--context", "256", "--set", "row_tokens=64", "batch_tokens=512", "steps=12",
         "warmup_steps=3", "precision=fp32"]


@pytest.fixture
def call(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("pretrain_device", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "BACK", 100_000)  # so that there are several parts

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["pretrain_device.py", *map(str, words)])
        capsys.readouterr()
        assert module.main() == 0
        return capsys.readouterr().out

    return run


def test_the_calls_of_a_lease_give_a_base(call, corpus, tmp_path):
    from adtune.engine.bases import load_base

    here, there, disk = tmp_path / "parts", tmp_path / "sent", tmp_path / "disk"
    told = json.loads(call("speed", "--disk", disk, "--steps", 2, *SMALL).splitlines()[-1])
    assert told["tokens_per_second"] > 0 and 0 < told["share_of_product"] < 1 and told["device"] == "cpu"
    call("pack", "--corpus", corpus, "--work", tmp_path / "work", "--parts", here, "--shares", 1, 2, 1, *SMALL)
    parts = sorted(here.iterdir())
    assert len(parts) == 3
    there.mkdir()
    for part in parts:  # one part a call
        (there / part.name).write_bytes(part.read_bytes())
        call("keep", "--parts", there, "--disk", disk)
        (there / part.name).unlink()
    names = [path.relative_to(disk) for path in disk.rglob("*.*") if path.is_file()]
    assert len(names) > 10 and all((disk / name).read_bytes() == (tmp_path / "work" / name).read_bytes() for name in names)
    first = json.loads(call("train", "--disk", disk, "--seconds", 0, *SMALL).splitlines()[-1])
    assert first["state"] == "to be continued" and first["step"] == 1 and not first["resumed"]
    last = json.loads(call("train", "--disk", disk, "--seconds", 600, *SMALL).splitlines()[-1])
    assert last["state"] == "done" and last["resumed"] and last["step"] == 12
    call("finish", "--disk", disk, "--out", tmp_path / "back", *SMALL)
    assert all(part.stat().st_size <= 100_000 for part in (tmp_path / "back").iterdir())
    call("join", "--parts", tmp_path / "back", "--work", tmp_path / "work", "--out", tmp_path / "home")
    assert json.loads((tmp_path / "home" / "base" / "figures.json").read_text())["bits_per_byte"]["value"] > 0
    assert load_base(str(tmp_path / "home" / "base")).parameters == load_base(str(tmp_path / "home" / "base-constant")).parameters
