"""Rows made one batch ahead are the rows of their source, and so are the states, whatever shapes are asked for."""

import pytest
import torch
from test_mixture import sequences

from adtune.pretrain.ahead import Ahead
from adtune.pretrain.mixture import Mixture
from adtune.pretrain.store import write_sequences
from adtune.pretrain.whole_rows import WholeRows

ASKED = [(3, 40), (3, 40), (2, 70), (3, 40), (3, 40), (3, 40)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_sequences(sequences([200, 60, 9], longest=30), tmp_path_factory.mktemp("ahead") / "tokens", "one")


@pytest.mark.parametrize("kind", [Mixture, WholeRows])
def test_rows_and_states_are_those_of_the_source(kind, store):
    plain, ahead = kind(store, seed=1), Ahead(kind(store, seed=1))
    for shape in ASKED:
        for mine, theirs in zip(ahead.rows(*shape), plain.rows(*shape), strict=True):
            assert torch.equal(mine, theirs)
        assert ahead.state() == plain.state()
    assert (ahead.drawn, ahead.epochs) == (plain.drawn, plain.epochs)
    assert torch.equal(ahead.rows(1, 40)[0], plain.rows(1, 40)[0])  # being looked at moves nothing


def test_it_goes_on_from_a_state(store):
    ahead, other = Ahead(Mixture(store, seed=1)), Ahead(Mixture(store, seed=1))
    ahead.rows(3, 40)
    state = ahead.state()
    expected = [ahead.rows(3, 40)[0] for _ in range(3)]
    other.rows(5, 20)
    other.restore(state)
    assert other.state() == state and all(torch.equal(other.rows(3, 40)[0], rows) for rows in expected)
