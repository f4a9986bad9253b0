"""Nothing is lost and nothing broken is published: changes refused by name on resume, a full disk, runs that cannot learn."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from made_base import make_base, sample_file

from adtune import durable
from adtune.errors import AdtuneError, DiskFullError, InputError, SettingError, TrainingError, WorkspaceError
from adtune.steps import estimating
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate
from adtune.steps.tuning import tune
from adtune.voice.general import General, load_general
from adtune.workspace import Workspace

QUICK = {"epochs": 2, "rate": 0.01, "window_tokens": 256, "dial": 1.0, "precision": "fp32", "method": "lora"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(make_base(tmp_path_factory.mktemp("base")))


@pytest.fixture
def ws(curated):
    return curated


@pytest.fixture(autouse=True)
def little_general_text(monkeypatch):
    """So that an evaluation is quick."""
    whole = load_general()
    monkeypatch.setattr("adtune.voice.general.load_general", lambda: General(whole.replay[:6], whole.watch[:2], whole.measure[:2]))


def stopped(ws, base, after=3, **options):
    calls = iter([False] * after + [True] * 100)
    answer = tune(ws, "Q", QUICK | {"base": base} | options, stop=lambda: next(calls))
    assert answer["stopped"] == "interrupted"
    return answer["run"]


def noted(answer):
    return answer.get("notes") or [answer.get("note", "")]


def test_a_changed_dataset_is_refused_by_name_and_the_own_one_can_be_asked_for(ws, base):
    run = stopped(ws, base)
    curate(ws, "Q", overrides={"keep": 18})
    with pytest.raises(InputError, match=f"the dataset on resume.*--resume {run}"):
        tune(ws, "Q", {}, resume="last")
    assert ws.run(run)["state"] == "interrupted"
    assert tune(ws, "Q", {}, resume=run)["run"] == run


def test_a_changed_base_setting_or_row_is_refused_by_name(ws, base, tmp_path, monkeypatch):
    copy = tmp_path / "base"
    shutil.copytree(base, copy)
    run = stopped(ws, str(copy))
    with pytest.raises(SettingError, match="rank"):
        tune(ws, "Q", {"rank": 4}, resume=run)
    with monkeypatch.context() as changed:
        changed.setattr("adtune.voice.general.load_general", lambda *given: General((), (), ()))
        with pytest.raises(InputError, match="the general text"):
            tune(ws, "Q", {}, resume=run)
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name] + 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="--base .*weights"):
        tune(ws, "Q", {}, resume=run)
    assert not ws.listing("adapter", "Q")


def test_a_damaged_checkpoint_is_told_with_the_result(ws, base):
    run = stopped(ws, base, 6)
    newest = sorted((ws.run_dir(run) / "checkpoints").iterdir())[-1]
    (newest / "meta.json").write_bytes(b"{}")
    answer = tune(ws, "Q", {}, resume="last")
    assert answer["adapter"] and sum(str(newest / "meta.json") in note for note in noted(answer)) == 1


@pytest.mark.parametrize(("code", "kind", "words"), [(errno.ENOSPC, DiskFullError, "no space left"), (errno.EIO, WorkspaceError, "error")])
def test_a_disk_that_fails_ends_the_run_clearly_and_it_goes_on(code, kind, words, ws, base, monkeypatch):
    seen = []

    def watch(call, path):
        seen.append(call)
        if len(seen) > 30 and call != "remove":  # a later checkpoint; a removal tells no error
            raise OSError(code, "Input/output error")

    monkeypatch.setattr(durable, "watch", watch)
    with pytest.raises(kind, match=words):
        tune(ws, "Q", QUICK | {"base": base})
    monkeypatch.setattr(durable, "watch", None)
    run = ws.runs("Q")[0]
    assert run["state"] == "failed" and not ws.listing("adapter", "Q")
    assert not list(Path(ws.run_dir(run["id"])).rglob(".tmp-*"))
    assert tune(ws, "Q", {}, resume="last")["run"] == run["id"]


def test_a_disk_without_room_is_told_before_the_run_with_what_fits(ws, base, monkeypatch):
    from adtune.engine.bases import load_base
    from adtune.engine.forecast import disk_bytes
    from adtune.engine.memory import planned_bytes
    from adtune.settings import TuneSettings

    lora = disk_bytes(planned_bytes("lora", load_base(base), TuneSettings()).moments // 8)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(estimating.shutil, "disk_usage", lambda folder: usage(0, 0, lora + 1))
    with pytest.raises(DiskFullError, match="--method lora"):
        tune(ws, "Q", QUICK | {"base": base, "method": "full"})
    monkeypatch.setattr(estimating.shutil, "disk_usage", lambda folder: usage(0, 0, 10))
    with pytest.raises(DiskFullError, match="Free some space.$"):
        tune(ws, "Q", QUICK | {"base": base})


@pytest.mark.parametrize(("options", "words"), [
    ({"rate": float("nan")}, "rate"), ({"rate": 1e30}, "rate"), ({"rate": -1.0}, "rate"), ({"epochs": 0}, "epochs"),
    ({"window_tokens": 70}, "window"), ({"method": "prefix", "prefix_tokens": 600}, "prefix_tokens")])
def test_what_cannot_learn_is_never_published(options, words, ws, base):
    with pytest.raises(AdtuneError, match=words):
        tune(ws, "Q", QUICK | {"base": base} | options)
    assert not ws.listing("adapter", "Q") and all(run["state"] == "failed" for run in ws.runs("Q"))


def test_a_run_that_learned_nothing_says_so(ws, base, monkeypatch):
    from adtune.engine.tasks import drafting as fit

    real = fit.measure
    calls = iter(range(1000))
    monkeypatch.setattr(fit, "measure", lambda *given, **named: [(nats * (1 + next(calls)), n) for nats, n in real(*given, **named)])
    answer = tune(ws, "Q", QUICK | {"base": base})
    assert answer["best"]["step"] == 0 and any("Nothing was learned" in note for note in noted(answer))


def test_one_piece_is_refused(tmp_path, base):
    with Workspace.open(tmp_path / "one") as workspace:
        import_archive(workspace, sample_file(tmp_path / "one.jsonl", 1), "Q")
        with pytest.raises((InputError, TrainingError), match="1 good pieces|10"):
            tune(workspace, "Q", QUICK | {"base": base})
        assert not workspace.listing("adapter", "Q")
