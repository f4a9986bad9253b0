"""Show, ls and doctor: every thing is found by its id and traced back to the places of the pieces it learned from."""

import json

import pytest

from adtune.errors import InputError
from adtune.steps.archive import import_archive
from adtune.steps.catalogue import ls, show
from adtune.steps.curation import curate
from adtune.steps.health import doctor


@pytest.fixture
def tuned(ws, archive):
    """A client with a dataset, a finished run, an adapter, a report and a draft, all of them made up but for the dataset."""
    import_archive(ws, archive(), "acme")
    dataset = curate(ws, "acme")["dataset"]
    run = ws.create_run("acme", {"dataset": dataset, "rank": 4})
    ws.update_run(run, "done", {"best": {"step": 3}})
    adapter = ws.publish("adapter", "acme", {"adapter_model.safetensors": b"x"}, {"method": "lora", "base": "starter"}, [dataset, run])
    report = ws.publish("report", "acme", {"report.html": b"<html>"}, {"gates": {}}, [adapter])
    draft = ws.log_draft("acme", adapter, {"title": "Hi"}, "A draft.", {"on_brand": 0.5})
    return {"dataset": dataset, "run": run, "adapter": adapter, "report": report, "draft": draft}


def test_a_dataset_shows_the_place_and_split_of_every_piece(ws, tuned):
    found = show(ws, tuned["dataset"])
    assert found["kind"] == "dataset" and len(found["items"]) == found["kept"] and found["lineage"] == []
    assert all({"source", "split", "category"} <= item.keys() and set(item["source"]) == {"file", "line", "id"} for item in found["items"])
    assert {item["source"]["file"] for item in found["items"]} == {"posts.jsonl"}
    assert all(item["source"]["id"] == f"p{item['source']['line'] - 1}" for item in found["items"])


@pytest.mark.parametrize("kind", ["run", "adapter", "report", "draft"])
def test_what_learned_is_traced_back_to_its_training_pieces(ws, tuned, kind):
    found = show(ws, tuned[kind])
    dataset = show(ws, tuned["dataset"])
    places = {(item["source"]["file"], item["source"]["line"]) for item in dataset["items"] if item["split"] == "train"}
    assert found["kind"] == kind and found["client"] == "acme" and found["learned_from"]["dataset"] == tuned["dataset"]
    assert {(one["source"]["file"], one["source"]["line"]) for one in found["learned_from"]["pieces"]} == places and places
    assert found["learned_from"]["hash"] == dataset["hash"] and json.dumps(found, allow_nan=False)


def test_lineage_names_the_nearest_first(ws, tuned):
    assert [one["id"] for one in show(ws, tuned["draft"])["lineage"]] == [tuned["adapter"], tuned["dataset"], tuned["run"]]
    assert show(ws, tuned["adapter"])["method"] == "lora"


def test_a_beginning_of_an_id_is_enough_and_a_wrong_one_is_refused(ws, tuned):
    assert show(ws, tuned["adapter"][:-3])["id"] == tuned["adapter"]
    with pytest.raises(InputError):
        show(ws, "adapter-none")


def test_a_client_shows_what_it_holds(ws, tuned):
    found = show(ws, "acme")
    assert found["kind"] == "client" and found["pieces"] == 30 and found["archive"] == ws.archive_hash("acme")
    assert {item["id"] for item in found["items"]} == {tuned[kind] for kind in ("dataset", "run", "adapter", "report")}


def test_ls_filters_by_kind_and_client(ws, tuned, archive):
    import_archive(ws, archive(name="other.jsonl", seed=2), "other")
    everything = ls(ws)
    assert everything["clients"] == ["acme", "other"] and len(everything["items"]) == 4
    assert [item["id"] for item in ls(ws, "run")["items"]] == [tuned["run"]] and ls(ws, "run")["items"][0]["state"] == "done"
    assert ls(ws, client="other") == {"clients": ["other"], "items": []}
    assert [one["id"] for one in ls(ws, "client")["items"]] == ls(ws)["clients"]
    assert [item["created"] for item in everything["items"]] == sorted((item["created"] for item in everything["items"]), reverse=True)
    for wrong in ({"kind": "adaptr"}, {"client": "acm"}):
        with pytest.raises(InputError, match="Did you mean"):
            ls(ws, **wrong)


@pytest.fixture
def quickly(monkeypatch):
    """The look at the machine with a small matrix product: how fast it is does not matter to what the workspace is found to be."""
    monkeypatch.setattr("adtune.steps.health.PRODUCT", (8, 8, 8))


def by_name(answer: dict) -> dict:
    assert all(set(check) == {"check", "status", "message", "do"} for check in answer["checks"])
    assert {check["status"] for check in answer["checks"]} <= {"ok", "warn", "stop"}
    return {check["check"]: check for check in answer["checks"]}


def test_doctor_measures_the_machine_and_makes_nothing(tmp_path):
    told = []
    checks = by_name(doctor(tmp_path / "none" / "here", lambda label, done, total, note="": told.append((done, total, note))))
    assert [note for _, _, note in told][2] == "torch" and told[-1][0] == told[-1][1] and "response" in checks["starter bases"]["message"]
    assert "none at" in checks["workspace"]["message"] and not (tmp_path / "none").exists()
    assert {"Python", "libraries", "cores", "memory", "disk", "torch", "precision", "device", "starter bases",
            "Hugging Face hub"} <= set(checks)
    assert "GFLOP/s" in checks["precision"]["message"] and "torch" in checks["libraries"]["message"]


def test_doctor_finds_a_damaged_artifact(ws, tuned, tmp_path, quickly):
    assert by_name(doctor(tmp_path / "ws"))["integrity"]["status"] == "ok"
    (ws.path(tuned["adapter"]) / "adapter_model.safetensors").write_bytes(b"y")
    check = by_name(doctor(tmp_path / "ws"))["integrity"]
    assert check["status"] == "stop" and tuned["adapter"] in check["message"] and check["do"]


def test_doctor_says_when_the_workspace_is_none(tmp_path, quickly):
    (tmp_path / "file").write_text("x")
    assert by_name(doctor(tmp_path / "file"))["workspace"]["status"] == "stop"
