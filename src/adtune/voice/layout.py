"""The format of a piece: its length, headings, lists and links, how it opens and ends, the layout that pieces of its kind share, ad limits.

Rules are learned from the training pieces of a content type (of all, where it has under FEWEST): a range that holds the middle INSIDE of
them, or all where they are few, for each figure; a form that KEPT of them have or lack; and a line that KEPT of them hold, by how it
begins ("**Worked example:", "- Start:"). Content types that platforms limit have their limits beside (LIMITS, in characters; a character
of double width counts as two, as the platforms count).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .habits import HEADING_LINE, LIST_LINE, MARKER, sentences, words

FEWEST = 8               # pieces of a content type from which it has rules of its own
INSIDE, MANY = 0.95, 40  # share of the pieces that a range holds, where there are so many of them
KEPT = 0.9               # of the pieces from which a form or a line is a rule
MOST_LINES = 6           # lines of the layout that are asked for
# what a platform takes: characters of a headline and of every other line
LIMITS: Mapping[str, tuple[int, int]] = {
    "search ad": (30, 90),       # Google Ads, responsive search ads: headline 30, description 90
    "display ad": (30, 90),      # Google Ads, responsive display ads: short headline 30, description 90
    "social ad": (40, 125),      # Meta feed ads: headline 40, primary text 125 before it is folded
}
_HEADLINE = re.compile(r"^\W*(?:headline|title|h)\s*\d*\s*[:|]\s*", re.I)
_LABEL = re.compile(r"^\W*(?:headline|title|description|text|primary text|h|d)\s*\d*\s*[:|]\s*", re.I)
_LINK = re.compile(r"https?://|www\.|\]\(")
_WHEN = r"(?:(?:today|tonight|now|then|so|please|this (?:week|month|weekend|evening)|before you \w+|if you[^,.]*|when you[^,.]*)[ ,]+)*"
CALLS = ("add apply ask attend begin book browse buy call check choose click come contact count cut discover donate download draw e-mail "
         "email enter explore fill find follow get give go grab help install join learn let list look make mark meet message move open "
         "order pay pick plan post put read register reply request reserve save schedule see send set share shop sign speak start stop "
         "subscribe swap switch take talk tell text think try turn use view visit volunteer vote watch work write").split()
_CALL = re.compile(rf"^[\W_]*{_WHEN}(?:{'|'.join(map(re.escape, CALLS))})\b", re.I)
_INSIDE_CALL = re.compile(r"\b(?:sign up|read more|learn more|find out more|get in touch|contact us|get started|shop now|book now|"
                          r"register (?:now|here|today)|apply (?:now|here|today)|join us|call us)\b", re.I)
FIGURES: Mapping[str, Callable[[str], float]] = {
    "words": lambda text: len(words(text)),
    "paragraphs": lambda text: len([part for part in re.split(r"\n\s*\n", text) if part.strip()]),
    "headings": lambda text: sum(bool(HEADING_LINE.match(line)) for line in text.splitlines()),
    "list lines": lambda text: sum(bool(LIST_LINE.match(line)) for line in text.splitlines()),
    "links": lambda text: len(_LINK.findall(text)),
}
FORMS: Mapping[str, Callable[[str], bool]] = {
    "opens with a heading": lambda text: bool(HEADING_LINE.match(_lines(text)[0])) if _lines(text) else False,
    "opens with a question": lambda text: bool(_lines(text)) and _first(text).endswith("?"),
    "ends with a list": lambda text: bool(_lines(text)) and bool(LIST_LINE.match(_lines(text)[-1])),
    "ends with a call to action": lambda text: calls_to_action(text),
}


@dataclass(frozen=True)
class Rule:
    """One rule of a format: `low` to `high` of a figure, a form that a text has (`low` 1) or lacks (`high` 0), a line, or a limit."""

    name: str
    kind: str
    low: float | None = None
    high: float | None = None

    @property
    def told(self) -> str:
        """The rule in words."""
        if self.kind == "range":
            name = self.name.removesuffix("s") if self.high == 1 and self.low == 1 else self.name
            return f"{self.low:.0f} to {self.high:.0f} {name}" if self.low != self.high else f"{self.low:.0f} {name}"
        if self.kind == "limit":
            return f"{self.name} of at most {self.high:.0f} characters"
        if self.kind == "line":
            return f"a line that begins »{self.name}«"
        return self.name if self.low == 1 else f"never {self.name}"

    def holds(self, text: str) -> bool:
        """Whether a text keeps the rule; a text without words keeps none."""
        if not words(text):
            return False
        if self.kind == "range":
            return self.low <= FIGURES[self.name](text) <= self.high  # type: ignore[operator]
        if self.kind == "limit":
            return all(_width(line) <= self.high for line in ad_lines(text)[self.name])  # type: ignore[operator]
        if self.kind == "line":
            return self.name in _openings(text)
        return FORMS[self.name](text) == (self.low == 1)


@dataclass(frozen=True)
class Formats:
    """The rules by content type; `general` holds for types that taught none of their own."""

    general: tuple[Rule, ...]
    by_type: Mapping[str, tuple[Rule, ...]]

    def of(self, content_type: str | None) -> tuple[Rule, ...]:
        """The rules for a piece of this type, a platform's limits last."""
        kind = (content_type or "").casefold()
        limits = LIMITS.get(kind)
        of_ads = (Rule("headline", "limit", high=limits[0]), Rule("line", "limit", high=limits[1])) if limits else ()
        return (*self.by_type.get(kind, () if limits else self.general), *of_ads)


def learn_formats(texts: Sequence[str], types: Sequence[str | None]) -> Formats:
    """The rules that these pieces teach; none of their own under FEWEST pieces."""
    kinds = [(kind or "").casefold() for kind in types]
    counted = Counter(kinds)
    by_type = {kind: _learned([text for text, one in zip(texts, kinds, strict=True) if one == kind])
               for kind, count in sorted(counted.items()) if kind and count >= FEWEST}
    return Formats(_learned(texts) if len(texts) >= FEWEST else (), by_type)


def calls_to_action(text: str) -> bool:
    """Whether the last paragraph, or list, asks the reader to do something, or gives a link to follow."""
    parts = [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    return bool(parts) and (bool(_LINK.search(parts[-1]) or _INSIDE_CALL.search(parts[-1]))
                            or any(_CALL.match(one) for one in sentences(parts[-1])))


def ad_lines(text: str) -> dict[str, list[str]]:
    """An ad's headlines and its other lines, without labels and list marks; without labels the first line is the headline."""
    lines = [MARKER.sub("", line).strip(" *_") for line in _lines(text)]
    heads = [place for place, line in enumerate(lines) if _HEADLINE.match(line)] or [0]
    return {"headline": [_LABEL.sub("", line) for place, line in enumerate(lines) if place in heads],
            "line": [_LABEL.sub("", line) for place, line in enumerate(lines) if place not in heads]}


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in unicodedata.normalize("NFC", line))


def _learned(texts: Sequence[str]) -> tuple[Rule, ...]:
    ranges = []
    for name, count in FIGURES.items():
        values = sorted(count(text) for text in texts)
        out = (1 - INSIDE) / 2 * (len(values) - 1) if len(values) >= MANY else 0
        ranges.append(Rule(name, "range", values[math.floor(out)], values[math.ceil(len(values) - 1 - out)]))
    forms = []
    for name, has in FORMS.items():
        share = sum(map(has, texts)) / len(texts)
        if share >= KEPT or share <= 1 - KEPT:
            forms.append(Rule(name, "form", 1) if share >= KEPT else Rule(name, "form", high=0))
    openings = Counter(opening for text in texts for opening in _openings(text))
    lines = sorted((name for name, count in openings.items() if count >= KEPT * len(texts)), key=lambda name: (-openings[name], name))
    return (*ranges, *forms, *(Rule(name, "line") for name in lines[:MOST_LINES]))


def _openings(text: str) -> set[str]:
    """How lines with a mark or a label begin: the mark, and the words before a colon ("- Start:"); a heading without one as a whole."""
    found = set()
    for line in _lines(text):
        mark = re.match(r"(?:#{1,6} |[-*+•] |\d{1,2}[.)] |\*\*|__)?", line)
        rest = line[mark.end():] if mark else line
        label = re.match(r"[^:.!?]{2,30}:(?!//)", rest)
        if label:
            found.add(f"{mark.group() if mark else ''}{label.group()}")
        elif HEADING_LINE.match(line) and len(rest) <= 40:
            found.add(line.strip())
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _first(text: str) -> str:
    return (sentences(text) or [""])[0].rstrip("\"”’')")
