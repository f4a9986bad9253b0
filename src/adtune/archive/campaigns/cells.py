"""Columns of strings as words, numbers and days, each spelling read once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from .days import spans
from .header import Layout
from .numbers import NOTHING, Column, decimal_sign, numbers
from .tables import Raw
from .words import COUNTS, NUMBERS, is_total

_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+(?:e0)?")   # 2.38E+17
SAMPLE = 20_000   # cells with a separator that decide which sign parts the decimals
_SIGNED = r"\d[.,]\d|^[.,]\d"


class Cells:
    """The cells of one table. `notes` tell what was taken by evidence."""

    def __init__(self, raw: Raw, found: Layout):
        self.raw, self.found = raw, found
        self.notes: list[str] = []
        self.sign = self._sign()

    def words(self, at: int) -> pa.ChunkedArray:
        """A column of words; null where a cell says nothing."""
        text = pc.utf8_trim_whitespace(self.raw.cells[at])
        text = pc.replace_substring_regex(text, r"^(-?[\d.]+)e0$", r"\1")
        return pc.if_else(pc.is_in(text, value_set=pa.array(NOTHING)), pa.scalar(None, pa.string()), text)

    def ids(self, at: int) -> pa.ChunkedArray:
        """A column of a platform's ids; all null where a spreadsheet has rounded them, as those of several campaigns are then the same."""
        text = self.words(at)
        there = [word for word in pc.unique(text).to_pylist() if word]
        rounded = [word for word in there if _ROUNDED.fullmatch(word) or (len(word) > 15 and word.isdigit() and not word[15:].strip("0"))]
        if not rounded or 2 * len(rounded) <= len(there):
            return text
        self.notes.append(f"the ids under {self.found.names[at].text} were rounded by a spreadsheet ({rounded[0]}) and are not read; "
                          "names tell "
                          "campaigns apart")
        return each(self.raw.lines, None)

    def numbers(self, at: int, whole: bool = False) -> Column:
        return numbers(self.raw.cells[at], self.sign, whole)

    def is_numeric(self, at: int) -> bool:
        """Whether every cell of a column that says anything is a number; a look at the first ones saves reading words as numbers."""
        for part in (self.raw.cells[at].slice(0, 1000), self.raw.cells[at]):
            read = numbers(part, self.sign)
            if pc.any(read.wrong).as_py():
                return False
        return pc.any(pc.is_valid(read.values)).as_py() or read.low is not None

    def days(self, at: int) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray]:
        """(first day, number of days, what is wrong) of each cell; all null where it is empty."""
        text = self.words(at)
        spellings = pc.unique(text.drop_null())
        american = bool(self.found.platform and self.found.platform.american)
        read = list(spans(spellings.to_pylist(), american, self.raw.usual_order).values())
        index = pc.index_in(text, value_set=spellings)
        known = [one if isinstance(one, tuple) else (None, None) for one in read]
        return (pc.take(pa.array([day for day, _ in known], pa.date32()), index),
                pc.take(pa.array([length for _, length in known], pa.int32()), index),
                pc.take(pa.array([one if isinstance(one, str) else None for one in read], pa.string()), index))

    def totals(self, columns: list[int], says: Callable[[str], bool] = is_total) -> pa.ChunkedArray:
        """Rows in which a cell of these columns says that the row is a total."""
        mask = each(self.raw.lines, False)
        for at in columns:
            text = self.raw.cells[at]
            known = pa.array([word for word in pc.unique(text).to_pylist() if word and says(word)], pa.string())
            if len(known):
                mask = pc.or_(mask, pc.is_in(text, value_set=known))
        return mask

    def _sign(self) -> str:
        fields = self.found.fields
        counts = [self.raw.cells[fields[name]] for name in COUNTS[:2] if name in fields]
        others = [self.raw.cells[at] for name, at in fields.items() if name in NUMBERS and name not in COUNTS[:2]]
        others += [self.raw.cells[at] for _, at, _ in self.found.inputs]
        sign, either = decimal_sign(_signed(others), _signed(counts), self.raw.semicolons)
        if either:
            self.notes.append(f"numbers such as {either} are read with {'a comma' if sign == ',' else 'a point'} before the decimals, "
                              "because "
                              "semicolons part the fields; no other cell tells")
        return sign


def _signed(columns: list[pa.ChunkedArray]) -> list[str]:
    """Spellings that hold a separator; those of readers of typed values have none that is local."""
    out: list[str] = []
    for column in columns:
        held = column.filter(pc.fill_null(pc.match_substring_regex(column, _SIGNED), False)).slice(0, SAMPLE)
        out += [word for word in pc.unique(held).to_pylist() if not word.endswith("e0") and _LIKE_NUMBER.match(word)]
    return out


_LIKE_NUMBER = re.compile(r"[^\w]{0,3}(?:[A-Z]{3})?\s?[-−(]?[\d.,\s\u00a0\u202f'’]+(?:[%)]|\s?\D{1,3})?$")


def each(lines: pa.ChunkedArray, value: bool | str | None) -> pa.ChunkedArray:
    """A column of one value, as long as `lines`."""
    kind = pa.bool_() if isinstance(value, bool) else pa.string()
    return pa.chunked_array([pa.repeat(pa.scalar(value, kind), len(lines))])


def by_spelling(text: pa.ChunkedArray, read: Callable[[str], str | None]) -> pa.ChunkedArray:
    """`read` of each cell, called once for each spelling; null stays null."""
    spellings = pc.unique(text.drop_null())
    return pc.take(pa.array([read(word) for word in spellings.to_pylist()], pa.string()), pc.index_in(text, value_set=spellings))


def joined_words(columns: list[pa.ChunkedArray], between: str) -> pa.ChunkedArray:
    """The words of each row in one, those that are there; null where none is."""
    if len(columns) == 1:
        return columns[0]
    whole = columns[0]
    for column in columns[1:]:   # null_handling="skip" of binary_join_element_wise loses rows that are all null (pyarrow 26.0)
        whole = pc.coalesce(pc.binary_join_element_wise(whole, column, between), whole, column)
    return whole
