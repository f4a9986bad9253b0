"""N-grams against a slow count by dictionary, and compressors by their own definition."""

from __future__ import annotations

import gzip
import math
import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from adtune.pretrain.baselines import NGram, compressed_bits, fit_ngram


def slow_chance(symbols, order, vocabulary, history, symbol):
    """Witten-Bell by its definition, on dictionaries."""
    chance = 1 / vocabulary
    for k in range(1, order + 1):
        if len(history) < k - 1:
            break
        after = defaultdict(Counter)
        for n in range(len(symbols) - k + 1):
            after[tuple(symbols[n:n + k - 1])][symbols[n + k - 1]] += 1
        seen = after[tuple(history[len(history) - k + 1:])]
        if seen:
            chance = (seen[symbol] + len(seen) * chance) / (sum(seen.values()) + len(seen))
    return chance


@pytest.fixture
def symbols():
    rng = random.Random(0)
    return [rng.choice((0, 1, 1, 2, 3, 3, 3)) for _ in range(80)]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_an_ngram_is_what_its_formula_says(symbols, order):
    model, wanted = NGram(np.array(symbols), order, 6), [1, 3, 3, 4, 1, 0, 5, 3, 1]
    expected = -sum(math.log2(slow_chance(symbols, order, 6, wanted[:n], wanted[n])) for n in range(2, len(wanted)))
    assert model.bits(np.array(wanted), 2) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("history", [[], [3], [3, 3], [1, 0, 2], [5, 5], [4, 3]])
def test_chances_sum_to_one(symbols, history):
    model = NGram(np.array(symbols), 3, 6)
    assert sum(2 ** -model.bits(np.array([*history, one]), len(history)) for one in range(6)) == pytest.approx(1.0, rel=1e-9)


def test_an_ngram_of_nothing_is_uniform():
    assert fit_ngram([], 3).bits("", "abcd") == pytest.approx(32.0)
    assert fit_ngram(["ab"], 3).bits("ab", "") == 0.0


def test_a_longer_memory_predicts_more_of_its_own_text():
    text = "the river and the bridge, the garden and the lamp. " * 20
    short, long = (fit_ngram([text], order).bits("", text) for order in (2, 6))
    assert long < short < 8 * len(text) and fit_ngram([text], 6).bits("", "zq" * 20) > 8 * 40


def test_symbols_may_be_tokens():
    numbers = {"a": [40_000], "b": [7, 40_001]}
    model = fit_ngram(["a", "b", "a"], 3, numbers.__getitem__, 50_000, stop=3)
    assert model.bits("a", "b") == pytest.approx(NGram(np.array([3, 40_000, 3, 7, 40_001, 3, 40_000]), 3, 50_000).bits(
        np.array([3, 40_000, 7, 40_001]), 2))
    with pytest.raises(ValueError, match="do not fit"):
        NGram(np.array([1]), 5, 50_000)


def test_compressors_read_the_texts_as_one_stream():
    texts = ["river " * 50, "stone " * 50]
    stream = "\n\n".join(texts).encode()
    assert compressed_bits(texts, "gzip") == 8 * len(gzip.compress(stream, 9, mtime=0)) / len(stream)
    assert 0 < compressed_bits(texts, "xz") < 4 and compressed_bits([], "gzip") is None and compressed_bits([""], "xz") is None
