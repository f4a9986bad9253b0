"""What a language model is compared with on equal bytes: n-grams that were counted on pre-training text, gzip and xz.

Bits per byte say little alone: a compressor knows nothing but the text itself, an n-gram knows the last few symbols. All of them
read the same held-out bytes as a base does.
"""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

BREAK = 0  # stands before every text of bytes, as the end of text does before every text of tokens


class NGram:
    """An interpolated n-gram with Witten-Bell smoothing over symbols 0 .. vocabulary - 1.

        P_k(s | h) = (c(h s) + T(h) P_k-1(s | h')) / (c(h) + T(h)),   P_0 = 1 / vocabulary

    h = the k - 1 symbols before s, h' = h without its first, c = counts, T(h) = distinct symbols seen after h; where h was never
    seen, P_k = P_k-1. Witten and Bell, IEEE Trans. Information Theory 37 (1991); as Chen and Goodman (1998), section 2.6, write it.
    """

    def __init__(self, symbols: np.ndarray, order: int, vocabulary: int):
        self.order, self.vocabulary, self.width = order, vocabulary, max(1, (vocabulary - 1).bit_length())
        if order * self.width > 63:
            raise ValueError(f"{order} symbols of {self.width} bits do not fit into one number")
        self._levels = [self._count(symbols, k) for k in range(1, order + 1)]

    def _keys(self, symbols: np.ndarray, k: int) -> np.ndarray:
        """Every run of k symbols as one number, int64, in the order of the text."""
        keys = np.zeros(max(0, len(symbols) - k + 1), dtype=np.int64)
        for place in range(k):
            keys <<= self.width
            keys |= symbols[place:place + len(keys)]
        return keys

    def _count(self, symbols: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
        """(runs of k symbols, c of each, histories, c of each, T of each); runs and histories ascending."""
        runs, counts = np.unique(self._keys(symbols, k), return_counts=True)
        histories, first, kinds = np.unique(runs >> self.width, return_index=True, return_counts=True)
        total = np.add.reduceat(counts, first) if len(first) else np.zeros(0, dtype=np.int64)
        return runs, counts.astype(np.int64), histories, total, kinds

    def bits(self, symbols: np.ndarray, first: int) -> float:
        """- sum of log2 P over `symbols[first:]`, each after the symbols before it."""
        chance = np.full(len(symbols), 1 / self.vocabulary)
        for k, (runs, counts, histories, total, kinds) in enumerate(self._levels, 1):
            keys = self._keys(symbols, k)
            seen = _look_up(runs, counts, keys)
            before = keys >> self.width
            of, other = _look_up(histories, total, before), _look_up(histories, kinds, before)
            known = of > 0
            lower = chance[k - 1:]
            lower[known] = ((seen + other * lower) / np.maximum(of + other, 1))[known]
        return float(-np.log2(chance[first:]).sum())


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each wanted key, 0 where it is not there; `keys` ascend."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


def byte_symbols(text: str) -> Sequence[int]:
    """The UTF-8 bytes of a text."""
    return text.encode("utf-8")  # whose items are numbers


@dataclass(frozen=True)
class TextNGram:
    """An n-gram with the way from text to its symbols."""

    model: NGram
    encode: Callable[[str], Sequence[int]]
    stop: int

    def bits(self, prompt: str, text: str) -> float:
        """Bits of the symbols of `text` after those of `prompt`, which open a document."""
        head, body = (_symbols(self.encode(part)) for part in (prompt, text))
        return self.model.bits(np.concatenate([[self.stop], head, body]), 1 + len(head))


def fit_ngram(texts: Sequence[str], order: int, encode: Callable[[str], Sequence[int]] = byte_symbols, vocabulary: int = 256,
              stop: int = BREAK) -> TextNGram:
    """An n-gram counted on the texts one after the other, `stop` before each."""
    parts = [np.concatenate([[stop], _symbols(encode(text))]) for text in texts]
    return TextNGram(NGram(np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64), order, vocabulary), encode, stop)


def _symbols(encoded: Sequence[int]) -> np.ndarray:
    if isinstance(encoded, bytes):
        return np.frombuffer(encoded, dtype=np.uint8).astype(np.int64)
    return np.asarray(encoded, dtype=np.int64)


def compressed_bits(texts: Sequence[str], method: str) -> float | None:
    """Bits per byte of `gzip` (level 9) or `xz` (preset 9, extreme) on the texts as one stream; None without a byte."""
    stream = "\n\n".join(texts).encode("utf-8")
    if not stream:
        return None
    packed = gzip.compress(stream, 9, mtime=0) if method == "gzip" else lzma.compress(stream, preset=9 | lzma.PRESET_EXTREME)
    return 8 * len(packed) / len(stream)
