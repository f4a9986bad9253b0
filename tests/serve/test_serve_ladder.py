"""The ladder: what may go live, who said so, and the way back."""

import pytest

from adtune.errors import InputError, IntegrityError
from adtune.steps.ladder import go_live, rollback, versions
from adtune.steps.versions import find_version
from adtune.workspace.ladder import DOWN, WITHDRAWN, ModelName, Rung


def test_a_version_with_passed_gates_goes_live(ws, adapter):
    id = adapter()
    answer = go_live(ws, id[:12], "Ann Lee", reason="spring")
    assert answer["live"] == answer["version"] == id and answer["passed"] and answer["share"] == 1 and answer["previous"] is None
    step = ws.ladder.live("acme")
    assert (step.who, step.reason, step.version) == ("Ann Lee", "spring", id) and step.evidence.startswith("report-")
    assert find_version(ws, "acme")[0] == id and ws.ladder.live("other") is None


def test_the_live_version_is_what_is_drafted_with_and_not_the_newest(ws, adapter):
    first, second = adapter(1), adapter(2)
    assert find_version(ws, "acme")[0] == second
    go_live(ws, first, "Ann")
    assert find_version(ws, "acme")[0] == first and find_version(ws, "acme", second)[0] == second
    with pytest.raises(InputError, match="other"):
        find_version(ws, "acme", adapter(3, "other"))


def test_a_failed_gate_changes_nothing(ws, adapter):
    good, bad = adapter(1), adapter(2, passed=False)
    go_live(ws, good, "Ann")
    answer = go_live(ws, bad, "Ann")
    assert answer["passed"] is False and answer["live"] == good and answer["gates"]["gain"]["passed"] is False
    assert ws.ladder.live("acme").version == good and len(ws.ladder.history("acme")) == 1


@pytest.mark.parametrize(("by", "passed", "word"), [("", True, "no name"), (None, True, "no name"), ("  ", True, "no name"),
                                                    ("Ann", None, "no evaluation")])
def test_what_may_not_go_live(ws, adapter, by, passed, word):
    with pytest.raises(InputError, match=word):
        go_live(ws, adapter(passed=passed), by)
    assert ws.ladder.history("acme") == []


def test_only_versions_go_live(ws, adapter, advice):
    for word in ("acme", advice("lora"), "report-"):
        if word == "report-":
            adapter()
        with pytest.raises(InputError, match="a version: one of"):
            go_live(ws, word, "Ann")


def test_a_damaged_version_does_not_go_live(ws, adapter):
    id = adapter()
    (ws.path(id) / "adapter.txt").write_text("other")
    with pytest.raises(IntegrityError):
        go_live(ws, id, "Ann")
    assert ws.ladder.live("acme") is None


def test_the_way_back(ws, adapter):
    a, b, c = adapter(1), adapter(2), adapter(3)
    for id in (a, b, c):
        go_live(ws, id, "Ann")
    assert [rollback(ws, "acme")["live"] for _ in range(2)] == [b, a]
    with pytest.raises(InputError, match="no version that was live before"):
        rollback(ws, "acme")
    go_live(ws, c, "Ann")
    assert rollback(ws, "acme", "Bo", "too loud")["live"] == a
    told = versions(ws, "acme")
    assert told["live"] == a and [one["what"] for one in told["history"]] == ["live"] * 3 + ["rollback"] * 2 + ["live", "rollback"]
    assert told["history"][-1]["who"] == "Bo" and {one["id"] for one in told["versions"]} == {a, b, c}


def test_a_withdrawn_version_is_never_gone_back_to(ws, adapter):
    a, b, c = adapter(1), adapter(2), adapter(3)
    for id in (a, b, c):
        go_live(ws, id, "Ann")
    ws.ladder.step(Rung("acme", WITHDRAWN, b, "Ann"))
    assert rollback(ws, "acme")["live"] == a
    for refused in (lambda: go_live(ws, b, "Ann"), lambda: find_version(ws, "acme", b)):
        with pytest.raises(InputError, match="withdrawn"):
            refused()
    ws.ladder.step(Rung("acme", DOWN, None, "Ann"))
    assert ws.ladder.live("acme") is None and rollback(ws, "acme")["live"] == a


def test_a_canary_gets_a_share_until_it_is_live_or_ends(ws, adapter):
    a, b = adapter(1), adapter(2)
    with pytest.raises(InputError, match="no live version"):
        go_live(ws, b, "Ann", share=0.1)
    go_live(ws, a, "Ann")
    answer = go_live(ws, b, "Ann", share=0.1)
    assert answer["live"] == a and answer["share"] == 0.1 and ws.ladder.canary("acme").version == b
    assert rollback(ws, "acme")["live"] == a and ws.ladder.canary("acme") is None
    go_live(ws, b, "Ann", share=0.5)
    assert go_live(ws, b, "Ann")["live"] == b and ws.ladder.canary("acme") is None
    for wrong in (0.0, 1.0, -1.0):
        with pytest.raises(InputError, match="a share above 0"):
            go_live(ws, a, "Ann", share=wrong)


def test_two_people_at_once(ws, adapter):
    a = adapter(1)
    seen = ws.ladder.height("acme")
    go_live(ws, a, "Ann")
    with pytest.raises(InputError, match="meanwhile"):
        ws.ladder.step(Rung("acme", "live", a, "Bo"), seen)


def test_a_name_is_a_version_s_for_good(ws, adapter):
    a, b = adapter(1), adapter(2)
    ws.ladder.name(ModelName("ft:starter:acme:spring:1", "acme", a))
    ws.ladder.name(ModelName("ft:starter:acme:spring:1", "acme", a))
    with pytest.raises(InputError, match="taken"):
        ws.ladder.name(ModelName("ft:starter:acme:spring:1", "acme", b))
    assert ws.ladder.named("acme", "ft:starter:acme:spring:1").version == a and ws.ladder.named("other", "ft:starter:acme:spring:1") is None


@pytest.mark.parametrize(("choice", "passed", "live"), [("first", False, 0), ("second", True, 1), (None, True, 1), ("none made", None, 1)])
def test_a_challenger_that_is_worse_than_the_live_version_does_not_take_over(ws, adapter, choice, passed, live):
    ids = [adapter(1), adapter(2)]
    go_live(ws, ids[0], "Ann")
    if choice != "none made":
        record = {"first": ids[0], "second": ids[1], "by": "loss", "choice": choice, "reason": "told"}
        ws.publish("comparison", "acme", {"c": b"1"}, record, ids)
    canary = go_live(ws, ids[1], "Ann", share=0.1)
    assert canary["passed"] and "challenger" not in canary["gates"]  # a share may be tried
    answer = go_live(ws, ids[1], "Ann")
    assert answer["gates"]["challenger"]["passed"] is passed and answer["live"] == ids[live] == ws.ladder.live("acme").version
