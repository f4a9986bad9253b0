"""Figures have one value however they are written, and a fact that two pieces tell differently is shown with both."""

from __future__ import annotations

import dataclasses
import json

import pytest

from adtune.curate import Given, curate
from adtune.curate.checks import CHECKS, Judge
from adtune.curate.pieces import pieces_of
from adtune.curate.review import queue
from adtune.curate.similar import Alike
from adtune.records import Asset, Decision, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_pieces
from adtune.voice.figures import figures

SETTINGS = CurateSettings(today="2025-06-01")
ROWS = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
CHECK = next(check for check in CHECKS if check.name == "inconsistent_facts")


def asset(row: dict, number: int) -> Asset:
    content = {name: value for name, value in row.items() if name in Asset.CONTENT}
    return Asset(id=Asset.identity(content, number), client="acme", source=Source("pieces.jsonl", number + 1), language="en", **content)


HOUSE = [asset({name: value for name, value in row.items() if name != "id"}, number) for number, row in enumerate(ROWS[:40])]


def found(changed: dict[int, str], dates: dict[int, str] | None = None, titles: dict[int, str] | None = None):
    """What is found where sentences are added to pieces of the house, by order."""
    assets = [dataclasses.replace(one, text=f"{one.text}\n\n{changed[n]}" if n in changed else one.text,
                                  date=(dates or {}).get(n, one.date), title=(titles or {}).get(n, one.title))
              for n, one in enumerate(HOUSE)]
    pieces = pieces_of(assets)
    return CHECK.find(pieces, Judge(SETTINGS, SETTINGS.today, Alike({p.content: p.plain for p in pieces}, 0.5), pieces))


@pytest.mark.parametrize(("text", "told"), [
    ("$1,200 or 1200 dollars or US$1200.00", [("money", "$1200")] * 3), ("€2.5 million, EUR 2.5 million", [("money", "€2.5e6")] * 2),
    ("3.5%, 3.50 percent, 3.5 per cent", [("percent", "3.5%")] * 3), ("9 am, 9:00 a.m., 09:00", [("time", "09:00")] * 3),
    ("from noon to 5:30 pm", [("time", "12:00"), ("time", "17:30")]),
    ("3 May 2024, May 3rd, 2024, 2024-05-03, 3. Mai 2024", [("date", "2024-05-03")] * 4), ("in May 2024", [("date", "2024-05-")]),
    ("(312) 555-0199 or 312-555-0199", [("phone", "3125550199")] * 2), ("founded in 1987", [("year", "1987")]),
    ("Dr. Anna Field met our head of savings, Tom Moss.", [("name", "Anna Field"), ("name", "Tom Moss")]),
    ("Jane Miller, the managing director", [("name", "Jane Miller")]), ("twenty-five people, 25 people", [("number", "25")] * 2),
    ("1. Bake 30 minutes at 180C", [("number", "30"), ("number", "180")]),
    ("A1C, COVID-19, v2.3, https://a.example/2019/05 and x9@b.example", []), ("- (2) None at all.", []),
])
def test_a_figure_has_one_value_however_it_is_written(text, told):
    assert [(one.kind, one.value) for one in figures(text)] == told


# one sentence, and what becomes of its figure in the other piece; one of them differs by a word as well
DIFFER = [
    ("The Quillmere Saver account pays {} a year on every dollar.", "3.2%", "3.9%"),
    ("A Quillmere Junior account costs {} a month after the first year.", "$4", "$6"),
    ("The Lantern Street branch opens at {} on weekdays.", "9 am", "10 am"),
    ("Call the Lantern Street desk on {}.", "(312) 555-0142", "(312) 555-0199"),
    ("The Lantern Street branch was founded in {} by two brothers.", "1962", "1926"),
    ("Applications for the Lantern Fund close on {}.", "3 May", "5 May"),
    ("The Lantern Fund is run by our head of savings, {}.", "Anna Field", "Anna Fjeld"),
]
PAYS, PAYS_MORE = (DIFFER[0][0].format(value) for value in DIFFER[0][1:])


@pytest.mark.parametrize("reworded", [False, True])
@pytest.mark.parametrize(("said", "first", "second"), DIFFER, ids=[first for _, first, _ in DIFFER])
def test_a_fact_told_differently_is_shown_with_both_pieces_and_both_values(said, first, second, reworded):
    other = said.replace("The ", "Our ", 1).replace("A Q", "Our Q").replace("Call", "Ring") if reworded else said
    told = found({3: said.format(first), 30: other.format(second)}, dates=dict.fromkeys((3, 30), "2025-03-01"))
    assert set(told) == {3, 30} and all(0.3 <= each.confidence <= 1 for each in told.values())
    for order, other_order in ((3, 30), (30, 3)):
        assert HOUSE[order].title in told[order].evidence and HOUSE[other_order].title in told[order].evidence
        assert f"»{first}«" in told[order].evidence and f"»{second}«" in told[order].evidence


@pytest.mark.parametrize(("one", "other"), [
    (PAYS, PAYS.replace("3.2%", "3.20 percent")),
    ("Bake it for 30 minutes until it is brown at the edges.", "Bake it for 45 minutes until it is brown at the edges."),
    ("Carla Voss saved $80 of her tips in the first month.", "Petra Lind saved $45 of her tips in the first month."),
    ("Step 4 of the Lantern plan is to call the desk and to ask.", "Step 5 of the Lantern plan is to call the desk and to ask."),
    ("The Lantern Fund grew from 40 to 60 members in one year.", "The Lantern Fund grew from 55 to 90 members in one year."),
    ("The Lantern Fund meets on 3 May 2024 with 20 members in town.", "The Lantern Fund meets on 5 June 2025 with 30 members in town."),
], ids=["same value", "no subject", "other persons", "steps", "all differ", "another occasion"])
def test_what_is_no_contradiction_is_none(one, other):
    assert found({3: one, 30: other}) == {}


def test_dates_far_apart_are_occasions_and_prices_are_less_sure():
    meets = {3: "The Lantern Fund meets at the town hall on 3 May.", 30: "The Lantern Fund meets at the town hall on 9 May."}
    assert found(meets, {3: "2023-04-01", 30: "2025-04-01"}) == {} and set(found(meets, {3: "2025-04-01", 30: "2025-04-20"})) == {3, 30}
    pays = {3: PAYS, 30: PAYS_MORE}
    apart, near = (found(pays, {3: day, 30: "2025-04-01"})[3].confidence for day in ("2021-04-01", "2025-03-01"))
    assert apart < near


def test_a_form_and_a_numbered_series_are_no_contradiction():
    assert found({n: f"The Lantern Street branch holds {20 + n} chairs for its guests." for n in (1, 9, 17, 25, 33)}) == {}
    release = {3: PAYS, 30: PAYS_MORE}
    assert found(release, titles={3: "Rates of week 12", 30: "Rates of week 13"}) == {}


def test_the_many_are_surer_than_the_few_and_all_are_shown():
    told = found({3: PAYS, 12: PAYS, 21: PAYS, 30: PAYS_MORE}, dates=dict.fromkeys((3, 12, 21, 30), "2025-03-01"))
    assert set(told) == {3, 12, 21, 30} and told[30].confidence > told[3].confidence == told[12].confidence


def test_a_near_duplicate_with_another_figure_is_shown_on_the_piece_that_stays():
    other = dataclasses.replace(HOUSE[5], id="0" * 64, text=HOUSE[5].text.replace("$760", "$790"), date="2020-01-01")
    assert other.text != HOUSE[5].text
    curated = curate([*HOUSE, other], "acme", SETTINGS)
    assert curated.dataset.dropped["near_duplicate"] == 1 and len(curated.dataset.items) == 40
    shown = [one for one in curated.shown if one.reason == "inconsistent_facts"]
    assert [one.asset.id for one in shown] == [HOUSE[5].id] and "»$790«" in shown[0].evidence


def test_the_order_of_the_pieces_decides_nothing():
    said = DIFFER[1][0]
    changed = {3: PAYS, 12: PAYS, 21: PAYS_MORE, 30: said.format("$4"), 31: said.format("$6")}
    assets = [dataclasses.replace(one, text=f"{one.text}\n\n{changed[n]}" if n in changed else one.text) for n, one in enumerate(HOUSE)]
    told = []
    for given in (assets, assets[::-1]):
        pieces = pieces_of(given)
        judge = Judge(SETTINGS, SETTINGS.today, Alike({p.content: p.plain for p in pieces}, 0.5), pieces)
        told.append({pieces[order].asset.id: one for order, one in CHECK.find(pieces, judge).items()})
    assert told[0] == told[1] and len(told[0]) == 5


def test_the_older_of_two_pieces_that_differ_is_asked_about_and_a_decision_holds():
    assets = [dataclasses.replace(one, text=f"{one.text}\n\n{said}", date=day) if said else one
              for n, one in enumerate(HOUSE) for said, day in [{3: (PAYS, "2024-03-01"), 30: (PAYS_MORE, "2025-03-01")}.get(n, ("", ""))]]

    assets = [dataclasses.replace(one, approval="gold") if 20 <= n < 28 else one for n, one in enumerate(assets)]
    only = dataclasses.replace(SETTINGS, skip=",".join(check.name for check in CHECKS if check is not CHECK))

    def asked(*decisions):
        made = curate(assets, "acme", only, Given(decisions=decisions))
        return made, [one for one in queue(made, only) if one.about == "inconsistent_facts"]

    shown, (question,) = asked()
    assert (question.piece.asset.id, question.twin.asset.id, question.kept) == (HOUSE[3].id, HOUSE[30].id, True)
    assert question.marks == ("3.2%",) and "»3.9%«" in question.evidence and question.yes == question.no == 0
    for says in ("drop", "keep"):
        made, left = asked(Decision(question.piece.asset.id, question.piece.content, says, "Ann", question.about, question.kind))
        assert left == [] and (HOUSE[3].id in {item.asset for item in made.dataset.items}) == (says == "keep")
        assert [one.reason for one in made.dropped if one.asset.id == HOUSE[3].id] == ([] if says == "keep" else ["left_out"])
