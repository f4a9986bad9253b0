"""Drafts for groups of readers: a planted difference is told, chance is not, and what was not asked for is null."""

import json
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_material import OTHER, OWN, context, material, texts

from adtune.evaluate import Grouped, measure
from adtune.evaluate.chapters_groups import said
from adtune.evaluate.groups import GroupTexts, groups
from adtune.evaluate.report import evaluate_report
from adtune.progress import silent
from adtune.settings import EvaluateSettings
from adtune.steps.groups import Groups
from adtune.voice.groups import Comparison

BRIEFS = 12
TITLES = tuple(f"Brief {n}" for n in range(BRIEFS))
SOFT = ("Perhaps it might suit you, or maybe not.", "You could possibly try it; it may usually help.")


def group(name, seed, extra=(), comparison="gender", loss=3.0):
    """Drafts of the same voice; `extra` sentences are added to each."""
    rng = random.Random(seed)
    drafts = tuple(" ".join([*rng.choices(OWN, k=8), *extra]) for _ in range(BRIEFS))
    return GroupTexts(comparison, name, drafts, tuple((100 * (loss + rng.gauss(0, 0.02)), 100) for _ in range(BRIEFS)))


def found(*tuned, base=()):
    return groups(Grouped(TITLES, tuned, tuple(base)), None, 0)


def test_a_group_that_gets_softer_drafts_is_told_with_the_words_that_they_use():
    plain, soft = group("men", 1), group("women", 2, SOFT)
    one = found(soft, plain, base=(group("women", 3), group("men", 4)))["comparisons"][0]
    row = {(row["figure"], row["group"]): row for row in one["figures"]}[("hedges_per_100", "women")]
    assert {"figure": "hedges_per_100", "group": "women"} in one["differs"]
    assert row["tuned_less_others"] > 2 and row["tuned_interval"][0] > 0 and row["p"] < 0.05
    assert abs(row["base_less_others"]) < 0.5 and row["base_interval"][0] <= 0 <= row["base_interval"][1]
    assert {"could", "maybe", "might"} <= {word["word"] for word in one["words"]["women"]} and one["words"]["men"] == []
    assert all(word["drafts"] == BRIEFS and word["others"] == 0 for word in one["words"]["women"])
    assert "hedges, per 100 words for women" in said(one)


def test_what_a_published_piece_is_worth_to_the_model_is_compared_too():
    one = found(group("women", 1, loss=3.2), group("men", 1, loss=3.0))["comparisons"][0]
    assert one["differs"] == [{"figure": "loss", "group": "women"}]
    assert next(row for row in one["figures"] if row["figure"] == "loss")["tuned_less_others"] == pytest.approx(0.2, abs=0.02)


def test_chance_alone_is_told_seldom():
    told = sum(bool(found(group("women", seed), group("men", seed + 500))["comparisons"][0]["differs"]) for seed in range(60))
    assert told <= 8  # 5 % of 60, with room


def test_of_three_groups_each_is_compared_with_the_others():
    one = found(group("students", 1, SOFT, "age"), group("parents", 2, (), "age"), group("people over 60", 3, (), "age"))["comparisons"][0]
    assert {row["group"] for row in one["figures"]} == {"students", "parents", "people over 60"}
    row = {(row["figure"], row["group"]): row for row in one["figures"]}
    assert row[("hedges_per_100", "students")]["tuned_less_others"] > 0 > row[("hedges_per_100", "parents")]["tuned_less_others"]


def test_equal_drafts_differ_in_nothing():
    one = found(group("women", 1), replace(group("men", 1), losses=group("women", 1).losses))["comparisons"][0]
    assert one["differs"] == [] and all(row["p"] == 1.0 for row in one["figures"])
    assert "no figure" in said(one)


def test_measure_and_report_hold_the_groups_and_null_without_them():
    grouped = Grouped(TITLES, (GroupTexts("gender", "women", texts(OTHER, BRIEFS, 3)), GroupTexts("gender", "men", texts(OWN, BRIEFS, 4))),
                      (GroupTexts("gender", "women", texts(OWN, BRIEFS, 5)), GroupTexts("gender", "men", texts(OWN, BRIEFS, 6))))
    result = measure(material(), EvaluateSettings(), grouped=grouped)
    one = result["measures"]["groups"]["comparisons"][0]
    row = next(row for row in one["figures"] if row["figure"] == "on_brand")
    assert row["tuned"] < 0.3 and row["tuned_less_others"] < -0.5 and {"figure": "on_brand", "group": "women"} in one["differs"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    page = evaluate_report(result, context())
    assert "Drafts for different groups" in page and "By gender: women, men" in page
    without = measure(material(), EvaluateSettings())
    assert without["measures"]["groups"] is None and "Drafts for different groups" not in evaluate_report(without, context())


def test_without_titled_pieces_nothing_is_written_for_anybody():
    asked = Groups((Comparison("gender", ("women", "men")),))
    assert asked.written(SimpleNamespace(drafted=[]), None, "tuned", silent) == []
    assert groups(Grouped(), None, 0) is None
