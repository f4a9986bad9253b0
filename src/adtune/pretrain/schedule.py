"""The trapezoid: warm-up, constant, linear cool-down. By the clock until the cool-down starts, by steps from then on.

A run may be given minutes or steps. With minutes, the step at which the cool-down starts is decided when the clock says so, and how
many steps it has follows from those before it; both are kept in the checkpoints, so that a resumed run takes the same steps. The
constant part is kept as well: a longer run goes on from there (Hägele et al. 2024, arXiv 2405.18392).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..settings import PretrainSettings


@dataclass
class Trapezoid:
    """Learning-rate factor of every step; `cool_from` and `total` are None until they are decided."""

    settings: PretrainSettings
    cool_from: int | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        if self.settings.steps is not None and self.total is None:
            self.total = self.settings.steps
            self.cool_from = self.total - round(self.total * self.settings.cool_down_share)

    def look(self, step: int, seconds: float) -> None:
        """Start the cool-down at `step` where the time for the constant part is used up."""
        share = self.settings.cool_down_share
        if self.cool_from is None and seconds >= 60 * self.settings.minutes * (1 - share):
            self.cool_from, self.total = step, max(step + 1, round(step / (1 - share))) if share < 1 else step + 1

    def factor(self, step: int) -> float:
        """Of the learning rate at `step`, counted from 0: never 0, so that the last step moves something."""
        warm = min(1.0, (step + 1) / max(1, self.settings.warmup_steps))
        if self.cool_from is None or self.total is None or step < self.cool_from:
            return warm
        return warm * max(0.0, (self.total - step) / (self.total - self.cool_from + 1))

    def on_briefs(self, step: int) -> bool:
        """Whether `step` belongs to the last stage."""
        return self.total is not None and step >= self.total - round(self.total * self.settings.brief_share)

    def done(self, step: int) -> bool:
        return self.total is not None and step >= self.total

    def share(self, step: int, seconds: float) -> float:
        """Of the run that is behind it, for a progress bar."""
        if self.total is not None:
            return min(1.0, step / max(1, self.total))
        return min(1 - self.settings.cool_down_share, seconds / (60 * self.settings.minutes))

    def state(self) -> dict[str, Any]:
        return {"cool_from": self.cool_from, "total": self.total}
