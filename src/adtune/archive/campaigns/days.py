"""The days of a file: one order of day and month for the whole column, weeks and months as spans; what could be two days is never
guessed."""

from __future__ import annotations

import calendar
import contextlib
import re
from collections.abc import Iterable
from datetime import date, timedelta

from .. import dates
from ..months import MONTHS

_TWO = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:[T ,].*)?")
_SHORT = re.compile(r"(\d{1,2})[- ]([^\W\d_]{3,9})\.?[-, ]+(\d{2})")
_WEEK = re.compile(r"(\d{4})[-_ ]?(?:w|kw|week )(\d{1,2})", re.IGNORECASE)
_YEAR_WEEK = re.compile(r"week (\d{1,2}),? (\d{4})", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})[-/.](\d{1,2})|(\d{1,2})[-/.](\d{4})")
_MONTH_WORD = re.compile(r"([^\W\d_]{3,12})\.?[ -](\d{4})|(\d{4})[ -]([^\W\d_]{3,12})\.?")
_RANGE = re.compile(r"(.{6,}?)\s*(?: [-–—] | to | bis | au | al |–|—|~|\s-\s)\s*(.{6,})")
LEAD = 3.0   # times as many days next to each other, from which an order of day and month is the file's

Span = tuple[date, int]   # first day, number of days


def spans(cells: Iterable[str], american: bool = False, usual: str | None = None) -> dict[str, Span | str]:
    """For each spelling its span of days, or why it has none. `american` where the platform always writes the month first; `usual` is the
    order of the client's other files."""
    cells = list(dict.fromkeys(cells))
    first = "month" if american else order_of(cells, usual)
    return {cell: _span(cell.strip(), first) for cell in cells}


def decided_by(cells: Iterable[str], usual: str) -> tuple[str, date] | None:
    """A cell that is the day it is read as because of the `usual` order alone, with that day; None where the cells tell it themselves."""
    cells = list(dict.fromkeys(cells))
    ways = [spans(cells, usual=order) for order in (usual, "month" if usual == "day" else "day")]
    return next(((cell, span[0]) for cell, span in ways[0].items() if isinstance(span, tuple) and span != ways[1][cell]), None)


def order_of(cells: Iterable[str], usual: str | None = None) -> str | None:
    """Which part of `03/04/2024` comes first in this column: `day`, `month`, or None where nothing tells. Only a day beyond the 12th and a
    point say more than the `usual` order: the first days of three months would be neighbours, were the month first."""
    cells = list(cells)
    found = [(int(match[1]), int(match[3]), int(match[4])) for cell in cells if (match := _TWO.fullmatch(cell.strip()))]
    if any("." in cell for cell in cells if _TWO.fullmatch(cell.strip())):
        return "day"
    day_first, month_first = any(a > 12 for a, _, _ in found), any(b > 12 for _, b, _ in found)
    if day_first != month_first:
        return "day" if day_first else "month"
    if day_first or not found:
        return None
    if usual:
        return usual
    dense = {order: _neighbours(found, order) for order in ("day", "month")}
    best, other = sorted(dense, key=dense.get, reverse=True)  # type: ignore[arg-type]
    return best if dense[best] >= 3 and dense[best] >= LEAD * dense[other] else None


def _neighbours(found: list[tuple[int, int, int]], order: str) -> int:
    """How many days have the next day beside them, were this the order."""
    days = set()
    for a, b, year in found:
        with contextlib.suppress(ValueError):   # no such day in this order
            days.add(date(_year(year), b if order == "day" else a, a if order == "day" else b))
    return sum(day < date.max and day + timedelta(1) in days for day in days)


def _span(text: str, first: str | None) -> Span | str:
    try:
        return _day(text, first), 1
    except ValueError as error:
        reason = str(error)
    try:
        longer = _longer(text, first)
    except ValueError as error:
        return str(error)
    return longer or reason


def _day(text: str, first: str | None) -> date:
    two = _TWO.fullmatch(text)
    if two and (first or len(two[4]) == 2):
        if first is None:
            raise ValueError(f"'{text[:40]}' could be two days; write it as 2024-05-31")
        day, month = (two[1], two[3]) if first == "day" else (two[3], two[1])
        return _made(text, _year(int(two[4])), int(month), int(day))
    short = _SHORT.fullmatch(text)
    if short and short[2].casefold() in MONTHS:
        return _made(text, _year(int(short[3])), MONTHS[short[2].casefold()], int(short[1]))
    if text.isdigit():
        return date.fromisoformat(dates.iso_day(int(text)))
    return date.fromisoformat(dates.iso_day(text))


def _longer(text: str, first: str | None) -> Span | None:
    """A week, a month, or a range of days."""
    week = _WEEK.fullmatch(text) or _YEAR_WEEK.fullmatch(text)
    if week:
        year, number = (week[1], week[2]) if week.re is _WEEK else (week[2], week[1])
        return date.fromisocalendar(int(year), int(number), 1), 7
    month = _MONTH.fullmatch(text)
    if month:
        return _month(text, int(month[1] or month[4]), int(month[2] or month[3]))
    word = _MONTH_WORD.fullmatch(text)
    if word and (word[1] or word[4]).casefold() in MONTHS:
        return _month(text, int(word[2] or word[3]), MONTHS[(word[1] or word[4]).casefold()])
    both = _RANGE.fullmatch(text)
    if both:
        start, end = _day(both[1].strip(), first), _day(both[2].strip(), first)
        return start, (end - start).days + 1
    return None


def _month(text: str, year: int, month: int) -> Span:
    return _made(text, year, month, 1), calendar.monthrange(year, month)[1]


def _made(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"'{text[:40]}' is a day that does not exist") from None


def _year(year: int) -> int:
    return year + 2000 if year < 100 else year
