"""Two adapters over the same pieces: better only where the interval says so, and a report that says which."""

import json
from dataclasses import replace

import pytest
from lxml import etree
from made_material import OTHER, OWN, material, texts

from adtune.evaluate.compare import MEASURES, compare_arms, compare_report
from adtune.settings import EvaluateSettings

BEFORE = tuple((300.0 + n, 100) for n in range(8))


def pair(**changes):
    """a is the made material's tuned arm, b its base."""
    given = material(**changes)
    return replace(given, arms={"a": given.arms["tuned"], "b": given.arms["base"]})


def general(lost_a, lost_b):
    return {name: (BEFORE, tuple((nats + 100 * lost + n / 100, count) for n, (nats, count) in enumerate(BEFORE)))
            for name, lost in (("a", lost_a), ("b", lost_b))}


@pytest.fixture(scope="module")
def result():
    return compare_arms(pair(), general(0.2, 0.05), EvaluateSettings(), "loss")


def test_each_measure_names_the_better_one(result):
    assert result["better"] == {"loss": "a", "on_brand": "a", "effort": "a", "forgetting": "b"}
    assert result["choice"] == "a" and result["by"] == "loss" and set(MEASURES) == set(result["better"])
    assert result["held_out"]["a_less_b_interval"][1] < 0 < result["on_brand"]["a_less_b_interval"][0]
    assert result["forgetting"]["a_less_b"] == pytest.approx(0.15)
    assert set(result["memorised"]) == {"a", "b"} and result["on_brand"]["axes"]["tone"]["a_less_b"] > 0.5
    json.dumps(result, allow_nan=False)


def test_the_choice_follows_the_measure_that_was_asked_for():
    assert compare_arms(pair(), general(0.2, 0.05), EvaluateSettings(), "forgetting")["choice"] == "b"


def test_where_nothing_is_shown_nobody_is_better():
    given = material()
    same = replace(given, arms={"a": given.arms["tuned"], "b": replace(given.arms["tuned"], drafts=texts(OWN, 12, 44))})
    row = compare_arms(same, general(0.1, 0.1), EvaluateSettings(), "on_brand")
    assert row["better"]["loss"] is None and row["better"]["forgetting"] is None and row["choice"] is None and "zero" in row["reason"]


def test_two_tokenizers_are_compared_by_their_drafts_only():
    given = pair()
    bare = replace(given, arms={name: replace(arm, nats=(), tokens=()) for name, arm in given.arms.items()})
    mixed = {**general(0.1, 0.1), "b": (((5.0, 7),) * 8, ((6.0, 7),) * 8)}
    row = compare_arms(bare, mixed, EvaluateSettings(), "loss")
    assert row["held_out"]["a_less_b"] is None and row["choice"] is None and "could not be compared" in row["reason"]
    assert row["forgetting"]["delta_b"] == pytest.approx(1 / 7) and row["forgetting"]["a_less_b"] is None
    assert row["better"]["on_brand"] == "a"


def test_the_report_says_which_and_why(result):
    html = compare_report(result, {"a": "lora-1", "b": "prefix-<2>"}, "Green & Co")
    text = " ".join(etree.fromstring(html.encode(), etree.HTMLParser()).xpath("//body//text()"))
    for part in ("lora-1 is better by loss", "Go on with lora-1", "prefix-<2> is better in forgetting", "On-brand, tone", "12 briefs"):
        assert part in text, part
    neither = compare_report(result | {"choice": None}, {"a": "x", "b": "y"}, "C")
    assert "Neither is shown to be better" in neither and OTHER[0] not in neither
