"""Payback from logged edits: what it says, what it says is missing, and what candidates take and cost."""

import json

import pytest
from made_report import publish_report

from adtune.errors import AdtuneError, SettingError
from adtune.starter.edits import write_edits
from adtune.steps.edits import import_edits
from adtune.steps.payback import Spend, economics

SPEND = Spend(pieces=380, tuning_seconds=600.0, training_tokens=1e6, read_tokens=800.0, written_tokens=400.0)
SAID = {"hourly_rate": 90.0, "other_minutes": 61.4}


@pytest.fixture
def acme(ws, tmp_path):
    publish_report(ws)
    import_edits(ws, "acme", write_edits(tmp_path / "log.csv", 20))
    return ws


def test_the_sample_s_log_pays_back_in_a_month_or_so(acme):
    found = economics(acme, "acme", SAID, 45.0, SPEND)
    pay = found.payback
    assert pay["throughput_change_interval"][0] < 0.34 < pay["throughput_change_interval"][1]
    assert pay["minutes_before_interval"][0] < 45 < pay["minutes_before_interval"][1] and pay["over"] == "prompted"
    assert pay["minutes_saved_interval"][0] < 27 < pay["minutes_saved_interval"][1] and pay["missing"] == []
    assert pay["hours_saved_per_month"] == pytest.approx(45 * pay["minutes_saved"] / 60)
    assert pay["saved_per_month"] == pytest.approx(90 * pay["hours_saved_per_month"]) and pay["currency"] == "USD"
    assert [row["provider"] for row in pay["providers"]] == ["this machine", "rented GPU", "hosted fine-tuning"]
    for row in pay["providers"]:
        assert 0 < row["months_interval"][0] < row["months"] < row["months_interval"][1] < 4 and row["pays_back"] == 1
    assert found.finding.status == "ok" and "months on this machine" in found.finding.message
    assert set(found.minutes) == {"rules", "base", "prompt", "prefix", "lora", "full", "opponent"}
    assert found.minutes["prompt"] == pytest.approx(pay["minutes_before"]) and found.minutes["lora"] == pytest.approx(pay["minutes_after"])
    assert found.minutes["base"] is None and found.costs["base"] is None and found.costs["lora"] < found.costs["prompt"]
    row = {"name": "lora", "minutes_per_piece": None, "cost_per_month": None}
    assert found.filled(row)["cost_per_month"] == found.costs["lora"]
    assert found.filled({**row, "name": "opponent", "cost_per_month": 7.0})["cost_per_month"] == 7.0
    assert json.dumps(pay, allow_nan=False)


@pytest.mark.parametrize(("options", "volume", "told"), [
    (SAID, None, "--volume"), ({"other_minutes": 61.4}, 45.0, "--hourly-rate"), ({"hourly_rate": 90.0}, 45.0, "--other-minutes"),
    ({**SAID, "currency": "EUR"}, 45.0, "exchange")])
def test_what_is_missing_is_named_and_what_is_known_is_told(acme, options, volume, told):
    found = economics(acme, "acme", options, volume, SPEND)
    assert len(found.payback["missing"]) == 1 and told in found.payback["missing"][0]
    assert found.payback["minutes_saved"] is not None
    assert (found.finding.status == "not measured") == (told != "--other-minutes")


def test_no_pieces_and_no_edits_say_so(acme):
    nothing = economics(acme, "acme", SAID, 0.0, SPEND)
    assert nothing.finding.status == "warn" and "nothing is saved" in nothing.finding.message and nothing.payback["providers"] == []
    acme.ensure_client("new")
    silent = economics(acme, "new", SAID, 45.0, SPEND)
    assert silent.payback["minutes_saved"] is None and "no edits are logged" in silent.payback["missing"][0]
    assert silent.finding.status == "not measured" and set(silent.minutes.values()) == {None}


def test_own_prices_currency_and_revision_rounds(acme, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("provider,currency,date,tuning_per_hour,serving_per_month,note\nour box,EUR,2026-06-01,1,500,ours\n", encoding="utf-8")
    plain = economics(acme, "acme", {**SAID, "prices": str(path)}, 45.0, SPEND).payback
    assert plain["currency"] == "EUR" and plain["providers"][0]["serving_per_month"] == 500 and plain["prices"]["dates"] == ["2026-06-01"]
    franc = economics(acme, "acme", {**SAID, "prices": str(path), "currency": "CHF", "exchange": 2.0}, 45.0, SPEND).payback
    assert franc["providers"][0]["serving_per_month"] == 1000
    more = economics(acme, "acme", {**SAID, "prices": str(path), "revision_minutes": 20.0}, 45.0, SPEND).payback
    assert more["minutes_saved"] > plain["minutes_saved"] + 5 and more["throughput_change"] == plain["throughput_change"]
    curve = {"power": {"a": 4.0, "b": 0.5, "c": 2.0}, "distance": {"archive": 4.0}, "points": [{"pieces": n} for n in (50, 100, 228)]}
    sizes = economics(acme, "acme", SAID, 45.0, Spend(**{**vars(SPEND), "curve": curve})).payback
    assert [row["pieces"] for row in sizes["curve"]] == [50, 100, 228, 456, 912] and sizes["best_size"] in (50, 100, 228, 456, 912)


def test_a_payback_that_never_comes_or_too_late_says_stop(acme, tmp_path):
    path = tmp_path / "dear.csv"
    path.write_text("provider,currency,date,tuning_per_hour,serving_per_month\ndear,USD,2026-06-01,1,90000\n", encoding="utf-8")
    assert economics(acme, "acme", {**SAID, "prices": str(path)}, 45.0, SPEND).finding.status == "stop"
    late = economics(acme, "acme", {**SAID, "iteration_hours": 900.0}, 2.0, SPEND).finding
    assert late.status == "stop" and "12 months" in late.recommendation


def test_settings_that_make_no_sense_are_refused(acme):
    for wrong in ({"hourly_rate": -1.0}, {"currency": "Euro"}, {"provider": "nobody"}, {"piece_drafts": 0}, {"houry_rate": 3.0}):
        with pytest.raises((SettingError, AdtuneError)):
            economics(acme, "acme", wrong, 45.0, SPEND)
