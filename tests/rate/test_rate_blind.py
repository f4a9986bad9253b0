"""Blind sheets, Krippendorff's alpha against published worked examples, and what raters said."""

import random

import numpy as np
import pytest

from adtune.rate.agreement import INTERVAL, NOMINAL, ORDINAL, alpha, in_words
from adtune.rate.blind import BLOCK, design, order, parts
from adtune.rate.rates import effective, in_force, ratio, results, wilson
from adtune.records import Interval, Rating
from adtune.stats import rate_interval

ARMS = ("base", "prompted", "tuned")


@pytest.fixture
def items():
    arms = {arm: [f"{arm} wrote about {n}." for n in range(12)] for arm in ARMS}
    return design(arms, [f"Brief {n}" for n in range(12)], 10, 0.2, seed=3)


def test_a_sheet_holds_every_arm_s_answer_to_the_same_briefs_and_says_no_arm(items):
    first = [one for one in items if one.repeats is None]
    assert len(first) == 30 and len(items) == 36 and len({one.code for one in items}) == 36
    for arm in ARMS:
        assert sorted(one.brief for one in first if one.arm == arm) == sorted({one.brief for one in first})
    of = {one.code: one for one in items}
    again = [one for one in items if one.repeats]
    assert all(of[one.repeats].text == one.text for one in again) and len({one.repeats for one in again}) == 6
    assert [sum(one.arm == arm for one in again) for arm in ARMS] == [2, 2, 2]
    assert not any(arm in one.code for one in items for arm in ARMS)


def test_raters_see_orders_of_their_own_in_blocks_that_can_be_left_off_at(items):
    orders = {rater: order(items, rater, 3) for rater in ("Ann", "Bo", "")}
    assert all(sorted(one.code for one in row) == sorted(one.code for one in items) for row in orders.values())
    assert orders["Ann"] != orders["Bo"] and orders["Ann"] == order(items, "Ann", 3)
    for row in orders.values():
        first = [one for one in row if one.repeats is None]
        assert not any(one.brief == other.brief for one, other in zip(first, first[1:], strict=False))
        part = [one.brief for one, number in zip(row, parts(row), strict=True) if number == 1 and one.repeats is None]
        assert len(part) == 3 * BLOCK and len(set(part)) == BLOCK
        place = {one.code: at for at, one in enumerate(row)}
        assert all(place[one.repeats] + 3 < place[one.code] for one in row if one.repeats)


def test_small_sheets_and_empty_drafts():
    made = design({"base": ["", "b"], "tuned": ["c", "d"]}, ["One", "Two"], 24, 1.0, 0)
    assert len(made) == 6 and {one.text for one in made} == {"(an empty draft)", "b", "c", "d"} and len(order(made, "Ann", 0)) == 6
    assert len(design({"base": ["a"], "tuned": ["b"]}, ["One"], 5, 0.0, 0)) == 2


def units(*raters):
    return [[row[at] for row in raters if row[at] is not None] for at in range(len(raters[0]))]


def test_alpha_equals_the_published_worked_examples():
    """Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A, B and C."""
    two = units([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0])
    assert round(alpha(two).value, 3) == 0.095
    letters = units(["abcde".index(one) for one in "aabbdcccedda"], ["abcde".index(one) for one in "babbbccceddd"])
    assert round(alpha(letters).value, 3) == 0.692
    no = None
    four = units([1, 2, 3, 3, 2, 1, 4, 1, 2, no, no, no], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, no, 3],
                 [no, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, no], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, no])
    found = {level: alpha(four, level) for level in (NOMINAL, ORDINAL, INTERVAL)}
    assert {level: round(one.value, 3) for level, one in found.items()} == {NOMINAL: 0.743, ORDINAL: 0.815, INTERVAL: 0.849}
    assert all(one.low < one.value <= one.high for one in found.values())


def test_alpha_of_nothing_and_of_equal_answers_is_not_told():
    assert alpha([]).value is None and alpha([[1.0], [0.0]]).value is None and alpha([[1.0, 1.0]] * 9).value is None
    assert alpha([[1.0, 1.0], [0.0, 0.0]] * 5).value == 1.0
    assert "One rater" in in_words(Interval(None), 1) and "cannot be told" in in_words(Interval(None), 2)
    assert "agree:" in in_words(Interval(0.9), 2) and "tentative" in in_words(Interval(0.7), 2) and "disagree" in in_words(Interval(0.2), 3)


RATES = {"base": 0.2, "prompted": 0.4, "tuned": 0.9}


def votes(items, raters, chance, noise=0.05):
    """Raters who share an opinion of each draft, and differ from it now and then."""
    of = {}
    for one in items:
        of[one.code] = of[one.repeats] if one.repeats else chance.random() < RATES[one.arm]
    return [Rating("sheet", one.code, rater, of[one.code] ^ (chance.random() < noise), 5 if of[one.code] else 2)
            for rater in raters for one in items]


def many(seed, briefs=24):
    arms = {arm: [f"{arm} {n}" for n in range(briefs)] for arm in ARMS}
    return design(arms, [f"Brief {n}" for n in range(briefs)], briefs, 0.15, seed)


def test_rates_agreement_and_the_scorer_side_by_side():
    chance = random.Random(1)
    items = many(1)
    said = votes(items, ("Ann", "Bo", "Cy"), chance)
    scores = {one.code: 0.9 if rating.on_brand else 0.1 for one, rating in zip(items, said[:len(items)], strict=True)}
    found = results(items, said, scores)
    assert found["drafts"] == 72 and found["rated"] == 216 and [one["rater"] for one in found["raters"]] == ["Ann", "Bo", "Cy"]
    for arm, row in found["arms"].items():
        assert row["interval"][0] <= RATES[arm] <= row["interval"][1] and row["drafts"] == 24
    assert found["alpha"] > 0.6 and found["alpha_grade"] == 1 and all(one["repeated"] == 11 for one in found["raters"])
    assert found["tuned_over_prompted_interval"][0] > 1 and found["tuned_less_prompted_interval"][0] > 0
    assert found["scorer"]["agreement"] > 0.9 and found["scorer"]["auc"] > 0.9 and found["scorer"]["drafts"] == 72
    assert results(items, said)["scorer"]["agreement"] is None


def test_raters_who_disagree_are_told_so():
    chance = random.Random(2)
    items = many(2)
    found = results(items, [Rating("s", one.code, rater, chance.random() < 0.5) for rater in ("Ann", "Bo") for one in items])
    assert found["alpha"] < 0.3 and "disagree" in found["agreement"]
    alone = results(items, [Rating("s", one.code, "Ann", True) for one in items])
    assert alone["alpha"] is None and "One rater" in alone["agreement"] and alone["arms"]["tuned"]["interval"][1] == 1
    nobody = results(items, [])
    assert nobody["rated"] == 0 and nobody["agreement"] is None and nobody["arms"]["base"]["on_brand"] is None


def test_the_latest_answer_holds_and_one_taken_back_is_none():
    first, changed = Rating("s", "a", "Ann", True), Rating("s", "a", "Ann", False)
    assert in_force([first, changed]) == {("a", "Ann"): changed}
    assert in_force([first, Rating("s", "a", "Ann", None)]) == {} and in_force([Rating("s", "a", "Ann", None, 3)])


def test_a_ratio_has_an_open_end_where_the_other_arm_may_have_nothing():
    assert ratio([1, 1, 1, 0], [0, 0, 0, 0]) == Interval(None, None, None) and ratio([], []).value is None
    found = ratio([1.0] * 10, [1.0] + [0.0] * 9)
    assert found.value == 10 and found.low > 2 and found.high is None
    assert ratio([0.0] * 5, [1.0] * 5) == Interval(0.0, 0.0, 0.0)
    assert wilson(7, (20, 20)).as_list() == pytest.approx(rate_interval(7, 20).as_list()) and wilson(1, (1, 1)).as_list() is None


def test_raters_who_agree_count_once_a_draft_and_those_who_do_not_each():
    assert effective([1.0, 0.0] * 10, 3) == (20, 20) and effective([1.0] * 9, 3) == (9, 9) and effective([0.5] * 4, 2) == (4, 4)
    assert effective([1 / 3, 2 / 3] * 10, 3) == (20, 60)


def test_intervals_of_rates_and_ratios_cover_the_truth():
    """60 sheets of 24 briefs; 200 of each kind are measured in docs/guides/minutes-and-money.md."""
    hits = np.zeros(3)
    for seed in range(60):
        chance = np.random.default_rng(seed)
        a, b = (chance.random(24) < RATES[arm] for arm in ("tuned", "prompted"))
        rate, other, times = wilson(float(a.sum()), (24, 24)), wilson(float(b.sum()), (24, 24)), ratio(a.astype(float), b.astype(float))
        hits += [rate.low <= 0.9 <= rate.high, other.low <= 0.4 <= other.high, (times.low or 0) <= 2.25 <= (times.high or np.inf)]
    assert (hits >= 0.87 * 60).all(), hits
