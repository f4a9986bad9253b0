"""Habits: sentences, words and rates counted by hand."""

import pytest

from adtune.voice.habits import HABITS, habits, sentences, words


def test_words_keep_contractions_numbers_and_hyphens():
    assert words("Don’t spend $1,200.50 on a well-worn A1 sofa!") == ["don't", "spend", "1,200.50", "on", "a", "well-worn", "a1", "sofa"]
    assert words(" \n--- ***") == []


@pytest.mark.parametrize(("text", "expected"), [
    ("Dr. Lee paid $3.50, e.g. for tea. She left!", ["Dr. Lee paid $3.50, e.g. for tea.", "She left!"]),
    ('"Why?" He asked. No. So do I. You too.', ['"Why?"', "He asked.", "No.", "So do I.", "You too."]),
    ("# A heading\n- one item\n- Two. Three\n\nlast", ["A heading", "one item", "Two.", "Three", "last"]),
    ("This line was wrapped by an editor at some seventy letters or\nso and goes on. Then it ends.",
     ["This line was wrapped by an editor at some seventy letters or so and goes on.", "Then it ends."]),
    ("Short line\nAnother line", ["Short line", "Another line"]),
    ("", []),
])
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_rates_counted_by_hand():
    text = "You pay $40, and your card isn't free. We may ask!\n\n**Costs**\n- Rent is paid.\n- Is it?"
    counted = habits(text)
    assert tuple(counted) == HABITS
    assert len(words(text)) == 17  # you pay 40 and your card isn't free | we may ask | costs | rent is paid | is it
    per_100 = 100 / 17
    assert counted["mean_sentence_words"] == pytest.approx(17 / 5)
    assert counted["second_person_per_100"] == pytest.approx(2 * per_100)
    assert counted["first_plural_per_100"] == pytest.approx(per_100)
    assert counted["first_singular_per_100"] == 0
    assert counted["contractions_per_100"] == pytest.approx(per_100)
    assert counted["numbers_per_100"] == pytest.approx(per_100)
    assert counted["commas_per_100"] == pytest.approx(per_100)
    assert counted["passives_per_100"] == pytest.approx(per_100)
    assert counted["hedges_per_100"] == pytest.approx(per_100)
    assert counted["exclamations_per_100_sentences"] == pytest.approx(20)
    assert counted["questions_per_100_sentences"] == pytest.approx(20)
    assert counted["list_lines_share"] == pytest.approx(2 / 4)
    assert counted["heading_lines_share"] == pytest.approx(1 / 4)
    assert counted["paragraph_words"] == pytest.approx(17 / 2)


def test_a_country_is_not_the_first_person():
    assert habits("US dollars and I. We met us.")["first_plural_per_100"] == pytest.approx(200 / 7)


def test_a_list_mark_and_a_hyphen_are_no_dash():
    assert habits("One\n- two-fold\n---\nthree")["dashes_per_100"] == 0
    assert habits("one - two — three–four--five")["dashes_per_100"] == pytest.approx(4 * 100 / 5)


def test_length_alone_changes_no_habit():
    text = "You save ten dollars now. It stays put, nobody asks.\n\n"
    once, often = habits(text), habits(text * 20)
    assert {name: pytest.approx(value) for name, value in once.items()} == often


def test_a_text_without_words_has_no_habit():
    assert habits("\n--\n") == dict.fromkeys(HABITS, 0.0)
