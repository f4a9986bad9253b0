"""Decisions about pieces: a log that only grows, in order, of known clients."""

import pytest

from adtune.errors import InputError
from adtune.records import Decision, Source
from adtune.workspace import Workspace


def test_decisions_are_kept_in_order_with_who_and_when(ws, root, url):
    ws.ensure_client("acme")
    first = Decision("a" * 64, "c" * 64, "keep", "Ann", "cut_off", "ends with a comma", "fine",
                     Source("ask.csv", 3, "p1"), "2025-06-01T10:00:00.000+00:00")
    ws.decide("acme", [first, Decision("b" * 64, "d" * 64, "drop", "Bo")])
    ws.decide("acme", [Decision("a" * 64, "c" * 64, "open", "Ann")])
    found = ws.decisions("acme")
    assert found[0] == first and [one.says for one in found] == ["keep", "drop", "open"]
    assert found[1].when and found[1].when <= found[2].when and found[1].source == Source("review") and found[1].about is None
    with Workspace.open(root, url) as again:
        assert again.decisions("acme") == found and again.decisions("other") == []


def test_words_that_say_nothing_and_unknown_clients_are_refused(ws):
    ws.ensure_client("acme")
    with pytest.raises(ValueError, match="maybe"):
        ws.decide("acme", [Decision("a", "c", "keep", "Ann"), Decision("a", "c", "maybe", "Ann")])
    with pytest.raises(InputError, match="acne"):
        ws.decide("acne", [Decision("a", "c", "keep", "Ann")])
    assert ws.decisions("acme") == []
    ws.decide("acme", [])
    assert ws.decisions("acme") == []
