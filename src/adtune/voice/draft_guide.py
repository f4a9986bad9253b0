"""A draft brand guide, made from what the pieces of a house measurably do: short lines with figures and examples, for a person to edit.

Nothing in it is a rule until a person hands it in. It stays within `limit` words, so that handing it in cuts nothing: the parts stand in
the order of their use, and examples are the first to be left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .general import load_general
from .habits import habits, sentences, words
from .house import Kept, Shown
from .views import COMMON

MOST = 300               # pieces, evenly spread, whose habits are counted
TYPICAL = 2              # openings shown as examples
OPENING = 45             # words of an example at most
_LEAST_OPENING = 12
PHRASES, NAMES = 5, 8
PHRASE_SHARE = 0.08      # of the pieces that hold a phrase of the house
SAYS = (                 # habit, what a higher and a lower figure than general text's is called, the figure, and what it counts
    ("mean_sentence_words", "long sentences", "short sentences", "{:.0f}", "words on average"),
    ("paragraph_words", "long paragraphs", "short paragraphs", "{:.0f}", "words on average"),
    ("mean_word_letters", "long words", "short words", "{:.1f}", "letters on average"),
    ("second_person_per_100", "speak to the reader", "seldom speak to the reader", "{:.1f}", "times you in 100 words"),
    ("questions_per_100_sentences", "ask questions", "ask few questions", "{:.0f}", "questions in 100 sentences"),
    ("passives_per_100", "the passive is at home", "active verbs", "{:.1f}", "passives in 100 words"),
    ("hedges_per_100", "careful words (may, often, likely)", "few careful words (may, often, likely)", "{:.1f}", "in 100 words"),
    ("intensifiers_per_100", "strong words (very, best, always)", "few strong words (very, best, always)", "{:.1f}", "in 100 words"),
    ("numbers_per_100", "many figures", "few figures", "{:.1f}", "numbers in 100 words"),
)
APART = 0.35             # standard deviations of the house from which it differs from general text
NOTICED = 0.08           # and the share of general text's figure
_WORDS = 300             # first words of a piece that are counted
_EXAMPLE = 60            # characters of an example of form


@dataclass(frozen=True)
class HouseText:
    """What a draft is made from: the client, the texts that show the house [pieces] with what they show and their content types, and the
    habits that it has."""

    client: str
    texts: Sequence[str]
    shown: Sequence[Shown]
    kept: Sequence[Kept]
    types: Sequence[str | None]
    by_gold: bool = False


def draft_guide(house: HouseText, limit: int) -> str:
    """Markdown of at most `limit` words; empty without texts."""
    if not house.texts:
        return ""
    places = sorted({number * len(house.texts) // min(MOST, len(house.texts)) for number in range(min(MOST, len(house.texts)))})
    table = [habits(_beginning(house.texts[place])) for place in places]
    what = "gold pieces" if house.by_gold else "pieces"
    parts = [[f"# How {house.client} writes"],
             [f"A draft from {len(house.texts)} {what}. Correct what is wrong and delete what is chance."],
             ["## Voice", *_voice(table)], ["## Spelling and form", *_form(house)], ["## Kinds of pieces", *_kinds(house)],
             ["## Words", *_words(house, places)], ["## Examples", *_examples(house, places, table)]]
    out: list[str] = []
    left = limit
    for head, *lines in parts:
        room, taken = left - len(head.split()), []
        for line in lines:
            if len(line.split()) <= room:
                taken.append(line)
                room -= len(line.split())
        if room >= 0 and (taken or not lines) and (taken or not head.startswith("## ")):
            out += [head, *(["\n".join(taken)] if taken else [])]
            left = room
    return "\n\n".join(out) + "\n"


def _voice(table: Sequence[dict[str, float]]) -> list[str]:
    """The habits in which the house stands apart from general text."""
    general = [habits(_beginning(one.text)) for one in load_general().replay[:MOST]]
    lines = []
    for name, more, less, form, counted in SAYS:
        own, other = ([row[name] for row in rows] for rows in (table, general))
        mean, usual = sum(own) / len(own), sum(other) / len(other)
        spread = (sum((value - mean) ** 2 for value in own) / len(own)) ** 0.5
        if abs(mean - usual) >= max(APART * spread, NOTICED * abs(usual)) and form.format(mean) != form.format(usual):
            what = more if mean > usual else less
            lines.append(f"- {_capital(what)}: {form.format(mean)} {counted} (general text: {form.format(usual)}).")
    return lines


def _form(house: HouseText) -> list[str]:
    """The habits of spelling and form, each with its rate and an example where it has a place of its own."""
    lines = []
    for one in house.kept:
        places = () if one.habit.of_title or one.habit.name == "apostrophes" else (
            " ".join(text[mark.start:mark.end].split()) for text, shown in zip(house.texts, house.shown, strict=True)
            for mark in shown.get(one.habit.name, ()) if mark.choice == one.choice and mark.end)
        example = next((f": »{place}«" for place in places if len(place) <= _EXAMPLE), "")
        low, _ = one.rate.as_list() or (0.0, 1.0)
        lines.append(f"- {_capital(one.told)}{example} ({one.rate.value:.0%} of {one.pieces} pieces, at least {low:.0%}).")
    return lines


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _kinds(house: HouseText) -> list[str]:
    """How long the pieces of each content type are, the middle half."""
    lines = []
    for kind, count in Counter(house.types).most_common(6):
        lengths = sorted(len(words(text)) for text, one in zip(house.texts, house.types, strict=True) if one == kind)
        if count >= 5:
            lines.append(f"- {kind or 'Pieces'}: {lengths[count // 4]} to {lengths[3 * count // 4]} words ({count} pieces).")
    return lines


def _words(house: HouseText, places: Sequence[int]) -> list[str]:
    """Runs of three to five words that many pieces hold, longest first, and names."""
    some = [house.texts[place] for place in places]
    counts = Counter(run for text in some for run in _runs(text))
    least = max(4, PHRASE_SHARE * len(some))
    common = sorted((run for run, count in counts.items() if count >= least), key=lambda run: (-counts[run] * run.count(" "), run))
    phrases: list[str] = []
    for run in common:
        if len(phrases) < PHRASES and not any(run in other or other in run for other in phrases):
            phrases.append(run)
    named = Counter(name for text in some for name in set(re.findall(r"(?<=[a-z,] )[A-Z][\w’'-]*[a-z]", text)))
    names = [name for name, count in sorted(named.items(), key=lambda pair: (-pair[1], pair[0])) if count >= least
             and name.lower() not in COMMON][:NAMES]
    return [*([f"- Said again and again: {', '.join(f'»{phrase}«' for phrase in phrases)}."] if phrases else []),
            *([f"- Names: {', '.join(names)}."] if names else [])]


def _runs(text: str) -> set[str]:
    found: set[str] = set()
    for sentence in sentences(text):
        own = words(sentence)
        for size in (3, 4, 5):
            runs = (own[place:place + size] for place in range(len(own) - size + 1))
            found.update(" ".join(run) for run in runs if all(len(word) > 1 and not word[0].isdigit() or word == "a" for word in run)
                         and sum(word not in COMMON for word in run) >= 2)
    return found


def _examples(house: HouseText, places: Sequence[int], table: Sequence[dict[str, float]]) -> list[str]:
    """The openings of the pieces that are nearest to the mean of all habits."""
    names = list(table[0])
    means = {name: sum(row[name] for row in table) / len(table) for name in names}
    spreads = {name: max(1e-6, (sum((row[name] - means[name]) ** 2 for row in table) / len(table)) ** 0.5) for name in names}
    far = [round(sum(min(9.0, ((row[name] - means[name]) / spreads[name]) ** 2) for name in names), 6) for row in table]
    order = sorted(range(len(places)), key=lambda one: (far[one], places[one]))
    openings = []
    for one in order:
        opening = _opening(house.texts[places[one]])
        if opening and opening not in openings:
            openings.append(opening)
        if len(openings) == TYPICAL:
            break
    return [f"> {opening}" + ("\n" if number < len(openings) else "") for number, opening in enumerate(openings, 1)]


def _opening(text: str) -> str:
    """The first whole sentences of the first paragraph within OPENING words; nothing where it has none."""
    taken: list[str] = []
    for sentence in sentences(text.split("\n\n", 1)[0]):
        if not sentence.endswith((".", "!", "?")) or sum(len(one.split()) for one in [*taken, sentence]) > OPENING:
            break
        taken.append(sentence)
    return " ".join(taken) if sum(len(one.split()) for one in taken) >= _LEAST_OPENING else ""


def _beginning(text: str) -> str:
    return text if len(text) < 6 * _WORDS else text[:6 * _WORDS].rsplit(maxsplit=1)[0]
