"""The verbs by API: files go in, jobs do them, files and artifacts come out; nothing of another client's, no place of this machine."""

import io
import json
import random
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

import pytest
from made_server import pass_gates

from adtune.evaluate.compare import MEASURES
from adtune.serve.keys import SCOPES
from adtune.server.verb_jobs import CompareOptions, ExportOptions
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate
from adtune.steps.dataset_export import FORMATS
from adtune.steps.exporting import WRITERS
from adtune.steps.ladder import go_live
from adtune.steps.tuning import STARTER_NOTE, tune
from adtune.steps.verb_work import safe_name
from adtune.steps.work import do

WORDS = "harbour lantern copper meadow quiet ledger bridge winter orchard signal paper garden morning river stone market teacher".split()


def pieces(count=20):
    return "".join(json.dumps({"id": f"p{n}", "title": f"On {WORDS[n % 17]} {n}", "text": " ".join(
        WORDS[(n * k) % 17] + str(n * k % 7) for k in range(60)) + "."}) + "\n" for n in range(count))


def campaigns(days=40):
    chance, rates = random.Random(1), {"Instagram": 0.06, "Google Search": 0.02}
    lines = ["date,channel,campaign,clicks,conversions"]
    for n in range(days * 2):
        channel, clicks = ("Instagram", "Google Search")[n % 2], chance.randint(80, 300)
        bought = sum(chance.random() < rates[channel] for _ in range(clicks))
        lines.append(f"{date(2024, 1, 1) + timedelta(n // 2)},{channel},{channel} {n % 3},{clicks},{bought}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def ask(http, key):
    """Calls as a client with every scope."""

    def call(client, method, path, **given):
        headers = {"Authorization": f"Bearer {key(client, *SCOPES)}", **given.pop("headers", {})}
        return http.request(method, path if path.startswith("/") else f"/v1/adtune/{path}", headers=headers, **given)

    return call


@pytest.fixture
def put(ask):
    """Hands in a file; gives its id."""

    def call(client, name, text):
        answer = ask(client, "POST", "/v1/files", files={"file": (name, text)}, data={"purpose": "user_data"})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    return call


@pytest.fixture
def work(ask, space):
    """Queues a job, does it, and gives it as it then stands."""

    def call(client, path="jobs", **body):
        made = ask(client, "POST", path, json=body)
        assert made.status_code == 200, made.text
        do(space.ws, space.ws.jobs.claim("here"), lambda: False)
        return ask(client, "GET", f"jobs/{made.json()['id']}").json()

    return call


@pytest.fixture
def archive(space, put, work):
    """A client of its own, whose archive and dataset came by API."""
    space.ws.ensure_client("verbs")
    done = work("verbs", kind="import", file=put("verbs", "../pieces.jsonl", pieces()))
    assert done["status"] == "succeeded" and done["result"]["kept"] == 20, done
    made = work("verbs", kind="curate", options={"min_words": 10})
    return done["result"], made["result"]["dataset"]


def test_an_archive_comes_in_and_its_dataset_goes_out(archive, ask, put, work, space):
    answer, dataset = archive
    assert answer["client"] == "verbs" and not answer["rejections"]
    again = work("verbs", kind="import", file=put("verbs", "pieces.jsonl", pieces()))["result"]
    assert (again["read"], again["added"]) == (20, 0)
    listed = ask("verbs", "GET", "pieces", params={"limit": 3}).json()
    assert len(listed["data"]) == 3 and listed["has_more"] and "text" not in listed["data"][0]
    one = ask("verbs", "GET", f"pieces/{listed['data'][0]['id']}").json()
    assert one["state"] == "in force" and one["source"]["file"] == "pieces.jsonl" and one["text"].endswith(".")
    assert ask("other", "GET", f"pieces/{one['id']}").status_code == 404
    kinds = {entry["kind"] for entry in ask("verbs", "GET", "artifacts").json()["data"]}
    assert kinds == {"dataset"} and ask("other", "GET", "artifacts", params={"kind": "dataset"}).json()["data"] == []
    assert ask("verbs", "GET", "artifacts", params={"kind": "poem"}).status_code == 400
    shown = ask("verbs", "GET", f"artifacts/{dataset}").json()
    assert len(shown["items"]) == shown["kept"] and str(space.ws.root) not in json.dumps(shown)
    page = ask("verbs", "GET", f"artifacts/{dataset}/report")
    assert page.status_code == 200 and page.text.lower().startswith("<!doctype html>")
    assert "attachment" in page.headers["content-disposition"]
    done = work("verbs", kind="export", options={"id": dataset, "to": "openai"})
    packed = ask("verbs", "GET", f"/v1/files/{done['result']['path']}/content")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as pack:
        assert set(pack.namelist()) == set(done["result"]["files"])
        rows = [json.loads(line) for name in pack.namelist() if name.endswith(".jsonl") for line in pack.read(name).splitlines()]
    assert len(rows) == shown["kept"] and {message["role"] for row in rows for message in row["messages"]} >= {"user", "assistant"}
    assert ask("other", "GET", f"/v1/files/{done['result']['path']}/content").status_code == 404


@pytest.fixture(scope="module")
def tuned(space, tmp_path_factory):
    """An adapter, really tuned, of a client of its own, which is live; and the same once more under another seed's name."""
    path = tmp_path_factory.mktemp("tuned") / "pieces.jsonl"
    path.write_text(pieces(24))
    import_archive(space.ws, path, "tuned")
    curate(space.ws, "tuned", overrides={"min_words": 10})
    quick = {"base": str(space.base), "method": "lora", "epochs": 1, "rank": 4, "rate": 2e-3, "replay": 0.0, "evaluations": 2}
    first = tune(space.ws, "tuned", quick)["adapter"]
    row = space.ws.record(first)
    files = {one.name: one for one in space.ws.path(first).iterdir() if one.name != "MANIFEST.json"}
    ids = [first, space.ws.publish("adapter", "tuned", files, {**row["record"], "seed": 1}, row["parents"])]
    pass_gates(space.ws, "tuned", ids[0])
    go_live(space.ws, ids[0], "Ann")
    return ids


def test_what_a_file_does_wrong_is_said_without_the_place_where_it_lay(space, ask, put, work):
    space.ws.ensure_client("broken")
    done = work("broken", kind="import", file=put("broken", "notes.jsonl", "{broken\n"))
    assert done["status"] == "failed" and "notes.jsonl" in done["error"]["message"]
    assert str(space.ws.root) not in json.dumps(done)
    gone = put("broken", "gone.jsonl", pieces())
    queued = ask("broken", "POST", "jobs", json={"kind": "import", "file": gone}).json()
    assert ask("broken", "DELETE", f"/v1/files/{gone}").json()["deleted"]
    do(space.ws, space.ws.jobs.claim("here"), lambda: False)
    told = ask("broken", "GET", f"jobs/{queued['id']}").json()
    assert told["status"] == "failed" and "not there any more" in told["error"]["message"]
    assert [name.name for name in space.ws.root.iterdir() if name.name.startswith("tmp")] == []


def test_jobs_that_cannot_be_are_refused_before_they_are_queued(space, ask, put):
    file, own = put("acme", "a.csv", "a,b\n"), space.ids["acme"]
    before = len(space.ws.jobs.all("acme"))
    for status, body in [
            (400, {"kind": "import"}), (404, {"kind": "import", "file": put("other", "x.csv", "a\n")}),
            (400, {"kind": "import", "file": file, "options": {"as": "poems"}}),
            (400, {"kind": "import", "file": file, "options": {"to": 1}}),
            (400, {"kind": "predict", "file": file, "options": {"level": 2}}),
            (404, {"kind": "predict", "file": file, "options": {"adapter": own}}),
            (404, {"kind": "compare", "options": {"adapters": [own, space.ids["other"]]}}),
            (400, {"kind": "compare", "options": {"adapters": [own]}}), (404, {"kind": "export", "options": {"id": "x", "to": "peft"}}),
            (404, {"kind": "export", "options": {"id": space.ids["other"], "to": "peft"}}),
            (400, {"kind": "export", "options": {"id": own, "to": "/etc"}}), (400, {"kind": "takedown", "options": {}}),
            (400, {"kind": "tune", "task": "painting"}), (404, {"kind": "evaluate", "options": {"adapter": space.ids["other"]}})]:
        answer = ask("acme", "POST", "jobs", json=body)
        assert answer.status_code == status, (body, answer.text)
    assert ask("acme", "POST", "takedowns", json={"by": "Ann"}).status_code == 400
    assert ask("acme", "POST", "takedowns", json={"by": " ", "expired": True}).status_code == 400
    assert len(space.ws.jobs.all("acme")) == before


def test_two_adapters_are_compared_and_one_goes_out_as_a_file(tuned, space, ask, work):
    done = work("tuned", kind="compare", options={"adapters": tuned})
    assert done["status"] == "succeeded" and done["result"]["by"] == "loss", done["error"]
    report = next(one["id"] for one in ask("tuned", "GET", "artifacts", params={"kind": "comparison"}).json()["data"])
    assert ask("tuned", "GET", f"artifacts/{report}/report").text.lower().startswith("<!doctype html>")
    done = work("tuned", kind="export", options={"id": tuned[1], "to": "peft"})
    assert done["status"] == "succeeded", done["error"]
    packed = ask("tuned", "GET", f"/v1/files/{done['result']['path']}/content")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as pack:
        assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= set(pack.namelist())
    shown = ask("tuned", "GET", f"artifacts/{tuned[0]}").json()
    assert shown["base"] == "tiny" and str(space.base) not in json.dumps(shown)
    run = next(one["id"] for one in ask("tuned", "GET", "artifacts", params={"kind": "run"}).json()["data"])
    assert ask("tuned", "GET", f"artifacts/{run}").json()["state"] == "done" and ask("other", "GET", f"artifacts/{run}").status_code == 404


def test_a_draft_of_the_starter_says_what_it_is(tuned, ask, service, monkeypatch):
    asked = {"brief": "Spring", "max_tokens": 2}
    assert "note" not in ask("tuned", "POST", "drafts", json=asked).json()
    found = service.target("tuned", "live")
    monkeypatch.setattr(service, "target", lambda *words: replace(found, record={**found.record, "starter": True}))
    assert ask("tuned", "POST", "drafts", json=asked).json()["note"] == STARTER_NOTE


def test_drafts_are_scored_logged_and_can_be_sent_back(tuned, space, ask):
    asked = {"brief": "Spring", "category": "email", "facts": ["free delivery"], "n": 2, "seed": 5, "max_tokens": 6}
    told = ask("tuned", "POST", "drafts", json=asked).json()["drafts"]
    assert len({one["id"] for one in told}) == 2 and {one["adapter"] for one in told} == {tuned[0]}
    assert {name for one in told for name in one} == {"id", "text", "adapter", "on_brand", "effort"}
    assert ask("tuned", "GET", f"drafts/{told[1]['id']}").json()["text"].strip() == told[1]["text"]
    again = ask("tuned", "POST", "drafts", json=asked).json()["drafts"]
    assert [one["text"] for one in again] == [one["text"] for one in told]
    edit = {"draft_id": told[0]["id"], "final": "Spring is here.", "minutes": 3, "editor": "Ann"}
    assert ask("tuned", "POST", "edits", json={"edits": [edit]}).json()["kept"] == 1
    learned = ask("tuned", "GET", "minutes", params={"other_minutes": 61.4}).json()
    assert learned["calibrated"] is False and learned["edits"] >= 1 and learned["throughput_change"] is None
    for wrong in ({"brief": " "}, {"brief": "x", "n": 0}, {"brief": "x", "poem": 1}):
        assert ask("tuned", "POST", "drafts", json=wrong).status_code == 400
    assert ask("tuned", "POST", "drafts", json={"brief": "x", "model": "tiny"}).json()["error"]["code"] == "model_not_found"
    assert ask("tuned", "POST", "drafts", json={"brief": "x", "model": space.ids["other"]}).status_code == 404


def test_a_takedown_leaves_a_certificate(archive, ask, work, space):
    piece = ask("verbs", "GET", "pieces").json()["data"][0]["id"]
    done = work("verbs", "takedowns", pieces=[piece], by="Ann", reason="rights")
    assert done["status"] == "succeeded" and done["result"]["by"].startswith("Ann (key "), done
    assert ask("verbs", "GET", f"pieces/{piece}").json()["state"] == "withdrawn"
    page = ask("verbs", "GET", f"artifacts/{done['result']['certificate']}/report").text
    assert "Certificate of takedown" in page and str(space.ws.root) not in json.dumps(done)


def test_campaign_rows_come_in_and_predictions_go_out(space, ask, put, work):
    space.ws.ensure_client("media")
    done = work("media", kind="import", file=put("media", "export.csv", campaigns()), options={"as": "campaigns"})
    assert done["status"] == "succeeded" and done["result"]["kind"] == "campaigns", done["error"]
    plan = "date,channel,campaign,clicks\n2024-03-01,Instagram,Instagram 1,200\n2024-03-01,Google Search,Google Search 2,200\n"
    done = work("media", kind="predict", file=put("media", "plan.csv", plan), options={"outcome": "conversions"})
    assert done["result"]["rows"] == 2, done["error"]
    lines = ask("media", "GET", f"/v1/files/{done['result']['out']}/content").text.splitlines()
    assert len(lines) == 3 and "rate" in lines[0] and str(space.ws.root) not in json.dumps(done)
    advised = work("media", kind="advise")
    assert advised["status"] == "succeeded" and advised["result"]["verdict"] in {"rules", "lora", "full", "collect", "head"}, advised


def test_the_interface_names_the_forms_and_measures_that_are_built():
    assert set(get_args(ExportOptions.model_fields["to"].annotation)) == {*WRITERS, *FORMATS}
    assert set(get_args(CompareOptions.model_fields["by"].annotation)) == set(MEASURES)


@pytest.mark.parametrize(("name", "expected"), [
    ("pieces.jsonl", "pieces.jsonl"), ("../../etc/passwd", "passwd"), ("C:\\dir\\a b.docx", "a b.docx"), ("..", "file"), ("", "file"),
    ("a\x00b\n.csv", "a_b_.csv"), ("x" * 300 + ".jsonl", "x" * 80 + ".jsonl"), ("é" * 100 + ".csv", "é" * 40 + ".csv"), (".csv", "csv")])
def test_a_client_s_word_for_a_file_is_no_path(name, expected):
    assert safe_name(name) == expected
