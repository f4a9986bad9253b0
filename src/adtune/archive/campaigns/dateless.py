"""Columns that are called as dates are and hold none: `tag` with the labels of a shop, `time` with the hours, `period` with words."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow.compute as pc

from .days import spans
from .header import Layout, layout_of
from .numbers import NOTHING
from .tables import Raw
from .words import FIELD_OF

FIRST = 1000   # cells that mostly tell
# what was meant as a day though it cannot be read: `31.02.2024`, `2024-13-45`, `3/4/24`
_MEANT = re.compile(r"(?!\d+[.,]\d+$)(?:\d{1,4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,4}.*|\D*\d{1,2}\D{1,12}\d{4}|"
                    r"\d{4}\D{1,12}\d{1,2}\D*)")
_CALENDAR = re.compile(r"month|mona|mois|mes$|week|woche|sema", re.IGNORECASE)
_QUARTER = re.compile(r"\D?q[1-4]\D.*|.*\Wq[1-4]", re.IGNORECASE)


def layout_by_cells(raw: Raw, mapping: Mapping[str, str], file: str) -> tuple[Layout, list[str]]:
    """(the layout by names, mended where a column that is called as dates are has no day in any cell; what to tell). A mapped date is what
    it is told to be."""
    dayless: set[int] = set()
    while True:
        found = layout_of(raw.header, mapping, raw.preamble, file, dayless)
        at = found.fields.get("date")
        if at is None or "date" in mapping or _has_days(raw, at):
            break
        dayless.add(at)
    more = {at for at in _others(found) if not _has_days(raw, at)} - dayless
    if more:
        found = layout_of(raw.header, mapping, raw.preamble, file, dayless | more)
    return found, [f"{file}: no cell of {found.names[at].text} is a day: it is an input, not the date (--map date=COLUMN names another)"
                   for at in sorted(dayless | more)]


def _others(found: Layout) -> list[int]:
    """Columns that are called as dates are beside the one that is the date, and that are no part of a calendar, which the date says."""
    used = {*found.fields.values(), *(at for _, at in found.audience)}
    kinds = {at: FIELD_OF.get(name.key) or FIELD_OF.get(name.base_key) for at, name in enumerate(found.names) if at not in used}
    return [at for at, kind in kinds.items() if kind and kind[0] == "date" and not _CALENDAR.search(found.names[at].key)]


def _has_days(raw: Raw, at: int) -> bool:
    """Whether a cell is a day, or was meant as one; a look at the first ones saves reading all of them."""
    column = raw.cells[at]
    for part in (column.slice(0, FIRST), column):
        words = [word for word in pc.unique(pc.utf8_trim_whitespace(part)).to_pylist() if word and word not in NOTHING]
        read = spans(words)
        if any(isinstance(one, tuple) or (_MEANT.fullmatch(word) and not _QUARTER.fullmatch(word)) for word, one in read.items()):
            return True
    return not raw.rows
