"""Axes, format, terms, claims, forgetting by kind, probes and the trade over the scale: made data whose answers are known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from made_material import OTHER, OWN, material, texts

from adtune.errors import IntegrityError
from adtune.evaluate import ARMS, ProbeAnswers, ScalePoint, measure
from adtune.evaluate.claims import claims
from adtune.evaluate.differences import differences
from adtune.evaluate.formats import formats, terms
from adtune.evaluate.kept import forgetting, kept_probes, trade
from adtune.records import Brief
from adtune.settings import EvaluateSettings
from adtune.voice.probes import Probe
from adtune.voice.terms import Terms

PLAN = "Plan it now.\n\n- Start: Save {}.\n- Step: Wait.\n\nTonight, open the box."


def with_drafts(given, **drafts):
    return replace(given, arms={name: replace(arm, drafts=drafts.get(name, arm.drafts)) for name, arm in given.arms.items()})


@pytest.fixture(scope="module")
def asked():
    """Twelve briefs for e-mails with a price each, training pieces of one format, and published answers that keep it."""
    briefs = tuple(Brief(f"Brief {n}", "advice", "e-mail", facts=(f"It costs ${n + 20}.",)) for n in range(12))
    train = tuple(PLAN.format(f"${n}00") for n in range(3, 23))
    given = material(asked=briefs, train_texts=train, train_types=("e-mail",) * 20,
                     references=tuple(PLAN.format(f"${n + 20}") for n in range(12)))
    return with_drafts(given, base=("It costs $999 with Tom Moss, says Tom.",) * 12, prompted=tuple(PLAN.format("$999") for _ in range(12)),
                       tuned=tuple(PLAN.format(f"${n + 20}") for n in range(12)))


def test_axes_are_measured_by_arm_and_name_what_costs(result):
    brand = result["on_brand"]
    assert list(brand["axes"]) == ["cadence", "vocabulary", "structure", "tone"]
    tone = brand["axes"]["tone"]
    assert brand["pieces"] > 0.8 and brand["others"] < 0.2 and tone["pieces"] > 0.8 and tone["others"] < 0.2
    assert tone["auc"] > 0.95 and tone["base"] < 0.2 and tone["tuned"] > 0.8 and tone["tuned_less_prompted_interval"][1] <= 1
    assert brand["costly"]["prompted"] and set(brand["costly"]) == {"tuned", "prompted"}
    assert {one["sentence"] for one in brand["costly"]["prompted"]} & set(OTHER)


def test_an_axis_that_cannot_tell_is_not_measured():
    brand = measure(material(contrast_texts=texts(OWN, 12, 9), contrast_unseen=texts(OWN, 12, 10)), EvaluateSettings())["on_brand"]
    assert all(row[name] is None for row in brand["axes"].values() for name in ARMS) and not any(brand["costly"].values())


def test_on_brand_in_own_words_leaves_copies_out(result):
    assert result["on_brand"]["own_words_tuned"] == result["on_brand"]["tuned"]
    given = material()
    copied = replace(given, train_texts=given.arms["tuned"].drafts)
    brand = measure(copied, EvaluateSettings())["on_brand"]
    assert brand["tuned"] > 0.8 and brand["own_words_tuned"] == 0.0


def test_format_is_kept_where_the_rules_of_the_type_hold(asked):
    row = formats(asked, 0)
    assert row["all"]["tuned"] == row["all"]["pieces"] == 1.0 and row["all"]["base"] == 0.0
    assert row["rules"]["a line that begins »- Start:«"]["tuned"] == 1.0 and row["rules"]["2 list lines"]["base"] == 0.0
    assert 0 <= row["kept"]["base"] < 0.6 and row["all"]["tuned_interval"][0] > 0.7
    assert formats(material(), 0)["all"]["tuned"] is None   # no whole briefs, no content types


def test_claims_without_support_are_counted_and_marked(asked):
    row = claims(asked, 0)
    assert row["per_draft"]["tuned"] == 0.0 and row["drafts"]["tuned"] == 0.0 and row["drafts"]["pieces"] == 0.0
    assert row["per_draft"]["prompted"] == 1.0 and row["drafts"]["prompted"] == 1.0 and row["share"]["prompted"] == 1.0
    mark = row["marked"]["base"][0]
    assert (mark["kind"], mark["text"], mark["brief"]) == ("money", "$999", 0) and "»$999«" in mark["around"]
    assert asked.arms["base"].drafts[0][mark["start"]:mark["end"]] == "$999"
    assert claims(material(), 0)["per_draft"]["tuned"] is None


def test_terms_are_used_rightly_or_not(asked):
    known = Terms({"box": "Box", "start": None}, ("utilise",))
    drafts = ("Open the Box at the start.",) * 12, ("Open the box; utilise it.",) * 12
    row = terms(replace(with_drafts(asked, tuned=drafts[0], prompted=drafts[1]), terms=known), 0)
    assert row["right"]["tuned"] == 1.0 and row["right"]["prompted"] == 0.0
    assert row["used"]["tuned"] == 1.0 and row["used"]["prompted"] == 0.5 and row["used"]["tuned_less_prompted"] == 0.5
    assert {(one["said"], one["house"], one["times"]) for one in row["wrong"]["prompted"]} == {("box", "Box", 12), ("utilise", None, 12)}
    assert terms(asked, 0)["right"]["tuned"] is None and terms(asked, 0)["loss"]["tuned"] is None


def test_the_loss_within_terms_is_a_ratio_of_sums():
    given = material()
    counts, each = tuple(n % 3 for n in range(12)), {"base": 2.0, "prompted": 1.0, "tuned": 1.0}
    arms = {name: replace(arm, term_nats=tuple(each[name] * count for count in counts), term_tokens=counts)
            for name, arm in given.arms.items()}
    row = terms(replace(given, arms=arms), 0)["loss"]
    assert row["tuned"] == pytest.approx(1.0) and row["base"] == pytest.approx(2.0) and row["tuned_less_prompted"] == 0.0


def test_forgetting_is_told_by_kind_with_the_worst():
    given = material(general_kinds=("news", "story") * 4, general_after=tuple((300.0 + n + 20 * (n % 2), 100) for n in range(8)))
    row = forgetting(given, 0)
    assert row["kinds"]["news"]["delta"] == pytest.approx(0.0) and row["worst_kind"] == "story"
    assert row["worst_delta"] == pytest.approx(0.2) and row["kinds"]["story"]["passages"] == 4
    assert forgetting(material(), 0)["kinds"] == {} and forgetting(material(), 0)["worst_kind"] is None
    with pytest.raises(IntegrityError, match="general_kinds"):
        material(general_kinds=("news",))


def test_probes_that_were_lost_are_named():
    probes = (Probe("Capital", ("Paris",)), Probe("Two", ("two", "2")), Probe("Sky", ("blue",)))
    given = ProbeAnswers(probes, ("Paris.", "It is 2", "green"), ("London", "Two!", "blue"), ((1.0, 1),) * 3, ((2.0, 1),) * 3)
    row = kept_probes(given, 0)
    assert row["right_before"] == row["right_after"] == pytest.approx(2 / 3) and row["lost_share"] == 0.5 and row["delta"] == 1.0
    assert row["lost"] == [{"prompt": "Capital", "expected": ["Paris"], "before": "Paris.", "after": "London"}]
    none = kept_probes(ProbeAnswers(), 0)
    assert none["probes"] == 0 and none["right_after"] is None and none["lost_share"] is None


def test_the_trade_goes_from_the_base_to_the_adapter():
    given = material()
    half = ScalePoint(0.5, tuple((a + b) / 2 for a, b in zip(given.arms["base"].nats, given.arms["tuned"].nats, strict=True)),
                      tuple((a[0] + b[0]) / 2 for a, b in zip(given.general_before, given.general_after, strict=True)))
    rows = trade(given, [half], 0)
    assert [row["scale"] for row in rows] == [0.0, 0.5, 1.0]
    assert [row["forgetting"] for row in rows] == pytest.approx([0.0, 0.025, 0.05])
    assert rows[0]["gain"] < 0 < rows[1]["gain"] < rows[2]["gain"] and rows[2]["gain_interval"][0] > 0
    assert trade(given, [], 0) == [] and trade(material(general_before=(), general_after=()), [half], 0) == []


def test_differences_are_marked_word_by_word():
    draft, final = differences("The fee is high, $9.", "The fee is low.", [(17, 19)])
    assert draft == [("The fee is ", ""), ("high,", "cut"), (" ", ""), ("$9", "claim"), (".", "cut")]
    assert final == [("The fee is ", ""), ("low.", "new")]
    assert differences("a b", "a b") == ([("a b", "")], [("a b", "")])
    for pair in (("", ""), ("", "a b"), ("a\n\nb", "a b"), ("x y", "")):
        assert tuple("".join(text for text, _ in side) for side in differences(*pair)) == pair


def test_everything_is_json(asked):
    json.dumps(measure(asked, EvaluateSettings()), allow_nan=False)
