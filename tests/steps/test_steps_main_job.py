"""The main job through the Python API on a tiny base, up to an adapter: tune, resume, and what is refused."""

from __future__ import annotations

import json

import pytest
from made_base import QUICK, sample_file

from adtune.engine import devices
from adtune.errors import BaseModelError, InputError, SettingError, TrainingError, WorkspaceError
from adtune.steps import estimating, tuning
from adtune.steps.archive import import_archive
from adtune.steps.catalogue import show
from adtune.steps.drafting import draft
from adtune.steps.tuning import tune

CONTRACT = {"run", "adapter", "base", "method", "trainable_parameters", "total_parameters", "trained_tokens", "tokens_per_second",
            "lost_tokens", "masked_tokens", "evaluations", "best", "stopped", "seconds", "peak_memory_bytes"}


def test_tune_gives_the_contract(job):
    ws, answer = job
    assert set(answer) >= CONTRACT
    assert answer["lost_tokens"] == 0 and answer["trained_tokens"] == (answer["read_tokens"] - answer["masked_tokens"]) * 2
    assert len(answer["evaluations"]) >= 9 and answer["evaluations"][0]["step"] == 0
    losses = [e["validation_loss"] for e in answer["evaluations"]]
    assert answer["best"]["validation_loss"] == min(losses) < losses[0]
    assert answer["stopped"] in ("peak", "epochs", "no_improvement")
    assert answer["token_fertility"] > 1
    assert {one["engine"]: one["servable"] for one in answer["servable"]} == dict.fromkeys(("peft", "vllm", "transformers", "gguf"), True)
    assert answer["licence"] is None and show(ws, answer["adapter"])["rendering"]["golden"]
    estimate = answer["estimate"]
    assert estimate["seconds_range"][0] < estimate["seconds"] < estimate["seconds_range"][1] and estimate["fits"] is True
    assert estimate["peak_memory_bytes"] > 2**26 and estimate["disk_bytes"] > 56 * answer["trainable_parameters"]
    json.dumps(answer, allow_nan=False)


def test_what_a_run_will_take_is_told_before_its_first_step_and_kept_for_a_resume(job, base, monkeypatch):
    ws, _ = job
    told = []
    whole = tune(ws, "Q", QUICK | {"base": base, "method": "lora"}, progress=lambda *said: told.append(said), stop=lambda: True)
    labels = [label for label, *_ in told]
    said = next(note for label, _, total, note in (one for one in told if len(one) == 4) if label == "estimate" and not total)
    assert labels.index("estimate") < labels.index("tune") and "seconds (" in said and "of memory" in said and "on the disk" in said
    assert whole["stopped"] == "interrupted" and whole["estimate"]["seconds"] > 0
    monkeypatch.setattr(estimating, "estimate_run", lambda *given: pytest.fail("tried twice"))
    assert tune(ws, "Q", {}, resume=whole["run"])["estimate"] == whole["estimate"]


def test_an_estimate_is_not_measured_where_the_steps_do_not_train(job, base, monkeypatch):
    ws, _ = job

    def explode(*given):
        raise TrainingError("step 1", "nan", "a number", "Lower the rate.")

    monkeypatch.setattr(estimating, "estimate_run", explode)
    found = tune(ws, "Q", QUICK | {"base": base, "method": "prefix", "epochs": 1})["estimate"]
    assert set(found) == set(estimating.KEYS) and set(found.values()) == {None}
    assert "not measured" in estimating.told(found)


def test_an_adapter_leads_back_to_its_pieces(job):
    ws, answer = job
    shown = show(ws, answer["adapter"])
    assert shown["record"]["dataset_hash"] if "record" in shown else shown["dataset_hash"]
    assert any(row["kind"] == "dataset" for row in ws.lineage(answer["adapter"]))
    assert shown["learned_from"]["pieces"]


def test_the_same_inputs_give_the_same_adapter(job, base):
    ws, answer = job
    again = tune(ws, "Q", QUICK | {"base": base, "method": "lora"})
    weights = [(ws.path(a) / "adapter_model.safetensors").read_bytes() for a in (answer["adapter"], again["adapter"])]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("method", ["prefix", "full"])
def test_each_method_is_tuned_and_beats_its_own_start(job, base, method):
    ws, _ = job
    answer = tune(ws, "Q", QUICK | {"base": base, "method": method})
    losses = [e["validation_loss"] for e in answer["evaluations"]]
    assert answer["best"]["validation_loss"] == min(losses) < losses[0]
    written = draft(ws, "Q", "How to read a bill", {"adapter": answer["adapter"], "max_tokens": 8})
    assert written["drafts"][0]["adapter"] == answer["adapter"]


def test_a_stopped_run_goes_on_to_the_same_adapter(job, base):
    ws, whole = job
    calls = iter([False] * 7 + [True] * 100)
    options = QUICK | {"base": base, "method": "lora"}
    stopped = tune(ws, "Q", options, stop=lambda: next(calls))
    assert stopped["stopped"] == "interrupted" and stopped["adapter"] is None and set(stopped) >= CONTRACT
    with pytest.raises(SettingError, match="epochs"):
        tune(ws, "Q", {"epochs": 3}, resume="last")
    resumed = tune(ws, "Q", {}, resume="last")
    assert resumed["run"] == stopped["run"]
    assert resumed["best"] == whole["best"] and len(resumed["evaluations"]) == len(whole["evaluations"])
    weights = [(ws.path(a["adapter"]) / "adapter_model.safetensors").read_bytes() for a in (whole, resumed)]
    assert weights[0] == weights[1]
    with pytest.raises(InputError, match="finished"):
        tune(ws, "Q", {}, resume=resumed["run"])


def test_a_failed_run_without_checkpoint_is_not_gone_on_with(job, base):
    ws, _ = job
    with pytest.raises(BaseModelError):
        tune(ws, "Q", QUICK | {"base": "no-such-folder/really/not"})
    answer = tune(ws, "Q", QUICK | {"base": base, "method": "lora", "epochs": 1}, resume="last")
    assert answer["adapter"]


def test_a_second_process_on_the_same_run_is_refused(job, base):
    ws, _ = job
    run, _ = tuning._new_run(ws, "Q", QUICK | {"base": base, "method": "lora"}, ("recipe", {}), lambda *a, **k: None)
    with ws.lock(run), pytest.raises(WorkspaceError):
        tune(ws, "Q", {}, resume=run)
    ws.update_run(run, "failed")


@pytest.mark.parametrize(("options", "word"), [
    ({"methud": "lora"}, "method"), ({"method": "lorra"}, "lora"), ({"method": "head"}, "head"), ({"epochs": "two"}, "epochs")])
def test_wrong_words_are_named_with_the_nearest_right_one(job, options, word):
    ws, _ = job
    with pytest.raises(SettingError, match=word):
        tune(ws, "Q", options)
    with pytest.raises(InputError, match="Did you mean 'Q'"):
        tune(ws, "QQ", {})


def test_under_ten_pieces_are_refused(ws, tmp_path, base):
    import_archive(ws, sample_file(tmp_path / "few.jsonl", 9), "few")
    with pytest.raises(InputError, match="10"):
        tune(ws, "few", QUICK | {"base": base})


def test_pieces_without_titles_train_as_plain_text(ws, tmp_path, base):
    path = tmp_path / "plain.jsonl"
    rows = [json.loads(line) for line in sample_file(tmp_path / "p.jsonl", 20).read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows), encoding="utf-8")
    import_archive(ws, path, "plain")
    answer = tune(ws, "plain", QUICK | {"base": base, "method": "lora", "epochs": 1})
    assert answer["lost_tokens"] == 0 and answer["best"]["step"] > 0


def test_a_plan_gives_base_and_method_unless_another_base_is_asked_for(ws, tmp_path, base):
    import_archive(ws, sample_file(tmp_path / "p.jsonl", 20), "planned")
    dataset_id, dataset = tuning.load_dataset(ws, "planned")
    plan = {"dataset": dataset.hash, "base": base, "base_hash": "0", "method": "prefix", "reason": "made", "settings": {"base": base}}
    ws.publish("plan", "planned", {"plan.json": b"{}"}, plan, [dataset_id])

    def settings(**options):
        return tuning._new_run(ws, "planned", options, ("recipe", {}), lambda *a, **k: None)[1]["settings"]

    assert (settings()["base"], settings()["method"]) == (base, "prefix")
    assert (settings(method="lora")["base"], settings(method="lora")["method"]) == (base, "lora")
    assert (settings(base="other/base")["base"], settings(base="other/base")["method"]) == ("other/base", "lora")


def test_a_prefix_beyond_the_context_is_told_before_any_plan_is_made(base, job):
    ws, _ = job
    with pytest.raises(SettingError, match="half of the base's context"):
        tune(ws, "Q", QUICK | {"base": base, "method": "prefix", "prefix_tokens": 5000})


@pytest.mark.parametrize(("method", "other"), [("full", "lora"), ("lora", "prefix")])
def test_a_plan_without_memory_is_refused_before_its_first_step_with_the_largest_that_fits(method, other, base, job, monkeypatch):
    from adtune.engine.bases import load_base
    from adtune.engine.memory import planned_bytes
    from adtune.settings import TuneSettings

    ws, _ = job
    said = QUICK | {"base": base, "rank": 64, "micro_tokens": 256, "method": method}
    needs = {name: planned_bytes(name, load_base(base), TuneSettings(**said)).more for name in (method, other)}
    assert needs[other] < needs[method]
    for free, words in ((needs[method] - 1, f"--method {other}"), (1000, "no method fits")):
        monkeypatch.setattr(devices, "available_memory", lambda kind, free=free: free)
        with pytest.raises(SettingError, match=words):
            tune(ws, "Q", said)
    assert not (ws.run_dir(ws.runs("Q")[0]["id"]) / "checkpoints").exists()
