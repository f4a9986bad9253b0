"""The validation peak: which evaluation is best, and when to stop looking.

The best evaluation is the arg-min of all validation losses, step 0 included. The noise floor only decides when to stop:
it is the standard error of the paired difference between the current and the best evaluation, by a bootstrap over the
validation pieces (each resample takes whole pieces).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..records import Stopped

Measured = Sequence[tuple[float, int]]  # (nats, target tokens) of each validation piece


def mean_loss(measured: Measured) -> float:
    """Nats per target token."""
    return sum(n for n, _ in measured) / max(sum(t for _, t in measured), 1)


def paired_noise(current: Measured, best: Measured, draws: int = 200, seed: int = 0) -> float:
    """Standard error, in nats per token, of the difference between two evaluations of the same pieces."""
    tokens = np.array([t for _, t in current], dtype=float)
    difference = np.array([c[0] - b[0] for c, b in zip(current, best, strict=True)])
    if len(tokens) < 2:
        return 0.0
    picks = np.random.default_rng(seed).integers(0, len(tokens), (draws, len(tokens)))
    return float(np.std(difference[picks].sum(1) / tokens[picks].sum(1), ddof=1))


@dataclass
class Peak:
    """Follows the evaluations of one run. `patience` counts evaluations without progress beyond the noise.

    Progress is measured against the last evaluation that was progress, so that many small steps add up.
    """

    patience: int
    losses: list[float] = field(default_factory=list)
    best_index: int = 0
    best_measured: list[tuple[float, int]] = field(default_factory=list)
    reference: list[tuple[float, int]] = field(default_factory=list)
    waited: int = 0
    noise: float = 0.0

    def add(self, measured: Measured) -> bool:
        """Take one evaluation; True when it is the best so far."""
        loss = mean_loss(measured)
        self.losses.append(loss)
        if len(self.losses) == 1:
            self.best_measured, self.reference = list(measured), list(measured)
            return True
        if mean_loss(self.reference) - loss > paired_noise(measured, self.reference):
            self.waited, self.reference = 0, list(measured)
        else:
            self.waited += 1
        self.noise = paired_noise(measured, self.best_measured)
        if loss < self.losses[self.best_index]:
            self.best_index, self.best_measured = len(self.losses) - 1, list(measured)
            return True
        return False

    def stop(self) -> Stopped | None:
        """Why to stop now, or None to go on."""
        if self.waited < self.patience:
            return None
        rose = self.losses[-1] - self.losses[self.best_index] > self.noise
        return Stopped.PEAK if rose else Stopped.NO_IMPROVEMENT
