"""Numbers as platforms and spreadsheets write them: local separators, currencies, percents, and cells that only give a bound.

Which sign parts the decimals is decided once for a file, by cells that can mean only one thing. A cell that a reader of typed values made
ends in `e0`, so that 1.234 of a workbook is never taken for 1,234. A bound (`<5`, `> 90%`) is an interval, never a number.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ...units import CURRENCIES, SIGNS

NOTHING = ("", "-", "--", "—", "–", "n/a", "N/A", "na", "NA", "null", "NULL", "None", "nan", "NaN", "#N/A", "#DIV/0!", "(not set)",
           "(none)")
YES_NO = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}   # whether an event was a click or a conversion
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'’]")
_MONEY = re.compile(rf"^(?:[{SIGNS}]|zł|Kč|kr\.?|R\$|[A-Z]{{1,2}}\$)|(?:[{SIGNS}]|zł|Kč|kr\.?)$", re.IGNORECASE)
_BOUND = re.compile(r"(<=?|>=?|≤|≥|less than|more than|fewer than|unter|über|moins de|plus de|menos de|más de)\s*(.+)", re.IGNORECASE)
_BELOW = ("<", "≤", "less", "fewer", "unter", "moins", "menos")
_LAKHS = r"\d{1,2}(?:,\d{2})+,\d{3}"                         # 12,34,567: how India groups
_EITHER = re.compile(r"[-−(]?\d{1,3}[.,]\d{3}\)?%?")     # 1.234: thousands or decimals


@dataclass(frozen=True)
class Column:
    """Cells as numbers (null where empty, censored or wrong), the bounds of the censored ones, and where a cell is no number."""

    values: pa.Array
    low: pa.Array | None
    high: pa.Array | None
    wrong: pa.Array


def decimal_sign(cells: Iterable[str], counts: Iterable[str], semicolons: bool) -> tuple[str, str | None]:
    """(`.` or `,`, an example of a cell that could be read both ways where only the file's semicolons decided). `counts` are whole
    numbers."""
    votes = {".": 0, ",": 0}
    either: str | None = None
    for whole, found in ((False, cells), (True, counts)):
        for cell in found:
            sign, doubtful = _evidence(_SPACES.sub("", cell), whole)
            if sign:
                votes[sign] += 1
            elif doubtful:
                either = either or cell
    if votes[","] != votes["."]:
        return ("," if votes[","] > votes["."] else "."), None
    return ("," if semicolons and either else "."), (either if semicolons else None)


def _evidence(cell: str, whole: bool) -> tuple[str | None, bool]:
    """(the decimal sign that this cell proves, whether it could be either)."""
    marks = [char for char in cell if char in ".,"]
    if not marks:
        return None, False
    if len(set(marks)) == 2:
        return marks[-1], False
    mark, other = marks[0], "," if marks[0] == "." else "."
    if len(marks) > 1:
        return other, False
    if _EITHER.fullmatch(cell) and not cell.lstrip("-−(").startswith("0"):
        return (other, False) if whole else (None, True)
    return (None, False) if whole else (mark, False)


def numbers(column: pa.ChunkedArray, sign: str, whole: bool = False) -> Column:
    """Reads a column of strings. `whole` says that the bounds of a censored cell are those of a count."""
    text = pc.utf8_trim_whitespace(column)
    group = "," if sign == "." else r"\."
    plain = pc.match_substring_regex(text, rf"^-?\d+(\{sign}\d+)?$")
    typed = pc.match_substring_regex(text, r"^-?[\d.]+(e[+-]?\d+)?e0$")
    grouped = pc.match_substring_regex(text, rf"^-?\d{{1,3}}({group}\d{{3}})+(\{sign}\d+)?$")
    if sign == ".":
        grouped = pc.or_(grouped, pc.match_substring_regex(text, rf"^-?{_LAKHS}(\.\d+)?$"))
    usual = pc.or_(pc.or_(plain, typed), grouped)
    ready = pc.replace_substring_regex(text, r"e0$", "")
    if sign == ",":
        ready = pc.if_else(typed, ready, pc.replace_substring(pc.replace_substring(ready, ".", ""), ",", "."))
    else:
        ready = pc.replace_substring(ready, ",", "")
    values = pc.cast(pc.if_else(usual, ready, pa.scalar(None, pa.string())), pa.float64())
    empty = pc.is_in(text, value_set=pa.array(NOTHING))
    rest = pc.fill_null(pc.and_not(pc.invert(usual), empty), False)
    if not pc.any(rest).as_py():
        return Column(values, None, None, rest)
    return _with_odd(values, text, rest, sign, whole)


def _with_odd(values: pa.ChunkedArray, text: pa.ChunkedArray, rest: pa.ChunkedArray, sign: str, whole: bool) -> Column:
    """The cells that are not plain, each spelling read once."""
    spellings = pc.unique(text.filter(rest))
    read = [cell(word, sign, whole) for word in spellings.to_pylist()]
    at = pc.if_else(rest, pc.index_in(text, value_set=spellings), pa.scalar(None, pa.int32()))

    def taken(part: int) -> pa.ChunkedArray:
        return pc.take(pa.array([one and one[part] for one in read], pa.float64()), at)

    bounded = any(one and one[1] is not None for one in read)
    wrong = pc.fill_null(pc.take(pa.array([one is None for one in read], pa.bool_()), at), False)
    return Column(pc.coalesce(values, taken(0)), taken(1) if bounded else None, taken(2) if bounded else None, wrong)


def cell(text: str, sign: str, whole: bool = False) -> tuple[float | None, float | None, float | None] | None:
    """(value, low, high) of one cell: a value or two bounds; None where it is no number."""
    text = unicodedata.normalize("NFKC", text).strip()
    if whole and text.casefold() in YES_NO:
        return YES_NO[text.casefold()], None, None
    bound = _BOUND.fullmatch(text)
    if bound:
        edge, share = _number(bound[2], sign), bound[2].rstrip().endswith("%")
        if edge is None:
            return None
        strict = bound[1] in ("<", ">") or bound[1][0].isalpha()
        step = 1.0 if whole and strict and edge.is_integer() else 0.0
        if bound[1].lower().startswith(_BELOW):
            return None, 0.0, edge - step
        return None, edge + step, 1.0 if share and edge <= 1 else math.inf
    value = _number(text, sign)
    return None if value is None else (value, None, None)


def _number(text: str, sign: str) -> float | None:
    text = _SPACES.sub("", text.replace("−", "-"))
    negative = text.startswith("(") and text.endswith(")")
    text = text[1:-1] if negative else text
    minus = text.startswith("-")
    text = text.lstrip("-")
    if text[:3] in CURRENCIES:
        text = text[3:]
    if text[-3:] in CURRENCIES:
        text = text[:-3]
    text = _MONEY.sub("", text)
    minus, text = minus or text.startswith("-"), text.lstrip("-+")
    share = text.endswith("%")
    text = text.rstrip("%")
    group, lakhs = (",", f"|{_LAKHS}") if sign == "." else (r"\.", "")
    if not re.fullmatch(rf"(?:\d+|\d{{1,3}}(?:{group}\d{{3}})+{lakhs})?(?:\{sign}\d+)?(?:[eE][+-]?\d+)?", text) or not text:
        return None
    value = float(text.replace("," if sign == "." else ".", "").replace(",", "."))
    value = value / 100 if share else value
    return -value if negative or minus else value
