"""What `--resume last` takes: runs that a signal or a kill ended, and those with a checkpoint; never one that only crashes again."""

from __future__ import annotations

import pytest

from adtune.errors import DiskFullError, InputError, Interrupted, TrainingError
from adtune.steps import tuning
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate, read_dataset
from adtune.steps.takedown import takedown
from adtune.steps.tuning import tune

METHOD = {"method": "lora"}


@pytest.fixture
def ws(curated):
    return curated


@pytest.fixture
def ends(monkeypatch):
    """Makes the work of a run end in an exception, without the work."""

    def make(error):
        def execute(*_):
            raise error

        monkeypatch.setattr(tuning, "_execute", execute)

    return make


def crashed(ws, ends, error):
    """A run that ended so; gives its row."""
    ends(error)
    with pytest.raises(type(error)):
        tune(ws, "Q", METHOD)
    return ws.runs("Q")[0]


def last(ws, ends):
    """The run that `--resume last` takes, and whether it had been there."""
    before = {row["id"] for row in ws.runs("Q")}
    ends(Interrupted("stopped", "--resume last"))
    run = tune(ws, "Q", {}, resume="last")["run"]
    return run, run in before


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), MemoryError(), TrainingError("a", "b", "c", "d")])
def test_a_crash_without_a_checkpoint_is_failed_and_not_gone_on_with(ws, ends, error):
    row = crashed(ws, ends, error)
    assert row["state"] == "failed" and row["outcome"]["error"] == str(error)
    assert not last(ws, ends)[1]


def test_a_full_disk_at_the_first_checkpoint_is_gone_on_with(ws, ends):
    """What the refusal itself says to do."""
    row = crashed(ws, ends, DiskFullError("checkpoints", "no space left", "room", "Free some space."))
    (ws.run_dir(row["id"]) / "checkpoints").mkdir()
    assert row["state"] == "failed" and last(ws, ends) == (row["id"], True)


def test_a_crash_behind_a_checkpoint_is_failed_and_gone_on_with(ws, ends):
    row = crashed(ws, ends, ZeroDivisionError("division by zero"))
    (ws.run_dir(row["id"]) / "checkpoints" / "step-00000004").mkdir(parents=True)
    assert row["state"] == "failed" and last(ws, ends) == (row["id"], True)


def test_a_signal_leaves_a_run_to_go_on_with(ws, ends):
    row = crashed(ws, ends, KeyboardInterrupt())
    assert row["state"] == "interrupted" and last(ws, ends) == (row["id"], True)
    assert ws.run(row["id"])["state"] == "interrupted" and last(ws, ends) == (row["id"], True)


@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_killed_run_is_gone_on_with(ws, ends, checkpoint):
    run, _ = tuning._new_run(ws, "Q", METHOD, ("recipe", {}), lambda *a, **k: None)
    if checkpoint:
        (ws.run_dir(run) / "checkpoints" / "step-00000004").mkdir(parents=True)
    assert ws.run(run)["state"] == "running" and last(ws, ends) == (run, True)


def test_a_failed_run_that_was_taken_up_by_name_and_killed_is_gone_on_with(ws, ends):
    row = crashed(ws, ends, ZeroDivisionError("division by zero"))
    ws.update_run(row["id"], "running")
    assert last(ws, ends) == (row["id"], True)


def test_a_crash_that_an_earlier_version_called_interrupted_is_not_gone_on_with(ws, ends):
    row = crashed(ws, ends, ZeroDivisionError("division by zero"))
    ws.update_run(row["id"], "interrupted", {"error": "division by zero"})
    assert not last(ws, ends)[1]


def test_behind_a_crash_the_run_before_it_is_gone_on_with(ws, ends):
    first = crashed(ws, ends, KeyboardInterrupt())
    crashed(ws, ends, ZeroDivisionError("division by zero"))
    assert last(ws, ends) == (first["id"], True)


def test_a_run_on_pieces_that_are_withdrawn_since_is_refused(ws, ends):
    ends(Interrupted("stopped", "--resume last"))
    run = tune(ws, "Q", METHOD)["run"]
    item = read_dataset(ws, ws.run(run)["settings"]["dataset"]).split("train")[0]
    takedown(ws, "Q", [item.asset], "Ann")
    with pytest.raises(InputError, match="withdrawn"):
        tune(ws, "Q", {}, resume="last")
    assert tune(ws, "Q", METHOD)["run"] != run      # a new run curates them away


def test_pieces_that_came_in_since_the_dataset_was_made_are_told(ws, monkeypatch, tmp_path):
    monkeypatch.setattr(tuning, "_execute", lambda *_: {"stopped": "peak", "notes": []})
    assert tune(ws, "Q", METHOD)["notes"] == []
    (tmp_path / "more.jsonl").write_text('{"id": "new", "title": "One more", "text": "A piece that came later than the dataset."}\n')
    import_archive(ws, tmp_path / "more.jsonl", "Q")
    assert any(note.startswith("A piece came in since") for note in tune(ws, "Q", METHOD)["notes"])
    curate(ws, "Q")
    assert tune(ws, "Q", METHOD)["notes"] == []
    handed = tuning._newer_pieces(ws, "Q", ws.publish("examples", "Q", {"a": b"b"}, {"read": 1}))
    assert handed == []     # of no archive
