"""How values appear in a report: escaped, rounded, and never a zero for what was not measured."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence

from ..records import Interval

NOT_MEASURED = "not measured"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def escape(value: object) -> str:
    """`value` as text that HTML shows as it stands.

    Control characters, lone surrogates and text-direction overrides, which an archive may hold, become U+FFFD: a browser would
    drop them, refuse them, or let them reorder the words around them.
    """
    return html.escape(_UNPRINTABLE.sub("\ufffd", str(value)), quote=True)


def number(value: float) -> str:
    """`value` to three significant digits; a whole part longer than that is kept whole (12,346, not 12,300)."""
    if math.isnan(value):
        return NOT_MEASURED
    if math.isinf(value):
        return "unbounded"
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def shown(value: object) -> str:
    """A cell's text, not yet escaped: None and NaN are "not measured", floats are rounded, an Interval shows both ends."""
    if value is None:
        return NOT_MEASURED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Interval):
        return between(value.value, value.low, value.high)
    return str(value)


def between(value: float | None, low: float | None, high: float | None) -> str:
    """`3.12 (3.05 to 3.20)`, or the value alone where no interval was measured."""
    if value is None or low is None or high is None:
        return shown(value)
    return f"{number(value)} ({number(low)} to {number(high)})"


def percent(share: float | None) -> str:
    """A share as a percentage (0.123 reads `12.3 %`, the space unbreakable); "not measured" for None."""
    return NOT_MEASURED if share is None else f"{round(100 * share, 1):g}\u00a0%"


def percents(share: float | None, ends: Sequence[float] | None) -> str:
    """`12.3 % (8 % to 15.2 %)`, or the share alone where no interval was measured."""
    return percent(share) if share is None or ends is None else f"{percent(share)} ({percent(ends[0])} to {percent(ends[1])})"
