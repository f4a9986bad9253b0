"""Memorisation: how much of a text stands word for word in the pieces that a model was trained on.

Words are compared without case; punctuation, layout and spaces do not break a run. Runs are exact, not hashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .habits import WORD, words

GRAM = 8  # words; the n-gram length of `share_8gram`, and the run from which the brief explains a stretch of the text
_EXPLAINED = -1


class Overlap:
    """An index over training pieces: the places of every word, one after the other, pieces kept apart."""

    def __init__(self, training_texts: Sequence[str]):
        self._ids: dict[str, int] = {}
        sequence: list[int] = []
        for text in training_texts:
            sequence.extend(self._ids.setdefault(word, len(self._ids)) for word in words(text))
            sequence.append(-1)  # no run crosses from one piece into the next
        tokens = np.asarray(sequence, dtype=np.int64)
        self._order = np.argsort(tokens, kind="stable")
        self._starts = np.searchsorted(tokens[self._order], np.arange(len(self._ids) + 1))

    def longest_run(self, text: str, exclude: str = "") -> tuple[int, str]:
        """The longest run of words shared with one training piece: its number of words, and the run as it stands in `text`.

        Stretches of eight words or more that stand in `exclude` (the brief, the prompt) are not counted.
        """
        return _longest(text, self._run_ends(text, exclude))

    def share_8gram(self, text: str, exclude: str = "") -> float | None:
        """The share of the text's 8-grams of words that stand in a training piece; None for a text with no 8-gram to count."""
        found, counted = _grams(self._run_ends(text, exclude))
        return found / counted if counted else None

    def summary(self, texts: Sequence[str], excludes: Sequence[str] | None = None) -> dict[str, Any]:
        """`longest_run_words` over all texts with the run itself as `longest_run`, and `share_8gram` over all their 8-grams.

        `excludes` gives the brief or prompt of each text. What could not be measured (no text, no 8-gram) is None.
        """
        longest: tuple[int, str] | None = None
        found = counted = 0
        for text, exclude in zip(texts, excludes if excludes is not None else [""] * len(texts), strict=True):
            ends = self._run_ends(text, exclude)
            run = _longest(text, ends)
            longest = run if longest is None else max(longest, run, key=lambda pair: pair[0])
            here, of = _grams(ends)
            found, counted = found + here, counted + of
        return {"longest_run_words": longest[0] if longest else None, "longest_run": longest[1] if longest else None,
                "share_8gram": found / counted if counted else None}

    def _run_ends(self, text: str, exclude: str) -> np.ndarray:
        """For each word of `text` the length of the longest shared run that ends with it; -1 for words that `exclude` explains."""
        tokens = words(text)
        explained = _explained(tokens, exclude)
        lengths = np.zeros(len(tokens), dtype=np.int64)
        places = runs = np.empty(0, dtype=np.int64)
        for index, word in enumerate(tokens):
            before, grown = places, runs
            places = np.empty(0, dtype=np.int64) if explained[index] else self._places(word)
            runs = np.ones(len(places), dtype=np.int64)
            if len(before) and len(places):
                at = np.minimum(np.searchsorted(before, places - 1), len(before) - 1)
                goes_on = before[at] == places - 1
                runs[goes_on] += grown[at[goes_on]]
            lengths[index] = runs.max() if len(runs) else 0
        lengths[explained] = _EXPLAINED
        return lengths

    def _places(self, word: str) -> np.ndarray:
        """The places of `word` in the training pieces, ascending."""
        number = self._ids.get(word)
        if number is None:
            return np.empty(0, dtype=np.int64)
        return self._order[self._starts[number]:self._starts[number + 1]]


def _longest(text: str, ends: np.ndarray) -> tuple[int, str]:
    """The longest run by its end (the first of equals): words, and the stretch of `text` that it covers."""
    if len(ends) == 0 or ends.max() <= 0:
        return 0, ""
    last = int(ends.argmax())
    length = int(ends[last])
    spans = [match.span() for match in WORD.finditer(text)]
    return length, text[spans[last - length + 1][0]:spans[last][1]]


def _grams(ends: np.ndarray) -> tuple[int, int]:
    """(8-grams that stand in training, 8-grams counted); an 8-gram with a word that the brief explains is not counted."""
    if len(ends) < GRAM:
        return 0, 0
    counted = np.convolve(ends != _EXPLAINED, np.ones(GRAM, dtype=np.int64), "valid") == GRAM
    return int((counted & (ends[GRAM - 1:] >= GRAM)).sum()), int(counted.sum())


def _explained(tokens: list[str], exclude: str) -> np.ndarray:
    """Which words of `tokens` stand in a run of eight words or more that is also in `exclude`."""
    marks = np.zeros(len(tokens), dtype=bool)
    given = words(exclude)
    known = {tuple(given[place:place + GRAM]) for place in range(len(given) - GRAM + 1)}
    if known:
        for place in range(len(tokens) - GRAM + 1):
            if tuple(tokens[place:place + GRAM]) in known:
                marks[place:place + GRAM] = True
    return marks
