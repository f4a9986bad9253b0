"""An evaluation tells what editors and raters said of its drafts: minutes, throughput, human rates; and is silent where nobody did."""

import json

import pytest
from made_report import publish_report

from adtune.evaluate import Arm, Material, measure
from adtune.evaluate.people import EDITING, NOBODY, People, people
from adtune.records import Rating
from adtune.report.page import Page
from adtune.settings import EvaluateSettings
from adtune.starter.edits import made_edits, write_edits
from adtune.steps import rating_sheet
from adtune.steps.edits import import_edits
from adtune.steps.people import said_by_people


def material():
    """Drafts of the made log as those of an evaluation; those of the base are of no use, and half of the prompted ones is."""
    rows = {arm: [row for row in made_edits(seed=7) if row["arm"] == arm][:12] for arm in ("prompted", "tuned")}
    # both arms must answer the same briefs, so each arm's drafts are made of the tuned rows' texts
    finals = tuple(row["final"] for row in rows["tuned"])
    halves = tuple("\n\n".join(("Something else altogether was said here, at length and to no use.", *text.split("\n\n")[1:2]))
                   for text in finals)
    drafts = {"base": tuple(text.partition("\n\n")[0] for text in halves), "prompted": halves,
              "tuned": tuple(row["draft"] for row in rows["tuned"])}
    arms = {name: Arm(name, drafts=texts) for name, texts in drafts.items()}
    return Material(arms=arms, briefs=tuple(row["brief"] for row in rows["tuned"]), references=finals)


@pytest.fixture
def acme(ws):
    adapter, _ = publish_report(ws)
    return ws, (adapter, {"method": "lora"})


def test_without_a_log_minutes_are_null_with_the_reason(acme):
    ws, adapter = acme
    said = said_by_people(ws, "acme", adapter, material(), 61.4)
    result = measure(material(), EvaluateSettings(), people=said)
    assert result["human"] is None and result["throughput_change"] is None and result["editing"]["calibrated"] is False
    assert result["editing"]["minutes_tuned"] is None and "no edits are logged" in result["editing"]["minutes_reason"]
    assert result["editing"]["effort_tuned"] is not None
    page = Page("Report", "made")
    people(page, result)
    assert "raters" not in page.render()
    assert set(measure(material(), EvaluateSettings())["editing"]) >= set(EDITING)


def test_logged_edits_of_the_arms_give_minutes_and_a_third_more_pieces(acme, tmp_path):
    ws, adapter = acme
    import_edits(ws, "acme", write_edits(tmp_path / "log.csv", 20))
    result = measure(material(), EvaluateSettings(limits="editing.minutes_tuned <= 25"), people=said_by_people(
        ws, "acme", adapter, material(), 61.4))
    edit = result["editing"]
    assert edit["calibrated"] and edit["minutes_prompted_source"] == edit["minutes_tuned_source"] == "logged"
    for arm, truth in (("prompted", 45), ("tuned", 18)):
        assert edit[f"minutes_{arm}_interval"][0] < truth < edit[f"minutes_{arm}_interval"][1]
    assert result["throughput_change_interval"][0] < 0.34 < result["throughput_change_interval"][1]
    assert edit["under_two_minutes_tuned"] == 0 and edit["rounds_prompted"] > edit["rounds_tuned"] >= 1 and edit["rounds_base"] is None
    assert result["throughput_over"] == "prompted" and edit["minutes_reason"] is None
    assert result["gates"]["editing.minutes_tuned"]["passed"] is True
    without = measure(material(), EvaluateSettings(), people=said_by_people(ws, "acme", adapter, material(), None))
    assert without["throughput_change"] is None and "--other-minutes" in without["editing"]["minutes_reason"]
    assert without["editing"]["minutes_saved"] is not None and json.dumps(without, allow_nan=False)


def test_arms_that_nobody_edited_are_predicted_only_where_the_log_covers_them(acme, tmp_path):
    ws, adapter = acme
    rows = [{**row, "arm": None} for row in made_edits(seed=2) if row["arm"] == "tuned"]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_edits(ws, "acme", path)
    said = said_by_people(ws, "acme", adapter, material(), 61.4)
    assert said.editing["minutes_tuned_source"] == "predicted" and said.editing["minutes_today"] is not None
    assert said.editing["minutes_tuned_interval"][0] < said.editing["minutes_tuned"] < said.editing["minutes_tuned_interval"][1]
    assert said.editing["minutes_base"] is None, "drafts that take more effort than any that was logged"
    assert "prompted" in said.editing["minutes_reason"] and "more or less effort" in said.editing["minutes_reason"]


def test_blind_ratings_stand_in_the_evaluation_and_its_report(acme, monkeypatch):
    ws, adapter = acme
    monkeypatch.setattr(rating_sheet, "_scores", lambda ws, adapter, texts: [0.5] * len(texts))
    sheet = rating_sheet.make_sheet(ws, "acme", None, rating_sheet.RateSettings())
    ws.rate("acme", [Rating(sheet.id, one.code, rater, one.arm == "tuned" or one.brief % 2 == 0) for one in sheet.items
                     for rater in ("Ann", "Bo")])
    said = said_by_people(ws, "acme", adapter, material(), None)
    assert said.human["arms"]["tuned"]["on_brand"] == 1 and said.human["tuned_over_prompted"] == 2
    assert said_by_people(ws, "acme", ("adapter-other", {"method": "lora"}), material(), None).human is None
    result = measure(material(), EvaluateSettings(), people=said)
    page = Page("Report", "made")
    people(page, result)
    html = page.render()
    for told in ("What editors and raters said", "The raters agree", "100", "tuned over prompted", "2.00 times"):
        assert told in html, told
    assert People() == NOBODY and json.dumps(result, allow_nan=False)
