"""The dataset shapes of other tools: chats, instructions, pairs, and folders with their own split."""

import csv
import gzip
import json
import tracemalloc

import pytest

from adtune.archive import Stream, read_archive
from adtune.archive.briefs import brief_fields
from adtune.errors import InputError
from adtune.records import Brief
from adtune.voice.prompt import brief_text

USER = {"role": "user", "content": "Write about spring.\n\nPoints:\n- the sale\n- the shop"}
ANSWER = {"role": "assistant", "content": "Spring is here.\nCome in."}


def read(folder, *rows, name="rows.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_archive(path, "acme")


def brief(asset):
    return asset.title, asset.facts, asset.text


SAME = ("Write about spring.", ("Points:", "the sale", "the shop"), "Spring is here.\nCome in.")


@pytest.mark.parametrize("row", [
    {"messages": [USER, ANSWER]},
    {"messages": [{"role": "system", "content": "Be warm."}, USER, {**ANSWER, "weight": 1}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": USER["content"]}]}, ANSWER], "text": "<user>all of it rendered"},
    {"conversations": [{"from": "human", "value": USER["content"]}, {"from": "gpt", "value": ANSWER["content"]}]},
    {"instruction": "Write about spring.", "input": "Points:\n- the sale\n- the shop", "output": ANSWER["content"]},
    {"prompt": USER["content"], "completion": " " + ANSWER["content"]},
    {"prompt": [USER], "completion": [ANSWER]},
], ids=["openai", "system and weight", "parts", "sharegpt", "alpaca", "prompt-completion", "conversational pair"])
def test_the_request_is_the_brief_and_the_answer_the_text(row, tmp_path):
    reading = read(tmp_path, {**row, "id": "a1", "category": "seasons", "status": "gold"})
    asset, = reading.assets
    assert brief(asset) == SAME
    assert (asset.source.id, asset.category, asset.approval, asset.source.line) == ("a1", "seasons", "gold", 1)
    assert "the request is the brief" in reading.notes[0]


def test_a_json_list_and_a_table_have_shapes_too(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"instruction": "One", "input": "", "output": "Text"}]), encoding="utf-8")
    with (tmp_path / "b.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("prompt", "completion"), ("One", "Text")])
    assert [brief(asset) for asset in read_archive(tmp_path, "acme").assets] == [("One", (), "Text")] * 2


@pytest.mark.parametrize(("row", "reason"), [
    ({"messages": [USER, ANSWER], "tools": [{"type": "function"}]}, "defines tools"),
    ({"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}]}, "calls a tool"),
    ({"messages": [USER, {"role": "tool", "content": "3"}, ANSWER]}, "calls a tool"),
    ({"messages": [USER, {**ANSWER, "weight": 0}]}, "weight 0"),
    ({"messages": [USER, {**ANSWER, "weight": 0.5}]}, "weight"),
    ({"messages": [USER]}, "no answer"),
    ({"messages": [USER, {"role": "narrator", "content": "x"}]}, "role 'narrator'"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, ANSWER]}, "'image_url'; only text"),
    ({"messages": [USER, {"role": "assistant", "content": "draft " * 401}, USER, ANSWER]}, "at most 400"),
    ({"conversations": [{"from": "human", "value": {}}, {"from": "gpt", "value": "x"}]}, "an object, not words"),
    ({"instruction": 3, "output": "x"}, "the instruction is a number"),
    ({"prompt": "x", "completion": None}, "the text ('text') is empty"),
    ({"prompt": "x", "chosen": "a", "rejected": "b"}, "chosen"),
])
def test_what_is_no_copy_is_rejected_with_its_place_and_reason(row, reason, tmp_path):
    reading = read(tmp_path, row)
    assert reading.assets == () and reading.rejected[0].where == "line 1" and reason in reading.rejected[0].reason


def test_earlier_turns_are_facts_that_keep_their_role(tmp_path):
    turns = [{"role": "user", "content": "Write about spring."}, {"role": "assistant", "content": "Spring\nis here."},
             {"role": "user", "content": "Shorter, please.\nNo exclamation marks."}, ANSWER]
    asset, = read(tmp_path, {"messages": turns}).assets
    assert asset.title == "Shorter, please." and asset.text == ANSWER["content"]
    assert asset.facts == ("Earlier request: Write about spring.", "Earlier answer: Spring is here.", "No exclamation marks.")
    # the last answer that is to be learned counts, and what stands behind it is no part of its brief
    unlearned = {"role": "assistant", "content": "x", "weight": 0}
    asset, = read(tmp_path, {"messages": [*turns[:3], {**ANSWER, "weight": 1}, USER, unlearned]}).assets
    assert asset.text == ANSWER["content"] and asset.title == "Shorter, please."


def test_alpaca_history_is_earlier_turns(tmp_path):
    asset, = read(tmp_path, {"instruction": "Now B", "input": "", "output": "Text B", "history": [["Do A", "Text A"]]}).assets
    assert brief(asset) == ("Now B", ("Earlier request: Do A", "Earlier answer: Text A"), "Text B")


def test_system_messages_are_told_as_guides_and_never_become_text(tmp_path):
    path = tmp_path / "chat.jsonl"
    rows = [{"messages": [{"role": "system", "content": "Be warm."}, USER, {**ANSWER, "content": f"Text {n}"}]} for n in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    stream = Stream(path, "acme")
    assets = list(stream)
    assert stream.guides == {"Be warm.": 3} and any("3 pieces came with the system message “Be warm.”" in note for note in stream.notes)
    assert not any("Be warm" in str(asset) for asset in assets)


def test_an_answer_without_a_request_is_plain_text_and_other_rows_pass(tmp_path):
    rows = [{"messages": [ANSWER]}, {"messages": [USER, ANSWER]}, {"text": "A plain row.", "title": "Plain"}, {"messages": 3}]
    reading = read(tmp_path, *rows)
    assert [asset.title for asset in reading.assets] == [None, "Write about spring.", "Plain"]
    assert reading.rejected[0].where == "line 4" and "no text" in reading.rejected[0].reason


def test_a_title_and_facts_of_the_row_stay_beside_the_request(tmp_path):
    asset, = read(tmp_path, {"prompt": "Write it.", "completion": "Text", "title": "Own title", "facts": ["own"]}).assets
    assert brief(asset) == ("Own title", ("Write it.", "own"), "Text")


def test_pieces_with_such_words_stay_pieces(tmp_path):
    rows = [{"title": "T", "body": "The words.", "conversation": "x", "messages": 3}, {"text": "x", "prompt": "p"}]
    assert [asset.text for asset in read(tmp_path, *rows).assets] == ["The words.", "x"]
    path = tmp_path / "mapped.jsonl"
    path.write_text(json.dumps({"prompt": "p", "completion": "c"}) + "\n", encoding="utf-8")
    assert read_archive(path, "acme", {"text": "prompt"}).assets[0].text == "p"


@pytest.mark.parametrize("known", [
    Brief("A title"), Brief("T", "cat"), Brief("T", None, "e-mail"), Brief("T", "cat", "own type"),
    Brief("T", None, None, "Sum", ("a", "b - c")), Brief("T # 1", "cat", "article", "A > b", ("1. one",))])
def test_a_rendered_brief_comes_back_as_it_was(known):
    fields = brief_fields(brief_text(known))
    assert Brief(**{**fields, "facts": tuple(fields["facts"])}) == known


@pytest.mark.parametrize(("prompt", "title", "facts"), [
    ("", None, None), ("One line", "One line", []), ("# Head\nfree words\n- a", "Head", ["free words", "a"]),
    ("First\r\n\r\n2) second\r\n", "First", ["second"])])
def test_free_prompts_lose_no_line(prompt, title, facts):
    fields = brief_fields(prompt)
    assert (fields.get("title"), fields.get("facts")) == (title, facts)


def layout(folder, **files):
    for name, rows in files.items():
        path = folder / name.replace("__", "/").replace("_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("data__train_00000_of_00001", "data__validation", "data__test"),
                                   ("train__a", "dev__a", "test__a"), ("deep__training", "deep__val", "deep__testing")])
def test_a_folder_that_brings_its_own_split_keeps_it(names, tmp_path):
    layout(tmp_path, **{name: [f"piece {name}"] for name in names})
    (tmp_path / "README.md").write_text("---\nlicense: other\n---\n# Card\n", encoding="utf-8")
    reading = read_archive(tmp_path, "acme")
    assert {asset.text: asset.split for asset in reading.assets} == dict(
        zip((f"piece {name}" for name in names), ("train", "validation", "test"), strict=True))
    assert [gone.where for gone in reading.rejected] == ["README.md"] and "card" in reading.rejected[0].reason
    assert any("own split" in note for note in reading.notes)


def test_no_split_without_a_whole_layout(tmp_path):
    layout(tmp_path, test=["x"], other=["y"])
    (tmp_path / "README.md").write_text("A piece.", encoding="utf-8")
    assert {asset.split for asset in read_archive(tmp_path, "acme").assets} == {None}
    assert read_archive(tmp_path / "test.jsonl", "acme").assets[0].split is None and len(read_archive(tmp_path, "acme").assets) == 3


def test_rows_before_a_break_are_not_lost(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress("".join(json.dumps({"text": f"piece {n} " + "x" * 5000}) + "\n" for n in range(8)).encode(), mtime=0)
    path.write_bytes(whole[:len(whole) - 12])
    reading = read_archive(path, "acme")
    assert reading.read == len(reading.assets) + 1 and "cut short" in reading.rejected[0].reason


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "big.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps({"text": f"{n} " + "words " * 1000}) + "\n" for n in range(4000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in Stream(path, "acme")) == 4000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 24_000_000 and peak < 6_000_000


def test_a_table_without_text_is_still_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("name,price\nx,3\n", encoding="utf-8")
    with pytest.raises(InputError, match="a column of text"):
        read_archive(tmp_path / "a.csv", "acme")
