"""A dataset leaves in other tools' formats, and comes back with the same texts, briefs and splits."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adtune.archive import read_archive
from adtune.archive.normal import line_of, text_of
from adtune.archive.values import facts
from adtune.errors import InputError, IntegrityError
from adtune.records import Brief, Example, Item, Source
from adtune.steps import dataset_export
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate, read_dataset
from adtune.steps.exporting import export
from adtune.workspace import Workspace


@pytest.fixture
def dataset(ws, archive, tmp_path):
    """30 pieces, some with all that a brief can hold, one without a title."""
    rows = [json.loads(line) for line in archive().read_text(encoding="utf-8").splitlines()[:-2]]
    rows[0] |= {"summary": "Says > it all", "facts": ["3.5 % a year", "- since 2020"], "type": "newsletter", "status": "gold"}
    rows[1] |= {"text": "Grüße 你好 👩‍👩‍👧 \u2028 \"quotes\", and a long\n\n- list\n\n" + rows[1]["text"], "title": "Ümlaut # and more"}
    del rows[2]["title"]
    rows[3]["category"] = None
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_archive(ws, path, "acme")
    guide = tmp_path / "guide.txt"
    guide.write_text("Write plainly.", encoding="utf-8")
    return curate(ws, "acme", brand_guide=guide)["dataset"]


@pytest.mark.parametrize("to", list(dataset_export.FORMATS))
def test_importing_what_was_exported_gives_the_same_pieces_in_the_same_splits(ws, dataset, tmp_path, to):
    known = read_dataset(ws, dataset)
    answer = export(ws, dataset, to, tmp_path / "out")
    suffix, validation = ("parquet", "validation") if to == "parquet" else ("jsonl", "valid")
    assert answer["files"] == sorted(["README.md", *(f"{name}.{suffix}" for name in ("train", validation, "test"))])
    assert answer["rows"] == {split: len(known.split(split)) for split in ("train", "validation", "test")}
    reading = read_archive(tmp_path / "out", "other")
    assert [gone.where for gone in reading.rejected] == ["README.md"]
    assert {(asset.text, asset.title, asset.split) for asset in reading.assets} == {
        (item.example.text, item.example.brief.title, item.split) for item in known.items}
    briefs = {item.example.text: item.example.brief for item in known.items}
    for asset in reading.assets:
        brief = briefs[asset.text]
        assert (asset.summary, asset.facts) == (brief.summary, brief.facts)
        if brief.title or to in ("chat", "parquet"):
            assert (asset.category, asset.content_type) == (brief.category, brief.content_type)
    with Workspace.open(tmp_path / "elsewhere") as other:
        import_archive(other, tmp_path / "out", "acme")
        again = read_dataset(other, curate(other, "acme")["dataset"])
    assert {(item.example.text, item.split) for item in again.items} == {(item.example.text, item.split) for item in known.items}


# no mark-up, which no dataset holds: an import takes it out
words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<") | st.sampled_from("\n\t\r\ufeff\u2028\u200f🦜[]#->\"' "),
    max_size=40)
briefs = st.builds(
    Brief, words.map(line_of).map(lambda title: title or None), words.map(line_of).map(lambda name: name or None),
    st.sampled_from([None, "article", "own"]), words.map(line_of).map(lambda summary: summary or None),
    st.lists(words, max_size=3).map(lambda found: facts(found)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.tuples(briefs, words.map(text_of).filter(bool)), min_size=1, max_size=6), to=st.sampled_from(["openai", "chat",
                                                                                                              "prompt-completion"]))
def test_whatever_a_piece_holds_its_text_comes_back(pieces, to, tmp_path):
    form = dataset_export.FORMATS[to]
    items = [Item("0" * 64, "train", "c", brief.category, Example(brief, text), Source("a", 1)) for brief, text in pieces]
    form.write(tmp_path / "train.jsonl", [form.row(item) for item in items])
    reading = read_archive(tmp_path / "train.jsonl", "acme")
    assert [asset.text for asset in reading.assets] == [text for _, text in pieces] and reading.rejected == ()
    assert [asset.title for asset in reading.assets] == [brief.title for brief, _ in pieces]


def test_openai_rows_hold_nothing_but_messages(ws, dataset, tmp_path):
    export(ws, dataset, "openai", tmp_path / "out")
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.jsonl")]
    rows = [json.loads(line) for text in texts for line in text.split("\n") if line]
    assert len(rows) == 30 and all(set(row) == {"messages"} and row["messages"][-1]["role"] == "assistant" for row in rows)
    assert sorted(len(row["messages"]) for row in rows) == [1] + [2] * 29
    assert all(set(turn) == {"role", "content"} and turn["content"] for row in rows for turn in row["messages"])


def test_the_card_is_one_that_the_hub_reads(ws, dataset, tmp_path):
    from huggingface_hub import DatasetCard

    answer = export(ws, dataset, "parquet", tmp_path / "out")
    card = DatasetCard.load(tmp_path / "out" / "README.md")
    header, body = card.data.to_dict(), card.text
    assert header["license"] == "other" and header["size_categories"] == ["n<1K"]
    files = header["configs"][0]["data_files"]
    assert [one["split"] for one in files] == ["train", "validation", "test"]
    assert all((tmp_path / "out" / one["path"]).is_file() for one in files)
    assert dataset in body and read_dataset(ws, dataset).hash in body and "Write plainly." in body
    assert any("brand guide" in note for note in answer["notes"])


def test_what_reads_back_differently_is_never_shown(ws, dataset, tmp_path, monkeypatch):
    form = dataset_export.FORMATS["chat"]
    broken = type(form)(form.row, form.names, lambda path, rows: form.write(path, rows[:-1]), form.read, form.about)
    monkeypatch.setitem(dataset_export.FORMATS, "chat", broken)
    with pytest.raises(IntegrityError, match="than was written"):
        export(ws, dataset, "chat", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_what_cannot_be_exported_says_why(ws, dataset, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(InputError, match="already there"):
        export(ws, dataset, "chat", tmp_path / "full")
    for wrong in ("peft", "opanai"):
        with pytest.raises(InputError, match="one of openai, chat"):
            export(ws, dataset, wrong, tmp_path / "out")
    path = tmp_path / "corrections.jsonl"
    path.write_text(json.dumps({"id": "p7", "withdrawn": "yes"}), encoding="utf-8")
    import_archive(ws, path, "acme")
    with pytest.raises(InputError, match="withdrawn since"):
        export(ws, dataset, "chat", tmp_path / "out")
    assert export(ws, curate(ws, "acme")["dataset"], "chat", tmp_path / "out")["files"]


def test_a_broken_parquet_file_is_rejected(tmp_path):
    for name, raw in (("a.parquet", b"PAR1" + b"x" * 500), ("b.parquet", b"words"), ("c.parquet", b"")):
        (tmp_path / name).write_bytes(raw)
    reading = read_archive(tmp_path, "acme")
    assert reading.assets == () and len(reading.rejected) == 3 and "not a Parquet file" in reading.rejected[0].reason


def test_parquet_is_read_without_its_suffix_and_cut_files_lose_nothing_silently(ws, dataset, tmp_path):
    export(ws, dataset, "parquet", tmp_path / "out")
    raw = (tmp_path / "out" / "train.parquet").read_bytes()
    (tmp_path / "table.bin").write_bytes(raw)
    reading = read_archive(tmp_path / "table.bin", "acme")
    assert len(reading.assets) == len(read_dataset(ws, dataset).split("train")) and reading.assets[0].source.line == 1
    (tmp_path / "cut.parquet").write_bytes(raw[:len(raw) // 2])
    assert "Parquet" in read_archive(tmp_path / "cut.parquet", "acme").rejected[0].reason
