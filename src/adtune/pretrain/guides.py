"""A guide for texts that stand together, made of sentences that are true of every one of them.

For the last stage of pre-training: who has read guides beside the texts that keep to them can be steered by a guide, and a guide that
says what is not so would teach to pass over it. The sentences are our own. Which of the true ones are taken, in which words and in
what layout follows from a hash, so that it is the same every time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..voice.habits import habits, words

Measured = Sequence[Mapping[str, float]]          # the habits of every text, with their number of `words`
Figures = tuple[int, ...]                         # the numbers that a sentence names
FEWEST, MOST = 3, 9                               # sentences of a guide
BEHIND = 0.3                                      # how much later what a text does not do is said than what it does: there is more of it
OPENINGS = ("", "", "How these pieces are written.", "House style:", "Keep to the following.")


@dataclass(frozen=True)
class Trait:
    """Something that a guide may say; `figures` gives the numbers for its sentences, None where it is not true of every text."""

    name: str
    figures: Callable[[Measured], Figures | None]
    sentences: tuple[str, ...]


def _least(habit: str, low: float) -> Callable[[Measured], Figures | None]:
    """True where each text has at least `low`; names the smallest, rounded down."""
    def figures(measured: Measured) -> Figures | None:
        smallest = min(one[habit] for one in measured)
        return (math.floor(smallest),) if smallest >= low else None
    return figures


def _most(habit: str, high: float, scale: float = 1.0) -> Callable[[Measured], Figures | None]:
    """True where each text has at most `high`; names the largest times `scale`, rounded up."""
    def figures(measured: Measured) -> Figures | None:
        largest = max(one[habit] for one in measured)
        return (math.ceil(scale * largest),) if largest <= high else None
    return figures


def _none(*names: str) -> Callable[[Measured], Figures | None]:
    """True where no text has any of these habits."""
    def figures(measured: Measured) -> Figures | None:
        return None if any(one[name] for one in measured for name in names) else ()
    return figures


def _length(measured: Measured) -> Figures | None:
    """(low, high) in tens of words, where the longest text has at most three times the words of the shortest."""
    low = 10 * math.floor(min(one["words"] for one in measured) / 10)
    high = 10 * math.ceil(max(one["words"] for one in measured) / 10)
    return (low, high) if low > 0 and high <= 3 * low else None


TRAITS = (
    Trait("length", _length, ("{0} to {1} words.", "A piece has between {0} and {1} words.", "Length: {0}-{1} words.")),
    Trait("short sentences", _most("mean_sentence_words", 15), (
        "Short sentences: {0} words on average at most.", "Keep sentences short. They average {0} words or fewer.",
        "No piece averages more than {0} words a sentence.")),
    Trait("long sentences", _least("mean_sentence_words", 22), (
        "Let sentences run: {0} words or more on average.", "Long sentences are the habit, {0} words and over on average.")),
    Trait("plain words", _most("long_words_share", 0.2, 100), (
        "Everyday words: at most {0} in a hundred have eight letters or more.", "Short words. Only {0} % or less are long.")),
    Trait("long words", _least("long_words_share", 0.32), (
        "Three words in ten, or more, are long ones.", "Long words are no fault where they are the exact ones.")),
    Trait("you", _least("second_person_per_100", 1), (
        'Talk to the reader as "you".', "Address the reader.", 'Second person: say "you" and "your".')),
    Trait("no you", _none("second_person_per_100"), ('Never say "you".', "Do not address the reader.", "No second person.")),
    Trait("we", _least("first_plural_per_100", 0.8), ('Speak as "we".', 'The writers say "we" and "our".', "First person plural.")),
    Trait("I", _least("first_singular_per_100", 0.8), ('Say "I".', "Write in the first person.", 'Speak as "I".')),
    Trait("no writer", _none("first_singular_per_100", "first_plural_per_100"), (
        'Keep the writer out of it: no "I", no "we".', "Never say I, me, we, us or our.", "No first person.")),
    Trait("contractions", _least("contractions_per_100", 0.5), (
        "Contractions are welcome.", "Use contractions, as people do when they speak.", "Contract: don't, it's, you'll.")),
    Trait("no contractions", _none("contractions_per_100"), (
        "No contractions.", 'Write words out: "do not", never the short form.', "Contractions are out.")),
    Trait("lists", _least("list_lines_share", 0.2), ("Use lists.", "Put what can be counted off into a list.", "Lists carry the text.")),
    Trait("no lists", _none("list_lines_share"), ("No lists.", "Write in paragraphs, without lists.", "Never a bullet point.")),
    Trait("headings", _least("heading_lines_share", 0.02), (
        "Break the text up with headings.", "Use subheadings.", "Use headings.")),
    Trait("no headings", _none("heading_lines_share"), ("No headings inside the text.", "One text, no subheadings.")),
    Trait("exclamations", _least("exclamations_per_100_sentences", 3), (
        "An exclamation mark is welcome.", "Show that you are glad: use an exclamation mark!")),
    Trait("no exclamations", _none("exclamations_per_100_sentences"), ("No exclamation marks.", "Never an exclamation mark.")),
    Trait("questions", _least("questions_per_100_sentences", 4), (
        "Ask the reader something.", "Use questions.", "Put a question where a reader would have one.")),
    Trait("no questions", _none("questions_per_100_sentences"), ("No questions.", "State; do not ask.", "Never a question mark.")),
    Trait("numbers", _least("numbers_per_100", 2), (
        "Give figures, {0} or more to a hundred words.", "Be exact, with numbers.", "Say how many.")),
    Trait("no numbers", _none("numbers_per_100"), ("No figures.", "Write without digits.", "Leave numbers out.")),
    Trait("short paragraphs", _most("paragraph_words", 60), (
        "Short paragraphs, {0} words on average at most.", "Paragraphs average {0} words or fewer.")),
    Trait("long paragraphs", _least("paragraph_words", 110), (
        "Full paragraphs, {0} words or more on average.", "Develop a thought: paragraphs average {0} words or more.")),
    Trait("brackets", _least("brackets_per_100", 1), ("Brackets for what is said aside.", "Use brackets (like these).")),
    Trait("no brackets", _none("brackets_per_100"), ("No brackets.", "Nothing stands in brackets.")),
    Trait("quotes", _least("quotes_per_100", 1), ("Quote.", "Let people speak, in quotation marks.")),
    Trait("dashes", _least("dashes_per_100", 0.5), ("Dashes are fine.", "Use a dash for a turn of thought.")),
    Trait("no dashes", _none("dashes_per_100"), ("No dashes.", "Never a dash.")),
    Trait("semicolons", _least("semicolons_per_100", 0.4), ("Semicolons are fine.", "Join what belongs together with a semicolon.")),
    Trait("no semicolons", _none("semicolons_per_100"), ("No semicolons.", "Never a semicolon.")),
    Trait("no hedges", _none("hedges_per_100"), ('No hedging: no "may", no "might", no "perhaps".', "Say it straight, without hedging.")),
    Trait("no intensifiers", _none("intensifiers_per_100"), ('No "very", no "really", no "best".', "Do not intensify.")),
)


def measure(text: str) -> dict[str, float]:
    """The habits of a text, and its number of `words`."""
    return {**habits(text), "words": len(words(text))}


def guide_for(texts: Sequence[str], key: str) -> str:
    """A guide of three to nine sentences that are true of each of `texts`; empty where fewer than three are. `key` decides which."""
    measured = [measure(text) for text in texts]
    if not measured or not all(one["words"] for one in measured):
        return ""
    rng = random.Random(f"guide/{key}")
    true = [(trait, figures) for trait in TRAITS if (figures := trait.figures(measured)) is not None]
    if len(true) < FEWEST:
        return ""
    ordered = sorted(true, key=lambda one: rng.random() + BEHIND * one[0].name.startswith("no "))
    chosen = ordered[:rng.randint(FEWEST, MOST)]
    rng.shuffle(chosen)
    said = [rng.choice(trait.sentences).format(*figures) for trait, figures in chosen]
    opening, layout = rng.choice(OPENINGS), rng.randrange(3)
    if layout == 0:
        return " ".join([opening, *said] if opening else said)
    body = "\n".join(said if layout == 1 else [f"- {sentence}" for sentence in said])
    return f"{opening}\n\n{body}" if opening else body
