"""Claims of a text: what a reader could check, and somebody must be able to vouch for.

A claim is a figure (small counts are none), a name, or a quotation of QUOTED words and more. A brief vouches for it where title,
category, summary or source facts tell it, in whatever form; the guide may, and the house, where many of its pieces tell it. All others
are without support: whoever publishes them has to check them, and a model that is trained on them learns to invent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..records import Asset, Brief
from .figures import NAME, NUMBER, Figure, figures

SMALL = 12               # a count up to this may follow from the text itself
QUOTED = 4               # words of a quotation
HOUSE_FAMILIES, HOUSE_SHARE = 5, 0.02    # families of pieces, and share of them, from which a claim is the house's own
QUOTE = "quotation"
_NAME = re.compile(r"\b[A-Z][\w’'-]*[a-z][\w’-]*(?:\s+[A-Z][\w’'-]*[a-z][\w’-]*)*")
_OPENS = re.compile(r"(?:^|[.!?:…]|\n)[\s\"“”‘’'(*_#>\[-]*$")
_QUOTE = re.compile(r"“([^“”\n]{10,400})”|(?<![\w\"])\"([^\"\n]{10,400})\"(?!\w)|„([^„“”\n]{10,400})[“”]|«([^«»\n]{10,400})»")
_WORD = re.compile(r"[^\W\d_]+")
_LOWER = re.compile(r"(?<![\w'’])[a-z][a-z'’-]+")
_PROPER = re.compile(r"(?<=[a-z,;] )[A-Z][\w-]*[a-z]\w*")
_POSSESSIVE = re.compile(r"['’]s?$")
_NO_NAMES = frozenset("Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August "
                      "September October November December I".split())
_STOPS = re.compile(r"[.!?][\"”’)*_]*[ \t]+(?=\S)")
_LINES = re.compile(r"\n\s*")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of a text; `start` to `end` is its place."""

    kind: str
    value: str
    start: int
    end: int


Key = tuple[str, str]    # kind and value: equal for the same claim in another form
Part = tuple[int, int, Sequence[Figure]]     # a sentence: start and end in its text, and its figures, whose places count from its start


class Claims:
    """Finds claims; what is a name it learns from how the texts of the archive write each word."""

    def __init__(self, texts: Iterable[str], guide: str = ""):
        texts = list(texts)
        self._lower = frozenset(word for text in texts for word in _LOWER.findall(text))
        self._proper = frozenset(word for text in texts for word in _PROPER.findall(text))
        self.guide = self.keys(guide)

    def of(self, text: str, parts: Iterable[Part] | None = None) -> list[Claim]:
        """The claims of a text in order; `parts` are its sentences and their figures, where they are known."""
        found = []
        for start, end, told in figured(text) if parts is None else parts:
            found += [Claim(one.kind, one.value, start + one.start, start + one.end) for one in told if not _small(one.kind, one.value)]
            found += self._names(text[start:end], start)
        for match in _QUOTE.finditer(text):
            said = next(group for group in match.groups() if group)
            if sum(any(map(str.isalnum, word)) for word in said.split()) >= QUOTED:
                found.append(Claim(QUOTE, " ".join(_WORD.findall(said.casefold())), *match.span()))
        return sorted(found, key=lambda one: (one.start, one.end, one.kind))

    def keys(self, text: str) -> set[Key]:
        """What a text tells: its claims, and every word with a capital as a name."""
        words = {(NAME, _POSSESSIVE.sub("", part)) for match in _NAME.finditer(text) for part in match.group().split()}
        return {(claim.kind, claim.value) for claim in self.of(text)} | words

    def told_by(self, brief: Asset | Brief) -> set[Key]:
        """What a brief and the guide vouch for."""
        return self.keys(brief_words(brief)) | self.guide

    def unsupported(self, text: str, brief: Brief, house: set[Key]) -> list[Claim]:
        """The claims of a draft that neither its brief, the guide nor the house vouches for."""
        held = self.told_by(brief) | house
        return [claim for claim in self.of(text) if not is_held(claim, held)]

    def _names(self, part: str, start: int) -> Iterator[Claim]:
        """Names: capitals within a sentence, in words that the archive writes with one each time."""
        for match in _NAME.finditer(part):
            said = match.group()
            if _OPENS.search(part[:match.start()]):
                first, _, rest = said.partition(" ")
                known = rest or _POSSESSIVE.sub("", first) in self._proper      # one word that opens a sentence may be any word
                said = said if known and first.casefold() not in self._lower else rest
            words = [word for word in said.split() if word.casefold() not in self._lower and _POSSESSIVE.sub("", word) not in _NO_NAMES]
            if words:
                yield Claim(NAME, " ".join(_POSSESSIVE.sub("", word) for word in words), start + match.start(), start + match.end())


def house_claims(found: Iterable[tuple[Sequence[Claim], object]]) -> set[Key]:
    """The claims that many families of pieces tell; `found` gives the claims of each piece with its family."""
    told: dict[Key, set[object]] = {}
    families = set()
    for claims, family in found:
        families.add(family)
        for claim in claims:
            told.setdefault((claim.kind, claim.value), set()).add(family)
    least = max(HOUSE_FAMILIES, HOUSE_SHARE * len(families))
    return {key for key, held in told.items() if len(held) >= least}


def is_held(claim: Claim, held: set[Key]) -> bool:
    """Whether a claim is among those told; a name also where each of its words is."""
    return (claim.kind, claim.value) in held or (claim.kind == NAME and all((NAME, part) in held for part in claim.value.split()))


def brief_words(told: Asset | Brief) -> str:
    """The words of a brief, a line each."""
    return "\n".join(part for part in (told.title, told.category, told.content_type, told.summary, *told.facts) if part)


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of every sentence of every line, with the space behind it."""
    # two patterns that each begin with a character take a quarter of the time of one that begins with either
    ends = sorted({match.end() for pattern in (_STOPS, _LINES) for match in pattern.finditer(text)})
    return [(start, end) for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if start < end]


def figured(text: str) -> list[Part]:
    """The sentences of a text, each with its figures."""
    return [(start, end, tuple(figures(text[start:end]))) for start, end in sentences(text)]


def _small(kind: str, value: str) -> bool:
    return kind == NUMBER and value.lstrip("-").isdigit() and int(value) <= SMALL
