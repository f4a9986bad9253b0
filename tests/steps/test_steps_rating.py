"""Blind sheets go out and come back: codes for arms, ratings by several raters, each row taken or rejected with its place."""

import csv
import json
import zipfile

import pytest
from lxml import etree
from made_report import publish_report
from python_calamine import CalamineWorkbook

from adtune.errors import InputError
from adtune.steps import rating_sheet
from adtune.steps.archive import import_archive
from adtune.steps.catalogue import show
from adtune.steps.curation import curate
from adtune.steps.rating import Asked, Sitting, rate, rated
from adtune.steps.rating_sheet import COLUMNS


@pytest.fixture
def acme(ws, monkeypatch, tmp_path):
    """A client with an evaluated adapter, whose scorer likes what the tuned model writes."""
    monkeypatch.setattr(rating_sheet, "_scores", lambda ws, adapter, texts: [0.9 if text.startswith("tuned") else 0.2 for text in texts])
    monkeypatch.chdir(tmp_path)
    publish_report(ws)
    return ws


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def fill(path, says, rater=None, out=None):
    """Fills a sheet in by what `says` makes of a draft."""
    rows = [{**row, "on_brand": says(row["draft"]), **({"rater": rater} if rater else {})} for row in read(path)]
    with (out or path).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return out or path


def says(draft):
    arm, number = draft.split()[0], int(draft.split()[-1].strip("."))
    return "yes" if arm == "tuned" or arm == "prompted" and number % 3 == 0 else "No"


def test_sheets_hide_the_arms_and_are_made_once(acme, tmp_path):
    answer = rate(acme, "acme", Asked(raters=("Ann", "Bo Ek")))
    assert sorted(path.name for path in tmp_path.glob("*rating*")) == [
        "acme-rating-Ann.csv", "acme-rating-Ann.xlsx", "acme-rating-Bo-Ek.csv", "acme-rating-Bo-Ek.xlsx"]
    assert answer["sheet"]["items"] == 41 and answer["sheet"]["briefs"] == 12 and answer["sheet"]["repeated"] == 5
    assert not any(arm in json.dumps(answer["sheet"]) for arm in ("base", "prompted", "tuned"))
    ann, bo = read("acme-rating-Ann.csv"), read("acme-rating-Bo-Ek.csv")
    assert tuple(ann[0]) == COLUMNS and {row["rater"] for row in bo} == {"Bo Ek"} and {row["on_brand"] for row in ann} == {""}
    assert {row["item"]: row["draft"] for row in ann} == {row["item"]: row["draft"] for row in bo}
    assert [row["item"] for row in ann] != [row["item"] for row in bo]
    book = CalamineWorkbook.from_path("acme-rating-Ann.xlsx").get_sheet_by_index(0).to_python()
    assert [row[0] for row in book[1:]] == [row["item"] for row in ann]
    with zipfile.ZipFile("acme-rating-Ann.xlsx") as parts:   # texts are folded, and yes or no is offered
        sheet = etree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
        assert all(etree.fromstring(parts.read(name)) is not None for name in parts.namelist())
    parts = {etree.QName(child).localname: child for child in sheet}
    assert 'sqref="E2:E42"' in etree.tostring(parts["dataValidations"]).decode()
    assert "frozen" in etree.tostring(parts["sheetViews"]).decode()
    assert float(parts["cols"][1].get("width")) >= 100 and parts["sheetData"][1][3].get("s") == "1"
    assert rate(acme, "acme", Asked(out=tmp_path / "more.csv"))["sheet"]["id"] == answer["sheet"]["id"]
    other = rate(acme, "acme", Asked(out=tmp_path / "real.csv", options={"published": True, "briefs": 4}))["sheet"]
    assert other["id"] != answer["sheet"]["id"] and other["briefs"] == 4 and any("client wrote" in row["draft"] for row in read("real.csv"))
    with pytest.raises(InputError, match="there already"):
        rate(acme, "acme", Asked(raters=("Ann",)))
    shown = show(acme, answer["sheet"]["id"])
    assert shown["items"] == 41 and "tuned" not in json.dumps(shown)


def test_filled_sheets_of_several_raters_become_rates(acme, tmp_path):
    rate(acme, "acme", Asked(raters=("Ann", "Bo")))
    files = [fill(tmp_path / f"acme-rating-{name}.csv", says) for name in ("Ann", "Bo")]
    answer = rate(acme, "acme", Asked(filled=files))
    assert answer["taken"] == {"read": 82, "taken": 82, "changed": 0, "unchanged": 0, "blank": 0, "rejections": []}
    told = answer["ratings"]
    assert {arm: row["on_brand"] for arm, row in told["arms"].items()} == {"base": 0, "prompted": pytest.approx(1 / 3), "tuned": 1}
    assert told["alpha"] == 1 and told["agreement"].startswith("The raters agree") and told["tuned_over_prompted"] == pytest.approx(3)
    assert told["tuned_over_prompted_interval"][0] > 1 and all(one["self_agreement"] == 1 for one in told["raters"])
    assert told["scorer"]["agreement"] == pytest.approx(32 / 36) and told["scorer"]["drafts"] == 36
    again = rate(acme, "acme", Asked(filled=files))["taken"]
    assert (again["taken"], again["unchanged"]) == (0, 82)
    changed = fill(files[0], lambda draft: "no" if "tuned" in draft else says(draft))
    taken = rate(acme, "acme", Asked(filled=[changed]))["taken"]
    assert taken["changed"] == taken["taken"] > 10 and rated(acme, "acme")["arms"]["tuned"]["on_brand"] == 0.5
    assert json.dumps(rate(acme, "acme", Asked(results=True)), allow_nan=False)


def test_a_workbook_comes_back_and_the_rater_is_its_name(acme, tmp_path):
    from adtune.steps.sheet import write_sheet

    rate(acme, "acme", Asked(out=tmp_path / "ask.xlsx"))
    header, *rows = CalamineWorkbook.from_path("ask.xlsx").get_sheet_by_index(0).to_python()
    rows = [[*row[:4], "y" if row[3].startswith("tuned") else "", 4, None, None] for row in rows]
    write_sheet(tmp_path / "Cy.xlsx", header, rows)
    answer = rate(acme, "acme", Asked(filled=[tmp_path / "Cy.xlsx"]))
    assert answer["taken"]["taken"] == 41 and [one["rater"] for one in answer["ratings"]["raters"]] == ["Cy"]
    assert answer["ratings"]["arms"]["base"]["drafts"] == 0 and "One rater" in answer["ratings"]["agreement"]


def test_what_is_wrong_with_a_row_is_said(acme, tmp_path):
    rate(acme, "acme", Asked(out=tmp_path / "ask.csv"))
    rows = read("ask.csv")[:6]
    for row, changes in zip(rows, ({"on_brand": "yes"}, {"on_brand": "perhaps"}, {"item": "zzzzzz", "on_brand": "no"}, {"grade": "7"},
                                   {"item": "", "on_brand": "no"}, {}), strict=True):
        row |= changes
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    taken = rate(acme, "acme", Asked(filled=[tmp_path / "in.csv"]))["taken"]
    assert taken["read"] == 6 == taken["taken"] + taken["unchanged"] + taken["blank"] + len(taken["rejections"]) and taken["taken"] == 1
    assert [one["where"] for one in taken["rejections"]] == ["line 3", "line 4", "line 5", "line 6"]
    assert "expected yes or no" in taken["rejections"][0]["reason"] and "on no sheet" in taken["rejections"][1]["reason"]
    for name, text in (("no.csv", "item,verdict\na,yes\n"), ("empty.csv", ""), ("blank.csv", "item,on_brand\nabc,\n"), ("ask.pdf", "x")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError):
            rate(acme, "acme", Asked(filled=[tmp_path / name]))
    for wrong in (Asked(options={"repeats": 2.0}), Asked(options={"briefs": 0}), Asked(results=True, raters=("Ann",)),
                  Asked(adapter="none")):
        with pytest.raises(InputError):
            rate(acme, "acme", wrong)


def test_without_an_evaluation_or_a_sheet_it_says_what_is_missing(ws, tmp_path):
    ws.ensure_client("new")
    with pytest.raises(InputError, match="adtune evaluate new"):
        rate(ws, "new", Asked())
    (tmp_path / "in.csv").write_text("item,on_brand\nabc234,yes\n", encoding="utf-8")
    with pytest.raises(InputError, match="no sheet"):
        rate(ws, "new", Asked(filled=[tmp_path / "in.csv"]))
    answer = rate(ws, "new", Asked(results=True))
    assert answer["ratings"] is None and answer["sheet"] is None and answer["taken"] is None


def test_a_sitting_keeps_each_answer_and_goes_on_where_it_was_left(acme):
    sitting = Sitting(acme, "acme", Asked(who="Ann"))
    assert len(sitting.items) == 41 and sitting.undo() is None
    for item in sitting.items[:5]:
        sitting.answer(item, item.arm == "tuned")
    assert sitting.undo() == sitting.items[4] and rated(acme, "acme")["rated"] == 4
    later = Sitting(acme, "acme", Asked(who="Ann"))
    assert later.items == sitting.items[4:] and later.done == 4 and len(Sitting(acme, "acme", Asked(who="Bo")).items) == 41


def test_the_scorer_of_the_adapter_s_dataset_stands_beside_the_raters(ws, archive):
    import_archive(ws, archive(40), "acme")
    publish_report(ws, briefs=4, dataset=curate(ws, "acme")["dataset"])
    made = rating_sheet.make_sheet(ws, "acme", None, rating_sheet.RateSettings())
    assert set(made.scores) == {one.code for one in made.items} and all(0 <= score <= 1 for score in made.scores.values())
