"""Where a text shows how its house writes: each finder gives the places of one habit with the choice made there.

Finders take a Written: the text with everything that is no prose (links, addresses, code, tags) blanked out, so that places stay
what they are. What depends on a list of words knows English alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .habits import HEADING_LINE, PLURAL, SECOND_PERSON, SINGULAR, WORD
from .variants import variant_of

ENOUGH_WORDS = 40        # fewer words show nothing of who speaks to whom, one way or the other
ENOUGH_SENTENCES = 2
# what is no prose, each with a sign that is looked for first
_BLANKED = (("`", re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.S)), ("<!--", re.compile(r"<!--.{0,5000}?-->", re.S)),
            ("<", re.compile(r"</?[A-Za-z][^<>\n]{0,500}>")), ("://", re.compile(r"<?\b(?:https?|ftp)://[^\s)>\]]+")),
            ("www.", re.compile(r"\bwww\.\S+")), ("](", re.compile(r"\]\([^)\n]{0,500}\)")),
            ("@", re.compile(r"[\w.+-]{1,64}@[\w-]+\.\w[\w.]*")),
            ("    ", re.compile(r"^ {4}\S.*$", re.M)), ("|", re.compile(r"^\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+.*$", re.M)))
_QUOTED = re.compile(r"“[^”]{1,600}”|(?<![\w\"])\"[^\"\n]{1,600}\"|«[^»]{1,600}»|„[^“”]{1,600}[“”]|^[ \t]*>.*$", re.M)
_LOWER = re.compile(r"(?<![\w-])[a-z]{4,}(?!\w)")
_SPACE = "[ \u00a0\u202f]"
_SHORT = re.compile(r"['’](?:(?<=n['’])(t)|(re|ve|ll|d|m|s))\b")
_WITH_S = re.compile(r"\b(?:it|that|there|here|what|who|he|she|let)$", re.I)
_IN_FULL = re.compile(r"\b(?:do|does|did|is|are|was|were|has|have|had|would|could|should|ca|will) ?not\b|\bcannot\b|\bI am\b|"
                      r"\b(?:[Yy]ou|[Ww]e|[Tt]hey) (?:are|will)\b|\b(?:[Ii]t|[Tt]here) is\b")
_ITEM = r"[\w”\"“’'*%$€£&-]+"
_LIST = re.compile(rf"(?<=[\w”\"’*)])[ \t]*((?:,[ \t]+{_ITEM}(?:[ \t]{_ITEM}){{0,2}}){{1,8}})(,?)[ \t](?:and|or)[ \t]+(\w+)")
# after these a new clause begins, so that the comma before it belongs to the clause and to no list
_CLAUSE = frozenset("i you he she it we they this that these those there then so if when is are was were have has had do does did can will "
                    "would could should may might not in on at to for with by from as of what how why who which".split())
_OPENING = frozenset("in on at for by with without after before when whenever while if since from during like unlike as although though "
                     "because until once under over through today tomorrow yesterday however first second third then finally also yes no "
                     "so well now here there instead meanwhile sometimes often again still besides moreover oh to of".split())
_DASHES = (("em dash", "—", re.compile(r"(?<=[\w\"”’)*])—(?=[\w\"“‘(*])")),
           ("spaced em dash", "—", re.compile(r"(?<=\S)[ \u00a0]—[ \u00a0](?=\S)")),
           ("spaced en dash", "–", re.compile(r"(?<=\S)[ \u00a0]–[ \u00a0](?=\S)")),
           ("en dash", "–", re.compile(r"(?<=[^\W\d])–(?=[^\W\d])")),
           ("spaced hyphen", " - ", re.compile(r" - (?<=[^\W\d][\w\"”’),*] - )(?=[^\W\d])")),
           ("double hyphen", "--", re.compile(r"(?<=\w)--(?=\w)|(?<=\w) -- (?=\w)")))
_QUOTES = (("straight double", '"', re.compile(r"\"(?<![\w\"]\")(?=[^\W\d_])[^\"\n]{1,200}\"(?!\w)")),
           ("curly double", "“", re.compile(r"“[^”\n]{1,200}”")),
           ("curly single", "‘", re.compile(r"‘(?<!\w‘)[^‘’\n]{1,120}(?:\w’\w[^‘’\n]{0,80})*’(?!\w)")),
           ("straight single", "'", re.compile(r"'(?<![\w']')(?=[^\W\d_])[^'\n]{2,60}'(?![\w'])")),
           ("guillemets", "«", re.compile(r"«[^»\n]{1,200}»|»[^«\n]{1,200}«")), ("low and high", "„", re.compile(r"„[^“”\n]{1,200}[“”]")))
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])(['’])(?=(?:s|t|re|ve|ll|d|m)\b)")
_SMALL = r"two|three|four|five|six|seven|eight|nine"
_COUNTED = re.compile(rf"(?<![\w.,:/$€£#+–-])(?<!\d )(?:([2-9])|\b({_SMALL}|{_SMALL.title()}))(?= ([a-z]{{4,}})\b)")
_NAMED = re.compile(r"(?:chapter|step|page|figure|table|version|level|type|phase|day|grade|no\.?|number|part|section|week|lesson|module|"
                    r"round|appendix|episode|issue|volume|january|february|march|april|may|june|july|august|september|october|november|"
                    r"december|python|top|stage|tier|year|x)\s*$", re.I)
_UNITS = frozenset("cups tbsp tablespoon tablespoons teaspoon teaspoons gram grams ounce ounces pound pounds inch inches feet litre litres "
                   "liter liters cloves clove million billion thousand hundred percent miles kilometres kilometers metres meters degrees "
                   "pints pint quarts large small medium".split())
_THOUSANDS = (("comma", ",", re.compile(r"\d(?<![\d.,]\d)\d{0,2}(?:,\d{3})+(?![\d,])")),
              ("space", "\u00a0", re.compile(r"[1-9](?<![\d.,][1-9])\d{0,2}(?:\u00a0\d{3})+\b")),
              ("space", "\u202f", re.compile(r"[1-9](?<![\d.,][1-9])\d{0,2}(?:\u202f\d{3})+\b")),
              ("none", "", re.compile(r"(?:1[0-3]\d\d|2[2-9]\d\d|[3-9]\d{3}|[1-9]\d{4,5})(?![\w/:–-])(?![.,]\d)")))
_NO_AMOUNT = re.compile(r"[\w.,#/:&=+–-]$|\b[A-Z]{2} $|\b(?:no\.?|number|room|box|code|issue|in|since|of|by|zip) $", re.I)
_PERCENT = (("sign", "%", re.compile(r"\d%")), ("spaced sign", "%", re.compile(rf"\d{_SPACE}%")),
            ("percent", "percent", re.compile(r"\w percent\b")), ("per cent", "per cent", re.compile(r"\w per cent\b")))
_MONEY = (("sign before", "", re.compile(r"[$€£¥]\s?\d")),
          ("sign behind", "", re.compile(r"[€£¥](?<=\d[€£¥])(?!\d)|[€£¥](?<=\d[ \u00a0\u202f][€£¥])(?!\d)")),
          *(("code", code, re.compile(rf"\b{code}{_SPACE}?\d|\d{_SPACE}?{code}\b")) for code in ("USD", "EUR", "GBP", "CHF", "CAD", "AUD")),
          ("words", "dollars", re.compile(r"\d (?:US )?dollars\b")), ("words", "euros", re.compile(r"\d euros\b")))
_SENTENCE_END = re.compile(r"[.!?…][\"”’')\]*]*(?:\s|$)")
_EXCLAIMED = re.compile(r"(?<=[\w\"”’)*.])!+(?![\[=\w])")
_WORDS = re.compile(r"[^\W\d_][\w'’-]*")
_LITTLE = frozenset("a an the and or but nor for of in on at to by with from as is are be vs via into onto over than your our my its it "
                    "you we".split())


class Mark(NamedTuple):
    """One place where a text shows a choice: from `start` to `end`."""

    choice: str
    start: int
    end: int


@dataclass(frozen=True)
class Written:
    """A text, and its title, as finders see them."""

    text: str
    title: str = ""

    @cached_property
    def prose(self) -> str:
        """The text with links, code and tags blanked; as long as the text."""
        text = self.text
        for sign, pattern in _BLANKED:
            if sign in text:
                text = pattern.sub(_blanked, text)
        return text

    @cached_property
    def own_words(self) -> str:
        """The prose without what it quotes."""
        return _QUOTED.sub(_blanked, self.prose)

    @cached_property
    def count(self) -> int:
        return len(WORD.findall(self.own_words))

    @cached_property
    def variants(self) -> list[Mark]:
        """The words that are spelt in two ways; a capital may belong to a name, so only words in lower case."""
        return [Mark(side, match.start(), match.end()) for match in _LOWER.finditer(self.prose) if (side := variant_of(match.group()))]

    @cached_property
    def headings(self) -> list[tuple[int, int]]:
        """Start and end of every heading line."""
        found, place = [], 0
        for line in self.text.splitlines(keepends=True):
            if HEADING_LINE.match(line):
                found.append((place, place + len(line.rstrip())))
            place += len(line)
        return found


def spelling(written: Written) -> Iterator[Mark]:
    yield from (mark for mark in written.variants if mark.choice in ("British", "American"))


def verb_endings(written: Written) -> Iterator[Mark]:
    yield from (mark for mark in written.variants if mark.choice in ("-ise", "-ize"))


def list_commas(written: Written) -> Iterator[Mark]:
    """Before the last item of a list of three and more with short items; what opens a sentence or begins a clause is no item."""
    for match in _LIST.finditer(written.own_words):
        if match[3].lower() in _CLAUSE or (not match[2] and match[1].count(",") == 1 and _opened(written.own_words, match.start())):
            continue
        firsts = [item.split()[0].lower() for item in re.split(r",[ \t]+", match[1])[1:]]
        if (match[2] or len(firsts) == 1) and not _CLAUSE.isdisjoint(firsts):
            continue
        yield Mark("comma before and" if match[2] else "no comma before and", match.start(1), match.end(3))


def dashes(written: Written) -> Iterator[Mark]:
    yield from _all(_DASHES, written.prose)


def quotation_marks(written: Written) -> Iterator[Mark]:
    yield from _all(_QUOTES, written.prose)


def apostrophes(written: Written) -> Iterator[Mark]:
    for match in _APOSTROPHE.finditer(written.prose):
        yield Mark("straight" if match[1] == "'" else "curly", match.start(), match.end())


def contractions(written: Written) -> Iterator[Mark]:
    text = written.own_words
    for match in _SHORT.finditer(text):
        if match[2] != "s" or _WITH_S.search(text, max(0, match.start() - 6), match.start()):
            yield Mark("contracted", match.start(), match.end())
    yield from (Mark("in full", match.start(), match.end()) for match in _IN_FULL.finditer(text))


def exclamation_marks(written: Written) -> Iterator[Mark]:
    """All that there are, or one mark for a text that has none."""
    found = [Mark("used", match.start(), match.end()) for match in _EXCLAIMED.finditer(written.own_words)]
    yield from found
    if not found and len(_SENTENCE_END.findall(written.own_words)) >= ENOUGH_SENTENCES:
        yield Mark("none", 0, 0)


def speaker(written: Written) -> Iterator[Mark]:
    """Who speaks: we, I, or nobody in a text of some length; a text with as good as both shows none."""
    said = [Mark(name, match.start(), match.end()) for name, pattern in (("I", SINGULAR), ("we", PLURAL))
            for match in pattern.finditer(written.own_words)]
    yield from _ruling(said, written, 3)


def reader(written: Written) -> Iterator[Mark]:
    """Whether the reader is addressed."""
    yield from _ruling([Mark("you", match.start(), match.end()) for match in SECOND_PERSON.finditer(written.own_words)], written, 2)


def small_numbers(written: Written) -> Iterator[Mark]:
    """Two to nine before what is counted, without units, dates and numbered things."""
    for match in _COUNTED.finditer(written.prose):
        if match[3] not in _UNITS and not _NAMED.search(written.prose[max(0, match.start() - 12):match.start()]):
            yield Mark("digits" if match[1] else "words", match.start(), match.end() + 1 + len(match[3]))


def thousands(written: Written) -> Iterator[Mark]:
    """Numbers from 1,000 on; a number without a mark may be a year, a code or a number of something, and then shows nothing."""
    prose = written.prose
    yield from (mark for mark in _all(_THOUSANDS, prose)
                if mark.choice != "none" or not _NO_AMOUNT.search(prose, max(0, mark.start - 8), mark.start))


def percentages(written: Written) -> Iterator[Mark]:
    yield from _all(_PERCENT, written.prose)


def money(written: Written) -> Iterator[Mark]:
    yield from _all(_MONEY, written.prose)


def heading_case(written: Written) -> Iterator[Mark]:
    for start, end in written.headings:
        case = case_of(written.text[start:end])
        if case:
            yield Mark(case, start, end)


def title_case(written: Written) -> Iterator[Mark]:
    """The case of the title, whose places count from its own start."""
    case = case_of(written.title)
    if case:
        yield Mark(case, 0, len(written.title))


def case_of(line: str) -> str | None:
    """title case, sentence case or capitals; None for a line of under two longer words behind its first, and for one in between."""
    found = _WORDS.findall(line)
    if len(found) >= 3 and line.isupper():
        return "capitals"
    rest = [word for word in found[1:] if word.lower() not in _LITTLE and len(word) > 2 and not word.isupper()]
    if len(rest) < 2:
        return None
    share = sum(word[0].isupper() for word in rest) / len(rest)
    return "title case" if share >= 0.8 else "sentence case" if share <= 0.34 else None


def _all(patterns: Sequence[tuple[str, str, re.Pattern[str]]], text: str) -> Iterator[Mark]:
    """The matches of (choice, sign, pattern); a pattern is asked only where its sign stands in the text."""
    for name, sign, pattern in patterns:
        if sign in text:
            yield from (Mark(name, match.start(), match.end()) for match in pattern.finditer(text))


def _ruling(said: Sequence[Mark], written: Written, least: int) -> Iterator[Mark]:
    """In a text of some length the first place of a choice that makes `least` marks and three quarters of all, or one mark for none."""
    if written.count < ENOUGH_WORDS:
        return
    if not said:
        yield Mark("none", 0, 0)
    names = [mark.choice for mark in said]
    for name in sorted(set(names)):
        if names.count(name) >= least and 4 * names.count(name) >= 3 * len(names):
            yield min((mark for mark in said if mark.choice == name), key=lambda mark: mark.start)


def _opened(text: str, place: int) -> bool:
    """Whether a phrase of time, place or manner opens the sentence before `place`: »In June, Anna and Bob went« holds no list."""
    words = re.split(r"[.!?:;]\s|\n", text[max(0, place - 60):place])[-1].split()
    return bool(words) and len(words) <= 6 and (words[0].lower() in _OPENING or (len(words) == 1 and words[0].endswith("ly")))


def _blanked(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


Finder = Callable[[Written], Iterator[Mark]]
