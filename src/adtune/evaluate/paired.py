"""Figures of several arms over the same briefs as one flat row: each with its interval, and the difference of two arms, paired.

    {base, base_interval, prompted, prompted_interval, tuned, tuned_interval, tuned_less_prompted, tuned_less_prompted_interval}

An arm that was not measured is null, and so is a difference without both of its arms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..records import Interval
from ..stats import mean_interval, paired_difference, paired_rate_difference, rate_interval, ratio_interval
from .arms import PROMPTED, TUNED

PAIR = (TUNED, PROMPTED)


def rates(flags: Mapping[str, Sequence[bool]], names: Sequence[str], seed: int, pair: tuple[str, str] | None = PAIR) -> dict[str, Any]:
    """Shares of texts, with Wilson's intervals; without a pair no difference."""
    return _row({name: rate_interval(sum(some), len(some)) for name, some in flags.items()}, names,
                _difference(flags, pair, paired_rate_difference), pair)


def means(values: Mapping[str, Sequence[float]], names: Sequence[str], seed: int, pair: tuple[str, str] = PAIR) -> dict[str, Any]:
    """Means over texts, with bootstrap intervals."""
    return _row({name: mean_interval(some, seed=seed) for name, some in values.items()}, names,
                _difference(values, pair, lambda a, b: paired_difference(a, b, seed=seed)), pair)


def shares(parts: Mapping[str, Sequence[tuple[float, float]]], names: Sequence[str], seed: int) -> dict[str, Any]:
    """sum(part) / sum(whole) of (part, whole) of each text, resampled by text. Two arms count over different wholes: no difference."""
    found = {}
    for name, some in parts.items():
        found[name] = ratio_interval([part for part, _ in some], [whole for _, whole in some], seed=seed) if some else Interval(None)
    return _row(found, names)


def _difference(values: Mapping[str, Sequence[Any]], pair: tuple[str, str] | None,
                compare: Callable[[Any, Any], Interval]) -> Interval | None:
    if pair is None:
        return None
    first, second = (values.get(name) for name in pair)
    return compare(first, second) if first and second else Interval(None)


def _row(found: Mapping[str, Interval], names: Sequence[str], less: Interval | None = None,
         pair: tuple[str, str] | None = PAIR) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in names:
        one = found.get(name, Interval(None))
        row |= {name: one.value, f"{name}_interval": one.as_list()}
    if less is not None and pair is not None:
        row |= {f"{pair[0]}_less_{pair[1]}": less.value, f"{pair[0]}_less_{pair[1]}_interval": less.as_list()}
    return row
