"""Rows of whole sequences: each is whole with its end once an epoch, little is read twice, and a resumed stream is the same."""

from __future__ import annotations

import json
import random

import pytest

from adtune.errors import InputError
from adtune.pretrain.store import write_sequences
from adtune.pretrain.whole_rows import WAITING, WholeRows

WIDTH = 64


def store_of(folder, lengths, fingerprint="x"):
    """Sequences that begin with 0 and go on with their own number, so that each can be found in a row."""
    return write_sequences([("ab"[n % 2], [0, *[n + 1] * (length - 1)]) for n, length in enumerate(lengths)], folder, fingerprint)


@pytest.fixture
def lengths():
    rng = random.Random(5)
    return [rng.randint(2, WIDTH) for _ in range(150)] + [WIDTH, WIDTH, 2, 3]


def parts_of(ids, documents):
    """The stretches of one row."""
    parts = []
    for token, number in zip(ids.tolist(), documents.tolist(), strict=True):
        parts.extend([[]] * (number >= len(parts)))
        parts[number] = [*parts[number], token]
    return parts


def test_a_row_holds_whole_sequences_with_their_ends_and_one_beginning(tmp_path, lengths):
    one = WholeRows(store_of(tmp_path / "s", lengths), seed=3)
    ids, documents = one.rows(40, WIDTH)
    assert ids.shape == documents.shape == (40, WIDTH + 1) and str(ids.dtype) == "torch.int64" and str(documents.dtype) == "torch.int32"
    for row, numbers in zip(ids, documents, strict=True):
        parts = parts_of(row, numbers)
        for part in parts:
            assert part[0] == 0 and len(set(part[1:])) <= 1
        for part in parts[:-1]:  # what follows it opens with the end of text, its last target
            assert len(part) == lengths[part[1] - 1]
        assert len(parts) >= 2 and sum(map(len, parts)) == WIDTH + 1


def test_each_sequence_is_whole_once_an_epoch_and_little_is_read_twice(tmp_path, lengths):
    one = WholeRows(store_of(tmp_path / "s", lengths), {"a": 1.0, "b": 1.0}, seed=1)
    seen, rows = {}, 0
    while min(one.epochs.values()) < 3:
        (row,), (numbers,) = one.rows(1, WIDTH)
        rows += 1
        for part in parts_of(row, numbers)[:-1]:
            seen[part[1]] = seen.get(part[1], 0) + 1
    assert set(seen) == set(range(1, len(lengths) + 1)) and all(2 <= count <= 4 for count in seen.values())
    assert one.repeated < 0.06 * rows * WIDTH and len(one._waiting) <= WAITING


def test_a_window_that_goes_on_fills_a_row_alone_and_no_end_follows_it(tmp_path):
    lengths = [WIDTH + 1] * 4 + [WIDTH] * 4 + [10] * 40
    one = WholeRows(store_of(tmp_path / "s", lengths), {"a": 1.0, "b": 1.0})
    alone = 0
    for row, numbers in zip(*one.rows(60, WIDTH), strict=True):
        parts = parts_of(row, numbers)
        alone += len(parts) == 1
        assert len(parts) > 1 or (parts[0][1] <= 4 and row[-1] != 0)
        assert all(part[1] > 4 for part in parts[:-1])  # with another behind it, it would seem to end
    assert alone >= 4


def test_a_resumed_stream_is_the_same(tmp_path, lengths):
    store = store_of(tmp_path / "s", lengths)
    for before in (0, 1, 7, 90):
        one, other = WholeRows(store, seed=2), WholeRows(store, seed=2)
        if before:
            one.rows(before, WIDTH)
        other.restore(json.loads(json.dumps(one.state())))
        for _ in range(3):
            assert all((a == b).all() for a, b in zip(one.rows(5, WIDTH), other.rows(5, WIDTH), strict=True))
        assert one.state() == other.state()
    with pytest.raises(InputError, match="seed"):
        WholeRows(store, seed=4).restore(one.state())


def test_a_sequence_longer_than_the_rows_is_refused(tmp_path):
    one = WholeRows(store_of(tmp_path / "s", [40, WIDTH + 2] * 3))
    with pytest.raises(InputError, match="rows of 66 tokens"):
        one.rows(20, WIDTH)


def test_a_store_of_one_sequence(tmp_path):
    ids, documents = WholeRows(store_of(tmp_path / "s", [5])).rows(2, 12)
    assert ids.tolist() == [[0, 1, 1, 1, 1] * 2 + [0, 1, 1]] * 2 and documents.tolist() == [[0] * 5 + [1] * 5 + [2] * 3] * 2
