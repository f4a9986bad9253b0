"""Corrections: a piece is corrected, withdrawn or restored, its history is kept, and what holds it is found."""

import csv
import json

import pytest

from adtune.errors import InputError
from adtune.steps.archive import import_archive
from adtune.steps.catalogue import show
from adtune.steps.curation import curate, read_dataset


@pytest.fixture
def corrections(tmp_path):
    """Writes a table and gives its path."""

    def write(*rows, name="corrections.csv"):
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)
        return path

    return write


@pytest.fixture
def held(ws, archive):
    """The 30 pieces of the archive by the ids of their file."""
    import_archive(ws, archive(), "acme")
    return {asset.source.id: asset for asset in ws.assets("acme")}


def in_force(ws, own="p3"):
    piece, = ws.assets_in_force("acme", [own])[own]
    return piece


COUNTS = ("read", "kept", "added", "corrected", "withdrawn", "restored", "rejected")


def counts(answer):
    return tuple(answer[name] for name in COUNTS)


def test_a_corrected_piece_keeps_its_history(ws, held, corrections):
    before = ws.archive_hash("acme")
    path = corrections(("id", "new text", "new title", "by", "reason"), ("p3", "The corrected words.", "", "Ann", "a wrong rate"))
    answer = import_archive(ws, path, "acme")
    assert counts(answer) == (1, 1, 0, 1, 0, 0, 0)
    piece, old = in_force(ws), held["p3"]
    assert piece.text == "The corrected words." and (piece.title, piece.category) == (old.title, old.category)
    assert ws.asset(old.id, "acme").replaced_by == piece.id and piece.source.file == "corrections.csv"
    shown = show(ws, old.id[:16])
    assert shown["kind"] == "asset" and shown["state"] == "replaced" and shown["versions"] == [old.id, piece.id]
    change, = shown["history"]
    assert (change["who"], change["what"], change["reason"]) == ("Ann", "corrected", "a wrong rate") and change["when"]
    assert change["before"] == {"text": old.text} and change["after"] == {"text": piece.text}
    assert change["source"] == {"file": "corrections.csv", "line": 2, "id": "p3"} and json.dumps(shown, allow_nan=False)
    assert show(ws, "acme/p3")["id"] == piece.id and show(ws, "acme/p3")["history"] == shown["history"]
    assert ws.archive_hash("acme") == answer["archive"] != before and ws.count_assets("acme") == 30
    again = import_archive(ws, path, "acme")
    assert counts(again) == (1, 1, 0, 0, 0, 0, 0) and again["archive"] == answer["archive"]


def test_the_old_file_never_takes_a_correction_back(ws, held, corrections, archive):
    import_archive(ws, corrections(("id", "new_text"), ("p3", "The corrected words.")), "acme")
    again = import_archive(ws, archive(), "acme")
    assert again["added"] == again["corrected"] == 0 and in_force(ws).text == "The corrected words."
    # but a corrections file can
    import_archive(ws, corrections(("id", "new_text"), ("p3", held["p3"].text)), "acme")
    assert in_force(ws).id == held["p3"].id and len(show(ws, "acme/p3")["history"]) == 2


@pytest.mark.parametrize("column", ["asset", "Asset ID", "id", "piece"])
def test_a_piece_is_named_by_our_own_id_too(ws, held, corrections, column):
    answer = import_archive(ws, corrections((column, "approval"), (held["p3"].id[:20], "draft"), (held["p4"].id, "gold")), "acme")
    assert counts(answer) == (2, 2, 0, 2, 0, 0, 0)
    assert (in_force(ws).approval, in_force(ws, "p4").approval) == ("draft", "gold")
    dropped = curate(ws, "acme")["dropped"]
    assert (dropped["not_approved"], dropped["replaced"]) == (1, 2)


def test_a_withdrawn_piece_is_left_out_and_what_holds_it_is_found(ws, held, corrections):
    dataset = curate(ws, "acme")["dataset"]
    trained = next(item for item in read_dataset(ws, dataset).items if item.split == "train")
    run = ws.create_run("acme", {"dataset": dataset})
    adapter = ws.publish("adapter", "acme", {"a.safetensors": b"x"}, {"method": "lora"}, [dataset])
    report = ws.publish("report", "acme", {"report.html": b"x"}, {}, [adapter])
    before = ws.archive_hash("acme")
    # corrected first: the dataset holds an earlier version of what is withdrawn
    import_archive(ws, corrections(("id", "category"), (trained.source.id, "other")), "acme")
    path = corrections(("id", "withdrawn", "reason"), (trained.source.id, "yes", "the offer ended"))
    assert counts(import_archive(ws, path, "acme")) == (1, 1, 0, 0, 1, 0, 0) and import_archive(ws, path, "acme")["withdrawn"] == 0
    shown = show(ws, f"acme/{trained.source.id}")
    assert shown["state"] == "withdrawn" and shown["history"][-1]["reason"] == "the offer ended"
    assert {(one["kind"], one["id"], one["split"]) for one in shown["held_by"]} == {
        ("dataset", dataset, "train"), ("run", run, "train"), ("adapter", adapter, "train"), ("report", report, "train")}
    assert {one["asset"] for one in shown["held_by"]} == {trained.asset}
    listed, = show(ws, "acme")["withdrawn"]
    assert set(listed["held_by"]) == {dataset, adapter} and listed["asset"] == shown["id"]
    new = curate(ws, "acme")
    assert (new["read"], new["kept"], new["dropped"]["withdrawn"], new["dropped"]["replaced"]) == (31, 29, 1, 1)
    assert new["dataset"] not in listed["held_by"]
    assert show(ws, shown["id"])["held_by"] == shown["held_by"]
    back = corrections(("id", "withdrawn", "category"), (trained.source.id, "no", held[trained.source.id].category))
    restored = import_archive(ws, back, "acme")
    assert counts(restored) == (1, 1, 0, 1, 0, 1, 0) and ws.archive_hash("acme") == before


def test_an_approval_word_withdraws_and_a_withdrawn_piece_stays_so(ws, held, corrections, archive):
    import_archive(ws, corrections(("id", "approval"), ("p3", "withdrawn")), "acme")
    assert in_force(ws).withdrawn and in_force(ws).approval is None
    assert import_archive(ws, archive(), "acme")["added"] == 0 and in_force(ws).withdrawn
    import_archive(ws, corrections(("id", "new text"), ("p3", "New words.")), "acme")
    assert in_force(ws).text == "New words." and in_force(ws).withdrawn


def test_a_row_that_names_no_piece_is_rejected_with_its_place(ws, held, corrections):
    path = corrections(("id", "approval", "withdrawn"), ("p3", "gold", ""), ("p99", "gold", ""), ("", "gold", ""), ("p4", "so-so", ""),
                       ("p5", "", ""), ("p6", "", "perhaps"), ("p7", "", "2024-05-31"))
    answer = import_archive(ws, path, "acme")
    assert counts(answer) == (7, 2, 0, 1, 1, 0, 5)
    told = {one["where"]: one["reason"] for one in answer["rejections"]}
    assert [where for where in told] == ["line 3", "line 4", "line 5", "line 6", "line 7"]
    for where, words in (("line 3", "no piece with the id 'p99'"), ("line 4", "names no piece"), ("line 5", "'so-so' is not known"),
                         ("line 6", "nothing to correct"), ("line 7", "expected yes, no or a day")):
        assert words in told[where]
    with pytest.raises(InputError, match="no correction of a piece"):
        import_archive(ws, corrections(("id", "approval"), ("p99", "gold")), "acme")
    with pytest.raises(InputError):
        import_archive(ws, path, "nobody")
    assert ws.clients() == ["acme"]


def test_several_rows_for_one_piece_are_taken_in_order(ws, held, corrections):
    path = corrections(("id", "new text", "approval", "withdrawn"), ("p3", "First.", "", ""), ("p3", "Second.", "gold", "yes"))
    assert counts(import_archive(ws, path, "acme")) == (2, 2, 0, 2, 1, 0, 0)
    shown = show(ws, "acme/p3")
    assert (shown["text"], shown["approval"], shown["state"]) == ("Second.", "gold", "withdrawn") and len(shown["versions"]) == 3
    assert [one["what"] for one in shown["history"]] == ["corrected", "corrected", "withdrawn"]


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:-2]]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_same_file_again_with_changed_content_makes_new_versions(ws, held, archive, tmp_path):
    rows = rows_of(archive())
    rows[3]["text"], rows[4]["status"] = "Wholly other words.", "draft"
    answer = import_archive(ws, write(tmp_path / "posts.jsonl", rows), "acme")
    assert (answer["added"], answer["corrected"], answer["kept"]) == (0, 2, 30)
    assert in_force(ws).text == "Wholly other words." and in_force(ws, "p4").approval == "draft" and ws.count_assets("acme") == 30
    again = import_archive(ws, tmp_path / "posts.jsonl", "acme")
    assert (again["added"], again["corrected"], again["archive"]) == (0, 0, answer["archive"])


def test_another_file_under_the_same_ids_is_told_apart_by_its_words(ws, held, archive, tmp_path):
    rows = rows_of(archive())
    near = {"id": "p3", "text": rows[3]["text"] + " One more sentence."}
    other = {"id": "p4", "text": "A new piece from another system with numbers of its own.", "title": "Unrelated"}
    answer = import_archive(ws, write(tmp_path / "next.jsonl", [near, other]), "acme")
    assert (answer["added"], answer["corrected"]) == (1, 1) and any("from another file" in note for note in answer["notes"])
    assert in_force(ws).title == held["p3"].title and len(ws.assets_in_force("acme", ["p4"])["p4"]) == 2
    again = import_archive(ws, tmp_path / "next.jsonl", "acme")
    assert (again["added"], again["corrected"]) == (0, 0)
    with pytest.raises(InputError, match="that of 2 pieces"):
        import_archive(ws, write(tmp_path / "fix.jsonl", [{"id": "p4", "approval": "gold"}]), "acme")
    with pytest.raises(InputError, match="2 pieces"):
        show(ws, "acme/p4")


def test_ids_that_are_not_unique_replace_nothing(ws, tmp_path):
    rows = [{"id": "campaign-1", "text": f"Variant {n} of the words."} for n in range(3)]
    assert import_archive(ws, write(tmp_path / "ads.jsonl", rows), "acme")["added"] == 3
    # a fourth variant; and a file in which a variant stands beside the piece that is known
    answer = import_archive(ws, write(tmp_path / "ads.jsonl", [*rows, {"id": "campaign-1", "text": "Variant 4 of the words."}]), "acme")
    assert (answer["added"], answer["corrected"]) == (1, 0)
    one = [{"id": "campaign-2", "text": "The first of two."}]
    import_archive(ws, write(tmp_path / "two.jsonl", one), "acme")
    answer = import_archive(ws, write(tmp_path / "two.jsonl", [*one, {"id": "campaign-2", "text": "The second of two."}]), "acme")
    assert (answer["added"], answer["corrected"]) == (1, 0) and any("share their id" in note for note in answer["notes"])


def test_an_archive_may_say_which_pieces_are_withdrawn(ws, held, archive, tmp_path):
    rows = rows_of(archive())
    rows[3]["withdrawn"], rows[4]["withdrawn"] = True, "no"
    answer = import_archive(ws, write(tmp_path / "posts.jsonl", [*rows, {"text": "A new one.", "withdrawn": "yes"}]), "acme")
    assert (answer["added"], answer["withdrawn"]) == (1, 1) and in_force(ws).withdrawn and not in_force(ws, "p4").withdrawn
    assert sum(bool(asset.withdrawn) for asset in ws.assets("acme")) == 2


def test_a_failed_import_leaves_nothing(ws, held, corrections, monkeypatch):
    before, state = ws.archive_hash("acme"), ws.assets("acme")
    monkeypatch.setattr("adtune.workspace.versions.Versions._revise", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")))
    with pytest.raises(RuntimeError, match="power cut"):
        import_archive(ws, corrections(("id", "new text"), ("p3", "Other.")), "acme")
    assert ws.archive_hash("acme") == before and ws.assets("acme") == state


def test_splits_of_files_are_noted_for_pieces_that_were_there(ws, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name, words in (("train", "to learn"), ("test", "held out")):
        write(folder / f"{name}.jsonl", [{"text": f"A piece {words}."}])
    import_archive(ws, folder / "test.jsonl", "acme")
    assert [asset.split for asset in ws.assets("acme")] == [None]
    assert import_archive(ws, folder, "acme")["added"] == 1
    assert {asset.text: asset.split for asset in ws.assets("acme")} == {"A piece held out.": "test", "A piece to learn.": "train"}


def test_a_held_out_piece_that_is_known_by_its_id_is_held_out(ws, held, archive, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    rows = rows_of(archive())
    write(folder / "train.jsonl", [{"id": "x", "text": "A new piece to learn."}])
    # as it was but for a field, and with another sentence
    write(folder / "test.jsonl", [{"id": "p3", "text": rows[3]["text"]}, {"id": "p4", "text": rows[4]["text"] + " More."}])
    answer = import_archive(ws, folder, "acme")
    assert (answer["added"], answer["corrected"]) == (1, 1)
    assert (in_force(ws).split, in_force(ws, "p4").split, in_force(ws, "p5").split) == ("test", "test", None)
    splits = {item.source.id: item.split for item in read_dataset(ws, curate(ws, "acme", overrides={"min_words": 3})["dataset"]).items}
    assert splits["p3"] == splits["p4"] == "test"


def test_a_column_called_asset_may_hold_the_ids_of_another_system(ws, tmp_path, corrections):
    path = corrections(("Asset ID", "Title", "Body"), ("IMG-1", "One", "The first words."), ("IMG-2", "Two", "The second words."),
                       name="export.csv")
    assert import_archive(ws, path, "acme", mapping={"id": "Asset ID"})["added"] == 2
    answer = import_archive(ws, corrections(("Asset ID", "approval"), ("IMG-2", "gold"), name="signed.csv"), "acme")
    assert counts(answer) == (1, 1, 0, 1, 0, 0, 0) and in_force(ws, "IMG-2").approval == "gold"


def test_a_whole_archive_again_with_one_more_column_is_compared_in_batches(ws, held, archive, tmp_path, monkeypatch):
    rows = [{**row, "author": "Ann"} for row in rows_of(archive())]
    monkeypatch.setattr("adtune.steps.archive.BATCH", 7)
    answer = import_archive(ws, write(tmp_path / "posts.jsonl", rows), "acme")
    assert (answer["added"], answer["corrected"]) == (0, 30)
    assert {asset.author for asset in ws.assets("acme") if not asset.replaced_by} == {"Ann"}
    rows[3]["author"] = "Bob"
    answer = import_archive(ws, write(tmp_path / "posts.jsonl", rows), "acme")
    assert (answer["added"], answer["corrected"]) == (0, 1) and len(show(ws, "acme/p3")["versions"]) == 3
