"""Figures of `measure` on made data whose answers are known."""

import json
from dataclasses import replace

import pytest
from made_material import OWN, material, texts

from adtune.errors import IntegrityError
from adtune.evaluate import ARMS, Arm, measure
from adtune.settings import EvaluateSettings
from adtune.voice.habits import repeated_share

SETTINGS = EvaluateSettings()


def without(given, *names):
    return replace(given, arms={name: arm for name, arm in given.arms.items() if name not in names})


def test_keys_of_the_contract_exist(result):
    assert {"held_out", "on_brand", "editing", "throughput_change", "forgetting", "memorised", "measures", "gates"} <= set(result)
    assert {"loss_base", "loss_prompted", "loss_tuned"} <= set(result["held_out"])
    assert {"base", "prompted", "tuned", "scorer_auc"} <= set(result["on_brand"])
    assert {*(f"{kind}_{name}" for kind in ("effort", "minutes") for name in ARMS), "calibrated"} <= set(result["editing"])
    assert {"loss_before", "loss_after", "delta"} <= set(result["forgetting"])
    assert {"longest_run_words", "share_8gram"} <= set(result["memorised"])
    assert all({"passed", "value", "limit"} <= set(gate) for gate in result["gates"].values())
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_losses_and_gain_are_ratios_of_sums(result):
    given, held = material(), result["held_out"]
    for name, arm in given.arms.items():
        assert held[f"loss_{name}"] == pytest.approx(sum(arm.nats) / sum(arm.tokens))
        low, high = held[f"loss_{name}_interval"]
        assert low <= held[f"loss_{name}"] <= high
    assert held["gain_over"] == "prompted"
    assert held["gain"] == pytest.approx(1 - held["loss_tuned"] / held["loss_prompted"])
    assert 0.15 < held["gain_interval"][0] <= held["gain"] <= held["gain_interval"][1] < 0.19


def test_gain_is_over_the_base_where_prompting_hurts():
    given = material()
    worse = replace(given.arms["prompted"], nats=tuple(2 * nats for nats in given.arms["prompted"].nats))
    held = measure(replace(given, arms={**given.arms, "prompted": worse}), SETTINGS)["held_out"]
    assert held["gain_over"] == "base" and held["gain"] == pytest.approx(1 - held["loss_tuned"] / held["loss_base"])


def test_on_brand_tells_the_arms_apart(result):
    brand = result["on_brand"]
    assert brand["scorer_auc"] > 0.95 and brand["scorer_auc_interval"][0] > 0.75
    assert brand["base"] < 0.2 and brand["tuned"] > 0.8
    assert brand["tuned_less_prompted"] == pytest.approx(brand["tuned"] - brand["prompted"])
    assert brand["tuned_interval"][0] <= brand["tuned"] <= brand["tuned_interval"][1]
    assert 0 <= brand["mean_base"] < brand["mean_tuned"] <= 1


def test_a_scorer_that_cannot_tell_is_not_used():
    brand = measure(material(contrast_texts=texts(OWN, 12, 9), contrast_unseen=texts(OWN, 12, 10)), SETTINGS)["on_brand"]
    assert brand["scorer_auc"] is not None and brand["scorer_auc"] < 0.75
    assert [brand[name] for name in (*ARMS, "mean_tuned", "tuned_less_prompted")] == [None] * 5


@pytest.mark.parametrize("field", ["validation_texts", "contrast_texts", "contrast_unseen"])
def test_without_pieces_for_the_scorer_the_voice_is_not_measured(field):
    result = measure(material(**{field: ()}), SETTINGS)
    assert result["on_brand"]["scorer_auc"] is None and result["on_brand"]["tuned"] is None
    assert result["gates"]["on_brand"]["passed"] is None and result["passed"] is True


def test_effort_falls_to_zero_for_the_published_text():
    given = material()
    perfect = replace(given.arms["tuned"], drafts=given.references)
    edit = measure(replace(given, arms={**given.arms, "tuned": perfect}), SETTINGS)["editing"]
    assert edit["effort_tuned"] == 0 and edit["effort_tuned_interval"] == [0, 0]
    assert 0 < edit["effort_prompted"] <= 1.2 and edit["tuned_less_prompted"] == pytest.approx(-edit["effort_prompted"])
    assert [edit[f"minutes_{name}"] for name in ARMS] == [None] * 3 and edit["calibrated"] is False


def test_forgetting_is_the_difference_per_token(result):
    assert result["forgetting"]["delta"] == pytest.approx(0.05)
    low, high = result["forgetting"]["interval"]
    assert low == pytest.approx(0.05) and high == pytest.approx(0.05)


def test_copied_runs_are_found_quoted_and_levelled():
    copied = " ".join(f"word{index}" for index in range(30))
    given = material(train_texts=(f"Before. {copied}. After.",))
    drafts = (f"Something new: {copied}!", *given.arms["tuned"].drafts[1:])
    arms = {**given.arms, "tuned": replace(given.arms["tuned"], drafts=drafts)}
    row = measure(replace(given, arms=arms), SETTINGS)["memorised"]
    assert (row["longest_run_words"], row["text"]) == (30, copied)
    assert row["prompted"]["longest_run_words"] < 5 and row["pieces"]["longest_run_words"] < 5
    briefed = replace(given, arms=arms, briefs=(copied, *given.briefs[1:]))
    assert measure(briefed, SETTINGS)["memorised"]["longest_run_words"] < 5


def test_conventions_length_and_repetition_stand_by_arm(result):
    measured = result["measures"]
    assert measured["conventions"]["tuned"]["speaks to you"]["rate"] == 1.0
    assert measured["conventions"]["base"]["speaks to you"]["rate"] == 0.0
    assert set(measured["length"]) == {*ARMS, "pieces"} and measured["length"]["tuned"]["median_words"] > 50
    assert 0 < measured["repetition"]["tuned"]["share_4gram"] < 1


@pytest.mark.parametrize(("text", "share"), [("a b c", None), ("", None), ("a b c d e", 0.0), ("a b c d a b c d", 0.2)])
def test_repeated_share(text, share):
    assert repeated_share(text) == (None if share is None else pytest.approx(share))


def test_same_material_and_seed_give_the_same_object(result):
    assert measure(material(), SETTINGS) == result


@pytest.mark.parametrize("missing", [("base",), ("prompted",), ("tuned",), ARMS])
def test_arms_that_were_not_measured_are_null_never_zero(missing):
    result = measure(without(material(), *missing), SETTINGS)
    for name in missing:
        assert result["held_out"][f"loss_{name}"] is None and result["editing"][f"effort_{name}"] is None
        assert result["on_brand"][name] is None and result["measures"]["length"][name]["median_words"] is None
    assert (result["held_out"]["gain"] is None) == ("tuned" in missing)
    json.dumps(result, allow_nan=False)


def test_nothing_at_all_measures_nothing():
    bare = material(pieces=0, arms={}, train_texts=(), general_before=(), general_after=(), conventions=(), test_texts=())
    result = measure(bare, SETTINGS)
    assert {gate["passed"] for gate in result["gates"].values()} == {None} and result["passed"] is True


@pytest.mark.parametrize("pieces", [1, 3])
def test_tiny_sets_are_measured(pieces):
    result = measure(material(pieces=pieces), SETTINGS)
    assert result["held_out"]["gain"] > 0.1
    assert (result["held_out"]["gain_interval"] is None) == (pieces == 1)
    assert result["gates"]["gain"]["passed"] is (None if pieces == 1 else True)


def test_empty_drafts_are_counted_not_dropped():
    given = material()
    empty = replace(given.arms["tuned"], drafts=("",) * len(given.briefs))
    result = measure(replace(given, arms={**given.arms, "tuned": empty}), SETTINGS)
    assert result["measures"]["length"]["tuned"]["empty"] == len(given.briefs)
    assert result["on_brand"]["tuned"] == 0.0 and result["memorised"]["longest_run_words"] == 0
    assert result["memorised"]["share_8gram"] is None


def test_arms_that_do_not_match_are_refused():
    given = material()
    with pytest.raises(IntegrityError, match="same targets"):
        replace(given, arms={**given.arms, "tuned": replace(given.arms["tuned"], tokens=(1,) * len(given.briefs))})
    with pytest.raises(IntegrityError, match="one draft a brief"):
        replace(given, arms={"tuned": Arm("tuned", drafts=("only one",))})
    with pytest.raises(IntegrityError, match="one text a brief"):
        replace(given, references=("x",))
    with pytest.raises(IntegrityError, match="same passages"):
        replace(given, general_after=((1.0, 1),))
    with pytest.raises(IntegrityError, match="finite"):
        replace(given, arms={"tuned": Arm("tuned", (float("nan"),), (1,))})
