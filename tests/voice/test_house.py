"""The habits of a house: what each finder sees and lets be, and when a habit is one."""

import time

import pytest

from adtune.voice.choices import Written, case_of
from adtune.voice.house import HABITS, against, learned, shown_in
from adtune.voice.variants import variant_of

ROWS = {habit.name: habit for habit in HABITS}
# habit: (text, the choices that its places make, in any order)
SEEN = {
    "spelling": [("The colour of the centre was grey, and she travelled to a neighbouring theatre.", ["British"] * 6),
                 ("The color of the center was gray, and she traveled to a neighboring theater.", ["American"] * 6),
                 ("The World Trade Center, `color: red`, https://colour.org and the Labour Party; a program, a check and a meter.", [])],
    "verb endings": [("We organise and prioritised what others reorganise.", ["-ise"] * 3), ("We organize, realizing it.", ["-ize"] * 2),
                     ("Exercise is wise advice; size the prize and revise the premise.", [])],
    "list commas": [("Bring salt, pepper, and oil. It has red, green, blue, or white ones.", ["comma before and"] * 2),
                    ("Bring salt, pepper and oil. It has red, green or white ones.", ["no comma before and"] * 2),
                    ("In June, Anna and Bob went. He said no, and she left. Salt and pepper.", [])],
    "dashes": [("One—two and three — four.", ["em dash", "spaced em dash"]),
               ("One – two, three - four, five -- six.", ["spaced en dash", "spaced hyphen", "double hyphen"]),
               ("A well-known 10–20 range\n- first\n- second\n\n---\n\n| a | --- | b", [])],
    "quotation marks": [('He said "yes" and “no”.', ["straight double", "curly double"]),
                        ("Ein „Haus“ und «maison».", ["low and high", "guillemets"]),
                        ("She said ‘it’s so’ and 'fine'.", ["curly single", "straight single"]),
                        ("Don't, don’t, the '90s, 5\" wide, and [a \"title\"](x \"y\").", ["straight double"])],
    "apostrophes": [("It's don’t we'd", ["straight", "curly", "straight"]), ("the '90s and 5'", [])],
    "contractions": [("It's late and we don't know; they’ll say.", ["contracted"] * 3),
                     ("It is late, we do not know, they will say. I cannot.", ["in full"] * 4), ("The house's door.", [])],
    "exclamation marks": [("Now! And now!!", ["used"] * 2), ("One is. " * 2, ["none"]), ("Short.", []), ("![alt](x) and a != b", [])],
    "speaker": [("We know our own. We say it. " * 6, ["we"]), ("I know my way, and I go. " * 6, ["I"]), ("The shop opens. " * 20, ["none"]),
                ('"We know. We do. We are," they said. ' + "The shop opens early. " * 20, ["none"]),
                ("We and I, my and our own. " * 6, []), ("We know our own.", [])],
    "reader": [("You can see your own. " * 9, ["you"]), ("You can see your own.", []),
               ("The shop opens early. " * 20, ["none"]),
               ("Maybe you. " + "The shop opens early. " * 20, [])],
    "small numbers": [("It took three weeks and two people.", ["words"] * 2), ("It took 3 weeks and 2 people.", ["digits"] * 2),
                      ("Add 3 cups, see page 4 below, on May 5 they won 3-2 at 7 p.m.; version 3 works.", [])],
    "thousands": [("It has 1,200 and 12,000 parts.", ["comma"] * 2),
                  ("It has 1200 and 12000 parts, 1\u00a0500 more.", ["none"] * 2 + ["space"]),
                  ("In 1999 and 2024, room 1204, OH 45402, #12345, 3.1415 and 10/12/2400.", [])],
    "percentages": [("5% of it", ["sign"]), ("5 % of it", ["spaced sign"]), ("5 percent or five per cent", ["percent", "per cent"])],
    "money": [("$5 and £ 6", ["sign before"] * 2),
              ("5 € or 6€", ["sign behind"] * 2), ("USD 5, 6 EUR, 7 dollars", ["code"] * 2 + ["words"])],
    "headings": [("# How to Save for a Rainy Day\n\nText\n\n**What the bank will never tell you**\n", ["title case", "sentence case"]),
                 ("## FIVE WAYS TO SAVE\n\n# Saving\n", ["capitals"])],
}


@pytest.mark.parametrize(("name", "text", "choices"), [(name, *case) for name, cases in SEEN.items() for case in cases])
def test_every_habit_is_seen_where_it_stands(name, text, choices):
    marks = list(ROWS[name].find(Written(text)))
    assert sorted(mark.choice for mark in marks) == sorted(choices), [text[mark.start:mark.end] for mark in marks]
    assert all(0 <= mark.start <= mark.end <= len(text) for mark in marks)


def test_every_row_is_tried_and_tells_every_choice():
    assert {*SEEN, "titles"} == set(ROWS) and len(HABITS) == len(ROWS)
    for name, cases in SEEN.items():
        assert {choice for _, choices in cases for choice in choices} <= set(ROWS[name].choices)


def test_the_case_of_a_line():
    assert case_of("How to Save for a Rainy Day") == "title case"
    assert case_of("How to save for a rainy day in Ohio") == "sentence case"
    assert case_of("SAVE FOR A RAINY DAY") == "capitals"
    assert [case_of(line) for line in ("", "Saving", "Saving Money", "How Anna Met Bob and two new friends", "...")] == [None] * 5
    assert list(shown_in("Text.", "How to Save for a Rainy Day")["titles"])[0].choice == "title case"


def test_neutral_words_are_no_variants():
    assert [variant_of(word) for word in ("colour", "color", "organising", "organizing")] == ["British", "American", "-ise", "-ize"]
    words = "four hour over later litter advise size laboratory humorous led".split()
    assert [variant_of(word) for word in words] == [None] * len(words)


def house(choices: str) -> list:
    """Pieces that spell in British (b), American (a) or both ways (m), or show nothing (-)."""
    texts = {"b": "colour", "a": "color", "m": "colour color colour color", "-": "nothing"}
    return [shown_in(texts[one]) for one in choices]


@pytest.mark.parametrize(("choices", "habit"), [
    ("a" * 16, "American"), ("a" * 15, None), ("b" * 40, "British"), ("a" * 60 + "b", "American"), ("a" * 20 + "b", None),
    ("a" * 100 + "b" * 2, "American"), ("a" * 100 + "b" * 6, None), ("ab" * 50, None), ("a" * 16 + "m" * 4, None),
    ("-" * 99, None), ("", None)])
def test_a_habit_is_one_where_the_house_is_steady(choices, habit):
    kept = learned(house(choices))
    strangers = {place for place, one in enumerate(choices) if habit and one in "ab" and one != habit[0].lower()}
    assert [one.choice for one in kept] == ([habit] if habit else [])
    if habit:
        assert kept[0].rate.low >= 0.8 and kept[0].breaking == strangers
        assert f"of {len(choices)} pieces" in kept[0].measured


def test_a_piece_breaks_with_half_of_its_places():
    row = ROWS["list commas"]
    breaks = [len(against(row, "comma before and", shown_in(text)["list commas"])) for text in (
        "Salt, oil and rice.", "Salt, oil and rice. Red, blue or white.", "Salt, oil and rice. Red, blue or white. " + "A, b, and c. " * 3)]
    assert breaks == [0, 2, 0]


def test_hostile_text_takes_no_time():
    began = time.process_time()
    for text in ("<!--" * 10_000, "](" * 20_000, "“" * 40_000, "a, " * 20_000, "| --" * 10_000, "‘a" * 20_000, "1" * 40_000, "**a" * 9_000):
        shown_in(text, text[:500])
    assert time.process_time() - began < 5
