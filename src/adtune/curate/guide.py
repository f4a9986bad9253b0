"""The client's brand guide: a short text that goes in front of prompts, so a long one is cut to what says how to write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

GUIDE_WORDS = 350
HEADING_WORDS = 12       # a line of more words, or with a full stop, is no heading unless it is marked as one
LONG_UNIT = 45           # words from which a paragraph is taken sentence by sentence
_SENTENCE_END = re.compile(r"(?<=[.!?…。])[\"'”’)\]*_]*\s+")
_LIST_LINE = re.compile(r"^\s*(?:[-*+•‣–]|\(?\d{1,2}[.)])\s+\S")
_MARKED = re.compile(r"^\s*(?:#{1,6}\s+\S|(?:\*\*|__)[^*_]+(?:\*\*|__)\W*$|\d{1,2}(?:\.\d{1,2})*\.?\s+[A-Z][^.!?]*$)")
_CONTENTS = re.compile(r"\.{4,}|(?:\s\.){3,}|\s\d{1,3}\s*$")
# what a guide says of words, and what it says of everything else
_WRITING = re.compile(
    r"\b(?:voice|tone|writ(?:e|es|ing|ten|er|ers)|words?|wording|sentences?|paragraphs?|spell(?:ing|ed)?|grammar|punctuation|commas?|hyphens?|"
    r"dash(?:es)?|apostrophes?|quotation|capitals?|capitali[sz]e\w*|lower ?case|upper ?case|title case|sentence case|headings?|headlines?|"
    r"numerals?|numbers?|figures|dates?|currenc(?:y|ies)|percent\w*|contractions?|first person|second person|third person|active|passive|"
    r"jargon|plain|slang|clich[eé]s?|emojis?|exclamation|abbreviat\w+|acronyms?|inclusive|readers?|audience|editorial|cop(?:y|ywriting)|"
    r"phrases?|taglines?|messag\w+|adjectives?|adverbs?|verbs?|pronouns?|metaphors?|humou?r|formal|informal|conversational|friendly|warm|"
    r"Stimme|Tonalität|Ton|Wörter|Sätze|Schreibweise|Anrede|ton|mots|phrases|tono|palabras|frases)\b", re.I)
_RULE = re.compile(
    r"^\W*(?:we|always|never|do|don['’]t|use|avoid|write|say|prefer|keep|spell|address|start|begin|end|choose|be|speak|talk|show|tell|explain|"
    r"put|leave|make|stay|capitali[sz]e|abbreviate|call|refer|limit|aim|think|ask|get|cut)\b|\b(?:never|always|instead of|rather than|"
    r"do not|don['’]t|must|should|avoid|not [“\"'‘])", re.I)
_LOOKS = re.compile(
    r"\b(?:logos?|logotype|clear ?space|colou?r palette|colou?rs?|pantone|cmyk|rgb|hex|typefaces?|fonts?|kerning|leading|grids?|margins?|"
    r"photograph\w*|imagery|icons?|iconography|illustrations?|print\w*|bleed|pixels?|templates?|stationery|business cards?|signage|"
    r"merchandise|trade ?marks?|copyright|licen[cs]\w+|legal|download\w*|contact|version history|table of contents|page \d+|approv\w+|"
    r"animation|video|resolution|layout|packaging|uniforms?|vehicles?|backgrounds?|files?|formats?|svg|eps|png|jpe?g)\b", re.I)


@dataclass(frozen=True)
class Cut:
    """What is used of a guide: the text, its words, those of the whole guide, and the headings of which nothing is used."""

    text: str
    words: int
    of: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Unit:
    """A paragraph, a sentence of a long one, or a line of a list: its place, its heading and paragraph by number, and its worth."""

    text: str
    words: int
    section: int
    block: int
    worth: float


def fit_guide(text: str, limit: int = GUIDE_WORDS) -> Cut:
    """The guide within `limit` words. A longer one is cut to what says how to write: units are taken by worth per word, and stand in their
    own order under their headings. One that says nothing of it (or not in words that are known) is cut after its first paragraphs.
    """
    whole = len(text.split())
    if whole <= limit:
        return Cut(text.strip(), whole, whole)
    headings, units = _units(text)
    chosen = _chosen(headings, units, limit)
    if not chosen:
        first, _ = first_words(text, limit)
        return Cut(first, len(first.split()), whole)
    cut = _joined(headings, [units[place] for place in sorted(chosen)])
    used = {units[place].section for place in chosen}
    held = [number for number in range(1, len(headings)) if number not in used and any(unit.section == number for unit in units)]
    return Cut(cut, len(cut.split()), whole, tuple(dict.fromkeys(_bare(headings[number]) for number in held)))


def _units(text: str) -> tuple[list[str], list[_Unit]]:
    """The headings, the first of them empty, and the units in their order."""
    headings, units = [""], []
    for block, part in enumerate(re.split(r"\n\s*\n", text.strip()), start=1):
        lines = [line.rstrip() for line in part.splitlines() if line.strip()]
        while lines and _is_heading(lines[0], len(lines) == 1):
            headings.append(lines.pop(0).strip())
        for piece in _pieces(lines):
            words = len(piece.split())
            if words > 1 and not _CONTENTS.search(piece):
                units.append(_Unit(piece, words, len(headings) - 1, block, _worth(piece, headings[-1])))
    return headings, units


def _pieces(lines: Sequence[str]) -> list[str]:
    """Lines of a list and rows of a table one by one; a paragraph whole, or by sentences where it is long."""
    if any(_LIST_LINE.match(line) or " | " in line for line in lines):
        return list(lines)
    paragraph = " ".join(line.strip() for line in lines)
    return _SENTENCE_END.split(paragraph) if len(paragraph.split()) > LONG_UNIT else [paragraph] if paragraph else []


def _is_heading(line: str, alone: bool) -> bool:
    if _MARKED.match(line):
        return True
    words = line.split()
    return alone and len(words) <= HEADING_WORDS and not _LIST_LINE.match(line) and line.strip()[-1:] not in ".!?:;,"


def _worth(text: str, heading: str) -> float:
    """How much a unit says of writing: its signs, those of its heading, whether it is a rule, less what it says of looks and law."""
    writing, looks = len(set(map(str.lower, _WRITING.findall(text)))), len(_LOOKS.findall(text))
    return 1.5 * min(3, writing) + 2.0 * bool(_RULE.search(text)) + 1.5 * bool(_WRITING.search(heading)) \
        - 2.0 * looks - 3.0 * bool(_LOOKS.search(heading))


def _chosen(headings: Sequence[str], units: Sequence[_Unit], limit: int) -> set[int]:
    """Places of the units with the most worth for each word of theirs, with their headings within `limit` words."""
    order = sorted((place for place, unit in enumerate(units) if unit.worth >= 3.0),
                   key=lambda place: (-round(units[place].worth / (units[place].words + 8), 6), place))
    chosen: set[int] = set()
    sections: set[int] = set()
    seen: set[str] = set()
    left = limit
    for place in order:
        unit = units[place]
        cost = unit.words + (0 if unit.section in sections else len(headings[unit.section].split()))
        key = " ".join(unit.text.casefold().split())
        if cost <= left and key not in seen:
            chosen.add(place)
            sections.add(unit.section)
            seen.add(key)
            left -= cost
    return chosen


def _joined(headings: Sequence[str], units: Sequence[_Unit]) -> str:
    out, section, block = "", 0, 0
    for unit in units:
        if unit.section != section and headings[unit.section]:
            out += ("\n\n" if out else "") + headings[unit.section]
            block = 0
        listed = bool(_LIST_LINE.match(unit.text)) or " | " in unit.text
        out += ("\n" if listed else " ") if unit.block == block else "\n\n" if out else ""
        out, section, block = out + unit.text.strip(), unit.section, unit.block
    return out


def _bare(heading: str) -> str:
    return heading.strip("#*_ ").strip()


def first_words(text: str, limit: int) -> tuple[str, bool]:
    """The first paragraphs of `text` within `limit` words, and whether anything was left out."""
    taken: list[str] = []
    left = limit
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        words = len(paragraph.split())
        if words > left:
            taken.append(_first_sentences(paragraph, left, must=not taken))
            return "\n\n".join(part for part in taken if part), True
        taken.append(paragraph.strip())
        left -= words
    return "\n\n".join(taken), False


def _first_sentences(paragraph: str, limit: int, must: bool) -> str:
    """The sentences, or lines of a list, that fit; where none does and something `must` stand there, the first words."""
    end = 0
    for stop in [*(match.end() for match in _SENTENCE_END.finditer(paragraph)), *(match.end() for match in re.finditer(r"\n", paragraph))]:
        if stop > end and len(paragraph[:stop].split()) <= limit:
            end = stop
    return paragraph[:end].strip() if end or not must else " ".join(paragraph.split()[:limit])
