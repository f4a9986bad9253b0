"""Evaluation on a tiny base beyond the three arms: terms, claims, kinds, probes, scales, white label; and two adapters compared."""

from __future__ import annotations

import json

import pytest
from made_base import make_base, sample_file

from adtune.engine.bases import load_base
from adtune.engine.tasks.drafting import held_out_rows, measure
from adtune.engine.tasks.targets import measure_targets
from adtune.errors import InputError, SettingError
from adtune.starter import general_text
from adtune.steps.archive import import_archive
from adtune.steps.comparison import compare
from adtune.steps.curation import curate, load_dataset
from adtune.steps.evaluation import evaluate
from adtune.steps.further import scales_of, term_targets
from adtune.steps.tuning import tune
from adtune.voice.terms import Terms
from adtune.workspace import Workspace

QUICK = {"epochs": 1, "rate": 0.01, "precision": "fp32", "prefix_tokens": 16, "loss_tokens": 48, "window_tokens": 256, "replay": 0.0}
SHORT = {"briefs": 3, "draft_tokens": 12}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A client of 30 pieces with a LoRA adapter and a prefix on the same dataset, the base's folder, and a few passages of general text."""
    folder = tmp_path_factory.mktemp("more")
    base = str(make_base(folder / "base", 512))
    with Workspace.open(folder / "ws") as ws:
        import_archive(ws, sample_file(folder / "pieces.jsonl", 30, 400), "Q")  # whole pieces, for their terms
        curate(ws, "Q")
        rows = [row for row in map(json.loads, general_text().read_text(encoding="utf-8").splitlines()) if row["kind"] in ("news", "list")]
        (folder / "general.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[::3]), encoding="utf-8")
        adapters = [tune(ws, "Q", QUICK | {"base": base, "method": method})["adapter"] for method in ("lora", "prefix")]
        yield ws, adapters, base, folder


@pytest.fixture(scope="module")
def evaluated(job):
    ws, (lora, _), _, folder = job
    (folder / "probes.jsonl").write_text('{"prompt": "The capital of France", "expected": ["Paris", "Paris itself"]}\n', encoding="utf-8")
    (folder / "groups.txt").write_text("gender: women, men\n", encoding="utf-8")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return evaluate(ws, "Q", lora, SHORT | {
        "general_text": str(folder / "general.jsonl"), "probes": str(folder / "probes.jsonl"),
        "groups": str(folder / "groups.txt"), "agency": "North & Sons",
        "logo": str(folder / "logo.png"), "scales": "0.5", "claims_limit": 0})


def test_an_evaluation_measures_more_than_three_arms(evaluated):
    forgot, measures = evaluated["forgetting"], evaluated["measures"]
    assert set(forgot["kinds"]) == {"news", "list"} and forgot["worst_kind"] in forgot["kinds"]
    assert sum(row["passages"] for row in forgot["kinds"].values()) == forgot["passages"]
    assert [row["scale"] for row in forgot["scales"]] == [0.0, 0.5, 1.0]
    assert forgot["scales"][2]["loss"] == pytest.approx(evaluated["held_out"]["loss_tuned"])
    assert forgot["scales"][2]["forgetting"] == pytest.approx(forgot["delta"])
    assert max(row["loss"] for row in forgot["scales"][1:]) < forgot["scales"][0]["loss"]
    assert forgot["probes"]["probes"] == 1 and 0 <= forgot["probes"]["right_after"] <= 1 and forgot["probes"]["loss_before"] > 0
    loss = measures["terms"]["loss"]  # these few first targets may hold no term
    assert measures["terms"]["terms"] >= 3 and (loss["base"] is None) == (loss["tuned"] is None)
    assert measures["format"]["all"]["tuned"] is not None and measures["claims"]["per_draft"]["tuned"] is not None
    assert "claims" in evaluated["gates"] and list(evaluated["on_brand"]["axes"]) == ["cadence", "vocabulary", "structure", "tone"]
    json.dumps(evaluated, allow_nan=False)


def test_groups_get_the_same_briefs_in_both_models_and_their_drafts_are_kept(job, evaluated):
    (one,) = evaluated["measures"]["groups"]["comparisons"]
    rows = {row["figure"]: row for row in one["figures"]}
    assert one["groups"] == ["women", "men"] and rows["words"]["tuned"] > 0 and rows["loss"]["base"] > rows["loss"]["tuned"] > 0
    assert 0 < rows["loss"]["p"] <= 1 and rows["loss"]["tuned_less_others"] != 0  # naming a group changes what the model expects
    kept = json.loads((job[0].path(evaluated["report_id"]) / "drafts.json").read_text(encoding="utf-8"))["groups"]
    assert [(row["group"], row["arm"]) for row in kept] == [("women", "tuned"), ("men", "tuned"), ("women", "base"), ("men", "base")]
    assert all(len(row["drafts"]) == len(row["briefs"]) == SHORT["briefs"] for row in kept)


def test_the_report_is_the_agency_s_in_three_formats(job, evaluated):
    folder = job[0].path(evaluated["report_id"])
    html, told = ((folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))
    assert "North &amp; Sons" in html and 'src="data:image/png' in html and "Made by adtune" not in html
    assert "http" not in html.split("<body")[1] and str(job[3] / "logo.png") not in html
    assert told.startswith("North & Sons\n\n# Evaluation of ") and "## The voice on four axes" in told
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["forgetting"]["worst_kind"]


def test_the_targets_one_by_one_sum_to_the_loss(job):
    base = load_base(job[2])
    _, dataset = load_dataset(job[0], "Q")
    pieces = [item.example for item in dataset.split("test")]
    rows = held_out_rows(base.renderer, pieces, 64, base.context)
    each, whole = measure_targets(base, None, rows), measure(base, None, rows)
    assert [len(one) for one in each] == [count for _, count in whole]
    assert [sum(one) for one in each] == pytest.approx([nats for nats, _ in whole], rel=1e-5)
    text = pieces[0].text
    word = next(word for word in text.split() if len(word) > 6 and word.isalpha())
    places = term_targets(base.renderer, [text], Terms({word.casefold(): None}), rows[:1])[0]
    ids = base.renderer.encode(text)
    assert places and word in base.renderer.tokenizer.decode([ids[place] for place in sorted(places)])


def test_two_adapters_are_compared_on_what_neither_has_seen(job):
    ws, (lora, prefix), _, folder = job
    row = compare(ws, "Q", (lora, prefix), SHORT | {"general_text": str(folder / "general.jsonl"), "by": "effort"})
    _, dataset = load_dataset(ws, "Q")
    assert row["pieces"] == len(dataset.split("test")) and row["briefs"] == 3 and {row["a"], row["b"]} == {lora, prefix}
    assert row["held_out"]["a_less_b"] == pytest.approx(row["held_out"]["loss_a"] - row["held_out"]["loss_b"])
    assert row["choice"] in ("a", "b", None) and (ws.path(row["report_id"]) / "report.md").is_file()
    assert {one["id"] for one in ws.lineage(row["report_id"])} >= {lora, prefix}
    assert row["by"] == "effort" and row["choice"] == row["better"]["effort"]


def test_what_cannot_be_compared_is_refused(job):
    ws, (lora, prefix), _, _ = job
    with pytest.raises(InputError, match="twice"):
        compare(ws, "Q", (lora, lora))
    with pytest.raises(InputError, match="on_brand"):
        compare(ws, "Q", (lora, prefix), {"by": "on-brand"})
    with pytest.raises(InputError):
        compare(ws, "Q", (lora, "nothing"))


@pytest.mark.parametrize(("options", "word"), [({"scales": "2"}, "between 0 and 1"), ({"scales": "half"}, "between 0 and 1"),
                                               ({"limits": "oops"}, "FIGURE"), ({"logo": "/no/such/logo.png"}, "no such file")])
def test_wrong_words_are_refused_before_anything_is_measured(job, options, word):
    ws, (lora, _), _, _ = job
    with pytest.raises((SettingError, InputError), match=word):
        evaluate(ws, "Q", lora, options, progress=lambda *said: pytest.fail("began"))


def test_scales_are_shares():
    assert scales_of("0.75, 0.25,0.25") == (0.25, 0.75) and scales_of("") == ()
