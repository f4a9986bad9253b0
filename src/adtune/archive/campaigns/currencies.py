"""One currency for an archive: a table of rates converts the others, and without one two currencies are one clear error."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InputError
from ...units import CURRENCIES, Rate, Rates
from ..columns import squeezed
from .days import spans
from .numbers import cell

_NAMES = {"source": ("from", "source", "currency", "base"), "target": ("to", "target", "quote", "into"),
          "factor": ("rate", "factor", "value"),
          "day": ("date", "day", "from date", "valid from")}
VALUE_CURRENCY = "value_currency"   # a column of tables whose spend and value are in two currencies; gone once they are in one
_FORM = "a table with the columns from, to, rate and, where rates change, date"


def read_rates(path: Path) -> Rates:
    """A CSV of rates: one unit of `from` is `rate` units of `to`, from `date` on. Raises InputError with the line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"a file that cannot be read ({error})", _FORM, "Save it as CSV in UTF-8.") from None
    rows = list(csv.reader(text.splitlines(), delimiter=";" if text.partition("\n")[0].count(";") else ","))
    names = [squeezed(name) for name in rows[0]] if rows else []
    at = {part: next((names.index(squeezed(name)) for name in known if squeezed(name) in names), None) for part, known in _NAMES.items()}
    if None in (at["source"], at["target"], at["factor"]):
        raise InputError(str(path), f"the columns {', '.join(rows[0]) if rows else 'of an empty file'}", _FORM, "Give it these columns.")
    try:
        return Rates([_rate(str(path), number, row, at) for number, row in enumerate(rows[1:], start=2) if any(row)])
    except ValueError as error:
        raise InputError(str(path), str(error), "rates into one currency",
                         "Keep the rates into the currency that reports are to have.") from None


def _rate(where: str, number: int, row: list[str], at: dict[str, int | None]) -> Rate:
    def word(part: str) -> str:
        place = at[part]
        return row[place].strip() if place is not None and place < len(row) else ""

    source, target, day = word("source").upper(), word("target").upper(), word("day")
    read = cell(word("factor"), "," if "," in word("factor") and "." not in word("factor") else ".")
    when = spans([day])[day] if day else None
    if source not in CURRENCIES or target not in CURRENCIES or not read or not read[0] or read[0] <= 0 or isinstance(when, str):
        raise InputError(f"{where}, line {number}", ", ".join(row),
                         "two currencies, such as USD and EUR, a rate above 0, and a day or none",
                         "Mend the line.")
    return Rate(source, target, read[0], when[0].isoformat() if when else None)


def one_currency(table: pa.Table, rates: Rates | None, known: str | None, where: str) -> tuple[pa.Table, str | None]:
    """The rows in one currency, and what to tell. `known` is the archive's so far.

    Raises InputError where there are two and no rates, or the rates do not say one of them.
    """
    if VALUE_CURRENCY in table.column_names:
        table = table.set_column(table.column_names.index(VALUE_CURRENCY), VALUE_CURRENCY,
                                 pc.coalesce(table[VALUE_CURRENCY], table["currency"]))
    kinds = [name for name in ("currency", VALUE_CURRENCY) if name in table.column_names]
    counts = Counter(word for name in kinds for word in table[name].to_pylist() if word) if len(kinds) > 1 else {
        one["values"]: one["counts"] for one in (item.as_py() for item in pc.value_counts(table["currency"].drop_null()))}
    there = sorted({*counts, *([known] if known else [])})
    if rates is None:
        if len(there) > 1:
            told = " and ".join(f"{name} ({counts[name]:,} rows)" if name in counts else f"{name} (the archive's)" for name in there)
            raise InputError(where, f"money in {told}", "one currency, or a table of rates",
                             "Give the rates: --rates FILE with the columns from, to, rate and date.")
        return table.drop_columns(kinds[1:]), None
    if known and known != rates.target:
        raise InputError("--rates", f"rates into {rates.target}", f"rates into {known}, in which the archive is",
                         f"Give rates into {known}.")
    if not set(counts) - {rates.target}:
        return table.drop_columns(kinds[1:]), None
    told = ", ".join(f"{counts[one]:,} rows in {one}" for one in counts if one != rates.target)
    money = {"spend": "currency", "value": kinds[-1]}
    for name, kind in money.items():
        table = _converted(table, rates, (name, kind), where)
    target = pc.if_else(pc.is_valid(table["currency"]), rates.target, pa.scalar(None, pa.string()))
    table = table.set_column(table.column_names.index("currency"), "currency", target).drop_columns(kinds[1:])
    return table, f"{told} were converted into {rates.target}"


def _converted(table: pa.Table, rates: Rates, column: tuple[str, str], where: str) -> pa.Table:
    """A column of money with that of its currency; each pair of currency and day is looked up once."""
    name, kind = column
    pairs = [(one[kind], one["date"]) for one in table.group_by([kind, "date"]).aggregate([]).to_pylist() if one[kind]]
    found = {(currency, day): rates.factor(currency, day and day.isoformat()) for currency, day in pairs}
    missing = next((pair for pair, factor in found.items() if factor is None), None)
    if missing:
        day = f" on {missing[1].isoformat()}" if missing[1] else ""
        raise InputError("--rates", f"no rate from {missing[0]} into {rates.target}{day}", f"a rate for each currency of {where}",
                         f"Add a line with from {missing[0]} and to {rates.target}.")
    factors = [found.get(pair, 1.0) for pair in zip(table[kind].to_pylist(), table["date"].to_pylist(), strict=True)]
    return table.set_column(table.column_names.index(name), name,
                            pc.multiply(table[name], pa.chunked_array([pa.array(factors, pa.float64())])))
