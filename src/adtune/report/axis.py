"""A linear axis: where a value stands on the picture, and which round numbers to write beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    @staticmethod
    def over(values: Iterable[float], start: float, end: float, margin: float = 0.06) -> Axis:
        """An axis that holds all `values` with a margin (share of their range) on both sides."""
        values = list(values)
        low, high = min(values), max(values)
        room = (high - low) * margin or abs(high) * 0.1 or 1.0
        return Axis(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """The pixel of `value`, to a tenth."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values (1, 2, 2.5 or 5 times a power of ten apart) inside the axis."""
        rough = (self.high - self.low) / about
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next((factor for factor in (1, 2, 2.5, 5) if factor * power >= rough), 10)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def tick_text(value: float, ticks: list[float]) -> str:
    """`value` with as many decimals as the distance of the ticks needs."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(value)
    if step == 0 or step < 1e-4 or max(map(abs, ticks)) >= 1e7:
        return f"{value:.3g}"
    decimals = next((d for d in range(6) if abs(round(step, d) - step) < step * 1e-6), 6)
    return f"{value:,.{decimals}f}" if value else "0"
