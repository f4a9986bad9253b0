"""Which language a text is in, where it is long enough to tell (py3langid, offline, naive Bayes over byte n-grams)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

# The languages that agencies' archives are in; a rare neighbour (Luxembourgish, Corsican) is more often a mistake than the truth.
LANGUAGES = ("ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "is", "it", "ja",
             "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh")
NAMES = {"english": "en", "german": "de", "deutsch": "de", "french": "fr", "spanish": "es", "italian": "it", "dutch": "nl",
         "portuguese": "pt", "polish": "pl", "swedish": "sv", "danish": "da", "norwegian": "no", "nb": "no", "nn": "no",
         "französisch": "fr", "spanisch": "es", "italienisch": "it", "niederländisch": "nl", "portugiesisch": "pt", "englisch": "en",
         "français": "fr", "anglais": "en", "allemand": "de", "español": "es", "castellano": "es", "inglés": "en", "alemán": "de",
         "italiano": "it", "inglese": "en", "tedesco": "de", "nederlands": "nl", "engels": "en", "duits": "de", "português": "pt",
         "inglês": "en", "alemão": "de",
         "finnish": "fi", "japanese": "ja", "chinese": "zh", "korean": "ko", "russian": "ru", "turkish": "tr"}
MIN_WORDS = 20          # fewer say too little
MIN_PROBABILITY = 0.5   # of py3langid, which divides its scores by the root of the length
SAMPLE = 3000           # characters that are looked at
ENOUGH = 400            # characters that tell the language of a piece: on 2,243 pieces the same answers as 3000, in a tenth of the time
AT_A_GLANCE, SURE = 120, 0.9   # characters that are looked at first, and the probability from which no more are
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")


def detect(text: str) -> str | None:
    """ISO 639-1 code; None under 20 words or where no language stands out."""
    text = text[:ENOUGH]
    if words(text) < MIN_WORDS:
        return None
    code, probability = classify(text[:AT_A_GLANCE])
    if probability < SURE:
        code, probability = classify(text)
    return code if probability >= MIN_PROBABILITY else None


def classify(text: str) -> tuple[str, float]:
    """The likeliest of LANGUAGES for the start of the text, with its probability."""
    return _identifier().classify(text[:SAMPLE])


def words(text: str) -> int:
    """Words, where two characters of a script without spaces count as one."""
    sample = text[:SAMPLE]
    return len(sample.split()) + len(_UNSPACED.findall(sample)) // 2


def stated(value: Any) -> str | None:
    """The code for what a file says (`en`, `en-GB`, `English`); None where it says nothing that is known."""
    if not isinstance(value, str):
        return None
    word = re.split(r"[-_ ]", value.strip().casefold())[0]
    return word if word in LANGUAGES else NAMES.get(word)


@cache
def _identifier() -> Any:
    import numpy as np
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    identifier.nb_ptc = np.ascontiguousarray(identifier.nb_ptc, dtype=np.float32)   # the same sums: half floats are widened for each piece
    return identifier
