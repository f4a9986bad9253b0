"""Breaks with the house's habits, and pieces from before a rebrand: what is shown, what only a setting drops, and what says nothing."""

import dataclasses
import json
import random

import pytest

from adtune.curate import Given, curate
from adtune.curate.checks import CHECKS, Judge
from adtune.curate.pieces import pieces_of
from adtune.curate.rebrand import LEAST, change_of
from adtune.curate.review import queue
from adtune.curate.similar import Alike
from adtune.errors import SettingError
from adtune.records import Asset, Decision, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_pieces

SETTINGS = CurateSettings(today="2025-06-01", min_words=5)
ROWS = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()][:150]
CHECK = {check.name: check for check in CHECKS}


def house(**fields: object) -> list[Asset]:
    """The first 150 pieces of the sample, all approved, with other fields where given."""
    rows = [{**row, "approval": "approved", **fields} for row in ROWS]
    return [Asset(id=f"{number:064d}", client="acme", language="en", source=Source("a", number + 1),
                  **{name: value for name, value in row.items() if name in Asset.CONTENT}) for number, row in enumerate(rows)]


def judged(assets: list[Asset], settings: CurateSettings = SETTINGS) -> Judge:
    pieces = pieces_of(assets)
    return Judge(settings, settings.today, Alike({piece.content: piece.plain for piece in pieces}, 0.5), pieces)


def found(name: str, assets: list[Asset]) -> dict:
    judge = judged(assets)
    return CHECK[name].find(judge.pieces, judge)


def changed(assets: list[Asset], places: list[int], *pairs: tuple[str, str]) -> list[Asset]:
    """The assets with every first of a pair replaced by the second, in the text of those at `places`."""
    out = list(assets)
    for place in places:
        for old, new in pairs:
            out[place] = dataclasses.replace(out[place], text=out[place].text.replace(old, new))
    return out


def test_a_break_names_habit_rate_and_place():
    assets = changed(house(), [7], (". ", "! "))
    one = found("house_habits", assets)[7]
    assert "exclamation marks (" in one.evidence and "where the house has no exclamation marks (99% of 150 pieces, " in one.evidence
    assert "»!«" in one.evidence and 0.5 < one.confidence < 1 and not one.drops
    assert found("house_habits", house()).keys() <= {31}       # a piece that writes two to nine in digits, as the house does not


def test_several_breaks_are_surer_than_one():
    places = [7, 8, 9]
    assets = changed(changed(house(), places[:1], (". ", "! ")), places[1:], (". ", "! "), ("'", "’"), ("$", "USD "))
    one, *several = [found("house_habits", assets)[place] for place in places]
    assert all(other.confidence > one.confidence and other.evidence.count("where the house has") >= 2 for other in several)


def test_the_gold_pieces_say_what_the_habit_is_where_they_are_enough():
    assets = changed(house(), list(range(150)), (". ", "! "))
    assert "exclamation marks" not in [one.habit.name for one in judged(changed(assets, list(range(0, 150, 2)), ("! ", ". "))).manner.kept]
    gold = [dataclasses.replace(one, approval="gold") if place % 5 == 0 else one for place, one in enumerate(changed(assets, list(
        range(0, 150, 5)), ("! ", ". ")))]
    judge = judged(gold)
    assert judge.manner.by_gold and {one.habit.name: one.choice for one in judge.manner.kept}["exclamation marks"] == "none"
    shown = CHECK["house_habits"].find(judge.pieces, judge)
    assert len(shown.keys() & {place for place in range(150) if place % 5}) > 115
    few = [dataclasses.replace(one, approval="gold") if place < 12 else one for place, one in enumerate(house())]
    assert not judged(few).manner.by_gold


def test_a_house_without_habits_raises_nothing():
    rng = random.Random(0)
    texts = [f"The {rng.choice(('colour', 'color'))} is right{rng.choice('.!')} It is number{number} of many." for number in range(150)]
    assets = [dataclasses.replace(one, text=text) for one, text in zip(house(title=None), texts, strict=True)]
    assert judged(assets).manner.kept == [] and found("house_habits", assets) == {} and found("house_habits", house()[:9]) == {}


def test_the_order_of_import_decides_nothing():
    assets = changed(house(), [7, 30], (". ", "! "))
    mixed = random.Random(1).sample(assets, len(assets))
    told = [{judge.pieces[order].asset.id: one for order, one in CHECK[name].find(judge.pieces, judge).items()}
            for judge in (judged(assets), judged(mixed)) for name in ("house_habits", "before_rebrand")]
    assert told[:2] == told[2:]


def renamed(share: float = 0.7) -> list[Asset]:
    """An archive over five years whose house is called Norvale until April 2021 and Brightwell after."""
    rng = random.Random(4)
    out = []
    for one in house():
        day = f"{2019 + rng.randrange(5)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        name = "Norvale" if day < "2021-04-10" else "Brightwell"
        text = one.text.replace(". ", f". Ask at {name} first. ", 1) if rng.random() < share else one.text
        out.append(dataclasses.replace(one, date=day, text=text))
    return out


def test_a_rebrand_is_told_with_its_date_and_the_pieces_before_it():
    assets = renamed()
    judge = judged(assets)
    change = judge.change.rebrand
    assert change.last < "2021-04-10" <= change.date < "2021-06" and change.p_names <= 0.01
    assert [name for name, *_ in change.gone] == ["Norvale"] and [name for name, *_ in change.new] == ["Brightwell"]
    before = CHECK["before_rebrand"].find(judge.pieces, judge)
    assert set(before) == {place for place, one in enumerate(assets) if one.date < change.date}
    assert all(f"before the change of {change.date}" in one.evidence and "Norvale goes" in one.evidence and one.confidence == 0.9
               for one in before.values())


def test_a_piece_without_a_date_or_day_is_judged_by_what_it_shows():
    assets = renamed(1.0)
    old, dated = [place for place, one in enumerate(assets) if "Norvale" in one.text][:2]
    new, within = [place for place, one in enumerate(assets) if "Brightwell" in one.text][:2]
    for place, day in ((old, None), (new, None), (dated, "2020"), (within, "2021")):
        assets[place] = dataclasses.replace(assets[place], date=day)
    before = found("before_rebrand", assets)
    assert before[old].confidence < 0.5 and "without a date" in before[old].evidence
    assert dated in before and new not in before and within not in before


def test_a_change_of_style_alone_is_a_rebrand_and_a_slow_drift_is_none():
    rng = random.Random(2)
    dated = sorted((dataclasses.replace(one, date=f"{2018 + rng.randrange(6)}-{rng.randint(1, 12):02d}-15") for one in house()),
                   key=lambda one: one.date)
    louder = [dataclasses.replace(one, text=one.text.replace(". ", "! ", 4)) if place >= 90 else one for place, one in enumerate(dated)]
    change = judged(louder).change.rebrand
    assert change and change.gone == () and change.changed[0][0] == "exclamations_per_100_sentences"
    assert louder[90].date[:7] >= change.last[:7] and change.date[:7] >= louder[89].date[:7]
    drifting = [dataclasses.replace(one, text=one.text.replace(". ", "! ", round(place / 15))) for place, one in enumerate(dated)]
    assert judged(drifting).change.rebrand is None
    assert judged(dated).change.rebrand is None and judged(dated).change.reason is None


def test_what_passes_is_no_rebrand():
    """A name that stands in one year only, and a kind of piece that begins late."""
    rng = random.Random(3)
    assets = [dataclasses.replace(one, date=f"{2018 + rng.randrange(6)}-{rng.randint(1, 12):02d}-15") for one in house()]
    events = [dataclasses.replace(one, text=one.text.replace(". ", f". See the Fair Of {one.date[:4]} there. ", 1)) for one in assets]
    assert judged(events).change.rebrand is None
    kinds = [dataclasses.replace(one, category="letter", text=one.text.replace(". ", "! ")) if one.date > "2021" and place % 2 else one
             for place, one in enumerate(assets)]
    assert judged(kinds).change.rebrand is None


def test_too_few_dates_are_not_measured():
    for assets, reason in ((house(date=None), "0 unlike pieces have a date"), (house(date="2021"), "0 unlike pieces"),
                           (house(date="2021-05-03"), "in 1 weeks"), ([], "0 unlike pieces")):
        pieces = pieces_of(assets)
        change = change_of(pieces, {piece.content: number for number, piece in enumerate(pieces)})
        assert change.rebrand is None and reason in change.reason, reason
        assert found("before_rebrand", assets) == {}
    assert change_of(pieces_of(renamed()[:30]), {piece.content: n for n, piece in enumerate(pieces_of(renamed()))}).reason.endswith(
        f"{LEAST} are needed")


def test_only_the_settings_let_these_checks_drop():
    assets = changed(renamed(), [7], (". ", "! "), ("'", "’"))
    shown = curate(assets, "acme", SETTINGS)
    assert shown.dataset.dropped["house_habits"] == shown.dataset.dropped["before_rebrand"] == 0
    names = [one.reason for one in shown.shown]
    both = curate(assets, "acme", dataclasses.replace(SETTINGS, drop_also="house_habits, before_rebrand"))
    assert len(both.dataset.items) + sum(both.dataset.dropped.values()) == both.dataset.read == 150
    assert both.dataset.dropped["before_rebrand"] > 30 and both.dataset.dropped["house_habits"] >= 1
    assert both.dataset.dropped["before_rebrand"] + both.dataset.dropped["house_habits"] >= names.count("before_rebrand")
    gold = curate([dataclasses.replace(one, approval="gold") for one in assets], "acme", dataclasses.replace(
        SETTINGS, drop_also="house_habits,before_rebrand"))
    assert gold.dataset.dropped["before_rebrand"] == gold.dataset.dropped["house_habits"] == 0
    with pytest.raises(SettingError, match="before_rebrand"):
        curate(assets, "acme", dataclasses.replace(SETTINGS, drop_also="before_rebrnad"))


def test_a_no_to_an_old_piece_lets_the_others_of_its_kind_go_and_a_yes_lets_them_stay():
    assets = [dataclasses.replace(one, approval="gold") if n >= 142 else one for n, one in enumerate(renamed())]
    only = dataclasses.replace(SETTINGS, skip=",".join(name for name in CHECK if name != "before_rebrand"))
    question = next(one for one in queue(curate(assets, "acme", only), only) if one.about == "before_rebrand")
    assert question.kept and question.no == question.like > 30 and question.yes == 0 and not question.piece.gold
    asset = question.piece.asset

    def after(says):
        ruling = Decision(asset.id, question.piece.content, says, "Ann", question.about, question.kind)
        made = curate(assets, "acme", only, Given(decisions=[ruling]))
        assert len(made.dataset.items) + sum(made.dataset.dropped.values()) == 150
        return made

    gone, stayed = after("drop"), after("keep")
    assert gone.dataset.dropped["left_out"] == 1 and gone.dataset.dropped["before_rebrand"] == question.no
    assert stayed.dataset.dropped["before_rebrand"] == 0 and asset.id in {item.asset for item in stayed.dataset.items}
    assert asset.id not in {one.piece.asset.id for one in queue(stayed, only)}
    again = next(one for one in queue(gone, only) if one.about == "before_rebrand")
    assert not again.kept and again.yes == question.no - 1       # one yes more, and no side has more answers: nothing goes
