"""The main job through the Python API on a tiny base, from an adapter on: evaluate, draft, export, and what is refused."""

from __future__ import annotations

import json

import pytest
from made_base import QUICK, make_base, sample_file

from adtune.errors import BaseModelError, InputError, SettingError
from adtune.steps.archive import import_archive
from adtune.steps.catalogue import show
from adtune.steps.demonstration import misses
from adtune.steps.drafting import draft
from adtune.steps.evaluation import evaluate
from adtune.steps.exporting import export
from adtune.steps.tuning import tune
from adtune.workspace import Workspace


def test_evaluate_measures_three_arms_and_reports(job):
    ws, answer = job
    result = evaluate(ws, "Q", answer["adapter"], {"briefs": 3, "draft_tokens": 24})
    keys = {"adapter", "held_out", "on_brand", "editing", "throughput_change", "forgetting", "memorised", "measures", "gates", "report"}
    assert set(result) >= keys
    held = result["held_out"]
    assert held["loss_tuned"] < held["loss_base"]
    assert result["editing"]["minutes_tuned"] is None and result["editing"]["calibrated"] is False
    html = ws.path(result["report_id"]).joinpath("report.html").read_text(encoding="utf-8")
    assert answer["adapter"] in html and "<svg" in html and "http" not in html.split("<body")[1]
    json.dumps(result, allow_nan=False)


def test_the_test_split_is_what_evaluate_measures(job):
    """The held-out loss is the loss over the first targets of exactly the test pieces."""
    from adtune.engine.bases import load_base
    from adtune.engine.tasks.drafting import held_out_rows, measure
    from adtune.steps.curation import load_dataset

    ws, answer = job
    _, dataset = load_dataset(ws, "Q")
    base = load_base(answer["base"])
    rows = held_out_rows(base.renderer, [i.example for i in dataset.split("test")], 384, base.context)
    found = measure(base, None, rows)
    result = evaluate(ws, "Q", answer["adapter"], {"briefs": 2, "draft_tokens": 8})
    assert result["held_out"]["loss_base"] == pytest.approx(sum(n for n, _ in found) / sum(t for _, t in found), rel=1e-6)


def test_drafts_are_seeded_and_logged(job):
    ws, answer = job
    first, second = (draft(ws, "Q", "How to read a bill", {"n": 2, "max_tokens": 12, "adapter": answer["adapter"]}) for _ in range(2))
    assert [d["text"] for d in first["drafts"]] == [d["text"] for d in second["drafts"]]
    assert ws.draft(first["drafts"][0]["id"])["text"] == first["drafts"][0]["text"]
    assert all(d["effort"] is None for d in first["drafts"])
    with pytest.raises(InputError, match="empty brief"):
        draft(ws, "Q", "  ")


def test_a_client_without_an_adapter_is_told_what_to_do(job):
    ws, _ = job
    ws.ensure_client("empty")
    for verb in (lambda: draft(ws, "empty", "x"), lambda: evaluate(ws, "empty")):
        with pytest.raises(InputError, match="adtune tune empty"):
            verb()


def test_an_adapter_never_answers_for_another_client(job):
    ws, answer = job
    ws.ensure_client("other")
    with pytest.raises(InputError, match="rule set of other"):
        draft(ws, "other", "x", {"adapter": answer["adapter"]})


@pytest.mark.parametrize("to", ["peft", "merged"])
def test_exports_are_read_back(job, tmp_path, to):
    ws, answer = job
    done = export(ws, answer["adapter"], to, tmp_path / "out")
    assert done["largest_difference"] < 1e-3 and "README.md" in done["files"]
    assert not list(tmp_path.glob(".out*"))
    with pytest.raises(InputError, match="already there"):
        export(ws, answer["adapter"], to, tmp_path / "out")


def test_a_base_that_changed_under_an_adapter_is_refused(tmp_path):
    folder = make_base(tmp_path / "base")
    with Workspace.open(tmp_path / "ws") as ws:
        import_archive(ws, sample_file(tmp_path / "pieces.jsonl", 20), "Q")
        tune(ws, "Q", QUICK | {"base": str(folder), "method": "lora", "epochs": 1})
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        weights["model.norm.weight"] = weights["model.norm.weight"] + 1
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(BaseModelError, match="as trained on"):
            draft(ws, "Q", "x")


def test_misses_name_what_fell_short_and_what_was_not_measured():
    good = {"tune": {"lost_tokens": 0}, "seconds": 10.0, "evaluate": {
        "held_out": {"gain": 0.2}, "forgetting": {"delta": 0.01}, "on_brand": {"tuned_less_prompted_interval": [0.1, 0.3]},
        "memorised": {"longest_run_words": 9}}}
    assert misses(good) == []
    good["evaluate"]["held_out"]["gain"] = 0.05
    good["evaluate"]["on_brand"] = {}
    found = misses(good)
    assert len(found) == 2 and "0.05" in found[0] and "not measured" in found[1]


def test_a_quantised_base_runs_through_the_whole_job(base, job, tmp_path):
    """Tuned, drafted from and exported on a base in int8; the record says so, and `full` is refused before a run begins."""
    pytest.importorskip("torchao")
    ws, _ = job
    runs = len(ws.runs("Q"))
    with pytest.raises(SettingError, match="quantise=none"):
        tune(ws, "Q", QUICK | {"base": base, "method": "full", "quantise": "int8"})
    with pytest.raises(SettingError, match="one of auto, cpu, cuda, mps"):
        tune(ws, "Q", QUICK | {"base": base, "method": "lora", "device": "gpu"})
    assert len(ws.runs("Q")) == runs
    answer = tune(ws, "Q", QUICK | {"base": base, "method": "lora", "quantise": "int8", "epochs": 1})
    record = show(ws, answer["adapter"])
    assert record["base_form"] == {"device": "cpu", "weights": "float32", "quantised": "int8"}
    losses = [e["validation_loss"] for e in answer["evaluations"]]
    assert answer["best"]["validation_loss"] < losses[0]
    assert len(draft(ws, "Q", "Autumn", {"adapter": answer["adapter"], "max_tokens": 8})["drafts"]) == 1
    assert any("int8" in note for note in export(ws, answer["adapter"], "merged", tmp_path / "merged")["notes"])
