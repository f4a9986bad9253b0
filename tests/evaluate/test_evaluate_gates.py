"""Every gate says true, false and null where it should, and says why."""

from copy import deepcopy

import pytest

from adtune.errors import SettingError
from adtune.evaluate import GATES, Material, all_passed, judge, measure
from adtune.evaluate.limits import check_limits, read_limits
from adtune.settings import EvaluateSettings

SETTINGS = EvaluateSettings()


def changed(result, part, **values):
    copy = deepcopy(result)
    copy[part].update(values)
    return copy


CASES = [
    ("gain", "held_out", {"gain": 0.1, "gain_interval": [0.05, 0.15]}, True, "excludes"),
    ("gain", "held_out", {"gain": 0.1, "gain_interval": [-0.01, 0.2]}, False, "includes"),
    ("gain", "held_out", {"gain": -0.1, "gain_interval": [-0.2, -0.05]}, False, "no gain"),
    ("gain", "held_out", {"gain": 0.0, "gain_interval": None}, False, "no gain"),
    ("gain", "held_out", {"gain": 0.1, "gain_interval": None}, None, "too few"),
    ("gain", "held_out", {"gain": None, "gain_interval": None}, None, "not measured"),
    ("forgetting", "forgetting", {"delta": 0.15}, True, "at most 0.15"),
    ("forgetting", "forgetting", {"delta": 0.16}, False, "at most 0.15"),
    ("forgetting", "forgetting", {"delta": -0.2}, True, "at most 0.15"),
    ("forgetting", "forgetting", {"delta": None}, None, "not measured"),
    ("memorised", "memorised", {"longest_run_words": 19}, True, "under 20"),
    ("memorised", "memorised", {"longest_run_words": 20, "pieces": {"longest_run_words": 5}}, False, "share only 5"),
    ("memorised", "memorised", {"longest_run_words": 25, "pieces": {"longest_run_words": 25}}, True, "own test pieces share 25"),
    ("memorised", "memorised", {"longest_run_words": 25, "pieces": {"longest_run_words": None}}, False, "were not measured"),
    ("memorised", "memorised", {"longest_run_words": None}, None, "not measured"),
    ("on_brand", "on_brand", {"tuned_less_prompted": 0.0}, True, "on-brand rate"),
    ("on_brand", "on_brand", {"tuned_less_prompted": -0.1}, False, "on-brand rate"),
    ("on_brand", "on_brand", {"tuned_less_prompted": None, "scorer_auc": 0.6}, None, "cannot tell"),
    ("on_brand", "on_brand", {"tuned_less_prompted": None, "scorer_auc": None}, None, "no scorer"),
    ("claims", "measures", {"claims": {"per_draft": {"tuned": 0.0}}}, True, "at most 0"),
    ("claims", "measures", {"claims": {"per_draft": {"tuned": 0.1}}}, False, "without support"),
    ("claims", "measures", {"claims": {"per_draft": {"tuned": None}}}, None, "not measured"),
]


@pytest.mark.parametrize(("name", "part", "values", "passed", "reason"), CASES)
def test_gate(result, name, part, values, passed, reason):
    outcome = GATES[name](changed(result, part, **values), SETTINGS)
    assert outcome.passed is passed and reason in outcome.reason


@pytest.mark.parametrize("name", GATES)
def test_every_gate_has_all_three_answers_tested_and_takes_its_limit_from_the_settings(result, name):
    assert {case[3] for case in CASES if case[0] == name} == {True, False, None}
    limits = {f"{name}_limit": 7}
    settings = EvaluateSettings(**limits)
    assert judge(result, settings)[name]["limit"] == 7


def test_verdict_is_no_only_where_a_gate_says_no():
    assert all_passed({"a": {"passed": True}, "b": {"passed": None}})
    assert not all_passed({"a": {"passed": True}, "b": {"passed": False}})


def test_made_material_passes_every_gate(result):
    asked = [name for name in GATES if name != "claims"]  # which is off by default
    assert {name: gate["passed"] for name, gate in result["gates"].items()} == dict.fromkeys(asked, True) and result["passed"] is True


def test_any_figure_is_a_gate_by_its_way_through_the_answer(result):
    said = judge(result, EvaluateSettings(limits="on_brand.tuned >= 0.5; editing.effort_tuned<=1e-3;forgetting.worst_delta <= 0.1"))
    assert [said[path]["passed"] for path in ("on_brand.tuned", "editing.effort_tuned", "forgetting.worst_delta")] == [True, False, None]
    assert said["on_brand.tuned"] | {"reason": ""} == {"passed": True, "value": result["on_brand"]["tuned"], "limit": 0.5, "reason": ""}
    assert not all_passed(said)


@pytest.mark.parametrize(("limits", "word"), [("on_brand.tunned >= 0.5", "on_brand.tuned"), ("on_brand.tuned", "FIGURE"),
                                              ("on_brand.tuned >= x", "FIGURE"), ("held_out >= 1", "held_out"),
                                              ("on_brand.tuned >= 0.5; on_brand.tuned <= 1", "twice"), ("passed >= 1", "passed"),
                                              ("forgetting.kind.news.delta <= 1", "forgetting")])
def test_a_limit_on_what_is_no_figure_is_refused_before_anything_is_measured(limits, word):
    nothing = measure(Material({}), SETTINGS)
    with pytest.raises(SettingError, match=word):
        check_limits(read_limits(limits), nothing)


def test_a_limit_on_a_name_that_the_pieces_decide_is_not_measured_without_it(result):
    limits = "forgetting.kinds.news.delta <= 0.1; measures.format.rules.3 list lines.tuned >= 0.9"
    check_limits(read_limits(limits), measure(Material({}), SETTINGS))
    said = judge(result, EvaluateSettings(limits=limits))
    assert said["forgetting.kinds.news.delta"]["passed"] is None and said["measures.format.rules.3 list lines.tuned"]["passed"] is None
