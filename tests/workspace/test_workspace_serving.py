"""Keys, the ladder and uploads on SQLite and PostgreSQL."""

import pytest

from adtune.errors import InputError
from adtune.workspace.keys import Key
from adtune.workspace.ladder import CANARY, DOWN, LIVE, WITHDRAWN, ModelName, Rung


@pytest.fixture
def acme(ws):
    ws.ensure_client("acme")
    ws.ensure_client("other")
    return ws


def test_keys_allowances_and_usage(acme):
    one = Key("k1", "acme", "d" * 64, ("read", "serve"), label="writers", per_minute=5)
    acme.keys.add(one)
    kept = acme.keys.get("k1")
    assert kept.scopes == ("read", "serve") and kept.per_minute == 5 and kept.live("2026-01-01") and acme.keys.any()
    acme.keys.add(Key("k2", "acme", "e" * 64, ("read",), replaces="k1"), "k1", "2026-06-01T00:00:00.000+00:00")
    assert acme.keys.get("k1").live("2026-05-01") and not acme.keys.get("k1").live("2026-06-02")
    acme.keys.revoke("k2")
    acme.keys.revoke("k2")
    assert acme.keys.get("k2").revoked and not acme.keys.any() and [key.id for key in acme.keys.all("other")] == []
    assert acme.keys.require("k1").id == "k1"
    for word in ("k", "x", ""):
        with pytest.raises(InputError):
            acme.keys.require(word)
    acme.keys.use("acme", 3, 4)
    acme.keys.use("acme", 30, 40)
    assert (acme.keys.used("acme").requests, acme.keys.used("acme").tokens, acme.keys.used("other").tokens) == (2, 77, 0)
    assert acme.keys.used("acme", "2001-01").tokens == 0
    assert acme.keys.allow("acme", {"monthly_tokens": 9}).monthly_tokens == 9 and acme.keys.allowance("other").monthly_tokens is None
    assert acme.keys.allow("acme", {"learn": False}) == acme.keys.allowance("acme") and acme.keys.allowance("acme").monthly_tokens == 9


def test_the_ladder(acme):
    for what, version, share in ((LIVE, "adapter-1", 1.0), (LIVE, "adapter-2", 1.0), (CANARY, "adapter-3", 0.25)):
        acme.ladder.step(Rung("acme", what, version, "Ann", share=share))
    assert acme.ladder.live("acme").version == "adapter-2" and acme.ladder.canary("acme").share == 0.25
    acme.ladder.step(Rung("acme", WITHDRAWN, "adapter-1", "Ann"), acme.ladder.height("acme"))
    assert acme.ladder.withdrawn("acme") == {"adapter-1"} and acme.ladder.canary("acme").version == "adapter-3"
    acme.ladder.step(Rung("acme", DOWN, None, "Ann"))
    assert acme.ladder.live("acme") is None is acme.ladder.canary("acme") and acme.ladder.live("other") is None
    assert [step.what for step in acme.ladder.history("acme")] == [LIVE, LIVE, CANARY, WITHDRAWN, DOWN]
    with pytest.raises(InputError, match="meanwhile"):
        acme.ladder.step(Rung("acme", LIVE, "adapter-1", "Bo"), 1)
    acme.ladder.name(ModelName("ft:a", "acme", "adapter-1"))
    with pytest.raises(InputError, match="taken"):
        acme.ladder.name(ModelName("ft:a", "other", "adapter-9"))
    assert [one.name for one in acme.ladder.names("acme")] == ["ft:a"] and acme.ladder.named("other", "ft:a") is None


def test_a_name_and_a_job_s_end_are_one_moment(acme):
    made = acme.jobs.submit("acme", "fine_tune", {})
    away, held = acme.jobs.claim("w", lease=-1.0), acme.jobs.claim("w")
    with pytest.raises(Exception):  # noqa: B017 - Stale, or whatever the database says of it
        acme.jobs.succeed(away, {}, ModelName("ft:b", "acme", "adapter-stale"))
    assert acme.ladder.named("acme", "ft:b") is None
    acme.jobs.succeed(held, {}, ModelName("ft:b", "acme", "adapter-right"))
    assert acme.ladder.named("acme", "ft:b").version == "adapter-right" and acme.jobs.get(made.id).status == "succeeded"


def test_uploads(acme):
    held = acme.uploads.add("acme", "a.jsonl", "fine-tune", [b"one\n", b"two\n"])
    assert held.bytes == 8 and acme.uploads.path(held).read_bytes() == b"one\ntwo\n" and acme.uploads.find(held.id, "acme") == held
    assert acme.uploads.find(held.id, "other") is None and acme.uploads.all("other") == [] and acme.uploads.all("acme") == [held]

    def broken():
        yield b"x"
        raise RuntimeError("the caller has gone")

    with pytest.raises(RuntimeError):
        acme.uploads.add("acme", "b.jsonl", "fine-tune", broken())
    assert acme.uploads.all("acme") == [held] and [path.name for path in acme.uploads.root.iterdir()] == [held.id]
    acme.uploads.remove(held)
    assert acme.uploads.all("acme") == [] and list(acme.uploads.root.iterdir()) == []


def test_a_job_that_was_killed_after_it_handed_out_a_file_hands_out_the_same_one_again(acme):
    first = acme.uploads.add("acme", "out.zip", "result", [b"half"], once="job-1")
    again = acme.uploads.add("acme", "out.zip", "result", [b"whole"], once="job-1")
    assert again.id == first.id and acme.uploads.all("acme") == [again] and acme.uploads.path(again).read_bytes() == b"whole"
    others = [acme.uploads.add(client, name, "result", [b"x"], once=job).id
              for client, name, job in (("acme", "out.zip", "job-2"), ("other", "out.zip", "job-1"), ("acme", "in.zip", "job-1"))]
    assert len({first.id, *others}) == 4


def test_only_a_client_s_own_artifacts_are_found(acme):
    id = acme.publish("adapter", "acme", {"a.txt": b"1"}, {"base": "starter"})
    assert acme.owned(id, "acme")["record"] == {"base": "starter"} and acme.owned(id, "other") is None is acme.owned("nothing", "acme")
