"""A sitting of review and tables of decisions: answers are kept at once, survive imports, can be undone, and add up."""

import csv
import json

import pytest
from python_calamine import CalamineWorkbook

from adtune.errors import InputError
from adtune.steps.archive import import_archive
from adtune.steps.catalogue import show
from adtune.steps.curation import curate, read_dataset
from adtune.steps.decisions_file import COLUMNS
from adtune.steps.review import Review, Wanted, curate_with_files, who_answers

NONE = {"keep": 0, "drop": 0, "voice": 0, "other": 0, "relabel": 0}


@pytest.fixture
def twins(ws, archive):
    """The archive of 30 pieces and 4 near-duplicates; what is asked about is whether those are too many."""
    path = archive()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:30]]
    near = [{**rows[n], "id": f"twin-{n}", "title": f"=Twin {n}", "text": " ".join([*rows[n]["text"].split()[:-4], "one", "two", "three."])}
            for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *near]), encoding="utf-8")
    import_archive(ws, path, "acme")
    return path


def asked(ws, **words):
    return Review(ws, "acme", Wanted(who="Ann", **words))


def test_answers_are_kept_at_once_and_make_the_dataset_anew(ws, twins):
    before = curate(ws, "acme")
    assert before["kept"] == 30 and before["queue"] is None
    assert before["decisions"] == NONE
    review = asked(ws)
    assert len(review.questions) == 4
    review.answer(review.questions[0], "keep")
    review.answer(review.questions[1], "drop")
    kept = ws.decisions("acme")   # a kill now would lose none
    about = ("Ann", "near_duplicate", "like")
    assert [(one.says, one.who, one.about, one.kind) for one in kept] == [("keep", *about), ("drop", *about)]
    answer = review.finish()
    assert answer["review"] == {"asked": 4, "answered": 2, "by": "Ann", "joined": 1, "left": 0} and len(answer["queue"]) == 2
    assert (answer["kept"], answer["dropped"]["left_out"]) == (31, 1)
    assert answer["decisions"] == {**NONE, "keep": 1, "drop": 1}
    assert answer["kept"] + sum(answer["dropped"].values()) == answer["read"] == 34 and answer["hash"] != before["hash"]
    assert json.dumps(answer, allow_nan=False) and show(ws, answer["dataset"])["kept"] == 31
    decided, = show(ws, review.questions[0].piece.asset.id)["decisions"]
    assert (decided["says"], decided["who"], decided["about"]) == ("keep", "Ann", "near_duplicate") and decided["when"]
    import_archive(ws, twins, "acme")
    again = curate(ws, "acme")
    assert again["dataset"] == answer["dataset"] and len(read_dataset(ws, again["dataset"]).overrides) == 2


def test_the_last_answer_is_taken_back_and_so_is_one_of_an_earlier_sitting(ws, twins):
    plain = curate(ws, "acme")
    review = asked(ws)
    assert review.undo() is None
    for question in review.questions[:2]:
        review.answer(question, "keep")
    assert review.undo() == review.questions[1].piece.name and review.answered == 1
    assert review.finish()["kept"] == 31
    later = asked(ws)
    assert "keep by Ann" in later.undo() and later.undo() is None
    assert later.finish()["hash"] == plain["hash"] and len(ws.decisions("acme")) == 4


def test_settings_of_the_newest_dataset_hold_where_none_are_given(ws, twins):
    curate(ws, "acme", overrides={"keep": 12})
    review = asked(ws)
    answer = review.finish()
    assert answer["kept"] == 12 and any("hold: keep 12" in note for note in answer["notes"])
    assert asked(ws, overrides={"near_duplicate": 1.0}).finish()["kept"] == 34


def test_answers_that_no_question_has_are_refused(ws, twins):
    review = asked(ws)
    for wrong in ("voice", 0, 7):
        with pytest.raises(InputError):
            review.answer(review.questions[0], wrong)
    assert ws.decisions("acme") == []


def test_who_answers(monkeypatch):
    monkeypatch.setenv("ADTUNE_USER", "  Bo  Ek ")
    assert who_answers(None) == "Bo Ek" and who_answers("Ann") == "Ann"
    monkeypatch.delenv("ADTUNE_USER")
    assert who_answers(None)


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def write_csv(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_goes_out_and_comes_back(ws, twins, tmp_path):
    out = tmp_path / "ask.csv"
    first = curate_with_files(ws, "acme", Wanted(), (None, out))
    rows = read_csv(out)
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(first["queue"]) == 4 and first["taken"] is None
    assert {row["title"][:6] for row in rows} == {"'=Twin"} and {row["now"] for row in rows} == {"drop"}
    rows[0] |= {"decision": "Yes", "note": "a =good one", "by": "Bo"}
    rows[1]["decision"] = "drop"
    answer = curate_with_files(ws, "acme", Wanted(who="Ann"), (write_csv(tmp_path / "in.csv", rows), None))
    assert answer["taken"] == {"read": 4, "taken": 2, "unchanged": 0, "blank": 2, "rejections": []} and answer["kept"] == 31
    assert [(one.says, one.who, one.note, one.source.file, one.source.line) for one in ws.decisions("acme")] == [
        ("keep", "Bo", "a =good one", "in.csv", 2), ("drop", "Ann", None, "in.csv", 3)]
    assert curate_with_files(ws, "acme", Wanted(), (tmp_path / "in.csv", None))["taken"]["unchanged"] == 2
    back = curate_with_files(ws, "acme", Wanted(), (None, out))
    assert [row["decision"] for row in read_csv(out)] == ["keep", "drop", "", ""] and back["dataset"] == answer["dataset"]


def test_a_workbook_goes_out_and_comes_back(ws, twins, tmp_path):
    out = tmp_path / "ask.xlsx"
    curate_with_files(ws, "acme", Wanted(), (None, out))
    rows = CalamineWorkbook.from_path(str(out)).get_sheet_by_index(0).to_python()
    assert tuple(rows[0]) == COLUMNS and len(rows) == 5 and rows[1][2].startswith("=Twin")
    taken = curate_with_files(ws, "acme", Wanted(), (out, None))["taken"]
    assert taken == {"read": 4, "taken": 0, "unchanged": 0, "blank": 4, "rejections": []}
    piece = ws.assets_in_force("acme", ["twin-2"])["twin-2"][0]
    table = write_csv(tmp_path / "mine.csv", [{"ID": "twin-2", "Decision": "keep"}, {"ID": "p3", "Decision": "other voice"}])
    assert curate_with_files(ws, "acme", Wanted(), (table, None))["decisions"] == {**NONE, "keep": 1, "other": 1}
    curate_with_files(ws, "acme", Wanted(), (write_csv(table, [{"asset": piece.id[:10], "decision": "take back"}]), None))
    assert curate(ws, "acme")["decisions"] == {**NONE, "other": 1}


def test_errors_in_a_table_name_row_and_column(ws, twins, tmp_path):
    wrong = [{"asset": "", "id": "", "decision": "keep"}, {"asset": "ffffffff", "id": "", "decision": "keep"},
             {"asset": "", "id": "twin-0", "decision": "perhaps"}, {"asset": "", "id": "nobody", "decision": "drop"}]
    with pytest.raises(InputError, match="line 2, column asset.*nothing was stored") as caught:
        curate_with_files(ws, "acme", Wanted(), (write_csv(tmp_path / "wrong.csv", wrong), None))
    assert "line 3, column asset: acme has no piece with the id 'ffffffff'" in caught.value.found and ws.decisions("acme") == []
    good = [*wrong, {"asset": "", "id": "twin-1", "decision": "n"}]
    taken = curate_with_files(ws, "acme", Wanted(), (write_csv(tmp_path / "some.csv", good), None))["taken"]
    assert [one["where"] for one in taken["rejections"]] == ["line 2, column asset", "line 3, column asset", "line 4, column decision",
                                                            "line 5, column id"]
    assert taken["read"] == 5 == taken["taken"] + taken["unchanged"] + taken["blank"] + len(taken["rejections"])
    for name, text in (("no.csv", "id,verdict\ntwin-0,keep\n"), ("empty.csv", ""), ("broken.xlsx", "no workbook")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError):
            curate_with_files(ws, "acme", Wanted(), (tmp_path / name, None))
    with pytest.raises(InputError, match="column 'decision'"):
        curate_with_files(ws, "acme", Wanted(), (tmp_path / "no.csv", None))
    for path in (tmp_path / "ask.pdf", tmp_path / "none" / "ask.csv"):
        with pytest.raises(InputError):
            curate_with_files(ws, "acme", Wanted(), (None, path))


def test_a_category_is_corrected_in_a_table_and_by_a_no(ws, twins, tmp_path):
    piece, other = ws.assets("acme")[:2]
    table = tmp_path / "ask.csv"
    table.write_text(f"asset,decision,about,kind\n{piece.id},relabel,,news\n{other.id},no,category_labels,letters\n", encoding="utf-8")
    made = curate_with_files(ws, "acme", Wanted(who="Ann"), (table, None))
    assert made["taken"]["taken"] == 2 and made["decisions"] == {**NONE, "relabel": 2}
    items = {item.asset: item for item in read_dataset(ws, made["dataset"]).items}
    assert [items[one.id].category for one in (piece, other)] == ["news", "letters"] == [
        items[one.id].example.brief.category for one in (piece, other)]
    assert curate_with_files(ws, "acme", Wanted(), (table, None))["taken"]["unchanged"] == 2
    table.write_text(f"asset,decision\n{piece.id},relabel\n{other.id},open\n", encoding="utf-8")
    again = curate_with_files(ws, "acme", Wanted(), (table, None))
    assert "without the category" in again["taken"]["rejections"][0]["reason"] and again["decisions"] == {**NONE, "relabel": 1}
