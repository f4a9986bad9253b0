"""Rules: what templates learn from pieces of one form, what they refuse to learn from prose, and what they leave to a person."""

from __future__ import annotations

import random

import pytest

from adtune.advise import learn_rules, measure_rules
from adtune.advise.rules import GAP
from adtune.records import Brief, Example
from adtune.voice.effort import effort

WORDS = "harbour lantern copper meadow quiet ledger bridge winter orchard signal paper garden morning river stone market window".split()
STREETS, NAMES = ("Alder Road", "Mill Lane", "Quarry Walk", "Station Street"), ("Amara Obi", "Tom Hale", "Ruth Adler", "Ivy Chen")


def letting(chance, kind="flat", facts=True):
    street, rent, name = chance.choice(STREETS), f"${chance.randint(10, 40) * 50:,}", chance.choice(NAMES)
    opening = f"To let: a {kind} on {street}." if kind == "flat" else f"A {kind} on {street} is ready for its next family."
    text = f"{opening} The rent is {rent} a month.\n\nPlease call {name} at Marlow Lettings to see it. Pets are welcome by agreement."
    given = (f"Street: {street}", f"Rent: {rent}", f"Agent: {name}") if facts else ()
    return Example(Brief(f"A {kind} on {street}", kind, facts=given), text)


def test_a_form_with_all_its_values_in_the_brief_is_written_word_for_word():
    chance = random.Random(1)
    pieces = [letting(chance, chance.choice(("flat", "house"))) for _ in range(40)]
    rules = learn_rules(pieces)
    assert rules.count == 2     # one a category
    asked = letting(random.Random(99), "house")
    assert rules.draft(asked.brief) == asked.text
    left, count = measure_rules(pieces, [letting(chance) for _ in range(10)])
    assert left.value == 0.0 and count == 2


def test_what_the_brief_does_not_hold_is_a_gap_and_counts_as_work():
    chance = random.Random(2)
    pieces = [letting(chance, facts=False) for _ in range(30)]
    asked = letting(random.Random(98), facts=False)
    draft = learn_rules(pieces).draft(asked.brief)
    street = asked.brief.title.removeprefix("A flat on ")
    assert draft.count(GAP) == 2 and street in draft       # the street stands in the title, rent and agent nowhere
    assert 0.05 < effort(draft, asked.text) < 0.5
    left, _ = measure_rules(pieces, [asked])
    assert left.value == pytest.approx(effort(draft, asked.text))


def test_an_optional_sentence_follows_the_fields_of_the_brief():
    def event(chance, fee):
        name = chance.choice(NAMES)
        text = f"{name} speaks at the Corn Hall about old maps and how to read them. " + (f"A place costs {fee}." if fee else "There is "
                                                                                                                              "no charge.")
        return Example(Brief(f"Old maps with {name}", "talk", facts=(f"Speaker: {name}", *((f"Fee: {fee}",) if fee else ()))), text)

    chance = random.Random(3)
    rules = learn_rules([event(chance, chance.choice((None, "$5", "$12"))) for _ in range(40)])
    assert rules.draft(event(random.Random(5), "$45").brief).endswith("A place costs $45.")
    assert rules.draft(event(random.Random(5), None).brief).endswith("There is no charge.")


def test_prose_has_no_template():
    chance = random.Random(4)
    pieces = [Example(Brief(f"On {chance.choice(WORDS)} {n}", "advice"), " ".join(chance.choice(WORDS) for _ in range(60)) + ".")
              for n in range(30)]
    assert learn_rules(pieces).count == 0 and learn_rules(pieces).draft(pieces[0].brief) is None
    left, count = measure_rules(pieces[:20], pieces[20:])
    assert (left.value, left.low, count) == (1.0, 1.0, 0)


def test_another_category_few_pieces_and_none_are_refused():
    pieces = [letting(random.Random(n)) for n in range(12)]
    rules = learn_rules(pieces)
    assert rules.draft(Brief("Something else", "recipe")) is None
    assert learn_rules(pieces[:3]).count == 0 and learn_rules([]).count == 0
    assert measure_rules(pieces, []) == (None, 0)
    assert 0.5 < next(iter(rules.templates.values()))[0].written <= 1.0
