"""What a day is to a shop: its place in the week and the year, and the events of its country.

Days are ordinals (`date.toordinal()`), 0 where a row has no date. D = days of the table, E = number of EVENTS, Y = yearly columns.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

FIRST, LAST = date(2000, 1, 1).toordinal(), date(2049, 12, 31).toordinal()
EVENTS = ("christmas", "black_friday", "valentine", "easter", "mothers_day", "summer_sale", "back_to_school", "public_holiday")
YEARLY = 8  # sine and cosine of one to four waves a year
COLUMNS = YEARLY + 7 + len(EVENTS) + 1
# Fixed public holidays (month, day); the ones that move with Easter stand in _moving. Countries not named have January 1 and December 25.
FIXED = {
    "US": ((1, 1), (7, 4), (11, 11), (12, 25)), "GB": ((1, 1), (12, 25), (12, 26)), "DE": ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
    "FR": ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)),
    "ES": ((1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (12, 25)),
    "IT": ((1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 25)), "NL": ((1, 1), (4, 27), (12, 25), (12, 26)),
    "CA": ((1, 1), (7, 1), (12, 25), (12, 26)), "AU": ((1, 1), (1, 26), (4, 25), (12, 25), (12, 26)),
    "AT": ((1, 1), (5, 1), (8, 15), (10, 26), (11, 1), (12, 25), (12, 26)), "CH": ((1, 1), (8, 1), (12, 25), (12, 26)),
    "CN": ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3)), "JP": ((1, 1), (2, 11), (5, 3), (5, 4), (5, 5), (11, 3)),
    "IN": ((1, 26), (8, 15), (10, 2)),
    "ID": ((1, 1), (5, 1), (8, 17), (12, 25)), "BR": ((1, 1), (4, 21), (5, 1), (9, 7), (11, 15), (12, 25)),
}
EASTER_MONDAY = {"GB", "DE", "FR", "IT", "NL", "AU", "AT", "CH"}


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (the anonymous computus, Nature 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    last = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * last) // 451
    month, day = divmod(h + last - 7 * m + 114, 31)
    return date(year, month, day + 1)


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th weekday (Monday 0) of a month."""
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (n - 1))


def mothers_day(year: int, country: str) -> date:
    """The day on which mothers are given presents: the fourth Sunday of Lent in Britain, the second of May elsewhere."""
    if country == "GB":
        return easter(year) - timedelta(21)
    if country == "FR":  # the last Sunday of May, a week later where that is Whitsun
        last = date(year, 5, 31) - timedelta((date(year, 5, 31).weekday() + 1) % 7)
        return last + timedelta(7) if last == easter(year) + timedelta(49) else last
    return nth_weekday(year, 5, 6, 2)


def _spans(year: int, country: str) -> list[tuple[str, date, date]]:
    """(event, first day, last day) of one year; the days before an event count, because that is when people buy."""
    friday = nth_weekday(year, 11, 3, 4) + timedelta(1)
    spring, mothers = easter(year), mothers_day(year, country)
    spans = [("christmas", date(year, 12, 1), date(year, 12, 22)), ("black_friday", friday - timedelta(4), friday + timedelta(3)),
             ("valentine", date(year, 2, 5), date(year, 2, 14)), ("easter", spring - timedelta(10), spring),
             ("mothers_day", mothers - timedelta(9), mothers), ("summer_sale", date(year, 7, 1), date(year, 7, 21)),
             ("back_to_school", date(year, 8, 10), date(year, 9, 5))]
    holidays = [date(year, month, day) for month, day in FIXED.get(country, ((1, 1), (12, 25)))]
    if country in EASTER_MONDAY:
        holidays += [spring + timedelta(1)]
    if country == "US":
        holidays += [friday - timedelta(1), nth_weekday(year, 9, 0, 1)]
    return spans + [("public_holiday", day, day) for day in holidays]


@lru_cache(maxsize=32)
def day_table(country: str = "US") -> np.ndarray:
    """(D + 1, COLUMNS) float32: row 0 is a row without a date, all zero; row `day - FIRST + 1` is that day.

    Columns: YEARLY waves, one of seven weekdays, the EVENTS, and a one for "has a date". The year's angle is that of the day in its own
    year, so that the same date has the same angle every year.
    """
    country = country.upper()
    days = LAST - FIRST + 1
    table = np.zeros((days + 1, COLUMNS), np.float32)
    for n in range(days):
        day = date.fromordinal(FIRST + n)
        angle = 2 * math.pi * (day.timetuple().tm_yday - 0.5) / 365.25
        for wave in range(YEARLY // 2):
            table[n + 1, 2 * wave:2 * wave + 2] = math.sin((wave + 1) * angle), math.cos((wave + 1) * angle)
        table[n + 1, YEARLY + day.weekday()] = 1
    table[1:, -1] = 1
    for year in range(date.fromordinal(FIRST).year, date.fromordinal(LAST).year + 1):
        for name, first, last in _spans(year, country):
            column = YEARLY + 7 + EVENTS.index(name)
            table[first.toordinal() - FIRST + 1:last.toordinal() - FIRST + 2, column] = 1
    return table


def rows_of_days(days: np.ndarray) -> np.ndarray:
    """Row numbers in `day_table` for ordinals; undated and far-off days are row 0."""
    days = np.asarray(days, np.int64)
    return np.where((days < FIRST) | (days > LAST), 0, days - FIRST + 1)
