"""Logs of edits come in from tables and from documents in two versions; each edit is kept or rejected with its place and reason."""

import csv
import json
import random
import zipfile

import pytest

from adtune.errors import InputError
from adtune.rate.matching import misplaced
from adtune.starter.edits import COLUMNS, made_edits, write_edits
from adtune.steps.edit_files import role_of
from adtune.steps.edits import import_edits
from adtune.steps.minutes import told
from adtune.steps.rating import Asked, rate
from adtune.steps.sheet import write_sheet


@pytest.fixture
def acme(ws):
    ws.ensure_client("acme")
    return ws


def write(path, rows, delimiter=","):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def adds_up(answer):
    assert answer["read"] == answer["kept"] + answer["rejected"] and answer["rejected"] == len(answer["rejections"])
    assert all(one["where"] and one["reason"] for one in answer["rejections"])


def test_a_log_comes_in_once_and_a_correction_holds(acme, tmp_path):
    path = write_edits(tmp_path / "log.csv", 20)
    answer = import_edits(acme, "acme", path)
    assert (answer["read"], answer["kept"], answer["added"], answer["rejected"], answer["untimed"]) == (40, 40, 40, 0, 0)
    assert import_edits(acme, "acme", path)["added"] == 0 and len(acme.edits("acme")) == 40
    rows = made_edits(20)
    again = import_edits(acme, "acme", write(tmp_path / "mended.csv", [{**rows[0], "minutes": "1:30"}, rows[1]]))
    assert (again["added"], again["corrected"]) == (1, 1) and len(acme.edits("acme")) == 41
    report = told(acme, "acme", 61.4)
    assert report["edits"] == 40 and report["calibrated"] and report["over"] == "prompted" and report["under"] == "tuned"
    assert report["throughput_change_interval"][0] < 0.34 < report["throughput_change_interval"][1]
    import_edits(acme, "acme", write(tmp_path / "gone.csv", [{**rows[0], "minutes": "1:30", "withdrawn": "yes"}]))
    assert told(acme, "acme")["edits"] == 39


def test_what_is_wrong_with_a_row_is_said_with_its_place(acme, tmp_path):
    rows = made_edits(edits_of_arm=15)
    wrong = {0: {"minutes": 0}, 1: {"minutes": 900}, 2: {"minutes": "soon"}, 3: {"final": " "}, 4: {"draft": ""}, 5: {"rounds": "-1"},
             6: {"date": "yesterday"}, 7: {"withdrawn": "maybe"}}
    rows = [{**row, "withdrawn": "", **wrong.get(at, {})} for at, row in enumerate(rows)]
    rows.append(rows[10])
    rows[20]["final"], rows[21]["final"] = rows[21]["final"], rows[20]["final"]
    rows[22] |= {"minutes": "", "rounds": ""}
    answer = import_edits(acme, "acme", write(tmp_path / "log.csv", rows))
    adds_up(answer)
    lines = {one["where"]: one["reason"] for one in answer["rejections"]}
    for word in ("an edit takes time", "more than a working day", "not a number", "the final text is", "the draft is", "from 0 to 50",
                 "yes or no", "the same edit as", "belongs to another draft"):
        assert any(word in reason for reason in lines.values()), (word, lines)
    # a line is that on which the row starts, and texts have several
    assert answer["read"] == 31 and answer["untimed"] == 1 and answer["rejected"] >= 10 and all(name.startswith("line ") for name in lines)


def test_a_draft_of_ours_is_named_by_its_id(acme, tmp_path):
    rows = made_edits(edits_of_arm=3)
    ids = [acme.log_draft("acme", "adapter-12ab", {"title": row["brief"]}, row["draft"], {}) for row in rows[:2]]
    acme.ensure_client("other")
    foreign = acme.log_draft("other", None, {"title": "Theirs"}, "Their draft.", {})
    named = zip([*ids, foreign, "draft-000000000000"], rows, strict=False)
    table = [{"draft": id, "final": row["final"], "minutes": 9} for id, row in named]
    answer = import_edits(acme, "acme", write(tmp_path / "log.csv", table))
    assert answer["kept"] == 2 and all("no draft of this id" in one["reason"] for one in answer["rejections"])
    assert [(one.draft, one.arm, one.adapter, one.brief) for one in acme.edits("acme")] == [
        (row["draft"].strip(), "tuned", "adapter-12ab", row["brief"]) for row in rows[:2]]


def test_swapped_finals_are_found_and_rewrites_are_not_taken_for_them():
    found = mistaken = 0
    for seed in range(2):
        rows = made_edits(seed=seed)
        swapped = random.Random(seed).sample(range(90), 15)
        finals = [row["final"] for row in rows]
        assert misplaced([row["draft"] for row in rows], finals, [None] * 90) == {}
        for at, other in zip(swapped, swapped[1:] + swapped[:1], strict=True):
            rows[at]["final"] = finals[other]
        wrong = misplaced([row["draft"] for row in rows], [row["final"] for row in rows], [None] * 90)
        found, mistaken = found + len(set(wrong) & set(swapped)), mistaken + len(set(wrong) - set(swapped))
    assert found >= 20 and mistaken == 0, (found, mistaken)
    assert misplaced(["one"], ["two"], [None]) == {} and misplaced(["", ""], ["", ""], [None, None]) == {}


@pytest.mark.parametrize("form", ["semicolons", "xlsx", "jsonl", "other names", "mapped"])
def test_tables_come_in_many_forms(acme, tmp_path, form):
    rows, mapping = made_edits(edits_of_arm=3), {}
    if form == "xlsx":
        path = tmp_path / "log.xlsx"
        write_sheet(path, COLUMNS, [[row[name] for name in COLUMNS] for row in rows])
    elif form == "jsonl":
        path = tmp_path / "log.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "[1]\n", encoding="utf-8")
    elif form == "semicolons":
        path = write(tmp_path / "log.csv", [{**row, "minutes": f"{row['minutes']}".replace(".", ",")} for row in rows], ";")
    else:
        names = {"draft": "AI draft", "final": "Published", "minutes": "Mins", "editor": "Edited by"} if form == "other names" else \
            {"draft": "A", "final": "B", "minutes": "C", "editor": "D"}
        mapping = {} if form == "other names" else names
        path = write(tmp_path / "log.csv", [{names.get(key, key): value for key, value in row.items()} for row in rows])
    answer = import_edits(acme, "acme", path, mapping)
    adds_up(answer)
    assert answer["kept"] == 6 and answer["rejected"] == (form == "jsonl")
    assert sorted((one.minutes, one.editor, one.arm) for one in acme.edits("acme")) == \
        sorted((row["minutes"], row["editor"], row["arm"]) for row in rows)
    assert acme.edits("acme")[0].source.file == path.name


def test_documents_in_two_versions_are_matched_by_their_names(acme, tmp_path):
    import docx

    rows = made_edits(edits_of_arm=3)
    folder = tmp_path / "both"
    (folder / "drafts").mkdir(parents=True)
    (folder / "final").mkdir()
    for number, row in enumerate(rows[:4]):
        for name, text in (("drafts", row["draft"]), ("final", row["final"])):
            document = docx.Document()
            for part in text.split("\n\n"):
                document.add_paragraph(part)
            document.save(str(folder / name / f"Piece {number}.docx"))
    for number, row in enumerate(rows[4:]):
        (folder / f"Copy of Mail {number} - draft.txt").write_text(row["draft"], encoding="utf-8")
        (folder / f"Mail {number} v3.txt").write_text(row["final"], encoding="utf-8")
    (folder / "Mail 0 v2.txt").write_text("Between the two.", encoding="utf-8")
    (folder / "Alone draft.txt").write_text("Nothing came of it.", encoding="utf-8")
    (folder / "notes.txt").write_text("Not a version of anything.", encoding="utf-8")
    write(folder / "minutes.csv", [{"document": f"Piece {number}.docx", "minutes": 10 + number, "editor": "Ann", "arm": "prompted"}
                                   for number in range(4)] + [{"document": "Nobody.docx", "minutes": 3, "editor": "", "arm": ""}])
    answer = import_edits(acme, "acme", folder)
    adds_up(answer)
    assert answer["kept"] == 6 and answer["untimed"] == 2 and answer["rejected"] == 4, answer["rejections"]
    assert {one["where"]: one["reason"].partition(":")[0] for one in answer["rejections"]} == {
        "Mail 0 v2.txt": "a version between the draft and the final text", "Alone draft.txt": "there is no final text of the same name",
        "notes.txt": "its name does not say whether it is a draft or a final text",
        "minutes.csv, line 6": "no document in two versions is called 'Nobody.docx'"}
    kept = {one.source.file: one for one in acme.edits("acme")}
    assert kept["final/Piece 2.docx"].minutes == 12 and kept["final/Piece 2.docx"].arm == "prompted"
    assert kept["final/Piece 2.docx"].brief == "piece 2" and kept["Mail 1 v3.txt"].minutes is None
    with zipfile.ZipFile(tmp_path / "drive.zip", "w") as bundle:
        for path in sorted(folder.rglob("*.docx")):
            bundle.write(path, path.relative_to(folder))
    assert import_edits(acme, "acme", tmp_path / "drive.zip")["kept"] == 4


def test_names_of_versions():
    assert role_of("Sale - draft.docx") == role_of("drafts/Sale v2.docx") == role_of("Draft Sale.txt") == ("sale", 0)
    assert role_of("Sale_final (1).docx") == role_of("Approved/Sale v3.docx") == ("sale", 1)
    assert role_of("Copy of Sale v1.docx") == ("sale", 2) and role_of("a/Sale.docx") == ("a/sale", None)
    assert role_of("draft.docx") == ("draft", None)


def test_files_that_hold_no_edits_are_refused(acme, tmp_path):
    for name, text in (("empty.csv", ""), ("no.csv", "draft,result\na,b\n"), ("broken.xlsx", "no workbook"), ("one.txt", "A text.")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError):
            import_edits(acme, "acme", tmp_path / name)
    for name, mapping in (("none.csv", {}), ("no.csv", {"finl": "result"}), ("no.csv", {"final": "nothing"})):
        with pytest.raises(InputError):
            import_edits(acme, "acme", tmp_path / name, mapping)
    with pytest.raises(InputError, match="line 2: the draft is missing"):
        import_edits(acme, "acme", write(tmp_path / "half.csv", [{"draft": "", "final": "A text.", "minutes": 3}]))
    assert acme.edits("acme") == []


def test_rate_tells_what_is_known_and_refuses_impossible_words(acme, tmp_path):
    answer = rate(acme, "acme", Asked(results=True))
    assert answer["edits"] is None and answer["minutes"]["reason"] == "no edits are logged" and not answer["minutes"]["calibrated"]
    answer = rate(acme, "acme", Asked(edits=write_edits(tmp_path / "log.csv", 10)))
    assert answer["minutes"]["reason"].startswith("20 logged edits") and answer["minutes"]["arms"]["tuned"]["minutes"] is None
    assert json.dumps(answer, allow_nan=False)
    with pytest.raises(InputError, match="other-minutes"):
        rate(acme, "acme", Asked(other_minutes=-1.0))
    with pytest.raises(InputError, match="acne"):
        rate(acme, "acne", Asked())
