"""Keys: their form, what is kept of them, and who they let in."""

import json

import pytest

from adtune.errors import InputError
from adtune.serve.keys import Doorkeeper, digest_of, id_of, moment_in
from adtune.steps.keys import create_key, limit_client, list_keys, revoke_key, rotate_key
from adtune.workspace import Workspace


@pytest.fixture
def ws(tmp_path):
    with Workspace.open(tmp_path / "ws") as workspace:
        yield workspace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_key_is_shown_once_and_kept_as_a_hash(ws):
    made = create_key(ws, "acme")
    assert {"key", "id", "client"} <= set(made) and ws.clients() == ["acme"]
    kept = ws.keys.get(made["id"])
    assert kept.digest == digest_of(made["key"]) and kept.scopes == ("read", "write", "train", "serve")
    ws.close()
    stored = b"".join(path.read_bytes() for path in ws.root.rglob("*") if path.is_file())
    assert made["key"].encode() not in stored and made["key"].split("_")[2].encode() not in stored


def test_a_wrong_key_opens_nothing(ws):
    text = create_key(ws, "acme")["key"]
    keeper = Doorkeeper(ws.keys)
    assert keeper.check(text).client == "acme"
    for place in range(len(text)):
        assert keeper.check(text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1:]) is None
    for other in ("", "adt", text + "x", text[:-1], "adt_aaaaaaaa_" + "b" * 43 + "_cccccc", "é" * 60, "x" * 10_000):
        assert id_of(other) is None and keeper.check(other) is None


def test_an_id_of_ours_with_another_secret_opens_nothing(ws):
    from adtune.serve import keys

    made, other = create_key(ws, "acme"), create_key(ws, "other")
    body = f"adt_{made['id']}_{other['key'].split('_')[2]}"
    forged = f"{body}_{keys._checksum(body)}"
    assert id_of(forged) == made["id"] and Doorkeeper(ws.keys).check(forged) is None


def test_a_revoked_key_is_refused_within_a_second(ws):
    made, clock = create_key(ws, "acme"), Clock()
    keeper = Doorkeeper(ws.keys, clock)
    assert keeper.check(made["key"])
    revoke_key(ws, made["id"][:5])
    clock.now = 0.99
    assert keeper.check(made["key"]) is None


def test_expiry(ws):
    assert Doorkeeper(ws.keys).check(create_key(ws, "acme", options={"days": 1.0})["key"])
    assert Doorkeeper(ws.keys).check(create_key(ws, "acme", options={"days": 0.0})["key"]) is None


def test_rotation_keeps_both_for_a_while(ws):
    old = create_key(ws, "acme", ["serve"], {"per_minute": 7, "label": "writers"})
    new = rotate_key(ws, old["id"])
    keeper = Doorkeeper(ws.keys)
    assert keeper.check(new["key"]).per_minute == 7 and keeper.check(new["key"]).scopes == ("serve",)
    assert keeper.check(old["key"]) and moment_in(23 * 3600) < new["old_until"] < moment_in(25 * 3600)
    revoke_key(ws, old["id"])
    assert Doorkeeper(ws.keys).check(old["key"]) is None
    with pytest.raises(InputError, match="revoked"):
        rotate_key(ws, old["id"])
    at_once = rotate_key(ws, new["id"], 0.0)
    assert Doorkeeper(ws.keys).check(new["key"]) is None and Doorkeeper(ws.keys).check(at_once["key"])


def test_listing_and_limits(ws):
    made = create_key(ws, "acme", options={"monthly_tokens": 1000})
    create_key(ws, "other")
    ws.keys.use("acme", 10, 5)
    ws.keys.use("acme", 1, 2)
    listed = list_keys(ws, "acme")
    assert [one["id"] for one in listed["keys"]] == [made["id"]] and made["key"] not in json.dumps(listed)
    assert listed["clients"] == {"acme": {"monthly_tokens": 1000, "learn": True, "used_tokens": 18, "requests": 2}}
    assert limit_client(ws, "acme", None)["clients"]["acme"]["monthly_tokens"] is None
    assert len(list_keys(ws)["keys"]) == 2


@pytest.mark.parametrize("scopes", [["sing"], ["read", "Admin"]])
def test_unknown_scopes(ws, scopes):
    with pytest.raises(InputError, match="read, write, train, serve, admin"):
        create_key(ws, "acme", scopes)
    assert ws.clients() == []
