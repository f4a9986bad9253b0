"""What a person decided: for the piece itself, for findings of the same kind, for the scores of pieces like it, and for the hash."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from adtune.curate import CHECKS, Given, curate
from adtune.curate.checks import Found
from adtune.curate.decisions import Answers, answers_of, kind_of, overruled, pieces_with, weighed
from adtune.curate.pieces import pieces_of
from adtune.records import Decision
from adtune.settings import CurateSettings
from adtune.starter import sample_contrast, sample_pieces
from adtune.voice.likeness import likeness

PLAIN = CurateSettings()
OWN = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
OTHER = [json.loads(line) for line in sample_contrast().read_text(encoding="utf-8").splitlines()]


def said(asset, says, about=None, kind=None, who="Ann", when="2025-06-01"):
    piece, = pieces_of([asset])
    return Decision(asset.id, piece.content, says, who, about, kind, when=when)


def reasons(curated):
    return {one.asset.id: one.reason for one in curated.dropped}


def test_a_person_overrules_in_both_directions(archive):
    short = archive.asset("Only a slogan, but a good one.", 90)
    assets = [*archive.assets(14), short]
    assert reasons(curate(assets, "acme", PLAIN)) == {short.id: "too_short"}
    decided = Given(decisions=[said(short, "keep"), said(assets[3], "drop", "off_voice")])
    curated = curate(assets, "acme", PLAIN, decided)
    assert reasons(curated) == {assets[3].id: "left_out"} and len(curated.dataset.items) + len(curated.dropped) == 15
    assert curated.dropped[0].evidence == "a person said no when asked about off voice"
    assert curated.dataset.overrides == tuple(sorted([(short.id, "keep", None), (assets[3].id, "drop", "off_voice")]))
    taken_back = Given(decisions=[*decided.decisions, said(short, "open"), said(assets[3], "open")])
    assert curate(assets, "acme", PLAIN, taken_back).dataset == curate(assets, "acme", PLAIN).dataset


def test_the_hash_holds_what_was_decided_and_not_by_whom(archive):
    assets = archive.assets(15)
    plain, one, other, stranger = (curate(assets, "acme", PLAIN, Given(decisions=given)).dataset.hash for given in (
        [], [said(assets[2], "keep")], [said(assets[2], "drop"), said(assets[2], "keep", who="Bo", when="2026")],
        [said(archive.asset("gone", 99), "keep")]))
    assert one == other != plain == stranger


def test_a_decision_holds_for_the_same_words_under_another_id(archive):
    asset = archive.asset(archive.text(5), 5)
    again = archive.asset(archive.text(5).upper() + "!", 7, category="elsewhere")
    changed = archive.asset(archive.variant(archive.text(5), 10), 5)
    assert [piece.says for piece in pieces_with([asset, again, changed], [said(asset, "keep")])] == ["keep", "keep", None]
    assert [piece.says for piece in pieces_with([asset, again], [said(asset, "keep"), said(again, "drop")])] == ["drop", "drop"]
    moved = dataclasses.replace(asset, text="Other words now.")   # the id is the anchor where the words are read in another way
    assert pieces_with([moved], [said(asset, "voice")])[0].says == "voice"


def test_what_no_answer_overrules_stays_out_and_is_told(archive):
    draft = archive.asset(archive.text(50), 50, approval="draft")
    curated = curate([*archive.assets(12), draft], "acme", PLAIN, Given(decisions=[said(draft, "keep")]))
    assert reasons(curated) == {draft.id: "not_approved"}
    piece, = pieces_with([draft], [said(draft, "keep")])
    assert not overruled(piece, "rights_expired") and overruled(piece, "cut_off")


def test_an_answer_counts_for_findings_of_its_kind():
    assert Answers(0, 1).weighed(0.6) == pytest.approx(0.4) and Answers(1, 0).weighed(0.4) == pytest.approx(0.6)
    assert Answers(3, 1).weighed(1.0) == 1.0 and Answers().weighed(0.37) == 0.37
    assert Answers(2, 1).raw(Answers(2, 1).weighed(0.55)) == pytest.approx(0.55, abs=1e-3)
    assert kind_of("ends with a comma: »… so,«") == kind_of("ends with a comma: »and,«") == "ends with a comma"
    assert kind_of("12 words look misspelt: teh") == kind_of("9 words look misspelt: wrod") and kind_of("93% like 'Ann's'") == "like"
    cut = next(check for check in CHECKS if check.name == "cut_off")
    found = {1: Found("ends with a comma: »a,«", 0.6), 2: Found("asks for more: »b«", 0.6), 3: Found("ends with a comma: »c,«", 1.0)}
    answers = {("cut_off", "ends with a comma"): Answers(0, 2)}
    assert {order: one.confidence for order, one in weighed(cut, found, answers).items()} == {1: 0.3, 2: 0.6, 3: 1.0}


def test_one_kept_twin_lets_the_others_of_its_kind_be_seen(archive):
    assets = archive.assets(12)
    twins = [archive.asset(archive.variant(assets[n].text, 5), 100 + n) for n in range(3)]
    first = curate([*assets, *twins], "acme", PLAIN)
    gone = {one.asset.id: one for one in first.dropped}
    assert {one.reason for one in gone.values()} == {"near_duplicate"} and len(gone) == 3
    kept = [said(one.asset, "keep", "near_duplicate", kind_of(one.evidence)) for one in list(gone.values())[:2]]
    after = curate([*assets, *twins], "acme", PLAIN, Given(decisions=kept))
    assert len(after.dataset.items) == 15 and {one.reason for one in after.shown} == {"near_duplicate"} and len(after.shown) == 3
    assert answers_of(after.pieces) == {("near_duplicate", "like"): Answers(0, 2)}


def test_answers_about_the_voice_move_the_pieces_like_it():
    own, other = [row["text"] for row in OWN[:300:7]], [row["text"] for row in OTHER[:60]]
    texts, gold = [*own, *other[:30]], list(range(8))
    odds = [np.log(np.clip(found.scores, 1e-3, 1 - 1e-3) / (1 - np.clip(found.scores, 1e-3, 1 - 1e-3))) for found in (
        likeness(texts, gold, other[30:]), likeness(texts, gold, other[30:], against=[len(own) + n for n in range(4)]),
        likeness(texts, [*gold, *range(8, 12)], other[30:]))]
    strangers = slice(len(own) + 4, None)
    assert odds[1][strangers].mean() < odds[0][strangers].mean() - 0.05
    house = slice(12, len(own))
    assert odds[2][house].mean() - odds[2][strangers].mean() > odds[0][house].mean() - odds[0][strangers].mean()
