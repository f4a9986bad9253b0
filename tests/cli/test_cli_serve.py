"""The verbs around serving, as they are typed."""

import pytest


def test_keys_from_creation_to_revocation(adtune):
    made = adtune("keys", "create", "--client", "acme", "--json").object
    assert made["client"] == "acme" and made["key"].startswith(f"adt_{made['id']}_")
    shown = adtune("keys", "create", "--client", "acme", "--scope", "serve", "--label", "the writers", "--days", "3")
    assert shown.code == 0 and "Shown once" in shown.out and "Next: adtune serve" in shown.out
    assert len(adtune("keys", "ls", "--json").object["keys"]) == 2
    assert "the writers" in adtune("keys", "ls").out
    rotated = adtune("keys", "rotate", made["id"], "--json").object
    assert rotated["old"] == made["id"] and rotated["key"] != made["key"]
    assert adtune("keys", "revoke", rotated["id"], "--json").object["state"] == "revoked"
    limited = adtune("keys", "limit", "--client", "acme", "--monthly-tokens", "500", "--json").object
    assert limited["clients"]["acme"]["monthly_tokens"] == 500


@pytest.mark.parametrize(("words", "found"), [
    (("keys",), "missing argument"), (("keys", "make"), "'make'"), (("keys", "create"), "no client"), (("keys", "revoke"), "no id"),
    (("keys", "revoke", "nothing"), "no key of this id"), (("keys", "ls", "acme"), "'acme'"),
    (("keys", "ls", "--client", "no"), "no client"),
    (("keys", "create", "--client", "../up"), "an impossible name"), (("keys", "create", "--client", "a", "--scope", "all"), "'all'")])
def test_wrong_words_about_keys(adtune, words, found):
    said = adtune(*words, "--json")
    assert said.code == 1 and found in said.object["error"]["found"]


def test_going_live_and_back_through_the_door(adtune, fake_step):
    said = {"client": "acme", "version": "adapter-1", "kind": "adapter", "live": None, "passed": False,
            "gates": {"gain": {"passed": False, "value": 0.0, "limit": 0.0}}, "evidence": "report-1", "by": "Ann", "previous": None,
            "share": 0.0, "moment": None}

    def go_live(ws, version, by, share, reason):
        return said | {"by": by}

    fake_step("ladder", go_live)
    refused = adtune("go-live", "adapter-1", "--by", "Ann")
    assert refused.code == 2 and "a gate says no" in refused.out and "FAILED" in refused.out
    said |= {"passed": True, "live": "adapter-1", "share": 1.0, "moment": "now"}
    done = adtune("go-live", "adapter-1", "--by", "Ann")
    assert done.code == 0 and "adapter-1 is live." in done.out and "Ann" in done.out


@pytest.mark.parametrize(("words", "found"), [
    (("go-live",), "missing argument"), (("go-live", "adapter-1", "--by", "Ann"), "nothing of this id"),
    (("go-live", "acme", "--profile", "--share", "0.1"), "--share beside it"), (("rollback", "acme"), "no client of this name")])
def test_wrong_words_about_versions(adtune, words, found):
    said = adtune(*words, "--json")
    assert said.code == 1 and found in said.object["error"]["found"]


@pytest.mark.parametrize(("words", "found"), [
    (("takedown",), "missing argument"), (("takedown", "acme", "p1"), "no name"), (("takedown", "acme", "p1", "--by", "Ann"), "no client"),
    (("takedown", "acme", "p1", "--check"), "no client")])
def test_wrong_words_about_taking_down(adtune, words, found):
    said = adtune(*words, "--json")
    assert said.code == 1 and found in said.object["error"]["found"]
