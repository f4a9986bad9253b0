"""Planted breaks with a house's habits, and planted rebrands: how an archive is spoilt for `curate_checks.py`, and its rows.

A break turns the choice of one habit that the house has into another, at every place of a piece; only pieces with as many places as
the habit asks for are spoilt. A rebrand gives 300 pieces dates over six years and changes a name, or the style, on one day; alarms
of a rebrand count the archives, of `NULLS` with dates drawn by chance and nothing changed, in which one is found.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from adtune.curate.checks.house import house_habits
from adtune.curate.checks.rebrand import before_rebrand
from adtune.records import Asset
from adtune.stats import rate_interval
from adtune.voice.choices import Written, list_commas
from adtune.voice.house import HABITS, Habit
from adtune.voice.variants import variant_of

GOLD = 30
NULLS = 10
THRICE = 3
CHANGE = "2021-03-15"
PAIRS = {  # American, British
    "color": "colour", "center": "centre", "favor": "favour", "favorite": "favourite", "behavior": "behaviour", "labor": "labour",
    "neighbor": "neighbour", "flavor": "flavour", "traveled": "travelled", "traveling": "travelling", "labeled": "labelled",
    "modeling": "modelling", "canceled": "cancelled", "counselor": "counsellor", "gray": "grey", "theater": "theatre", "fiber": "fibre",
    "liter": "litre", "analyze": "analyse", "fulfill": "fulfil", "enroll": "enrol", "diarrhea": "diarrhoea", "anemia": "anaemia",
    "pediatric": "paediatric", "hemoglobin": "haemoglobin", "estrogen": "oestrogen", "leukemia": "leukaemia", "tumor": "tumour",
    "tumors": "tumours", "odor": "odour", "humor": "humour", "defense": "defence", "catalog": "catalogue", "jewelry": "jewellery",
    "colors": "colours", "centers": "centres", "neighbors": "neighbours", "flavors": "flavours", "math": "maths", "mold": "mould",
    "honor": "honour", "harbor": "harbour", "installments": "instalments", "installment": "instalment", "skillful": "skilful",
    "modeled": "modelled", "signaling": "signalling", "fueled": "fuelled", "counseling": "counselling", "skeptical": "sceptical"}
SMALL = dict(zip(range(2, 10), "two three four five six seven eight nine".split(), strict=True))
SHORT = {"don't": "do not", "doesn't": "does not", "didn't": "did not", "isn't": "is not", "aren't": "are not", "wasn't": "was not",
         "won't": "will not", "can't": "cannot", "couldn't": "could not", "wouldn't": "would not", "haven't": "have not", "it's": "it is",
         "you're": "you are", "you'll": "you will", "we're": "we are", "we'll": "we will", "they're": "they are", "I'm": "I am"}
Flip = Callable[[str, str], tuple[str, int]]     # text and choice of the house -> text with another choice, places changed


def words_for(table: dict[str, str]) -> Flip:
    """Every word of a table by the one that stands for it, in lower case or with a capital."""
    def flip(text: str, choice: str) -> tuple[str, int]:
        return re.subn(r"\b(?:" + "|".join(sorted(map(re.escape, table), key=len, reverse=True)) + r")\b", lambda m: table[m.group()], text)
    return flip


def spelling(text: str, choice: str) -> tuple[str, int]:
    table = PAIRS if choice == "American" else {british: american for american, british in PAIRS.items()}
    return words_for(table)(text, choice)


def endings(text: str, choice: str) -> tuple[str, int]:
    old, new = ("iz", "is") if choice == "-ize" else ("is", "iz")
    return _some(r"\b[a-z]+\b", lambda word: re.sub(rf"{old}(?=e|ing|ation|er)", new, word) if variant_of(word) == choice else word, text)


def commas(text: str, choice: str) -> tuple[str, int]:
    marks = list(list_commas(Written(text)))
    out = text
    for mark in reversed(marks):
        part = out[mark.start:mark.end]
        old, new = (r",( (?:and|or) \w+)$", r"\1") if choice == "comma before and" else (r"( (?:and|or) \w+)$", r",\1")
        changed = re.sub(old, new, part)
        out = out[:mark.start] + changed + out[mark.end:]
    return out, len(marks)


def dashes(text: str, choice: str) -> tuple[str, int]:
    return re.subn(r"(?<=\w)(?: ?[—–] ?| - |--)(?=[^\W\d])", "—" if "hyphen" in choice else " - ", text)


def quotes(text: str, choice: str) -> tuple[str, int]:
    if choice == "straight double":
        return re.subn(r"(?<![\w\"])\"([^\"\n]{1,200})\"", r"“\1”", text)
    return re.subn(r"“([^”\n]{1,200})”", r'"\1"', text)


def apostrophes(text: str, choice: str) -> tuple[str, int]:
    return re.subn(r"(?<=[a-z])['’](?=(?:s|t|re|ve|ll|d|m)\b)", "’" if choice == "straight" else "'", text)


def contractions(text: str, choice: str) -> tuple[str, int]:
    return words_for(SHORT if choice == "contracted" else {full: short for short, full in SHORT.items()})(text, choice)


def exclamations(text: str, choice: str) -> tuple[str, int]:
    return re.subn(r"(?<=[a-z])\. ", "! ", text, count=3) if choice == "none" else re.subn("!", ".", text)


def speaker(text: str, choice: str) -> tuple[str, int]:
    if choice == "none":
        return re.subn(r"(?<=[a-z]\. )(?=[A-Z][a-z])", "We say in our own words: ", text, count=3)
    ours, mine = {"we": "I", "We": "I", "our": "my", "Our": "My", "us": "me"}, {"I": "we", "my": "our", "My": "Our", "me": "us"}
    return words_for(ours if choice == "we" else mine)(text, choice)


def reader(text: str, choice: str) -> tuple[str, int]:
    if choice == "none":
        return re.subn(r"(?<=[a-z]\. )(?=[A-Z][a-z])", "You should see it for yourself: ", text, count=3)
    table = {"you": "people", "You": "People", "your": "their", "Your": "Their", "yours": "theirs", "yourself": "themselves"}
    return words_for(table)(text, choice)


def numbers(text: str, choice: str) -> tuple[str, int]:
    if choice == "words":
        digits = {word: str(number) for number, word in SMALL.items()}
        return _some(rf"\b(?:{'|'.join(digits)})(?= [a-z]{{4,}})", lambda word: digits[word], text)
    return _some(r"(?<![\w.,:/$€£#-])[2-9](?= [a-z]{4,})", lambda digit: SMALL[int(digit)], text)


def thousands(text: str, choice: str) -> tuple[str, int]:
    if choice == "comma":
        return _some(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", lambda number: number.replace(",", ""), text)
    return _some(r"(?<![\w.,#/-])(?:[3-9]\d{3}|[1-9]\d{4,5})(?![\w/-])", lambda number: f"{int(number):,}", text)


def percentages(text: str, choice: str) -> tuple[str, int]:
    return re.subn(r"(?<=\d) ?%", " percent", text) if "sign" in choice else re.subn(r"(?<=\d) per ?cent\b", "%", text)


def money(text: str, choice: str) -> tuple[str, int]:
    if choice != "sign before":
        return text, 0
    return re.subn(r"\$\s?(\d+(?:,\d{3})*(?:\.\d+)?)", r"\1 dollars", text)


def headings(text: str, choice: str) -> tuple[str, int]:
    return _some(r"(?m)^(?:#{1,6} .+|\*\*[^*\n]+\*\*)$", lambda line: cased(line, choice), text)


def cased(line: str, choice: str) -> str:
    """The line in the other case than the house's; its first word stays."""
    first, space, rest = line.partition(" ")
    return first + space + (rest.lower() if choice == "title case" else rest.title().replace("'S", "'s").replace("’S", "’s"))


FLIPS: dict[str, Flip] = {
    "spelling": spelling, "verb endings": endings, "list commas": commas, "dashes": dashes, "quotation marks": quotes,
    "apostrophes": apostrophes, "contractions": contractions, "exclamation marks": exclamations, "speaker": speaker, "reader": reader,
    "small numbers": numbers, "thousands": thousands, "percentages": percentages, "money": money, "headings": headings}
LEAST = {habit.name: max(habit.least, 2 if habit.name in ("exclamation marks", "speaker", "reader") else 1) for habit in HABITS}


def _some(pattern: str, change: Callable[[str], str], text: str) -> tuple[str, int]:
    """Every match as `change` makes it, and how many became another."""
    count = 0

    def one(match: re.Match[str]) -> str:
        nonlocal count
        made = change(match.group())
        count += made != match.group()
        return made

    return re.sub(pattern, one, text), count


def broken(asset: Asset, habit: Habit, choice: str) -> Asset | None:
    """The piece with another choice of a habit; None where it has too few places for it."""
    if habit.of_title:
        if len((asset.title or "").split()) < 4:
            return None
        title = cased(asset.title or "", choice)
        return replace(asset, title=title) if title != asset.title else None
    text, count = FLIPS[habit.name](asset.text, choice)
    return replace(asset, text=text) if count >= LEAST[habit.name] else None


def habit_rows(assets: Sequence[Asset], among: Sequence[Asset], judged: Callable[[list[Asset]], Any], count: int,
               seed: int) -> list[dict[str, Any]]:
    """Rows with nothing but the archive to learn from, and with 30 gold pieces; `count` spoilt at once, and in THRICE draws of a third."""
    rows = []
    for gold in (0, GOLD):
        alarms = len(house_habits(*judged(_gilded(assets, gold, seed))))
        for draws in (1, THRICE):
            found, chosen, habits = set(), set(), 0
            for draw in range(draws):
                mixed, spoilt, habits = _spoilt(_gilded(among, gold, seed), judged, count // draws, f"house {seed} {draw}")
                found |= {(draw, place) for place in house_habits(*judged(mixed))}
                chosen |= {(draw, place) for place in spoilt}
            name = "house_habits" + (f", {gold} gold" if gold else "") + (f", {count // draws} at once" if draws > 1 else "")
            rows.append({"check": name, "alarms": alarms, "shown": 0, "pieces": len(assets), "milliseconds": None, "habits": habits,
                         **_figures(found, chosen)})
    return rows


def _gilded(assets: Sequence[Asset], gold: int, seed: int) -> list[Asset]:
    """The pieces without approval but for so many gold ones, drawn by chance."""
    golden = set(random.Random(seed).sample(range(len(assets)), gold))
    return [replace(one, approval="gold" if place in golden else None) for place, one in enumerate(assets)]


def _spoilt(assets: list[Asset], judged: Callable[[list[Asset]], Any], count: int, seed: str) -> tuple[list[Asset], set[int], int]:
    """The pieces with `count` of those that are not gold spoilt, their places, and how many habits the house has before."""
    chance = random.Random(seed)
    kept = judged(assets)[1].manner.kept
    chosen: set[int] = set()
    for place in chance.sample(range(len(assets)), len(assets)):
        if len(chosen) == count or assets[place].approval == "gold":
            continue
        for one in chance.sample(kept, len(kept)):
            made = broken(assets[place], one.habit, one.choice)
            if made:
                assets[place] = made
                chosen.add(place)
                break
    return assets, chosen, len(kept)


def rebrand_rows(among: Sequence[Asset], judged: Callable[[list[Asset]], Any], seed: int) -> list[dict[str, Any]]:
    """A row for a change of name, and one for a change of style."""
    rows: list[dict[str, Any]] = []
    alarms = sum(bool(judged(dated(among, random.Random(f"null {seed} {draw}")))[1].change.rebrand) for draw in range(NULLS))
    for what, change in (("name", renamed), ("style", restyled)):
        chance = random.Random(f"rebrand {seed}")
        spoilt = [change(one, chance) for one in dated(among, chance)]
        pieces, judge = judged(spoilt)
        before = {place for place, one in enumerate(spoilt) if (one.date or "") < CHANGE}
        rows.append({"check": f"before_rebrand, {what}", "alarms": alarms, "shown": 0, "pieces": NULLS, "milliseconds": None,
                     **_figures(set(before_rebrand(pieces, judge)), before)})
    return rows


def dated(assets: Sequence[Asset], chance: random.Random) -> list[Asset]:
    return [replace(one, date=f"{chance.randint(2018, 2023)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}") for one in assets]


def renamed(asset: Asset, chance: random.Random) -> Asset:
    """Six pieces in ten name the house, by its old name before the change and by its new one after."""
    name = "Norvale" if (asset.date or "") < CHANGE else "Brightwell"
    return replace(asset, text=asset.text.replace(". ", f". Ask us at {name} for more. ", 1)) if chance.random() < 0.6 else asset


def restyled(asset: Asset, chance: random.Random) -> Asset:
    """Before the change clauses stand as sentences of their own, and two of them are shouted."""
    if (asset.date or "") >= CHANGE:
        return asset
    text = re.sub(r", (and|but|which|so|because) ", lambda match: f". {match[1].capitalize()} ", asset.text)
    return replace(asset, text=text.replace(". ", "! ", 2))


def _figures(found: set[Any], chosen: set[Any]) -> dict[str, Any]:
    hits = len(found & chosen)
    if not chosen:
        return {"planted": 0, "recall": None, "recall_interval": None, "precision": None, "precision_interval": None, "any": None}
    precise = rate_interval(hits, len(found)) if found else None
    return {"planted": len(chosen), "recall": hits / len(chosen), "recall_interval": rate_interval(hits, len(chosen)).as_list(),
            "precision": precise.value if precise else None, "precision_interval": precise.as_list() if precise else None, "any": None}
