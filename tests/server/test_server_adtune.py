"""adtune's own part of the interface: the ladder, the log, edits, jobs for verbs."""

import json

import pytest
from made_server import make_adapter, pass_gates

from adtune.serve.keys import SCOPES
from adtune.steps.work import do

WORDS = "harbour lantern copper meadow quiet ledger bridge winter orchard signal paper garden morning river stone market teacher".split()


@pytest.fixture
def ask(http, key):
    """Calls as a client with every scope."""

    def call(client, method, path, **given):
        headers = {"Authorization": f"Bearer {key(client, *SCOPES)}", **given.pop("headers", {})}
        return http.request(method, f"/v1/adtune/{path}", headers=headers, **given)

    return call


def test_going_live_and_back(ask, space):
    before = ask("acme", "GET", "versions").json()
    new, other = make_adapter(space.ws, "acme", space.base, 21), space.ids["other"]
    refused = ask("acme", "POST", "live", json={"version": new, "by": "Ann"})
    assert refused.status_code == 400 and "no evaluation" in refused.json()["error"]["message"]
    pass_gates(space.ws, "acme", new)
    done = ask("acme", "POST", "live", json={"version": new, "by": "Ann", "reason": "spring"}).json()
    assert done["live"] == new and done["by"].startswith("Ann (key ")
    assert ask("acme", "POST", "rollback", json={"by": "Bo"}).json()["live"] == before["live"]
    assert len(ask("acme", "GET", "versions").json()["history"]) == len(before["history"]) + 2
    for version in (other, "nothing", "../x"):
        assert ask("acme", "POST", "live", json={"version": version, "by": "Ann"}).json()["error"]["code"] == "model_not_found"
    assert ask("acme", "POST", "live", json={"version": new, "by": " "}).status_code == 400
    assert ask("empty", "POST", "rollback", json={"by": "Ann"}).status_code == 400


def test_the_log_usage_and_edits(ask, call, space):
    answer = call("acme", "POST", "/v1/chat/completions", json={"model": "live", "messages": [{"role": "user", "content": "Geese"}]})
    newest = ask("acme", "GET", "drafts", params={"limit": 1}).json()
    assert len(newest["data"]) == 1 and newest["data"][0]["scores"]["request"] == answer.headers["x-request-id"]
    id = newest["data"][0]["id"]
    assert ask("acme", "GET", f"drafts/{id}").json()["text"] == answer.json()["choices"][0]["message"]["content"]
    assert ask("other", "GET", f"drafts/{id}").status_code == 404
    assert ask("acme", "GET", "usage").json()["used_tokens"] >= answer.json()["usage"]["total_tokens"]
    text = " ".join(WORDS * 3)
    rows = [{"draft": text, "final": text.replace("harbour", "port"), "minutes": 4.5, "editor": "Ann", "date": "2026-11-20"},
            {"draft": text, "final": "", "minutes": 1}]
    taken = ask("acme", "POST", "edits", json={"edits": rows}).json()
    assert (taken["read"], taken["kept"], taken["rejected"]) == (2, 1, 1) and taken["rejections"][0]["where"] == "line 2"
    assert [one.minutes for one in space.ws.edits("acme")] == [4.5]
    unknown = ask("acme", "POST", "edits", json={"edits": [{"draft_id": "draft-0", "final": "x"}]})
    assert unknown.json()["error"]["param"] == "edits[0].draft_id"
    assert ask("acme", "PUT", "wishes", json={"learn": False}).json() == {"client": "acme", "learn": False}
    assert ask("acme", "POST", "edits", json={"edits": rows[:1]}).status_code == 400
    ask("acme", "PUT", "wishes", json={"learn": True})


def test_a_verb_as_a_job(ask, space, tmp_path):
    from adtune.steps.archive import import_archive

    rows = [{"id": f"p{n}", "title": f"On {WORDS[n % 17]} {n}",
             "text": " ".join(WORDS[(n * k) % 17] + str(n * k % 7) for k in range(40)) + "."} for n in range(20)]
    path = tmp_path / "pieces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_archive(space.ws, path, "pieces")
    made = ask("pieces", "POST", "jobs", json={"kind": "curate", "options": {"min_words": 10}}).json()
    assert made["status"] == "queued" and ask("other", "GET", f"jobs/{made['id']}").status_code == 404
    do(space.ws, space.ws.jobs.claim("here"), lambda: False)
    done = ask("pieces", "GET", f"jobs/{made['id']}").json()
    assert done["status"] == "succeeded" and done["result"]["read"] == 20
    assert done["result"]["dataset"] == space.ws.newest("dataset", "pieces")
    again = [ask("pieces", "POST", "jobs", json={"kind": "tune"}, headers={"Idempotency-Key": "k1"}).json()["id"] for _ in range(2)]
    paused = again[0]
    assert again[1] == paused  # whoever heard no answer asks again, and there is one job
    assert [ask("pieces", "POST", f"jobs/{paused}/{what}").json()["status"] for what in ("pause", "resume", "cancel")] == [
        "paused", "queued", "cancelled"]
    assert [one["id"] for one in ask("pieces", "GET", "jobs").json()["data"]] == [paused, made["id"]]
    for wrong in ({"kind": "export"}, {"kind": "tune", "options": {"base": "/etc"}}, {"kind": "curate", "options": {"in_context": "x"}},
                  {"kind": "tune", "options": {"rank": "many"}}, {"kind": "evaluate", "options": {"adapter": space.ids["acme"]}}):
        assert ask("pieces", "POST", "jobs", json=wrong).status_code in (400, 404), wrong
