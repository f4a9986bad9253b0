"""General text: two halves that never mix, a watched part, and clear words about a broken file."""

from __future__ import annotations

import json

import pytest

from adtune.errors import InputError
from adtune.voice.general import WATCHED, contrast_texts, load_general


def texts(part):
    return {example.text for example in part}


def lines(count=40):
    return [{"title": f"Passage {n}", "text": f"This is passage number {n} of some general text."} for n in range(count)]


def write(path, rows):
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")
    return path


def test_the_shipped_text_has_two_halves_and_a_watched_part():
    general = load_general()
    parts = [texts(general.replay), texts(general.watch), texts(general.measure)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 240
    assert len(parts[1]) == WATCHED and abs(len(parts[0] | parts[1]) - len(parts[2])) <= 2
    assert general == load_general()


def test_the_users_own_file_splits_by_the_passage_alone(tmp_path):
    general = load_general(write(tmp_path / "a.jsonl", lines()))
    again = load_general(write(tmp_path / "b.jsonl", lines(60)[::-1]))
    assert len(general.replay) + len(general.watch) + len(general.measure) == 40
    assert texts(general.measure) <= texts(again.measure)
    assert texts(general.replay) | texts(general.watch) <= texts(again.replay) | texts(again.watch)
    assert general.replay[0].brief.title.startswith("Passage")


def test_a_marked_half_is_kept(tmp_path):
    rows = [row | {"half": "replay" if n < 10 else "measure"} for n, row in enumerate(lines(30))]
    general = load_general(write(tmp_path / "a.jsonl", rows))
    assert texts(general.replay) | texts(general.watch) == {row["text"] for row in rows[:10]}


def test_plain_text_has_a_passage_a_paragraph(tmp_path):
    paragraph = "one two three four five six seven eight nine ten " * 3
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(f"{n} {paragraph}" for n in range(30)) + "\n\ntoo short\n", encoding="utf-8")
    general = load_general(path)
    assert len(general.replay) + len(general.watch) + len(general.measure) == 30
    assert all(example.brief.title is None for example in general.replay)


def test_a_line_separator_inside_a_text_breaks_no_line(tmp_path):
    rows = lines()
    rows[3]["text"] = "before\u2028after\x85and\x0bon"
    general = load_general(write(tmp_path / "a.jsonl", rows))
    assert rows[3]["text"] in texts(general.replay) | texts(general.watch) | texts(general.measure)


@pytest.mark.parametrize("line", [
    "{", "[]", "3", "null", "{}", '{"text": "\\ud800"}', '{"text": null}', '{"text": 5}', '{"text": ["a"]}', '{"title": "a"}', ""])
def test_a_broken_line_is_named(line, tmp_path):
    path = write(tmp_path / "a.jsonl", lines())
    rows = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join([*rows[:4], line, *rows[4:]]), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_general(path)
    assert caught.value.where == "a.jsonl, line 5"


def test_files_that_cannot_serve(tmp_path):
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "caf\xe9"}')
    (tmp_path / "empty.jsonl").write_text("")
    for path in (tmp_path / "latin.jsonl", tmp_path / "empty.jsonl", tmp_path / "none.jsonl", tmp_path,
                 write(tmp_path / "few.jsonl", lines(2))):
        with pytest.raises(InputError):
            load_general(path)


def test_contrast_is_in_other_voices_and_in_no_half():
    general, contrast = load_general(), contrast_texts()
    assert len(contrast) == len(set(contrast)) == 60
    assert not set(contrast) & (texts(general.replay) | texts(general.watch) | texts(general.measure))
