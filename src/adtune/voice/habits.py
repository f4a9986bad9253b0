"""Countable habits of a text: what a writer does again and again whatever the topic, as named numbers.

All habits are rates, shares or means, so a long text and a short one by the same hand give similar numbers. Nominalisations
are left out on purpose: "pension" and "payment" would carry the topic. The lists of words are English; in another language
those habits stay near zero and the others (lengths, punctuation, layout) still count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:['’-][^\W_]+)*")
SECOND_PERSON = re.compile(r"\byou(?:r|rs|rself|rselves|['’](?:re|ll|ve|d))?\b", re.I)
SINGULAR = re.compile(r"\b(?:I|I['’](?:m|ve|ll|d)|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself)\b")
PLURAL = re.compile(r"\b(?:[Ww]e|[Ww]e['’](?:re|ve|ll|d)|us|[Oo]urs?|[Oo]urselves)\b")
CONTRACTION = re.compile(r"\b[A-Za-z]+(?:n['’]t|['’](?:re|ve|ll|d|m))\b|\b(?:it|that|there|here|what|who|he|she|let)['’]s\b", re.I)
PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?(?:\w{2,}ed|\w+(?:own|ept|ought|aught)|made|done|given|taken|"
                     r"seen|held|set|paid|put|built|sent|found|written|driven|chosen|drawn|borne|led|left|met|read|run|"
                     r"sold|spent|told|won)\b", re.I)
HEDGE = re.compile(r"\b(?:may|might|could|perhaps|maybe|possibly|probably|likely|often|usually|generally|typically|sometimes|somewhat|"
                   r"fairly|rather|seems?|appears?|suggests?|tends?|arguably|presumably|largely|relatively)\b", re.I)
INTENSIFIER = re.compile(r"\b(?:very|really|extremely|incredibly|absolutely|totally|truly|amazing\w*|huge\w*|best|ever|every|never|always|"
                         r"just)\b", re.I)
CAPITALS = re.compile(r"\b[A-Z]{3,}\b")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
DASH = re.compile(r"(?<=\S)[ \t][-–—]{1,3}\s|[–—]|(?<=\w)--(?=\w)")
LIST_LINE = re.compile(r"^\s*(?:[-*+•‣]|\(?(?:\d{1,2}|[a-z])[.)])\s+\S")
HEADING_LINE = re.compile(r"^\s*(?:#{1,6}\s+\S|(?:\*\*|__)[^*_]+(?:\*\*|__)\W*$)")
MARKER = re.compile(r"^\s*(?:#{1,6}\s+|>\s+|[-*+•‣]\s+|\(?\d{1,2}[.)]\s+)")
CONJUNCTION_FIRST = ("and", "but", "or", "so", "yet", "because")
PER_100_WORDS = {
    "second_person_per_100": SECOND_PERSON, "first_singular_per_100": SINGULAR, "first_plural_per_100": PLURAL,
    "contractions_per_100": CONTRACTION, "numbers_per_100": NUMBER, "commas_per_100": re.compile(r",(?!\d)"), "dashes_per_100": DASH,
    "colons_per_100": re.compile(r":(?!\d|//)"), "semicolons_per_100": re.compile(";"), "brackets_per_100": re.compile(r"[(\[]"),
    "quotes_per_100": re.compile(r"[\"“”]"), "passives_per_100": PASSIVE, "hedges_per_100": HEDGE, "intensifiers_per_100": INTENSIFIER,
    "capitals_per_100": CAPITALS,
}
HABITS: tuple[str, ...] = (
    "mean_sentence_words", "long_sentence_words", "short_sentences_share", "mean_word_letters", "long_words_share",
    *PER_100_WORDS, "exclamations_per_100_sentences", "questions_per_100_sentences", "conjunction_first_share",
    "list_lines_share", "heading_lines_share", "paragraph_words",
)
_ABBREVIATION = re.compile(r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|cf|fig|inc|ltd|co|jr|sr|approx|u\.s|u\.k)|\b[A-HJ-Z])\.$", re.I)
_END = re.compile(r"(?<=[.!?…])[\"”’')\]*]*\s+(?=[\"“‘'(\[*]*[^\Wa-z_])")
_WRAPPED = 60  # a line at least this long without an end mark is taken as wrapped: its sentence goes on in the next line


def words(text: str) -> list[str]:
    """The words of `text` in order, lower case, apostrophes straight; numbers such as 1,200 or 3.5 are one word."""
    return [match.group().lower().replace("’", "'") for match in WORD.finditer(text)]


def repeated_share(text: str, size: int = 4) -> float | None:
    """1 - distinct / all `size`-grams of the words of a text (distinct-n of Li et al. 2016); None for a text that is shorter than that."""
    told = words(text)
    grams = [tuple(told[place:place + size]) for place in range(len(told) - size + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else None


def sentences(text: str) -> list[str]:
    """The sentences of `text` without list and heading marks; a list line or a heading is a sentence of its own."""
    found = []
    for block in _blocks(text):
        start = 0
        for match in _END.finditer(block):
            if not _ABBREVIATION.search(block[start:match.start()]):
                found.append(block[start:match.end()].strip())
                start = match.end()
        found.append(block[start:].strip())
    return [sentence for sentence in found if WORD.search(sentence)]


def habits(text: str) -> dict[str, float]:
    """The habits of `text` under the names in HABITS; a text without words has none of any (all 0.0).

    Lengths are in words or letters, `*_share` lie in [0, 1], `*_per_100` count per 100 words.
    """
    all_words, all_sentences = words(text), sentences(text)
    if not all_words:
        return dict.fromkeys(HABITS, 0.0)
    lengths = sorted(len(words(sentence)) for sentence in all_sentences)
    lines = [line for line in text.splitlines() if line.strip()]
    paragraphs = [count for part in re.split(r"\n\s*\n", text) if (count := len(WORD.findall(part)))]
    per_100 = 100.0 / len(all_words)
    return {
        "mean_sentence_words": sum(lengths) / len(lengths),
        "long_sentence_words": _quantile(lengths, 0.9),
        "short_sentences_share": _share(length <= 6 for length in lengths),
        "mean_word_letters": sum(map(len, all_words)) / len(all_words),
        "long_words_share": _share(len(word) >= 8 for word in all_words),
        **{name: len(pattern.findall(text)) * per_100 for name, pattern in PER_100_WORDS.items()},
        "exclamations_per_100_sentences": 100.0 * text.count("!") / len(lengths),
        "questions_per_100_sentences": 100.0 * text.count("?") / len(lengths),
        "conjunction_first_share": _share(words(sentence)[0] in CONJUNCTION_FIRST for sentence in all_sentences),
        "list_lines_share": _share(bool(LIST_LINE.match(line)) for line in lines),
        "heading_lines_share": _share(bool(HEADING_LINE.match(line)) for line in lines),
        "paragraph_words": sum(paragraphs) / len(paragraphs),
    }


def _blocks(text: str) -> list[str]:
    """Stretches of text that a sentence cannot cross: paragraphs with wrapped lines joined, list lines, headings."""
    blocks: list[str] = []
    goes_on = False
    for line in text.splitlines():
        bare = MARKER.sub("", line).strip()
        starts_anew = bool(LIST_LINE.match(line) or HEADING_LINE.match(line))
        if goes_on and bare and not starts_anew:
            blocks[-1] += " " + bare
        else:
            blocks.append(bare)
        goes_on = len(line.rstrip()) >= _WRAPPED and not re.search(r"[.!?:;…][\"”’')\]*]*\s*$", line) and not HEADING_LINE.match(line)
    return blocks


def _quantile(ordered: list[int], share: float) -> float:
    """The `share` quantile of a sorted list, interpolated between neighbours."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _share(truths: Iterable[bool]) -> float:
    marks = list(truths)
    return sum(marks) / len(marks) if marks else 0.0
