"""Lists of words with their frequencies, as pyspellchecker ships them: what is a word at all, where the archive alone can't tell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")
# forms that a list of stems and of American spellings does not hold
_FORMS = (("our", "or"), ("ours", "ors"), ("oured", "ored"), ("ouring", "oring"), ("ourite", "orite"),
          ("ourites", "orites"), ("ourable", "orable"), ("ourful", "orful"), ("ise", "ize"), ("ises", "izes"), ("ised", "ized"),
          ("ising", "izing"), ("isation", "ization"), ("yse", "yze"), ("ysed", "yzed"), ("tre", "ter"), ("lled", "led"), ("lling", "ling"),
          ("ogue", "og"), ("ence", "ense"), ("s", ""), ("es", ""), ("ed", ""), ("d", ""), ("ing", ""), ("ing", "e"), ("er", ""),
          ("ers", ""), ("r", ""), ("rs", ""), ("ly", ""), ("able", ""), ("able", "e"), ("ness", ""), ("less", ""), ("ful", ""), ("ish", ""),
          ("y", ""), ("ies", "y"))
_FRONTS = ("un", "re", "non", "pre", "co", "over", "under", "out", "mis", "sub", "semi", "anti", "inter", "super", "micro", "multi",
           "cyber", "up", "down", "off", "on", "in", "back", "e")


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


def is_form(word: str, listed: Mapping[str, int]) -> bool:
    """Whether the word is a listed one with another ending, a doubled consonant before it, or a front."""
    for end, other in _FORMS:
        stem = word[:-len(end)]
        doubled = not other and stem[-1:] == stem[-2:-1] and stem[:-1] in listed
        if word.endswith(end) and len(stem) >= 3 and (doubled or stem + other in listed):
            return True
    return any(word.startswith(front) and len(word) - len(front) >= 4 and word[len(front):] in listed for front in _FRONTS)
