"""A client's terms: the words and runs of words that its pieces use far more than general text does, and those that its guide names.

A term of the pieces is one to three words, not common ones at either end, in SHARE of the pieces and LEAST of them, that stand out from
general text by Dunning's log-likelihood ratio G2 (Computational Linguistics 19, 1993) over the pieces that hold them:

    G2 = 2 * sum over both sides of held * log(held / expected)                                     3.84 is 5 %, 15.1 is 0.01 %

A term is used rightly where it stands in the house's own form: its hyphens and spaces, and its capitals where it has any ("e-mail", not
"email"; "Software Carpentry", not "software carpentry"). The form is what FORM_SHARE of its uses within sentences have; a term without
such a form cannot be used wrongly. A word that the guide forbids ("Don't: leverage") is a wrong use wherever it stands.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .habits import WORD
from .views import COMMON

LEAST, SHARE = 3, 0.02   # pieces that hold a term
STANDS_OUT = 15.1        # G2
MOST_TERMS = 80
LONGEST = 3              # words of a term
FORM_SHARE, FORM_USES = 0.9, 3
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|@\w+|\]\([^)\s]*\)|`[^`\n]*`")   # nobody chose the form of what stands in one
_GAP = re.compile(r"[ \t\u00a0]*\n?[ \t]*|-")
_OPENS = re.compile(r"(?:^|[.!?:…]|\n)[\s\"“”‘’'(*_#>\[\-•\d.)]*$")
_DO = re.compile(r"^\W*(?:do|use|prefer|say|we say|words we use|our words|terms)\W*:\s*(.+)$", re.I | re.M)
_DONT = re.compile(r"^\W*(?:don['’]?t|do not|avoid|never|never (?:say|use)|don['’]?t (?:say|use)|not|banned(?: words)?|words to avoid)\W*:"
                   r"\s*(.+)$", re.I | re.M)
_NOT = re.compile(r"\b(?:say|write|use)\s+[\"“']([^\"”'\n]{2,40})[\"”']\s*,?\s*(?:not|never|instead of)\s+[\"“']([^\"”'\n]{2,40})[\"”']",
                  re.I)


@dataclass(frozen=True)
class Use:
    """A term where it stands in a text, and whether in the house's form; the key is the term's, or the guide's forbidden word."""

    key: str
    said: str
    start: int
    end: int
    right: bool


@dataclass(frozen=True)
class Terms:
    """Terms by key with their right form (None: any), in the order of how far they stand out; `forbidden` words of the guide."""

    forms: dict[str, str | None] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()

    def uses(self, text: str) -> list[Use]:
        """Every use of a term and every forbidden word in the order of the text; of terms within each other the longest counts."""
        found: list[Use] = []
        taken, text = -1, _readable(text)
        for key, start, end in sorted(_runs(text), key=lambda run: (run[1], -run[2])):
            if start < taken:
                continue
            said = text[start:end]
            if self._is_forbidden(said):
                found.append(Use(said.casefold(), said, start, end, False))
            elif key in self.forms:
                found.append(Use(key, said, start, end, _is_right(said, self.forms[key], bool(_OPENS.search(text[:start])))))
            else:
                continue
            taken = end
        return found

    def _is_forbidden(self, said: str) -> bool:
        low = said.casefold()
        return any(low == word or (" " not in word and len(word) > 4 and low.startswith(word.removesuffix("e"))
                                   and len(low) - len(word) <= 3 and " " not in low) for word in self.forbidden)


NO_TERMS = Terms()


def learn_terms(pieces: Sequence[str], general: Sequence[str], guide: str = "") -> Terms:
    """The terms of training pieces against general text, and those that the guide asks for or forbids."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    held = Counter(key for text in pieces for key in _held(text, forms))
    usual = Counter(key for text in general for key in _held(text, None))
    least = max(LEAST, SHARE * len(pieces))
    far = {key: g2 for key, count in held.items() if count >= least
           and (g2 := _g2(count, len(pieces), usual[key], len(general))) >= STANDS_OUT}
    whole = {part for key, count in held.items() if key in far for part in _within(key) if count >= 0.8 * held[part] and part != key}
    asked, forbidden = guide_words(guide)
    chosen = [key for key in sorted(far, key=lambda key: (-far[key], key)) if key not in whole][:MOST_TERMS]
    wanted = dict.fromkeys([*chosen, *(_key(word) for word in asked)])
    by_guide = {_key(word): word for word in asked if word != word.casefold() or "-" in word or " " in word}
    return Terms({_plain(key): _form(forms[key]) or by_guide.get(key) for key in wanted}, forbidden)


def guide_words(guide: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(words that a brand guide asks for, words that it forbids): lists behind "Do:" or "Don't:" and the like, and say "x", not "y"."""
    asked = [word for match in _DO.finditer(guide) for word in _listed(match.group(1))]
    forbidden = [word for match in _DONT.finditer(guide) for word in _listed(match.group(1))]
    for match in _NOT.finditer(guide):
        asked.append(match.group(1))
        forbidden.append(match.group(2))
    return tuple(dict.fromkeys(asked)), tuple(dict.fromkeys(word.casefold() for word in forbidden))


def _listed(line: str) -> list[str]:
    """The items of a list in a line; a line with an item of more than LONGEST words is a sentence and lists nothing."""
    items = [part.strip(" \t.\"“”'*_`") for part in re.split(r"[,;/]|\bor\b", line)]
    items = [item for item in items if item]
    return items if items and all(len(item.split()) <= LONGEST for item in items) else []


def _runs(text: str) -> Iterator[tuple[str, int, int]]:
    """Runs of one to LONGEST words that only a space, a hyphen or a line's end parts: their key, start and end."""
    spans = [(match.start(), match.end(), match.group()) for match in WORD.finditer(text)]
    for first in range(len(spans)):
        for last in range(first, min(first + LONGEST, len(spans))):
            if last > first and not _GAP.fullmatch(text[spans[last - 1][1]:spans[last][0]]):
                break
            yield _plain(_key(text[spans[first][0]:spans[last][1]])), spans[first][0], spans[last][1]


def _held(text: str, forms: dict[str, Counter[str]] | None) -> set[str]:
    """The keys of the runs that could be terms, with their words parted; their forms within sentences are counted in `forms`."""
    found, text = set(), _readable(text)
    spans = [(match.start(), match.end(), match.group()) for match in WORD.finditer(text)]
    low = [word.casefold().replace("’", "'") for _, _, word in spans]
    for first in range(len(spans)):
        if low[first] in COMMON or low[first][0].isdigit():
            continue
        for last in range(first, min(first + LONGEST, len(spans))):
            if last > first and not _GAP.fullmatch(text[spans[last - 1][1]:spans[last][0]]):
                break
            if low[last] in COMMON or low[last][0].isdigit() or (first == last and len(low[first]) < 4):
                continue
            start, end = spans[first][0], spans[last][1]
            key = _key(text[start:end])
            found.add(key)
            if forms is not None and not _OPENS.search(text[max(0, start - 20):start]):
                forms[key][" ".join(text[start:end].split())] += 1
    return found


def _readable(text: str) -> str:
    """The text with addresses and code blanked out, as long as before."""
    return _ADDRESS.sub(lambda match: "\0" * len(match.group()), text)


def _key(said: str) -> str:
    """Words in one case, parted by spaces."""
    return " ".join(re.split(r"[\s-]+", said.casefold().replace("’", "'")))


def _plain(key: str) -> str:
    """The key without spaces: equal for "e-mail", "e mail" and "email"."""
    return key.replace(" ", "")


def _within(key: str) -> Iterator[str]:
    words = key.split()
    for first in range(len(words)):
        for last in range(first, len(words)):
            yield " ".join(words[first:last + 1])


def _form(counted: Counter[str]) -> str | None:
    """The form that nearly all uses have; capitals count only where the house writes them nearly always."""
    total = sum(counted.values())
    if total < FORM_USES:
        return None
    for fold in (False, True):
        merged: Counter[str] = Counter()
        for said, count in counted.items():
            merged[said.casefold() if fold else said] += count
        said, count = merged.most_common(1)[0]
        if count >= FORM_SHARE * total:
            return said
    return None


def _is_right(said: str, form: str | None, opens: bool) -> bool:
    said = " ".join(said.split()).replace("’", "'")
    if form is None or said.isupper():
        return True
    form = form.replace("’", "'")
    if form == form.casefold():
        return said.casefold() == form
    return said == form or (opens and said[:1].casefold() + said[1:] == form[:1].casefold() + form[1:])


def _g2(own: int, pieces: int, other: int, general: int) -> float:
    """Dunning's ratio over the pieces that hold a term and those that do not; 0 where general text holds it as often."""
    if not pieces or not general or own / pieces <= other / general:
        return 0.0
    share = (own + other) / (pieces + general)
    cells = ((own, pieces * share), (pieces - own, pieces * (1 - share)),
             (other, general * share), (general - other, general * (1 - share)))
    return 2 * sum(held * math.log(held / expected) for held, expected in cells if held and expected)
