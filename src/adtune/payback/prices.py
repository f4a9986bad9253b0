"""The price table: what tuning and serving cost by provider, in one currency, with its date. A user's own file replaces it."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, did_you_mean
from ..units import CURRENCIES

TEXTS = ("provider", "currency", "date", "note")
NUMBERS = ("tuning_per_hour", "tuning_tokens_per_second", "tuning_per_million_tokens", "tuning_least", "serving_per_hour",
           "serving_per_month", "read_per_million_tokens", "written_per_million_tokens")
DO = "Write it with the columns of starter/prices.csv; a price that does not apply stays empty."


@dataclass(frozen=True)
class Provider:
    """Prices of one way to tune and serve; None does not apply. Hours of tuning are those measured here unless the provider's tokens a
    second are known."""

    provider: str
    date: str
    note: str = ""
    tuning_per_hour: float | None = None
    tuning_tokens_per_second: float | None = None
    tuning_per_million_tokens: float | None = None
    tuning_least: float | None = None
    serving_per_hour: float | None = None
    serving_per_month: float | None = None
    read_per_million_tokens: float | None = None
    written_per_million_tokens: float | None = None


@dataclass(frozen=True)
class Prices:
    """A table: its providers, the currency of all of them, and the file's name."""

    providers: tuple[Provider, ...]
    currency: str
    source: str


def read_prices(path: Path) -> Prices:
    """The table of a CSV file. Raises InputError with line and column where it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(str(path), f"a file that cannot be read ({error})", "a table of prices (CSV)", DO) from error
    unknown = [name for name in header if name not in TEXTS + NUMBERS]
    missing = [name for name in ("provider", "currency", "date") if name not in header]
    if unknown or missing:
        found = f"the column '{unknown[0]}'" if unknown else f"no column '{missing[0]}'"
        raise InputError(str(path), found, f"the columns {', '.join(TEXTS + NUMBERS)}", did_you_mean(unknown[0], TEXTS + NUMBERS)
                         if unknown else DO)
    providers = tuple(_provider(row, f"{path}, line {line}") for line, row in rows)
    currencies = {(row["currency"] or "").strip().upper() for _, row in rows}
    if len(currencies) != 1 or not currencies <= CURRENCIES:
        told = ", ".join(sorted(currencies)) or "of no row"
        raise InputError(str(path), f"the currencies {told}", "one currency for all rows (ISO 4217)", DO)
    return Prices(providers, currencies.pop(), path.name)


def _provider(row: Mapping[str, str | None], where: str) -> Provider:
    if None in row or not (row["provider"] or "").strip() or not (row["date"] or "").strip():
        raise InputError(where, "a row without its provider or date, or with too many fields", "a provider and the prices' date", DO)
    numbers = {}
    for name in NUMBERS:
        said = (row.get(name) or "").strip()
        try:
            value = float(said) if said else None
        except ValueError:
            value = math.nan
        if value is not None and not 0 <= value < 1e9:
            raise InputError(f"{where}, column {name}", f"'{said[:40]}'", "a price, 0 or more", DO)
        numbers[name] = value
    return Provider((row["provider"] or "").strip(), (row["date"] or "").strip(), (row.get("note") or "").strip(), **numbers)
