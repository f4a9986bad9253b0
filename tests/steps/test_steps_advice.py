"""Advice as the Python API gives it, on a very small base: the contract's keys, a plan that tune takes, and nothing on a stop."""

import json

import pytest
from made_base import beginning

from adtune.advise.arms import METRIC
from adtune.advise.drafts import SPARED
from adtune.advise.reasons import CONVENTIONS, FORMAT, VOCABULARY
from adtune.errors import InputError, Interrupted, SettingError
from adtune.starter import sample_guide, sample_pieces
from adtune.steps.advice import advise
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate, read_dataset
from adtune.steps.tuning import newest_plan

REASONS = (CONVENTIONS, VOCABULARY, FORMAT)
KEYS = {"verdict", "reason", "findings", "candidates", "examples_needed", "estimate"}
SHORT = {"share": 0.02, "pieces": 4, "volume": 400.0, "briefs": 2, "drafts": 2, "draft_tokens": 16}


@pytest.fixture
def base(shared, monkeypatch):
    """A very small base, and a bake-off of very few steps."""
    folder = shared / "bases" / "stories260k"
    if not folder.is_dir():
        pytest.skip("the small base is not on this machine")
    monkeypatch.setattr("adtune.voice.general.WATCHED", 2)
    monkeypatch.setattr("adtune.tune.probe.FEWEST_PROBE_STEPS", 2)
    monkeypatch.setattr("adtune.steps.bakeoff.FEWEST_STEPS", 3)
    monkeypatch.setattr("adtune.steps.bakeoff.GROWTH", (1.0,))
    return str(folder)


@pytest.fixture
def client(ws, tmp_path):
    """60 pieces of the sample client, each its first two or three sentences, so that a run takes a second."""
    if not sample_pieces().is_file():
        pytest.skip("no sample client in this installation")
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()[:60]]
    path = tmp_path / "sample.jsonl"
    path.write_text("".join(json.dumps({**row, "text": beginning(row["text"], 25)}) + "\n" for row in rows), encoding="utf-8")
    import_archive(ws, path, "sample")
    curate(ws, "sample", brand_guide=sample_guide())
    return "sample"


def test_too_few_pieces_are_to_be_collected(ws, archive):
    import_archive(ws, archive(9), "acme")
    answer = advise(ws, "acme", {"base": None, "task": None, "volume": None})
    assert answer.keys() >= KEYS and json.dumps(answer, allow_nan=False)
    assert (answer["verdict"], answer["examples_needed"], answer["candidates"], answer["plan"]) == ("collect", 41, [], None)
    assert set(answer["estimate"]) >= {"seconds", "peak_memory_bytes", "method"} and set(answer["estimate"].values()) == {None}
    assert answer["findings"][0]["check"] == "pieces" and answer["findings"][0]["status"] == "stop"
    assert "9 good pieces of 9 read" in answer["note"] and ws.listing("plan", "acme") == []


def test_the_bake_off_gives_every_key_and_a_plan_that_tune_takes(ws, client, base, monkeypatch):
    from adtune.engine.bases import Base

    bars = []
    answer = advise(ws, client, {"base": base, "task": None, **SHORT},
                    lambda label, done, total, note="": bars.append((label, done / total if total else 0, note)))
    assert answer.keys() >= KEYS | {"plan", "dataset", "method"} and json.dumps(answer, allow_nan=False)
    assert answer["verdict"] in ("prompt", "prefix", "lora", "full"), answer["reason"]
    likely = [row for row in answer["candidates"] if row["metric"] == METRIC]
    assert [row["name"] for row in likely] == ["base", "prompt", "prefix", "lora", "full"]
    assert all({"name", "metric", "score", "interval", "minutes_per_piece", "cost_per_month"} <= row.keys() for row in answer["candidates"])
    assert all(low <= row["score"] <= high for row in answer["candidates"] for low, high in [row["interval"]])
    drafted = {row["name"]: row for row in answer["candidates"] if row["metric"] == SPARED}
    assert drafted.keys() >= {"base", "prompt"} and len(drafted) == 3      # and the tuned arm that came through
    assert {row["drafts"] for row in drafted.values()} == {2, 4} and {row["briefs"] for row in drafted.values()} == {2}
    assert [one["name"] for one in answer["reasons"]] == list(REASONS) and all(one["told"].endswith(".") for one in answer["reasons"])
    assert answer["bake_off"]["rounds"][0]["arms"] == ["lora", "prefix", "full"] and answer["bake_off"]["needed_gain"] > 0
    assert next(row["detail"] for row in likely if row["name"] == "prompt").count(",") >= 2    # several layouts were tried
    assert all({"check", "status", "message", "recommendation"} == one.keys() for one in answer["findings"])
    assert answer["estimate"]["seconds"] > 0 and answer["estimate"]["peak_memory_bytes"] > 10**7
    low, high = answer["estimate"]["seconds_range"]
    assert low < answer["estimate"]["seconds"] < high and answer["estimate"]["disk_bytes"] > 2**20
    assert answer["estimate"]["fits"] is True and answer["estimate"]["largest_that_fits"] is None
    shares = [share for label, share, _ in bars if label == "measure the arms"]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1) and {note.split(":")[0] for _, _, note in bars} >= {"base", "lora"}

    dataset = read_dataset(ws, answer["dataset"])
    plan = newest_plan(ws, client, dataset.hash)
    assert (plan["method"], plan["settings"], plan["reason"]) == (answer["verdict"], {"base": base}, answer["reason"])
    assert [one["id"] for one in ws.lineage(answer["plan"])] == [answer["dataset"]]

    # again, on a base that refuses one method: that arm is noted, and the others come out as before
    monkeypatch.setattr(Base, "kv_sites", [])
    again = advise(ws, client, {"base": base, **SHORT})
    scores, before = ({row["name"]: row["score"] for row in one["candidates"] if row["metric"] == METRIC} for one in (again, answer))
    assert scores == {**before, "prefix": None}
    arms = next(one for one in again["findings"] if one["check"] == "arms")
    assert arms["status"] == "warn" and "prefix" in arms["message"]
    assert newest_plan(ws, client, dataset.hash)["method"] == again["verdict"]


def test_nothing_is_trained_where_the_archive_decides(ws, client, base):
    answer = advise(ws, client, {"base": base, **SHORT, "volume": 0.0})
    assert (answer["verdict"], answer["bake_off"]["rounds"], answer["bake_off"]["ended"]) == ("prompt", [], "the archive alone decides")
    assert "0 pieces a month are too few" in answer["reason"] and answer["bake_off"]["needed_gain"] is None
    scores = {row["name"]: row["score"] for row in answer["candidates"] if row["metric"] == METRIC}
    assert scores["base"] < 0 and scores["lora"] is None and answer["estimate"]["seconds"] > 0
    assert all(one["holds"] is not True for one in answer["reasons"])
    arms = next(one for one in answer["findings"] if one["check"] == "arms")
    assert "Not trained, as the verdict could not change" in arms["message"]


def test_one_text_told_many_times_is_for_rules(ws, tmp_path):
    """Curation keeps one of the near-duplicates, and advice does not take the others for a lack of pieces."""
    text = ("The {} jug costs ${}. It is thrown by hand in our workshop, dried for two weeks and fired twice, so that no two are quite "
            "alike, and it is sent within three days, packed in paper from old maps. If it breaks on the way, tell us within a week and we "
            "send another one at our cost. You may return it within thirty days, unused, in the box that it came in.")
    rows = [{"title": f"{name} jug", "text": text.format(name.lower(), price), "facts": [f"Name: {name.lower()}", f"Price: {price}"]}
            for price in range(30, 40) for name in ("Rust", "Moss", "Plum")]
    path = tmp_path / "jugs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_archive(ws, path, "jugs")
    answer = advise(ws, "jugs", {})
    assert answer["verdict"] == "rules" and "1 of them" in answer["reason"] and answer["candidates"] == []


def test_a_stop_keeps_nothing(ws, client, base):
    asked = iter([False, False, False, False])
    with pytest.raises(Interrupted) as stopped:
        advise(ws, client, {"base": base, **SHORT}, stop=lambda: next(asked, True))
    assert stopped.value.resume == "advise sample" and ws.listing("plan", client) == []


@pytest.mark.parametrize(("options", "wrong"), [
    ({"share": 0.0}, SettingError), ({"pieces": 1}, SettingError), ({"margin": -0.1}, SettingError), ({"volume": -1.0}, SettingError),
    ({"shar": 0.5}, SettingError), ({"drafts": 0}, SettingError), ({"piece_minutes": 0.0}, SettingError), ({"task": "images"}, InputError)])
def test_impossible_options_are_refused_before_anything_is_made(ws, archive, options, wrong):
    import_archive(ws, archive(), "acme")
    with pytest.raises(wrong):
        advise(ws, "acme", options)
    assert ws.listing("dataset", "acme") == []


def test_an_unknown_client_is_an_error(ws):
    with pytest.raises(InputError, match="nobody"):
        advise(ws, "nobody", {})
