"""Contamination: documents of a corpus that share long runs of words with a client's archive.

A starter that has read a client's pieces would be measured on what it knows by heart, and could write one client's words for
another. The measure is that of Brown et al. 2020 ("Language Models are Few-Shot Learners", appendix C): an overlap is a run of 13
words that stands in both texts, punctuation and case aside. That a document is refused from two such runs on is ours: one may be a
saying or the name of an institution. Runs are counted at every word, so that 14 words in a row are two.

Archives are small and corpora large: the clients' runs are a sorted array of 64-bit hashes, and the corpus is a stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..voice.habits import WORD
from ..voice.habits import words as words_of
from .documents import Document

RUN_WORDS = 13  # Brown et al. 2020
RUNS = 2        # shared runs from which a document is refused
SHOWN = 5       # documents that a refusal names
_UNKNOWN = -1   # a word that no client has used


@dataclass(frozen=True)
class SharedRuns:
    """A document that shares `runs` different runs of words with the archive of `client`; `run` is the first, as the document has it."""

    place: str
    title: str
    source: str
    client: str
    runs: int
    run: str


def shared_runs(documents: Iterable[Document], clients: Mapping[str, Iterable[str]], words: int = RUN_WORDS,
                limit: int = RUNS) -> Iterator[SharedRuns]:
    """The documents that share `limit` or more different runs of `words` words with a client's texts, one record for each client."""
    index = _Index(clients, words)
    if not len(index.runs):
        return
    for document in documents:
        ids = index.ids(document.text)
        hashes, places = index.hashes(ids)
        found = np.flatnonzero(_among(hashes, index.runs))
        if len(found) < limit:
            continue
        for client, own in index.by_client.items():
            shared = found[_among(hashes[found], own)]
            runs = len(np.unique(hashes[shared]))
            if runs >= limit:
                first = int(places[shared[0]])
                spans = [match.span() for match in WORD.finditer(document.text)]
                run = document.text[spans[first][0]:spans[first + words - 1][1]]
                yield SharedRuns(document.place, document.title, document.source, client, runs, run)


def refuse_shared(found: Iterable[SharedRuns]) -> None:
    """Raises InputError that names the documents, the clients and a run of each, where there is any."""
    found = list(found)
    if not found:
        return
    named = [f"{one.place or one.source} ('{one.title or 'no title'}') shares {one.runs} runs of words with the archive of client "
             f"'{one.client}', the first \"{' '.join(one.run.split())}\"" for one in found[:SHOWN]]
    more = f"; and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    raise InputError(found[0].place or found[0].source, "; ".join(named) + more,
                     f"documents that share fewer than {RUNS} runs of {RUN_WORDS} words with a client's archive",
                     "Take these documents out of the corpus: a base must not have read a client's pieces.")


class _Index:
    """The runs of all clients' texts: `runs` the sorted hashes of all, `by_client` those of each."""

    def __init__(self, clients: Mapping[str, Iterable[str]], length: int):
        self.length = length
        self._words: dict[str, int] = {}
        self._factors = np.array([pow(0x9E3779B97F4A7C15, power, 1 << 64) for power in range(length)], np.uint64)
        self.by_client: dict[str, np.ndarray] = {}
        for client, texts in clients.items():
            parts = []
            for text in texts:
                ids = np.array([self._words.setdefault(word, len(self._words)) for word in words_of(text)], np.int64)
                parts.append(self.hashes(ids)[0])
            self.by_client[client] = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint64)
        self.runs = np.unique(np.concatenate(list(self.by_client.values()))) if self.by_client else np.empty(0, np.uint64)

    def ids(self, text: str) -> np.ndarray:
        """The number of each word (words,), _UNKNOWN for words that no client has used."""
        known = self._words
        return np.array([known.get(word, _UNKNOWN) for word in words_of(text)], np.int64)

    def hashes(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(hashes, places) of the runs of known words; sum of f^i m(w_i) modulo 2^64, where m spreads word numbers over 64 bits."""
        size = len(ids) - self.length + 1
        if size < 1:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        known = np.convolve(ids == _UNKNOWN, np.ones(self.length, np.int64), "valid") == 0
        places = np.flatnonzero(known)
        if not len(places):
            return np.empty(0, np.uint64), places
        spread = _spread(ids.astype(np.uint64))
        total = np.zeros(len(places), np.uint64)
        for offset, factor in enumerate(self._factors):
            total += spread[places + offset] * factor  # modulo 2^64
        return _spread(total), places


def _among(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Which values stand in a sorted array, by bisection: np.isin would sort the array for each document."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    return ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values


def _spread(numbers: np.ndarray) -> np.ndarray:
    """Numbers spread over 64 bits, one to one (the finaliser of SplitMix64, Steele, Lea & Flood 2014)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
