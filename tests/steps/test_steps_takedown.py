"""Takedown: what held a piece is found, what learned from it leaves service, and its words are looked for in what comes after."""

import json
import random
import shutil
from pathlib import Path

import pytest

from adtune.errors import InputError
from adtune.steps import drafting, takedown
from adtune.steps.archive import import_archive
from adtune.steps.catalogue import show
from adtune.steps.curation import curate, load_dataset, read_dataset
from adtune.steps.examples_file import KIND
from adtune.steps.ladder import go_live
from adtune.workspace import Workspace

WORDS = ("harbour lantern copper meadow quiet ledger bridge winter orchard signal paper garden morning river stone market teacher window "
         "cotton ladder summer engine island velvet corner music harvest candle valley thread bottle forest planet mirror").split()


def text(n: int) -> str:
    return " ".join(random.Random(n).choices(WORDS, k=60)) + "."


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(a closed workspace, what `acme` gives of it), made once: each test has a copy."""
    tmp_path = tmp_path_factory.mktemp("takedown")
    rows = [{"id": f"p{n}", "title": f"On {WORDS[n]} {n}", "text": text(n)} for n in range(20)]
    rows[19]["rights_until"] = "2001-01-01"
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Workspace.open(tmp_path / "ws") as ws:
        ws.ensure_client("acme")
        older = ws.publish("adapter", "acme", {"a": b"old"}, {"base": "starter", "dataset": "none"})
        import_archive(ws, path, "acme")
        dataset = curate(ws, "acme")["dataset"]
        adapter = ws.publish("adapter", "acme", {"a": b"new"}, {"base": "starter", "dataset": dataset}, [dataset])
        for id in (older, adapter):
            ws.publish("report", "acme", {"r": id.encode()}, {"adapter": id, "gates": {}, "passed": True}, [id])
            go_live(ws, id, "Ann")
    return tmp_path / "ws", (dataset, adapter, older)


@pytest.fixture
def acme(made, tmp_path):
    """Twenty pieces, a dataset of them, an adapter of that dataset which is live, and an older one of another dataset."""
    shutil.copytree(made[0], tmp_path / "ws")
    with Workspace.open(tmp_path / "ws") as ws:
        yield ws, *made[1]


def trained_on(ws, dataset):
    """The file's own id of a piece that is trained on, and its item."""
    item = read_dataset(ws, dataset).split("train")[0]
    return item.source.id, item


def test_what_learned_from_a_piece_leaves_service(acme):
    ws, dataset, adapter, older = acme
    word, item = trained_on(ws, dataset)
    quoted = ws.log_draft("acme", adapter, {}, f"Well: {item.example.text}", {})
    ws.log_draft("acme", adapter, {}, "something else altogether, in other words than those", {})
    answer = takedown.takedown(ws, "acme", [word], "Ann Lee", {"reason": "the author objects"})
    assert answer["withdrawn"] == [adapter] and (answer["previous"], answer["live"]) == (adapter, older)
    assert {(one["kind"], one["split"]) for one in answer["held_by"]} >= {("dataset", "train"), ("adapter", "train"), ("report", "train")}
    assert answer["logs"] == [quoted] and answer["alike"] == []
    assert ws.asset(item.asset, "acme").withdrawn and show(ws, "acme/" + word)["history"][-1]["reason"] == "the author objects"
    with pytest.raises(InputError, match="withdrawn"):
        go_live(ws, adapter, "Ann")
    page = Path(answer["certificate"]["html"]).read_text()
    assert "Ann Lee" in page and "the author objects" in page and adapter in page
    assert json.loads(Path(answer["certificate"]["json"]).read_text())["withdrawn"] == [adapter]
    again = takedown.takedown(ws, "acme", [word], "Ann Lee")
    assert again["withdrawn"] == [] and again["live"] == older and len(show(ws, "acme/" + word)["history"]) == 1


def test_a_piece_that_only_measured_takes_nothing_down(acme):
    ws, dataset, adapter, _ = acme
    held_out = read_dataset(ws, dataset).split("test")[0]
    answer = takedown.takedown(ws, "acme", [held_out.asset[:12]], "Ann")
    assert answer["withdrawn"] == [] and answer["live"] == adapter and {one["split"] for one in answer["held_by"]} == {"test"}


def test_expired_rights_and_tuning_again(acme):
    ws, dataset, _, _ = acme
    assert all(item.source.id != "p19" for item in read_dataset(ws, dataset).items)  # curation leaves it out already
    word, item = trained_on(ws, dataset)
    answer = takedown.takedown(ws, "acme", [word], "Ann", {"expired": True, "retune": True})
    assert {one["source"]["id"] for one in answer["pieces"]} == {word, "p19"}
    assert item.asset not in {one.asset for one in read_dataset(ws, answer["retune"]["dataset"]).items}
    assert ws.jobs.get(answer["retune"]["job"]).kind == "tune"


def test_what_is_tuned_next_is_curated_without_it_under_the_same_settings(acme):
    ws, _, _, _ = acme
    curate(ws, "acme", overrides={"min_words": 10})
    before = load_dataset(ws, "acme")
    word, item = trained_on(ws, before[0])
    takedown.takedown(ws, "acme", [word], "Ann")
    after = load_dataset(ws, "acme")
    assert after[0] != before[0] and item.asset not in {one.asset for one in after[1].items}
    assert after[1].settings["min_words"] == 10 and load_dataset(ws, "acme")[0] == after[0]


def test_nothing_live_is_left_where_all_learned_from_it(acme):
    ws, dataset, adapter, older = acme
    go_live(ws, adapter, "Ann")
    word, _ = trained_on(ws, dataset)
    ws.ladder.step(takedown_step(older))
    assert takedown.takedown(ws, "acme", [word], "Ann")["live"] is None and ws.ladder.live("acme") is None


def takedown_step(version):
    from adtune.workspace.ladder import WITHDRAWN, Rung

    return Rung("acme", WITHDRAWN, version, "Ann")


def test_examples_that_were_handed_in_are_found_by_their_words(acme):
    ws, dataset, _, _ = acme
    word, item = trained_on(ws, dataset)
    copied = read_dataset(ws, dataset)
    handed = ws.publish(KIND, "acme", {"dataset.json": (ws.path(dataset) / "dataset.json").read_bytes()}, {"hash": copied.hash})
    theirs = ws.publish("adapter", "acme", {"a": b"ft"}, {"base": "starter", "dataset": handed}, [handed])
    assert theirs in takedown.takedown(ws, "acme", [word], "Ann")["withdrawn"]


@pytest.mark.parametrize("quotes", [False, True])
def test_the_check_finds_a_piece_that_is_still_there(acme, monkeypatch, quotes):
    ws, dataset, adapter, older = acme
    word, item = trained_on(ws, dataset)
    takedown.takedown(ws, "acme", [word], "Ann")
    clean = curate(ws, "acme")["dataset"]
    after = ws.publish("adapter", "acme", {"a": b"after"}, {"base": "starter", "dataset": clean}, [clean])
    said = " ".join(item.example.text.split()[5:20]) if quotes else "other words than those of any piece, and many of them at that"
    monkeypatch.setattr(drafting, "draft", lambda *a, **k: {"drafts": [{"text": f"So {said} then"}]})
    answer = takedown.check(ws, "acme", [word], after)
    assert answer["check"]["passed"] is not quotes and answer["check"]["version"] == after
    assert (answer["check"]["shared_runs"] > 0) is quotes and "Measured" in Path(answer["certificate"]["html"]).read_text()


@pytest.mark.parametrize(("words", "by", "told"), [(["p999"], "Ann", "no piece of acme"), ([], "Ann", "no piece to take down"),
                                                   (["p1"], "", "no name"), (["other/p1"], "Ann", "no piece of acme")])
def test_wrong_words(acme, words, by, told):
    ws = acme[0]
    with pytest.raises(InputError, match=told):
        takedown.takedown(ws, "acme", words, by)
    assert ws.withdrawn("acme") == []
