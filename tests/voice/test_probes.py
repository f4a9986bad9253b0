"""Probes are read with their place where they are wrong, and an answer is right where it holds an expected one."""

from __future__ import annotations

import pytest

from adtune.errors import InputError
from adtune.voice.probes import Probe, load_probes

PARIS = Probe("The capital of France", ("Paris",))


@pytest.mark.parametrize(("answer", "right"), [("It is Paris.", True), ("PARIS", True), ("Parisian", False), ("", False), ("Lyon", False)])
def test_an_answer_is_right_where_it_holds_the_words(answer, right):
    assert PARIS.is_right(answer) is right


def test_several_answers_may_be_right_and_words_stand_in_order():
    probe = Probe("x", ("ten dollars", "10 USD"))
    assert probe.is_right("That is Ten, dollars.") and probe.is_right("10 usd!") and not probe.is_right("dollars: ten")


@pytest.mark.parametrize(("name", "text"), [
    ("p.jsonl", '{"prompt": "The capital of France", "expected": "Paris"}\n\n{"prompt": "Two", "expected": ["2", "two"], "kind": "a"}\n'),
    ("p.csv", "\ufeffprompt,expected,kind\nThe capital of France,Paris,\nTwo,2,sums\n"),
    ("p.csv", "Prompt;Expected\nThe capital of France;Paris\nTwo;2\n")])
def test_probes_are_read_from_jsonl_and_csv(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = load_probes(tmp_path / name)
    assert found[0] == PARIS and found[1].prompt == "Two" and "2" in found[1].expected and len(found) == 2


@pytest.mark.parametrize(("name", "text", "word"), [
    ("p.jsonl", '{"prompt": "x", "expected": "y"}\n{"prompt": "x"}', "line 2"), ("p.jsonl", "{oops", "line 1"),
    ("p.jsonl", "[1]", "line 1"),
    ("p.jsonl", '{"prompt": "x", "expected": []}', "line 1"), ("p.jsonl", '{"prompt": "x", "expected": "..."}', "line 1"),
    ("p.csv", "a,b\n1,2\n", "line 2"), ("p.jsonl", "", "0 probes"), ("p.csv", "prompt,expected\n" + "x,y\n" * 501, "501 probes")])
def test_a_file_that_is_none_is_refused_with_its_place(tmp_path, name, text, word):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=word):
        load_probes(tmp_path / name)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe\x00")
    for name in ("none.jsonl", "b.jsonl"):
        with pytest.raises(InputError, match="--probes"):
            load_probes(tmp_path / name)
