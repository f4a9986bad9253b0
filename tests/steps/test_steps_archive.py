"""Import and curate as the Python API gives them: the contract's keys, counts that add up, nothing half-made."""

import json
from pathlib import Path

import pytest

from adtune.errors import InputError, SettingError
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate, load_dataset, read_dataset


def test_import_counts_everything_and_adds_nothing_twice(ws, archive):
    first = import_archive(ws, archive(), "acme")
    assert {"client", "kind", "archive", "read", "kept", "added", "rejected", "rejections"} <= first.keys()
    assert (first["read"], first["kept"], first["added"], first["rejected"]) == (32, 30, 30, 2)
    assert [sorted(one) for one in first["rejections"]] == [["reason", "where"]] * 2
    assert [one["where"] for one in first["rejections"]] == ["line 31", "line 32"]
    again = import_archive(ws, archive(), "acme")
    assert again["added"] == 0 and {**again, "added": 30} == first and json.dumps(first, allow_nan=False)


def test_an_archive_of_which_nothing_can_be_kept_leaves_no_client(ws, archive):
    with pytest.raises(InputError) as refused:
        import_archive(ws, archive(0), "acme")
    assert "line 1" in refused.value.found and "among 2 read" in refused.value.found
    assert refused.value.where.endswith(".jsonl") and ws.clients() == []


@pytest.mark.parametrize(("kind", "words"), [("images", "not built yet"), ("creatives", "not built yet"),
                                             ("contnet", "Did you mean 'content'?")])
def test_other_kinds_are_refused(ws, archive, kind, words):
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        import_archive(ws, archive(), "acme", kind)


def test_a_column_can_be_named(ws, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("Nr,Words of it\n1,A short line of copy\n2,Another line of copy\n", encoding="utf-8")
    assert import_archive(ws, path, "acme", mapping={"text": "Words of it"})["kept"] == 2


def test_curate_publishes_a_dataset_that_adds_up(ws, archive):
    import_archive(ws, archive(), "acme")
    seen = []
    answer = curate(ws, "acme", progress=lambda label, done, total, note="": seen.append(label))
    assert {"dataset", "hash", "read", "kept", "dropped", "splits", "categories", "report"} <= answer.keys()
    assert answer["read"] == 30 == answer["kept"] + sum(answer["dropped"].values()) and seen
    assert sum(answer["splits"].values()) == answer["kept"] == sum(answer["categories"].values())
    assert list(answer["splits"]) == ["train", "validation", "test"] and set(answer["categories"]) == {"advice", "news"}
    assert Path(answer["report"]).read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    dataset = read_dataset(ws, answer["dataset"])
    assert dataset.hash == answer["hash"] == ws.record(answer["dataset"])["record"]["hash"]
    assert curate(ws, "acme") == answer
    dropped = (ws.path(answer["dataset"]) / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(dropped) == sum(answer["dropped"].values())


def test_a_guide_given_once_is_kept_and_changes_the_hash(ws, archive, tmp_path):
    import_archive(ws, archive(), "acme")
    guide = tmp_path / "guide.md"
    guide.write_text(" ".join(f"Write plainly about the {n}th thing." for n in range(100)), encoding="utf-8")
    without = curate(ws, "acme")
    given = curate(ws, "acme", brand_guide=guide)
    assert given["hash"] != without["hash"] and any("600 words; the 348 of them" in note for note in given["notes"])
    later = curate(ws, "acme", overrides={"keep": 12})
    assert later["kept"] == 12 and read_dataset(ws, later["dataset"]).guide.startswith("Write plainly about the 0th")
    with pytest.raises(InputError):
        curate(ws, "acme", brand_guide=tmp_path / "missing.md")


def test_a_dataset_is_made_by_default(ws, archive):
    import_archive(ws, archive(), "acme")
    id, dataset = load_dataset(ws, "acme")
    assert ws.newest("dataset", "acme") == id and dataset.client == "acme" and len(dataset.items) <= 30
    assert load_dataset(ws, "acme")[1] == dataset and len(ws.listing("dataset", "acme")) == 1


def test_what_cannot_be_curated_says_why(ws, archive):
    import_archive(ws, archive(6), "small")
    with pytest.raises(InputError, match="at least 10"):
        curate(ws, "small")
    assert ws.newest("dataset", "small") is None
    for wrong in ({"task": "draftin"}, {"task": "images"}):
        with pytest.raises(InputError):
            curate(ws, "small", **wrong)
    with pytest.raises(InputError, match="Did you mean 'small'"):
        curate(ws, "smal")
    with pytest.raises(SettingError, match="min_words"):
        curate(ws, "small", overrides={"min_word": 3})
