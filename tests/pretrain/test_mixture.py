"""The mixture: sources in their shares, every document once an epoch, rows that say where documents begin, and a resume to the bit."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adtune.errors import InputError
from adtune.pretrain.mixture import Mixture, enough, shares_of
from adtune.pretrain.store import write_sequences

# Every document is end of text (0), then three ids that say which it is, then its length in ids of the source's own.
CODE, NUMBER = 100, 200


def document(code, number, length):
    return [0, CODE + code, NUMBER + number // 250, NUMBER + number % 250, *[1000 + code] * length]


def sequences(sizes, longest=60, seed=0):
    rng = random.Random(seed)
    rows = [(f"source{code}", document(code, number, rng.randint(0, longest)))
            for code, count in enumerate(sizes) for number in range(count)]
    rng.shuffle(rows)
    return rows


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_sequences(sequences([700, 250, 90, 1]), tmp_path_factory.mktemp("mixture") / "tokens", "one")


def stream(mixture, count, width):
    """The flat ids of rows, the token that two rows share told once."""
    ids, _ = mixture.rows(count, width)
    return ids[:, :-1].flatten()


def named(ids):
    """(source code, number) of each document whose head is in a flat stream."""
    heads = [n for n in np.flatnonzero(ids == 0) if n + 3 < len(ids)]
    return [(int(ids[n + 1]) - CODE, (int(ids[n + 2]) - NUMBER) * 250 + int(ids[n + 3]) - NUMBER) for n in heads]


def test_shares_are_weight_times_tokens_after_a_million_tokens(store):
    weights = {"source0": 0.5, "source1": 4.0, "source2": 1.0, "source3": 0.0}
    mixture, total = Mixture(store, weights, 3), sum(weights[s] * store.counts[s] for s in store.sources)
    seen = stream(mixture, 1000, 1000).numpy()
    for code in range(4):
        # ids of the body are the source's own; the head's four tokens are counted by its second
        found = (seen == 1000 + code).sum() + 4 * (seen == CODE + code).sum()
        assert abs(found / len(seen) - weights[f"source{code}"] * store.counts[f"source{code}"] / total) < 0.01
    assert abs(sum(mixture.drawn.values()) - 1_000_000) < 100 and mixture.drawn.keys() == shares_of(store, weights).keys()
    assert mixture.epochs["source1"] == pytest.approx(8 * mixture.epochs["source0"], rel=0.02)


def test_every_document_of_a_source_once_an_epoch_and_in_another_order_each(store):
    found = {code: [number for at, number in named(stream(Mixture(store, {}, 0), 100, 1100)) if at == code] for code in range(4)}
    for code, count in ((0, 700), (1, 250), (2, 90)):
        epochs = [found[code][n:n + count] for n in range(0, len(found[code]) - count + 1, count)]
        assert len(epochs) >= 2 and all(sorted(one) == list(range(count)) for one in epochs)
        assert len({tuple(one) for one in epochs}) == len(epochs) and list(range(count)) not in epochs
    assert set(found[3]) == {0} and len(found[3]) > 2  # a source of one document, again and again


def test_the_order_is_the_seeds_and_a_source_keeps_its_own(store):
    def order(seed, weights, code=1):
        return [number for at, number in named(stream(Mixture(store, weights, seed), 20, 1000)) if at == code][:60]

    assert order(0, {}) == order(0, {"source0": 0.1, "source2": 0}) != order(1, {})
    assert torch.equal(stream(Mixture(store, {}, 5), 3, 500), stream(Mixture(store, {}, 5), 3, 500))
    assert order(0, {}, 2) != order(0, {}, 1)


def test_rows_go_on_from_each_other_and_number_their_documents(store):
    mixture, flat = Mixture(store, {}, 0), stream(Mixture(store, {}, 0), 1, 6000)
    at = 0
    for count, width in ((4, 64), (1, 700), (3, 33), (2, 1)):
        ids, documents = mixture.rows(count, width)
        assert ids.shape == documents.shape == (count, width + 1) and ids.dtype == torch.int64 and documents.dtype == torch.int32
        for row, numbers in zip(ids, documents, strict=True):
            assert torch.equal(row, flat[at:at + width + 1])
            steps = numbers.diff()
            assert numbers[0] == 0 and set(steps.tolist()) <= {0, 1} and torch.equal(steps == 1, row[1:] == 0)
            at += width


def test_a_row_may_be_longer_than_any_document_and_a_document_than_any_row(tmp_path):
    store = write_sequences([("long", document(0, n, 500)) for n in range(3)] + [("short", [0])], tmp_path / "tokens", "two")
    ids, documents = Mixture(store, {}, 0).rows(2, 1500)
    assert int(documents.max()) >= 2 and (ids == 0).sum() >= 5
    ids, documents = Mixture(store, {}, 0).rows(60, 8)
    assert int(documents.max()) <= 2 and torch.equal(ids[1:, 0], ids[:-1, -1]) and (documents[ids != 0].max() <= 2)


def test_ids_inside_a_document_may_be_the_end_of_text(tmp_path):
    """A context of guide and examples has several; they begin no document."""
    store = write_sequences([("a", [0, 5, 0, 6, 0, 7])], tmp_path / "tokens", "three")
    _, documents = Mixture(store, {}, 0).rows(1, 12)
    assert documents[0].tolist() == [0] * 6 + [1] * 6 + [2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 300)), max_size=6), seed=st.integers(0, 2**32),
       after=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 400)), min_size=1, max_size=4))
def test_a_resume_is_the_uninterrupted_stream_to_the_bit(store, before, after, seed):
    weights = {"source0": 0.05, "source2": 3.0}
    one = Mixture(store, weights, seed)
    for count, width in before:
        one.rows(count, width)
    two = Mixture(store, weights, seed)
    two.rows(2, 77)  # whatever it had read is forgotten
    two.restore(json.loads(json.dumps(one.state())))
    for count, width in after:
        assert all(torch.equal(a, b) for a, b in zip(one.rows(count, width), two.rows(count, width), strict=True))
    assert one.state() == two.state() and one.epochs == two.epochs


def test_a_state_of_another_run_is_refused(store, tmp_path):
    state = Mixture(store, {}, 0).state()
    for other, word in ((Mixture(store, {}, 1), "another seed"), (Mixture(store, {"source0": 2}, 0), "other weights"),
                        (Mixture(write_sequences(sequences([700, 250, 90, 1]), tmp_path / "t", "else"), {}, 0), "another corpus")):
        with pytest.raises(InputError, match=word):
            other.restore(state)


def test_weights_that_make_no_sense_are_refused(store):
    for weights, word in (({"sourse0": 1}, "Did you mean 'source0'"), ({"source0": -1}, "at least 0"), ({"source0": float("nan")}, "nan"),
                          (dict.fromkeys(store.sources, 0), "no source with a weight above 0")):
        with pytest.raises(InputError, match=word):
            Mixture(store, weights)
    assert set(named(stream(Mixture(store, {"source0": 0, "source1": 0, "source3": 0}), 5, 900))) <= {(2, n) for n in range(90)}
    assert sum(shares_of(store).values()) == pytest.approx(1)


def test_a_corpus_that_is_too_small_says_how_many_tokens_are_needed(store):
    have = sum(store.counts.values())
    with pytest.raises(InputError, match=rf"{have:,} tokens.*at least 200,000 tokens \(20 batches of 10,000\)"):
        enough(store, {}, 1000, 10_000, 10**6)
    with pytest.raises(InputError, match=r"at least 160,000 tokens \(one to 50 of 8,000,000 parameters\)"):
        enough(store, {}, 8_000_000, 100, 10**6)
    assert enough(store, {}, 1000, 100, 8 * have) == []
    told, = enough(store, {}, 1000, 100, 12 * have)
    assert "12.0 times" in told and f"{-(-12 * have // 8):,} tokens are needed" in told and f"there are {have:,}" in told
    told, = enough(store, {"source1": 20.0}, 1000, 100, 3 * have)
    epochs = 20 * 3 * have / (have + 19 * store.counts["source1"])
    assert epochs > 8 and f"read source1 {epochs:.1f} times;" in told
    with pytest.raises(InputError, match=f"{store.counts['source3']:,} tokens"):
        enough(store, {"source0": 0, "source1": 0, "source2": 0}, 1000, 100, 100)
