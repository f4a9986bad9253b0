"""Dates as archives write them, as ISO 8601 days. What could be two days is not a date: it is never guessed."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime

from .months import MONTHS

_TIME = r"(?:[T ,]+(?:(?:at|um|à|a las|às|alle|ore|om|kl\.?|klo|godz\.|в) )?\d{1,2}[:.h]\d{2}.*)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])\s?(\d{{1,2}})\2\s?(\d{{1,2}})\.?{_TIME}")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{4,6}Z?)?")
_DOTTED = re.compile(rf"(\d{{1,2}})\.\s?(\d{{1,2}})\.\s?(\d{{4}}){_TIME}")
_SLASHED = re.compile(rf"(\d{{1,2}})([/-])(\d{{1,2}})\2(\d{{4}}){_TIME}")
_WORD = r"[^\W\d_]"
_DAY_NAME = rf"(?:{_WORD}{{2,14}}(?:-feira)?\.?,?\s+(?:den\s+|de\s+|le\s+)?)?"
_DAY_MONTH = re.compile(rf"{_DAY_NAME}(\d{{1,2}})(?:st|nd|rd|th|er|º|ª|°)?[\s.-]+(?:(?:of|de|di|del|d[’'])\s*)?({_WORD}{{3,13}})\.?"
                        rf"[\s,-]+(?:de\s+|del\s+)?(\d{{4}})(?:\s?г\.?)?{_TIME}")
_MONTH_DAY = re.compile(rf"{_DAY_NAME}({_WORD}{{3,13}})\.?[\s-]+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}}){_TIME}")
_YEAR_MONTH = re.compile(rf"(\d{{4}})\.?\s+({_WORD}{{3,13}})\s+(\d{{1,2}})\.?{_TIME}")     # Hungarian
_EAST_ASIAN = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일](?:.*\d{1,2}[:時시].*)?")


def iso_day(value: str | int | float) -> str:
    """The day as `YYYY-MM-DD`; numbers are YYYYMMDD or seconds (milliseconds) since 1970 in UTC.

    A time of day is dropped. Raises ValueError with the reason: unknown form, impossible day, or two possible days.
    """
    if isinstance(value, (int, float)):
        return _from_number(value)
    text = " ".join(unicodedata.normalize("NFC", value).split())
    if match := _YEAR_FIRST.fullmatch(text):
        return _day(text, match[1], match[3], match[4])
    if match := _COMPACT.fullmatch(text):
        return _day(text, *match.groups())
    if match := _DOTTED.fullmatch(text):
        return _day(text, match[3], match[2], match[1])
    if match := _SLASHED.fullmatch(text):
        return _either_way(text, match[1], match[3], match[4])
    if match := _DAY_MONTH.fullmatch(text):
        return _day(text, match[3], _month(text, match[2]), match[1])
    if match := _MONTH_DAY.fullmatch(text):
        return _day(text, match[3], _month(text, match[1]), match[2])
    if match := _YEAR_MONTH.fullmatch(text):
        return _day(text, match[1], _month(text, match[2]), match[3])
    if match := _EAST_ASIAN.fullmatch(text):
        return _day(text, *match.groups())
    raise ValueError(f"'{text[:40]}' is not a date of a known form; write it as 2024-05-31")


def _day(text: str, year: str, month: str | int, day: str) -> str:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise ValueError(f"'{text[:40]}' is a day that does not exist") from None


def _month(text: str, name: str) -> int:
    if name.casefold() not in MONTHS:
        raise ValueError(f"'{text[:40]}' names no month that is known; write it as 2024-05-31")
    return MONTHS[name.casefold()]


def _either_way(text: str, first: str, second: str, year: str) -> str:
    """Day/month or month/day, where only one of them is possible."""
    if int(first) <= 12 and int(second) <= 12 and int(first) != int(second):
        raise ValueError(f"'{text[:40]}' could be two days; write it as 2024-05-31")
    return _day(text, year, first, second) if int(second) > 12 else _day(text, year, second, first)


def _from_number(value: int | float) -> str:
    if isinstance(value, int) and 19_000_101 <= value <= 21_001_231:
        return _day(str(value), *_COMPACT.fullmatch(str(value)).groups())  # type: ignore[union-attr]
    seconds = value / 1000 if value > 1e11 else value
    if not 1e8 <= seconds <= 4.2e9:
        raise ValueError(f"{str(value)[:40]} is not a date; write it as 2024-05-31")
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
