"""Formats: rules learned from pieces of a kind hold for new ones and not for others; ad limits count as the platforms do."""

from __future__ import annotations

import json
import random

import pytest

from adtune.starter import sample_pieces, sample_voices
from adtune.voice.layout import FEWEST, LIMITS, ad_lines, calls_to_action, learn_formats


def rows_of(path):
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    random.Random(1).shuffle(rows)
    return rows


@pytest.fixture(scope="module")
def rows():
    return rows_of(sample_pieces())


@pytest.fixture(scope="module")
def formats(rows):
    return learn_formats([row["text"] for row in rows[:300]], [row["content_type"] for row in rows[:300]])


def test_what_the_sample_client_always_does_becomes_a_rule(formats):
    told = [rule.told for rule in formats.of("article")]
    for rule in ("3 list lines", "1 heading", "0 links", "never opens with a question", "a line that begins »**Worked example:«",
                 "a line that begins »- Start:«", "a line that begins »- Result:«"):
        assert rule in told, rule
    assert formats.of("Article") == formats.of("article") != formats.of("social post")
    assert formats.of("letter") == formats.of(None) == formats.general


def test_new_pieces_of_the_house_keep_the_rules_and_other_voices_do_not(formats, rows):
    def kept(texts):
        return [all(rule.holds(text) for rule in formats.of(kind)) for text, kind in texts]

    own, other = kept([(row["text"], row["content_type"]) for row in rows[300:]]), kept([(row["text"], "article") for row in
                                                                                       rows_of(sample_voices())])
    assert sum(own) / len(own) >= 0.85 and not any(other)


def test_under_the_fewest_pieces_nothing_is_learned():
    texts = ["You pay. It works.\n\n- One\n- Two"] * (FEWEST - 1)
    assert learn_formats(texts, [None] * len(texts)).of(None) == ()
    assert [rule.told for rule in learn_formats(texts, [None] * len(texts)).of("search ad")] == [
        "headline of at most 30 characters", "line of at most 90 characters"]


@pytest.mark.parametrize(("text", "kept"), [
    ("Plan your money today\nFree plans for small budgets. Start in ten minutes.", [True, True]),
    ("Plan your money today, at home, x", [False, True]),                                   # 33 characters
    (f"{'x' * 30}\n{'y' * 90}", [True, True]), (f"{'x' * 31}\n{'y' * 91}", [False, False]),
    ("Headline 1: Short\nHeadline 2: Also short\nDescription: " + "z" * 91, [True, False]),
    ("**Headline:** " + "予" * 16, [False, True]), ("Headline: " + "予" * 15, [True, True]),   # of double width
    ("", [False, False]),
])
def test_ads_keep_the_limits_of_their_platforms(text, kept):
    rules = learn_formats([], []).of("Search ad")
    assert [rule.holds(text) for rule in rules] == kept and LIMITS["search ad"] == (30, 90)


def test_an_ad_without_labels_opens_with_its_headline():
    assert ad_lines("# Plan now\n\n- Free plans") == {"headline": ["Plan now"], "line": ["Free plans"]}


@pytest.mark.parametrize(("text", "asks"), [
    ("It rains.\n\nTonight, open an account.", True), ("It rains.\n\nMore at https://a.example/x", True), ("Open it.\n\nIt rains.", False),
    ("We sell hats.\n\n- One\n- Sign up for two", True), ("It rained. To be continued.", False), ("", False)])
def test_calls_to_action_stand_at_the_end(text, asks):
    assert calls_to_action(text) is asks
