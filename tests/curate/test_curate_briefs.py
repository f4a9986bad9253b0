"""What briefs tell: facts that none holds are counted and stripped where a whole piece is left; thin briefs, wrong categories and rights
that end are shown."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from adtune.curate import curate
from adtune.curate.checks import CHECKS, Judge
from adtune.curate.checks.told import Facts, without
from adtune.curate.dataset import Given
from adtune.curate.pieces import pieces_of, word_count
from adtune.curate.review import queue
from adtune.curate.similar import Alike
from adtune.errors import SettingError
from adtune.records import Asset, Brief, Decision, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_pieces

SETTINGS = CurateSettings(today="2025-06-01")
ROWS = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]


def asset(row: dict, number: int) -> Asset:
    content = {name: tuple(value) if name == "facts" else value for name, value in row.items() if name in Asset.CONTENT}
    return Asset(id=Asset.identity(content, number), client="acme", source=Source("pieces.jsonl", number + 1), language="en", **content)


def judged(assets: list[Asset], settings: CurateSettings = SETTINGS, guide: str = ""):
    pieces = pieces_of(assets)
    return pieces, Judge(settings, settings.today or "", Alike({p.content: p.plain for p in pieces}, 0.5), pieces, guide)


def found(name: str, assets: list[Asset], settings: CurateSettings = SETTINGS):
    pieces, judge = judged(assets, settings)
    return next(check for check in CHECKS if check.name == name).find(pieces, judge)


ALL = [asset(row, number) for number, row in enumerate(ROWS)]
HOUSE = ALL[:40]
OPENING = "The desk is open for everyone who wants to talk about money, and nobody is sent away."
ENDING = "Come by when you have an hour, and bring a friend who likes to ask."


@pytest.fixture(scope="module")
def facts() -> Facts:
    pieces, judge = judged(HOUSE, guide="Quillmere was founded in Dayton in 1962.")
    return judge.facts


def test_facts_are_figures_names_and_quotations_that_nothing_holds(facts):
    text = ("Anna Holmberg paid $45.50 for two bags in Dayton on 3 May 2024, in the 1962 branch. So she told Omar that 12.5% is a lot. "
            "“Nobody asked me to pay that much at once,” she said.")
    brief = Brief("What Omar heard", summary="12.5 percent is much", facts=("$45.50",))
    told = {(one.kind, one.value) for one in facts.invented(text, brief)}
    assert told == {("name", "Anna Holmberg"), ("date", "2024-05-03"), ("quotation", "nobody asked me to pay that much at once")}
    assert facts.invented("You keep your money, and it is 3 steps to do so. The bank is yours.", Brief("Keep it")) == []


def test_what_many_families_tell_is_the_houses():
    line = "\n\nThe Lantern Desk answers on 555-0142 every day."
    for count, held in ((3, False), (9, True)):
        pieces, judge = judged([dataclasses.replace(one, text=one.text + line if n < count else one.text) for n, one in enumerate(HOUSE)])
        told = {(one.kind, one.value) for one in judge.facts.unbriefed(pieces[0])}
        assert (("phone", "5550142") in told) is not held


def sentence(said: str, text: str) -> list[tuple[int, int]]:
    return [(text.index(said), text.index(said) + len(said))]


@pytest.mark.parametrize(("middle", "fact", "gone"), [
    ("We keep a table free. Anna paid $45 there. The coffee is good at all hours.", "$45", "Anna paid $45 there. "),
    ("We keep a table free. Anna paid $45 there. She was glad of it. The coffee is good.", "$45",
     "Anna paid $45 there. She was glad of it. "),
    ("We keep a table free for all of you.\n\nThese are the prices:\n\n- one for $45\n- two for more", "$45",
     "These are the prices:\n\n- one for $45\n- two for more"),
    ("We keep a table free for all of you.\n\n## Prices\n\nOne costs $45 at the desk.", "$45", "## Prices\n\nOne costs $45 at the desk."),
    ("We keep a table free for all of you.\n\n**Example: Anna**\n- She paid $45.\n- It was enough.", "$45",
     "**Example: Anna**\n- She paid $45.\n- It was enough."),
])
def test_sentences_with_such_facts_go_with_what_hangs_on_them(middle, fact, gone):
    text = f"{OPENING}\n\n{middle}\n\n{ENDING}"
    after, count = without(text, sentence(fact, text), 20)
    assert after is not None and count >= 1 and fact not in after
    assert " ".join(after.split()) == " ".join(text.replace(gone, "").split()) and after.startswith(OPENING) and after.endswith(ENDING)


@pytest.mark.parametrize(("text", "fact"), [
    (f"{OPENING}\n\nWe keep a table free.\n\nCome by and pay $45.", "$45"),
    (f"Anna paid $45 for it. {OPENING}\n\n{ENDING}".replace(OPENING, "Then nobody was sent away from the desk at all"), "$45"),
    (f"{OPENING}\n\nAnna paid $45 for it.\n\nThis was the first time. {ENDING}", "$45"),
    (f"{OPENING}\n\nAnna paid $45 for all {'of the many words that stand in this long line ' * 8}.\n\n{ENDING}", "$45"),
], ids=["the end", "the opening leans", "the next paragraph leans", "too little is left"])
def test_no_broken_piece_is_left(text, fact):
    assert without(text, sentence(fact, text), 20) == (None, 0)


def test_stripping_is_a_setting_counted_and_told():
    kept, strip = (curate(HOUSE, "acme", dataclasses.replace(SETTINGS, unbriefed_facts=value)) for value in ("keep", "strip"))
    assert kept.facts.stripped_sentences is None and kept.facts.note is None and kept.facts.unbriefed > 40
    assert "unbriefed_facts" not in kept.dataset.settings and kept.dataset.hash != strip.dataset.hash
    assert [item.asset for item in kept.dataset.items] == [item.asset for item in strip.dataset.items]
    changed = [(old.example.text, new.example.text) for old, new in zip(kept.dataset.items, strip.dataset.items, strict=True)
               if old.example.text != new.example.text]
    assert len(changed) == strip.facts.stripped_pieces > 20 and str(len(changed)) in strip.facts.note
    assert strip.facts.stripped_pieces + strip.facts.left_whole == kept.facts.pieces_with_unbriefed
    for old, new in changed:
        assert set(new.split()) <= set(old.split()) and 0.5 * word_count(old) <= word_count(new) < word_count(old)
        assert new.split()[-1] == old.split()[-1]
    pieces, judge = judged([dataclasses.replace(one, text=next(item.example.text for item in strip.dataset.items if item.asset == one.id))
                            for one in HOUSE])
    assert sum(len(judge.facts.unbriefed(piece)) for piece in pieces) < 0.4 * kept.facts.unbriefed
    with pytest.raises(SettingError, match="keep or strip"):
        curate(HOUSE, "acme", CurateSettings(unbriefed_facts="drop"))


def test_the_guide_holds_facts():
    plain, guided = (curate(HOUSE, "acme", SETTINGS, Given(guide)).facts.unbriefed for guide in ("", "Adaeze saved $460 in 23 weeks."))
    assert guided < plain


def test_untitled_pieces_are_counted_once_and_one_brief_for_unlike_texts_is_thin():
    untitled = [dataclasses.replace(one, title=None) if n % 4 == 0 else one for n, one in enumerate(HOUSE)]
    told = found("thin_briefs", untitled)
    assert len(told) == 1 and "10 of 40 pieces have no title" in next(iter(told.values())).evidence
    same = [dataclasses.replace(one, title="Quillmere on the month of March", summary=None) if n in (3, 30) else one
            for n, one in enumerate(HOUSE)]
    told = found("thin_briefs", same)
    assert set(told) == {3, 30} and "pieces.jsonl, line 31" in told[3].evidence and "2 unlike texts" in told[3].evidence


def test_a_short_brief_for_a_text_of_another_length_is_thin():
    long = "\n\n".join(one.text for one in ALL[100:160])
    told = found("thin_briefs", [*HOUSE, asset({"title": "Saving for trips", "text": long, "category": "saving"}, 99)])
    assert set(told) == {40} and "a brief of 3 words" in told[40].evidence


def test_wrong_categories_are_doubted_and_right_ones_seldom():
    clean = found("category_labels", ALL)
    assert len(clean) <= 0.02 * len(ALL) and all("likelier is" in one.evidence and 0 < one.confidence <= 1 for one in clean.values())
    chance, names = random.Random(0), sorted({one.category for one in ALL})
    flipped = set(chance.sample(range(len(ALL)), 20))
    wrong = [dataclasses.replace(one, category=chance.choice([name for name in names if name != one.category])) if n in flipped else one
             for n, one in enumerate(ALL)]
    told = found("category_labels", wrong)
    hits = flipped & set(told)
    assert len(hits) >= 6 and len(hits) >= 0.5 * len(told)
    assert sum(f"likelier is '{ALL[n].category}'" in told[n].evidence for n in hits) >= 0.8 * len(hits)
    assert found("category_labels", [dataclasses.replace(one, category="one") for one in HOUSE]) == {}
    mixed = [dataclasses.replace(one, category=chance.choice("abc")) for one in ALL]
    assert found("category_labels", mixed) == {}          # categories that words tell nothing of


def test_a_no_to_a_category_gives_the_piece_the_likelier_one():
    chance, names = random.Random(0), sorted({one.category for one in ALL})
    flipped = set(chance.sample(range(len(ALL)), 20))
    wrong = [dataclasses.replace(one, category=chance.choice([name for name in names if name != one.category])) if n in flipped else one
             for n, one in enumerate(ALL)]
    wrong = [dataclasses.replace(one, approval="gold") if n < 8 else one for n, one in enumerate(wrong)]     # the voice is not asked about
    only = dataclasses.replace(SETTINGS, skip=",".join(check.name for check in CHECKS if check.name != "category_labels"))
    asked = [one for one in queue(curate(wrong, "acme", only), only, 400) if one.about == "category_labels"]
    assert len(asked) >= 6 and all(one.instead in names and one.instead != one.piece.asset.category for one in asked)
    first, second = asked[:2]
    says = [Decision(first.piece.asset.id, first.piece.content, "relabel", "Ann", first.about, first.kind),
            Decision(second.piece.asset.id, second.piece.content, "keep", "Ann", second.about, second.kind)]
    after = curate(wrong, "acme", only, Given(decisions=says))
    items = {item.asset: item for item in after.dataset.items}
    assert items[first.piece.asset.id].category == items[first.piece.asset.id].example.brief.category == first.instead
    assert items[second.piece.asset.id].category == second.piece.asset.category
    left = {one.piece.asset.id for one in queue(after, only, 400) if one.about == "category_labels"}
    assert not left & {first.piece.asset.id, second.piece.asset.id} and len(left) >= len(asked) - 3


@pytest.mark.parametrize(("until", "today", "days", "what"), [
    ("2025-06-10", "2025-06-01", 30, "shown"), ("2025-06-10", "2025-06-01", 5, None), ("2025-06-10", "2025-06-10", 0, "shown"),
    ("2025-06-10", "2025-06-11", 30, "dropped"), ("2025-06", "2025-06-30", 30, "shown"), ("2025-06", "2025-07-01", 30, "dropped"),
    ("2025", "2025-12-15", 30, "shown"), ("2025", "2025-06-15", 30, None), ("2024-02", "2024-02-29", 0, "shown"),
    ("2031-01-01", "2030-12-31", 1, "shown"), ("2031-01-01", "2030-12-30", 1, None),
])
def test_rights_are_judged_by_the_day_that_is_handed_in(until, today, days, what):
    assets = [dataclasses.replace(one, rights_until=until) if n == 7 else one for n, one in enumerate(HOUSE[:20])]
    curated = curate(assets, "acme", CurateSettings(today=today, expiring_days=days))
    assert curated.dataset.settings["today"] == today
    assert [one.asset.id for one in curated.dropped if one.reason == "rights_expired"] == ([assets[7].id] if what == "dropped" else [])
    shown = [one for one in curated.shown if one.reason == "rights_expiring"]
    assert [one.asset.id for one in shown] == ([assets[7].id] if what == "shown" else [])
    assert all(until in one.evidence and f"within {days} days of {today}" in one.evidence for one in shown)


def test_a_negative_number_of_days_is_refused():
    with pytest.raises(SettingError, match="0 days or more"):
        curate(HOUSE, "acme", CurateSettings(expiring_days=-1))
