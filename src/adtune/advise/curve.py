"""How many pieces are enough: a power law through the losses after training on more and more pieces.

    L(n) = c + a n^-b,    a, c >= 0,  EXPONENTS[0] <= b <= EXPONENTS[-1]

n = pieces trained on, L = nats per token of the same held-out pieces after the same number of steps, c = what no number of pieces takes
away (Hestness et al. 2017, arXiv 1712.00409; Viering and Loog 2021, arXiv 2103.10948, on which forms fit learning curves). For each b
on a grid a and c are the non-negative least squares solution. What 100 more pieces bring is L(n) - L(n + 100); enough is the least n from
which that is under a share `worth` of L(n).

Intervals (95 %) are percentiles over resamples: held-out pieces drawn anew, the same at every size, and at every size one of its draws of
training pieces, the same draw at each, since draws are nested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from ..records import Interval

EXPONENTS = np.linspace(0.05, 2.0, 40)
MORE = 100            # further pieces that are asked about
BEYOND = 10           # times the largest size measured, up to which the curve is followed
RESAMPLES = 300
FEWEST_SIZES = 4      # a curve of three parameters leaves nothing to judge it by under four points
RULE_OF_THUMB = (200, 500)   # pieces for a voice, as the field has it


@dataclass(frozen=True)
class Cell:
    """One run: pieces trained on, the number of the draw, nats and target tokens of each held-out piece at the run's best state."""

    pieces: int
    draw: int
    nats: tuple[float, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Power:
    """The parameters of L(n) = c + a n^-b."""

    a: float
    b: float
    c: float

    def loss(self, pieces: float) -> float:
        return self.c + self.a * pieces ** -self.b

    def gain(self, pieces: float) -> float:
        """Nats per token that MORE further pieces take off."""
        return self.loss(pieces) - self.loss(pieces + MORE)

    def enough(self, worth: float, least: int, most: int) -> int | None:
        """The least number of pieces in [least, most] from which MORE take off under a share `worth` of the loss; None where none is."""
        def over(pieces: int) -> bool:
            return self.gain(pieces) >= worth * self.loss(pieces)

        if over(most):
            return None
        low, high = least - 1, most    # enough at high; not enough at low, or low is out of reach
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if over(middle) else (low, middle)
        return high


@dataclass(frozen=True)
class Learned:
    """What a learning curve says. `points` are (pieces, loss); `needed` has no value where the curve is not followed so far; `gain` is what
    MORE pieces bring at the largest size, nats per token; `share` the same as a share of the loss there."""

    points: tuple[tuple[int, Interval], ...]
    power: Power
    needed: Interval
    gain: Interval
    share: Interval


def fit(pieces: Sequence[float], losses: Sequence[float]) -> Power:
    """The power law through the points, of all exponents the one with the least squares; of equal ones the lowest."""
    counts, seen = np.asarray(pieces, dtype=float), np.asarray(losses, dtype=float)
    best, found = np.inf, Power(0.0, float(EXPONENTS[0]), float(seen.mean()))
    for exponent in EXPONENTS:
        (a, c), left = nnls(np.stack([counts ** -exponent, np.ones(len(counts))], axis=1), seen)
        if left < best - 1e-12:
            best, found = left, Power(float(a), float(exponent), float(c))
    return found


def learn(cells: Sequence[Cell], worth: float, seed: int = 0) -> Learned:
    """The curve through all cells. Raises ValueError for fewer than FEWEST_SIZES sizes and for cells of other held-out pieces."""
    sizes = sorted({cell.pieces for cell in cells})
    tokens = np.asarray(cells[0].tokens, dtype=float)
    if len(sizes) < FEWEST_SIZES or any(cell.tokens != cells[0].tokens for cell in cells):
        raise ValueError(f"cells of {len(sizes)} sizes, or of different held-out pieces")
    nats = {(cell.pieces, cell.draw): np.asarray(cell.nats) for cell in cells}
    draws = {size: sorted(draw for pieces, draw in nats if pieces == size) for size in sizes}

    def losses(weights: np.ndarray, taken: Mapping[int, Sequence[int]]) -> list[float]:
        return [float(np.mean([nats[size, draw] @ weights for draw in taken[size]]) / (tokens @ weights)) for size in sizes]

    least, most = sizes[0], BEYOND * sizes[-1]
    power = fit(sizes, losses(np.ones(len(tokens)), draws))
    chance, resampled, powers = np.random.default_rng(seed), [], []
    for _ in range(RESAMPLES):
        weights = np.bincount(chance.integers(0, len(tokens), len(tokens)), minlength=len(tokens)).astype(float)
        number = int(chance.integers(0, 1 << 30))
        resampled.append(losses(weights, {size: [draws[size][number % len(draws[size])]] for size in sizes}))
        powers.append(fit(sizes, resampled[-1]))
    means = losses(np.ones(len(tokens)), draws)
    points = tuple((size, _interval(means[place], [row[place] for row in resampled])) for place, size in enumerate(sizes))
    needed = [most + 1 if (one := each.enough(worth, least, most)) is None else one for each in [power, *powers]]
    ends = _interval(needed[0], needed)
    # an end beyond what the curve is followed to is no figure, and an interval without an end is none
    told = Interval(None if needed[0] > most else ends.value, *((ends.low, ends.high) if ends.high <= most else (None, None)))
    return Learned(points, power, told, _interval(power.gain(sizes[-1]), [one.gain(sizes[-1]) for one in powers]),
                   _interval(power.gain(sizes[-1]) / power.loss(sizes[-1]), [one.gain(sizes[-1]) / one.loss(sizes[-1]) for one in powers]))


def _interval(value: float, values: Sequence[float]) -> Interval:
    low, high = np.quantile(np.asarray(values, dtype=float), [0.025, 0.975])
    return Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))


def sizes_of(pieces: int, first: int = 50, least: int = 12) -> list[int]:
    """50, 100, 200, ... and all of the pieces; smaller ones first where that gives too few sizes. Empty where even these are too few."""
    while True:
        sizes = [first << step for step in range(20) if (first << step) <= 0.8 * pieces]
        if len(sizes) + 1 >= FEWEST_SIZES:
            return [*sizes, pieces]
        first //= 2
        if first < least:
            return []
