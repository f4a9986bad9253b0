"""A client's countable conventions: rules of the house voice that a text plainly keeps or breaks.

They are declared in a JSON file, a list of objects. Each has a `name`, a `description` and at least one test:

    pattern            a regular expression that must be found in the text
    forbid             a regular expression that must not be found
    words              a regular expression, and with it `min_per_100_words`: how often it must stand per 100 words
    max_mean_sentence  the largest mean sentence length, in words

Patterns are Python's, `^` and `$` match at every line; write `(?i)` where case should not matter. A text keeps a
convention when it passes all its tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean
from ..stats import rate_interval
from .habits import sentences, words

TEXT_KEYS = ("name", "description", "pattern", "forbid", "words")
NUMBER_KEYS = ("min_per_100_words", "max_mean_sentence")
TEST_KEYS = ("pattern", "forbid", "words", "max_mean_sentence")


@dataclass(frozen=True)
class Convention:
    """One convention; a test that is None is not asked."""

    name: str
    description: str
    pattern: str | None = None
    forbid: str | None = None
    words: str | None = None
    min_per_100_words: float | None = None
    max_mean_sentence: float | None = None

    def holds(self, text: str) -> bool:
        """Whether `text` passes every test of this convention; a text without words keeps none."""
        count = len(words(text))
        if count == 0:
            return False
        if self.pattern is not None and not re.search(self.pattern, text, re.MULTILINE):
            return False
        if self.forbid is not None and re.search(self.forbid, text, re.MULTILINE):
            return False
        if self.words is not None and self.min_per_100_words is not None:
            found = sum(1 for _ in re.finditer(self.words, text, re.MULTILINE))
            if 100.0 * found / count < self.min_per_100_words:
                return False
        return self.max_mean_sentence is None or count / len(sentences(text)) <= self.max_mean_sentence


def load_conventions(source: Path | str) -> tuple[Convention, ...]:
    """Conventions from a JSON file, or from JSON text that starts with `[`.

    Raises InputError that names the convention and the key where the file is not as the module describes.
    """
    if isinstance(source, str) and source.lstrip().startswith("["):
        where, text = "the conventions", source
    else:
        where, text = str(source), _read(Path(source))
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}, line {error.lineno}", f"no valid JSON ({error.msg})", "a JSON list of conventions",
                         "Correct the file at that line.") from error
    if not isinstance(rows, list):
        raise InputError(where, f"a JSON {type(rows).__name__}", "a JSON list of conventions", "Put the conventions between [ and ].")
    conventions = tuple(_convention(f"{where}, convention {number}", row) for number, row in enumerate(rows, 1))
    names = [convention.name for convention in conventions]
    for name in names:
        if names.count(name) > 1:
            raise InputError(where, f"two conventions named '{name}'", "one name each", "Rename one of them.")
    return conventions


def count_conventions(conventions: Iterable[Convention], texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For each convention the share of `texts` that keep it: {name: {rate, interval [low, high], n}}.

    Without texts rate and interval are None: not measured.
    """
    counted: dict[str, dict[str, Any]] = {}
    for convention in conventions:
        rate, interval = None, None
        if texts:
            measured = rate_interval(sum(convention.holds(text) for text in texts), len(texts))
            rate, interval = measured.value, measured.as_list()
        counted[convention.name] = {"rate": rate, "interval": interval, "n": len(texts)}
    return counted


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "bytes that are not UTF-8" if isinstance(error, UnicodeDecodeError) else (error.strerror or "an unreadable file").lower()
        raise InputError(str(path), reason, "a JSON file of conventions", "Give the path of a readable UTF-8 file.") from error


def _convention(where: str, row: Any) -> Convention:
    if not isinstance(row, dict):
        raise InputError(where, f"a JSON {type(row).__name__}", "an object with name, description and tests", "Write it between { and }.")
    known = (*TEXT_KEYS, *NUMBER_KEYS)
    for key, value in row.items():
        if key not in known:
            raise InputError(where, f"the key '{key}'", "a key of a convention", did_you_mean(key, known))
        _check_value(f"{where}, {key}", key, value)
    for key in ("name", "description"):
        if key not in row:
            raise InputError(where, f"no {key}", f"a {key}", f"Add \"{key}\".")
    if not any(key in row for key in TEST_KEYS):
        raise InputError(where, "no test", f"at least one of {', '.join(TEST_KEYS)}", "Say what a text must pass.")
    if ("words" in row) != ("min_per_100_words" in row):
        raise InputError(where, "only one of words and min_per_100_words", "both", "Add the other one.")
    return Convention(**row)


def _check_value(where: str, key: str, value: Any) -> None:
    if key in NUMBER_KEYS:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise InputError(where, repr(value), "a number above 0", "Correct it.")
        return
    if not isinstance(value, str) or not value.strip():
        raise InputError(where, repr(value), "text that is not empty", "Correct it.")
    if key in ("pattern", "forbid", "words"):
        try:
            re.compile(value, re.MULTILINE)
        except re.error as error:
            raise InputError(where, f"the pattern {value!r} ({error})", "a Python regular expression", "Correct the pattern.") from error
