"""Similar pairs: everything above the threshold is found, nothing below it is called alike."""

import itertools
import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adtune.curate.pieces import plain_words
from adtune.curate.similar import Alike, equal_pairs


def alike(texts, floor=0.5):
    return Alike({text: plain_words(text) for text in texts}, floor)


def test_pairs_are_those_of_the_definition(archive, jaccard):
    texts = [archive.variant(archive.text(seed, 80), changed) for seed in range(12) for changed in (0, 5, 12, 18, 25, 40)]
    found = {(texts[i], texts[j]) for i, j in alike(texts).pairs.tolist()}
    expected = {pair for pair in itertools.combinations(texts, 2) if jaccard(*pair) >= 0.5}
    assert found == expected and len(expected) > 50


def test_values_are_true_similarities(archive, jaccard):
    texts = [archive.variant(archive.text(3, 80), changed) for changed in (0, 7, 15)]
    pairs = alike(texts)
    for (i, j), value in zip(pairs.pairs.tolist(), pairs.values.tolist(), strict=True):
        assert value == pytest.approx(jaccard(texts[i], texts[j])) == pytest.approx(pairs.similarity(texts[i], texts[j]))


def test_short_pieces_are_compared_by_three_words_also_across_the_limit(archive):
    long, short = archive.text(5, 31), " ".join(archive.text(5, 31).split()[:29])
    assert alike([long, short]).groups([long, short], 0.8) == [[long, short]]
    assert len(alike([archive.text(5, 25), archive.text(6, 25)]).pairs) == 0


def test_groups_hang_together_by_chains_and_leave_out_who_is_not_asked_for(archive):
    first = archive.text(9, 100)
    middle, last = archive.variant(first, 30), " ".join([*archive.text(10, 30).split(), *archive.variant(first, 30).split()[30:]])
    all_three = [first, middle, last]
    pairs = alike(all_three)
    assert pairs.groups(all_three, 0.5) == [all_three]
    assert pairs.groups([first, last], 0.5) == [[first], [last]]


def test_no_texts_and_empty_texts():
    assert alike([]).groups([], 0.5) == []
    assert alike(["", "one"]).groups(["", "one"], 0.5) == [[""], ["one"]]


def test_a_template_shared_by_all_takes_no_quadratic_python(archive):
    draw, fixed = random.Random(1), archive.text(1, 130).split()
    texts = [" ".join(fixed + archive.text(draw.randrange(10**9), 70).split()) for _ in range(400)]
    began = time.process_time()
    pairs = alike(texts, 0.4)
    assert len(pairs.groups(texts, 0.4)) == 1
    assert time.process_time() - began < 3


@given(st.lists(st.integers(0, 6), max_size=40), st.one_of(st.none(), st.integers(2, 8)))
def test_equal_pairs_are_all_pairs_of_equal_keys_but_of_crowded_ones(keys, most):
    found = [tuple(pair) for pairs in equal_pairs(np.array(keys, dtype=np.int64), most) for pair in pairs.tolist()]
    fits = {key for key in keys if most is None or keys.count(key) <= most}
    expected = {(i, j) for i, j in itertools.combinations(range(len(keys)), 2) if keys[i] == keys[j] and keys[i] in fits}
    assert len(found) == len(set(found)) and set(found) == expected
