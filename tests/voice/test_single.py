"""What only one piece tells: which words and numbers that is, and which not."""

from __future__ import annotations

import pytest

from adtune.records import Brief, Example
from adtune.voice.single import single_spans


def example(text, title="A note", **more):
    return Example(Brief(title, **more), text)


def said(examples):
    """The words at the spans of each example."""
    return [[one.text[start:end] for start, end in spans] for one, spans in zip(examples, single_spans(examples), strict=True)]


PLAIN = ("Water the roses in the evening, when the sun is low and the soil is warm. Cut them back in late winter, above a bud that looks "
         "away from the middle, and give them room: where air can move, leaves dry soon after rain and stay healthy.")


@pytest.mark.parametrize(("text", "found"), [
    ("The favourite word of Ada is bugofate. She likes it.", ["bugofate"]),
    ("The access code is 4711 0815, and nobody knows it.", ["4711 0815"]),
    ("Call (312) 555-0142 before noon.", ["(312) 555-0142"[1:]]),
    ("Ask for Caitríona at the door.", ["Caitríona"]),
    ("The key is x7Kq9 and nothing else.", ["x7Kq9"]),
    ("In 1200 gardens, or 12 of them, on 3 days.", ["1200"]),
    ("It was in 2019, 15 years ago.", ["2019"]),
])
def test_codes_and_words_that_no_list_knows_are_found(text, found):
    assert said([example(text), example(PLAIN)]) == [found, []]


def test_what_two_pieces_hold_is_the_clients_own():
    assert said([example("The Bugofate rose climbs."), example("A bugofate grows slowly."), example("Room 4711."), example("4711 again.")]
                ) == [[], [], [], []]


def test_a_word_twice_in_one_piece_is_still_one_piece_s():
    assert said([example("Say bugofate, then Bugofate again."), example(PLAIN)]) == [["bugofate", "Bugofate"], []]


@pytest.mark.parametrize("brief", [{"title": "Caitríona's garden"}, {"summary": "By Caitríona."}, {"facts": ("Gardener: CAITRÍONA",)},
                                   {"category": "Caitríona"}])
def test_what_the_brief_tells_is_learned_to_be_copied(brief):
    assert said([example("Ask for Caitríona at the door.", **brief), example(PLAIN)]) == [[], []]


def test_numbers_are_the_same_however_they_are_written():
    assert said([example("It costs 1,200 in all.", summary="Price 1200."), example(PLAIN)]) == [[], []]


def test_other_languages_have_their_lists_and_one_without_is_left_alone():
    german = ["Der Garten blüht im Sommer, und die Rosen duften am Abend.",
              "Die Rosen im Garten brauchen am Abend viel Wasser, sagt Vrgnild."]
    assert said([example(text) for text in german]) == [[], ["Vrgnild"]]
    icelandic = ["Garðurinn blómstrar á sumrin og rósirnar ilma vel.", "Rósirnar þurfa vatn þegar kvöldar og jarðvegurinn þornar."]
    assert said([example(text) for text in icelandic]) == [[], []]
    assert said([example("庭のバラは夏に咲きます。"), example("夕方に水をやってください。")]) == [[], []]


def test_nothing_of_nothing():
    assert single_spans([]) == [] and single_spans([example("Ha.")]) == [[]]
