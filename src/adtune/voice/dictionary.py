"""Lists of words with their frequencies, as pyspellchecker ships them: what is a word at all, where the archive alone can't tell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")


def in_a_list(word: str, language: str = "en") -> bool:
    """Whether the list of the language holds the word, which is given in lower case."""
    return word in frequencies(language)


@cache
def frequencies(language: str) -> Mapping[str, int]:
    """How often each word of a language was met where its list was made; nothing for a language without a list."""
    if language not in LANGUAGES:
        return {}
    from spellchecker import SpellChecker

    return SpellChecker(language=language, distance=1).word_frequency.dictionary
