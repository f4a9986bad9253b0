"""Campaign rows as columns, and which column plays which part: outcome, exposure, the fields and the numbers of batch.py.

N = rows. Words are object arrays with "" for nothing, numbers float64 with NaN for nothing, days ordinals with 0 for no date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import InputError

OUTCOMES, EXPOSURES = ("clicks", "conversions", "value"), ("impressions", "clicks", "spend")
NAMED = ("channel", "campaign", "ad_group", "ad", "audience")
MOST_VALUES = 40      # different values of an input under which it is a field of its own; with more it counts as words
# inputs that have a place of their own, by their names in exports
_PLACES = (("placement", r"placement|publisher|network|position|platform$"), ("device", r"device|impression device"),
           ("product", r"product|category|item|collection|assortment"), ("price", r"price|basket|order value"))
# never an input: worked out from the outcome, or known only after it (knowledge of every platform's exports)
DERIVED = re.compile(r"\b(ctr|cpc|cpm|cpa|cpp|cpl|cpik|roas|roi|cvr|acos)\b|cost per|cost */|"
                     r"conv\. *value|conversion value|conversion rate|click-through|"
                     r"\b(results?|purchases|revenue|frequency|reach)\b|^purchase\b|gross[_ ]discount|^duration$|return on|"
                     r"quality ranking|conv\. rate", re.I)


@dataclass(frozen=True)
class Columns:
    """Rows of one advertiser. `words` and `numbers` hold all other inputs by name."""

    day: np.ndarray
    named: Mapping[str, np.ndarray]
    counts: Mapping[str, np.ndarray]
    words: Mapping[str, np.ndarray] = field(default_factory=dict)
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.day)

    def take(self, index: np.ndarray) -> Columns:
        """The rows `index`, numbers or flags."""
        return Columns(self.day[index], *({name: one[index] for name, one in part.items()}
                                          for part in (self.named, self.counts, self.words, self.numbers)))


def hidden(columns: Columns, outcome: str, rows: np.ndarray) -> Columns:
    """The columns with the outcome of some rows, numbers or flags, not known: nothing can then be learned from it."""
    kept = columns.counts[outcome].astype(np.float64)
    kept[rows] = np.nan
    return replace(columns, counts={**columns.counts, outcome: kept})


def join(first: Columns, second: Columns) -> Columns:
    """One below the other; what only one of them has is nothing in the other."""

    def both(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray], empty: object) -> dict[str, np.ndarray]:
        kind = object if empty == "" else np.float64
        parts = {name: [one.get(name, np.full(many, empty, kind)) for one, many in ((a, len(first)), (b, len(second)))]
                 for name in dict.fromkeys((*a, *b))}
        return {name: np.concatenate(pair) for name, pair in parts.items()}

    return Columns(np.concatenate([first.day, second.day]), both(first.named, second.named, ""), both(first.counts, second.counts, np.nan),
                   both(first.words, second.words, ""), both(first.numbers, second.numbers, np.nan))


def columns_of(rows: Mapping[str, Sequence[object]], days: Sequence[int], like: Columns | None = None) -> Columns:
    """Columns from plain ones: counts and names by their words, anything else an input, a number where all its values are, or of the kind
    that it has in `like`: few rows do not tell a number from a label.

    A column that is worked out from the outcome (DERIVED) is left out; `left_out` names those.
    """
    many = len(days)
    named = {name: words_of(rows.get(name) or [""] * many) for name in NAMED}
    counts = {name: numbers_of(rows[name]) for name in (*EXPOSURES, "conversions", "value") if rows.get(name) is not None}
    words, numbers = {}, {}
    for name, values in rows.items():
        if name in (*NAMED, *counts, "date") or DERIVED.search(name):
            continue
        found = numbers_of(values)
        told = ~np.isnan(found)
        given = np.array([value is not None and value != "" for value in values])
        number = told.sum() == given.sum() and len(set(found[told])) > 2
        if like is not None and (name in like.numbers or name in like.words):
            number = name in like.numbers
        if number:
            numbers[name] = found
        elif given.any():
            words[name] = words_of(values)
    return Columns(np.asarray(days, np.int64), named, counts, words, numbers)


def left_out(names: Iterable[str]) -> list[str]:
    """Those of `names` that are worked out from the outcome."""
    return [name for name in names if DERIVED.search(name)]


def words_of(values: Iterable[object]) -> np.ndarray:
    return np.array(["" if value is None else str(value).strip() for value in values], object)


def numbers_of(values: Iterable[object]) -> np.ndarray:
    """float64, NaN where a value is nothing or no number."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return values.astype(np.float64)
    listed = list(values)
    if set(map(type, listed)) <= {float, int, type(None)}:
        return np.array(listed, np.float64)
    known: dict[object, float] = {}
    return np.array([known[value] if value in known else known.setdefault(value, _number(value)) for value in listed], np.float64)


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


def distinct(words: Iterable[str]) -> tuple[list[str], np.ndarray]:
    """(different words in the order of their first place, the place of each word among them)."""
    known: dict[str, int] = {}
    index = [known.setdefault(word, len(known)) for word in words]
    return list(known), np.array(index, np.int64)


def place_of(name: str) -> str | None:
    """placement, device, product or price, where an input's name says so."""
    plain = name.lower().replace("_", " ")
    return next((place for place, pattern in _PLACES if re.search(pattern, plain)), None)


def exposure_for(outcome: str, counts: Mapping[str, np.ndarray], wanted: str | None = None) -> str:
    """Per what an outcome is predicted: clicks for impressions, conversions and value for clicks, whatever of it the rows have.

    Raises InputError where there is none, or the wanted one is not there.
    """
    order = {"clicks": ("impressions", "spend"), "conversions": ("clicks", "impressions", "spend"),
             "value": ("clicks", "impressions", "spend")}[outcome]
    there = [name for name in order if name in counts and np.nansum(counts[name]) > 0]
    if outcome not in counts or (np.isnan(counts[outcome])).all():
        raise InputError("the campaign rows", f"no {outcome}", f"a column of {outcome}",
                         f"Name it with --map {outcome}=COLUMN, or choose another --outcome.")
    if wanted is not None and wanted not in there:
        raise InputError("exposure", f"'{wanted}' for {outcome}", "one of " + (", ".join(there) or "none: the rows have no exposure"),
                         "Leave it out, or import rows that have it.")
    if not there:
        raise InputError("the campaign rows", f"{outcome} without an exposure", "impressions, clicks or spend beside them",
                         "Name the column with --map impressions=COLUMN, clicks=COLUMN or spend=COLUMN.")
    return wanted or there[0]
