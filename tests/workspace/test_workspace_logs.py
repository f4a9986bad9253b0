"""Runs, drafts and finding things by the beginning of their id."""

import pytest

from adtune.errors import InputError


@pytest.fixture
def acme(ws):
    ws.ensure_client("acme")
    ws.ensure_client("other")
    return ws


def test_a_run_from_start_to_end(acme):
    id = acme.create_run("acme", {"rank": 16, "rate": None})
    run = acme.run(id)
    assert run["state"] == "running" and run["settings"] == {"rank": 16, "rate": None} and run["outcome"] is None
    acme.update_run(id, "interrupted")
    acme.update_run(id, "done", {"adapter": "adapter-1"})
    acme.update_run(id, "done")
    after = acme.run(id)
    assert after["outcome"] == {"adapter": "adapter-1"} and after["state"] == "done"
    assert after["created"] == run["created"] <= after["updated"]
    assert set(after) == {"id", "client", "state", "settings", "outcome", "created", "updated"}


def test_newest_run_by_state(acme):
    first, second, third = (acme.create_run("acme", {"n": n}) for n in range(3))
    foreign = acme.create_run("other", {})
    acme.update_run(second, "interrupted")
    acme.update_run(third, "done")
    assert acme.newest_run("acme", ["running", "interrupted"])["id"] == second
    assert acme.newest_run("acme", ["failed"]) is None
    assert [run["id"] for run in acme.runs("acme")] == [third, second, first]
    assert acme.runs()[0]["id"] == foreign


def test_run_directory(acme):
    id = acme.create_run("acme", {})
    assert acme.run_dir(id) == acme.run_dir(id) == acme.root / "runs" / id
    assert acme.run_dir(id).is_dir()
    with pytest.raises(InputError, match="no run"):
        acme.run_dir("../../etc")


def test_wrong_words(acme):
    id = acme.create_run("acme", {})
    with pytest.raises(ValueError, match="finished"):
        acme.update_run(id, "finished")
    with pytest.raises(InputError, match=f"Did you mean '{id}'"):
        acme.update_run(id[:-1] + "x", "done")
    with pytest.raises(InputError, match="no client"):
        acme.create_run("nobody", {})


def test_drafts(acme):
    id = acme.log_draft("acme", None, {"title": "Frühling 🌷", "facts": ["a"]}, "Text ü", {"on_brand": 0.5, "effort": None})
    draft = acme.draft(id)
    assert id.startswith("draft-") and draft.pop("created")
    assert draft == {"id": id, "client": "acme", "adapter": None, "brief": {"title": "Frühling 🌷", "facts": ["a"]}, "text": "Text ü",
                     "scores": {"on_brand": 0.5, "effort": None}}  # fmt: skip
    with pytest.raises(InputError, match="no draft"):
        acme.draft("draft-0")
    with pytest.raises(InputError, match="no client"):
        acme.log_draft("nobody", None, {}, "", {})


def test_find(acme):
    artifact = acme.publish("guide", "acme", {"g": b"1"}, {})
    run, draft = acme.create_run("acme", {}), acme.log_draft("acme", artifact, {}, "x", {})
    for word, full in ((artifact, artifact), (artifact[:9], artifact), (run[:8], run), (draft, draft), ("draft", draft), ("acme", "acme")):
        assert acme.find(word) == full
    for word in ("", "acm", "nope", "GUIDE", "%", "_"):
        with pytest.raises(InputError, match="nothing of this id"):
            acme.find(word)
    with pytest.raises(InputError, match="Did you mean 'acme'"):
        acme.find("acmee")
    acme.create_run("acme", {})
    with pytest.raises(InputError, match="2 that begin so"):
        acme.find("run-")
