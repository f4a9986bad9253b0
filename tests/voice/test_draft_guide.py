"""A draft guide: true figures of the house, within its words, and sensible where there is little to tell."""

import json

import pytest

from adtune.starter import sample_pieces
from adtune.voice.draft_guide import HouseText, draft_guide
from adtune.voice.habits import words
from adtune.voice.house import learned, shown_in

ROWS = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()][:80]


def house(rows: list[dict], by_gold: bool = False) -> HouseText:
    shown = [shown_in(row["text"], row["title"]) for row in rows]
    return HouseText("Quillmere", [row["text"] for row in rows], shown, learned(shown), [row["content_type"] for row in rows], by_gold)


def test_a_draft_tells_what_was_measured_with_examples():
    text = draft_guide(house(ROWS, True), 350)
    assert text.startswith("# How Quillmere writes\n\nA draft from 80 gold pieces. Correct what is wrong")
    assert 200 < len(text.split()) <= 350 and text == draft_guide(house(ROWS, True), 350)
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Voice", "## Spelling and form", "## Kinds of pieces", "## Words", "## Examples"]
    lengths = sorted(len(words(row["text"])) for row in ROWS if row["content_type"] == "article")
    told = f"- article: {lengths[len(lengths) // 4]} to {lengths[3 * len(lengths) // 4]} words ({len(lengths)} pieces)."
    assert told in text.splitlines()
    assert "- No exclamation marks (100% of 80 pieces, at least 95%)." in text
    openings = [line[2:] for line in text.splitlines() if line.startswith("> ")]
    assert len(openings) == 2 and all(any(row["text"].startswith(opening) for row in ROWS) for opening in openings)


@pytest.mark.parametrize("limit", [20, 60, 150])
def test_what_does_not_fit_is_left_out_from_the_end(limit):
    text = draft_guide(house(ROWS), limit)
    assert 8 < len(text.split()) <= limit and text.startswith("# How Quillmere writes")
    assert not text.rstrip().splitlines()[-1].startswith("#")


def test_little_and_foreign_text_says_little():
    assert draft_guide(house([]), 350) == ""
    foreign = [{**ROWS[0], "text": f"Wer spart, hat in der Not {n}. Das ist gut so.", "title": "Sparen"} for n in range(12)]
    for rows in (ROWS[:1], foreign, [{**ROWS[0], "text": "—"}]):
        text = draft_guide(house(rows), 350)
        assert text.startswith(f"# How Quillmere writes\n\nA draft from {len(rows)} pieces") and "nan" not in text
