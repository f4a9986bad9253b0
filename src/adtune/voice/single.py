"""What a single piece tells and nobody else: its own long numbers, and words that only it holds and no list of words knows.

Access codes, telephone numbers, passwords and the names of people who were met once look like that, and so do slips of the pen. A model
that learns them by heart can tell them (Carlini et al. 2019, "The Secret Sharer", arXiv 1802.08232), and a draft that needs one has it
from its brief. What a brief tells is therefore none of them: copying from briefs is to be learned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..records import Example
from .dictionary import LANGUAGES, frequencies, is_form
from .prompt import brief_text

SHORTEST = 4    # letters, or digits: shorter words are known or abbreviations, shorter numbers are guessed anyhow
MIXED = 5       # letters and digits together: shorter ones are amounts with their unit
KNOWN = 0.9     # share of the words that lists know where they are lists of the pieces' languages
FIRST = "en"    # the list that is asked first: for most archives it is enough, and the others take seconds to read
_UNIT = re.compile(r"\d+(?:(?:\) ?| ?\(|[ .,\-/\u00a0])\d+)*(?![^\W_])|[^\W_]+")
_NO_DIGIT = re.compile(r"\D")

Span = tuple[int, int]  # start and end in a text


def single_spans(examples: Sequence[Example]) -> list[list[Span]]:
    """Where each text holds what only it tells, in the order of the text; nothing in languages without a list of words."""
    found = [list(_units(example.text)) for example in examples]
    held = Counter(key for units in found for key in {key for key, _ in units})
    known = _known(held)
    if known is None:
        return [[] for _ in examples]
    told = [{key for key, _ in _units(brief_text(example.brief))} for example in examples]
    return [[span for key, span in units if held[key] == 1 and key not in briefed and not known(key)]
            for units, briefed in zip(found, told, strict=True)]


def _units(text: str) -> Iterator[tuple[str, Span]]:
    """Words and numbers that are long enough: as they are compared, and where they stand."""
    for match in _UNIT.finditer(text):
        said = match.group()
        digits = _NO_DIGIT.sub("", said)
        letters = any(letter.isalpha() for letter in said)
        key = said.casefold() if letters else digits
        if len(key) >= (MIXED if letters and digits else SHORTEST):
            yield key, match.span()


def _known(held: Mapping[str, int]) -> Callable[[str], bool] | None:
    """Whether a list knows a word; None where the lists know too few of the words, each counted once a piece."""
    words = {key: count for key, count in held.items() if key.isalpha()}
    for languages in ((FIRST,), LANGUAGES):
        lists = [frequencies(language) for language in languages]
        if _share(words, lists) >= KNOWN:
            return lambda key: any(key in listed or is_form(key, listed) for listed in lists)
    return None


def _share(words: Mapping[str, int], lists: Sequence[Mapping[str, int]]) -> float:
    """Share of the words, counted as often as pieces hold them, that a list knows; 1 where there is none."""
    known = sum(count for word, count in words.items() if any(word in one for one in lists))
    return known / sum(words.values()) if words else 1.0
