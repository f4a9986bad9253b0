"""The learning curve's fit: it finds the law that made the losses, says what more pieces bring, and leaves open what it can't tell."""

from __future__ import annotations

import numpy as np
import pytest

from adtune.advise.curve import BEYOND, Cell, Power, fit, learn, sizes_of

SIZES = (50, 100, 200, 400)


def cells(power: Power, noise: float = 0.02, draws: int = 2, pieces: int = 40) -> list[Cell]:
    """Losses of held-out pieces that follow a law, each piece with a level of its own and each run with some chance."""
    chance = np.random.default_rng(3)
    level, tokens = chance.normal(1.0, 0.1, pieces), tuple(chance.integers(100, 380, pieces).tolist())
    return [Cell(size, draw, tuple(np.asarray(tokens) * power.loss(size) * level * chance.normal(1.0, noise, pieces)), tokens)
            for size in SIZES for draw in range(draws if size < SIZES[-1] else 1)]


def test_the_fit_finds_the_law_that_made_the_losses():
    true = Power(4.0, 0.5, 2.0)
    found = fit(SIZES, [true.loss(size) for size in SIZES])
    assert abs(found.b - 0.5) < 0.03 and abs(found.c - 2.0) < 0.05 and abs(found.loss(800) - true.loss(800)) < 0.01
    flat = fit(SIZES, [2.0, 2.0, 2.0, 2.0])
    assert flat.a == pytest.approx(0.0, abs=1e-9) and flat.c == pytest.approx(2.0)
    rising = fit(SIZES, [2.0, 2.1, 2.2, 2.3])
    assert rising.a == pytest.approx(0.0, abs=1e-9)     # more pieces never look as if they did harm


def test_enough_is_where_more_bring_less_than_they_are_worth():
    power = Power(4.0, 0.5, 2.0)
    enough = power.enough(0.01, 50, 4000)
    assert power.gain(enough) < 0.01 * power.loss(enough) and power.gain(enough - 1) >= 0.01 * power.loss(enough - 1)
    assert power.enough(0.9, 50, 4000) == 50 and Power(400.0, 0.05, 0.0).enough(0.0001, 50, 4000) is None


def test_a_voice_that_is_farther_from_the_base_needs_more_pieces():
    near, far = learn(cells(Power(2.0, 0.5, 2.0)), 0.01), learn(cells(Power(9.0, 0.4, 2.0)), 0.01)
    assert near.needed.value < far.needed.value and near.gain.value < far.gain.value
    for found in (near, far):
        assert found.gain.low <= found.gain.value <= found.gain.high and [size for size, _ in found.points] == list(SIZES)
        assert found.needed.low is None or found.needed.low <= found.needed.value <= found.needed.high <= BEYOND * SIZES[-1]
    assert learn(cells(Power(2.0, 0.5, 2.0)), 0.01) == near


def test_an_interval_without_an_end_is_none():
    steep = learn(cells(Power(30.0, 0.2, 0.0)), 0.0005)
    assert steep.needed.value is None and steep.needed.as_list() is None and steep.gain.value > 0


def test_a_curve_of_few_sizes_or_other_pieces_is_refused():
    some = cells(Power(2.0, 0.5, 2.0))
    with pytest.raises(ValueError, match="3 sizes"):
        learn([cell for cell in some if cell.pieces > 50], 0.01)
    with pytest.raises(ValueError, match="different"):
        learn([*some[:-1], Cell(400, 0, some[-1].nats, (1, *some[-1].tokens[1:]))], 0.01)


def test_sizes_double_up_to_all_pieces():
    assert sizes_of(304) == [50, 100, 200, 304] and sizes_of(1000) == [50, 100, 200, 400, 800, 1000]
    assert sizes_of(240) == [25, 50, 100, 240] or sizes_of(240)[-1] == 240
    assert sizes_of(60) == [12, 24, 48, 60] and sizes_of(40) == []
