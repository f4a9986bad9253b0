"""Limits that a client sets on any figure of the answer: "measures.claims.share.tuned <= 0.1; on_brand.axes.tone.tuned >= 0.5".

A figure is named by its way through the answer of `evaluate --json`, parts with points between. Each limit is a gate under that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SettingError, did_you_mean

_LIMIT = re.compile(r"\s*([^<>=]+?)\s*(<=|>=)\s*([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*", re.I)


@dataclass(frozen=True)
class Limit:
    """A figure by its path, and the value that it may not pass: at most, or at least."""

    path: str
    at_most: bool
    value: float

    def holds(self, found: float) -> bool:
        return found <= self.value if self.at_most else found >= self.value

    @property
    def told(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.value:g} asked for"


def read_limits(text: str) -> tuple[Limit, ...]:
    """The limits of the setting, parted by semicolons. Raises SettingError for one that is none or is there twice."""
    limits = []
    for part in text.split(";"):
        if not part.strip():
            continue
        found = _LIMIT.fullmatch(part)
        if not found:
            raise SettingError("--set limits", f"'{part.strip()}'", "FIGURE <= NUMBER or FIGURE >= NUMBER, with ; between",
                               "Write for example --set limits='measures.claims.share.tuned <= 0.1'.")
        limits.append(Limit(found.group(1), found.group(2) == "<=", float(found.group(3))))
    paths = [limit.path for limit in limits]
    for path in paths:
        if paths.count(path) > 1:
            raise SettingError("--set limits", f"{path} twice", "one limit a figure", "Keep one of them.")
    return tuple(limits)


def check_limits(limits: Sequence[Limit], nothing: Mapping[str, Any]) -> None:
    """Refuse limits on what is no figure before anything is measured; `nothing` is the answer of an evaluation of nothing, whose empty
    parts (kinds of text, rules, conventions) hold names that only the pieces decide. Raises SettingError that names the nearest figure."""
    for limit in limits:
        value: Any = nothing
        for part in limit.path.split("."):
            if isinstance(value, Mapping) and part in value:
                value = value[part]
            elif value == {}:
                break
            else:
                value = _NOTHING
                break
        if value is _NOTHING or value not in (None, {}) and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise SettingError("--set limits", f"the figure '{limit.path}'", "a figure of the answer of evaluate --json",
                               did_you_mean(limit.path, list(_paths(nothing))))


def figure_at(result: Mapping[str, Any], path: str) -> float | None:
    """The figure there, None where it was not measured or no piece decided its name."""
    value: Any = result
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


_NOTHING = object()


def _paths(row: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{before}{name}.")
        elif value is None or isinstance(value, int | float):
            yield f"{before}{name}"
