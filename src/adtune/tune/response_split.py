"""Which rows of one advertiser may be learned from: usable ones in the order of time (whole days), 60/20/20; undated ones by whole ads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..engine.response.batch import Batch
from ..engine.response.columns import Columns, hidden
from ..engine.response.encode import Codebook, encode, make_codebook
from ..errors import InputError

FEWEST_ROWS, FEWEST_DAYS, FEWEST_OUTCOMES = 60, 14, 10
PARTS = (0.6, 0.8)


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts, each in the order of time."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def learned(self) -> np.ndarray:
        """Training and validation: what is known before the first test row."""
        return np.concatenate([self.train, self.validation])


def usable(columns: Columns, book: Codebook) -> np.ndarray:
    """(N,) rows with an exposure and an outcome that can be: none below zero, none above a ceiling."""
    y, e = columns.counts[book.outcome], columns.counts[book.exposure]
    good = ~(np.isnan(y) | np.isnan(e)) & (np.nan_to_num(e) > 0) & (np.nan_to_num(y) >= 0)
    return good & ((y <= e) if book.family <= 2 else True)


def read_rows(columns: Columns, outcome: str, exposure: str | None = None, country: str = "US") -> tuple[Codebook, Split]:
    """How the rows are read, and their split: which inputs are looked at, and in what units, the training rows alone have said.
    Raises InputError as make_codebook and split_rows do."""
    every = make_codebook(columns, outcome, exposure, country)
    split = split_rows(columns, every)
    later = np.concatenate([split.validation, split.test])
    return replace(make_codebook(hidden(columns, outcome, later), outcome, every.exposure, country), family=every.family), split


def split_rows(columns: Columns, book: Codebook) -> Split:
    """Rows by time, whole days; undated ones by whole ads. Raises InputError where there is too little to learn from, saying what."""
    rows = np.flatnonzero(usable(columns, book))
    outcomes = float(columns.counts[book.outcome][rows].sum() / book.unit)
    where = f"{book.outcome} for {book.exposure}"
    if len(rows) < FEWEST_ROWS:
        raise InputError(where, f"{len(rows)} usable rows of {len(columns)}", f"at least {FEWEST_ROWS} rows; 100 teach something",
                         "Collect more days, or import a finer breakdown (ad, audience, device).")
    if outcomes < FEWEST_OUTCOMES:
        raise InputError(where, f"{outcomes:.0f} {book.outcome} in {len(rows):,} rows", f"at least {FEWEST_OUTCOMES}",
                         "Take an outcome that happens more often (--set outcome=clicks), or collect more days.")
    days = columns.day[rows]
    if (days > 0).mean() < 0.9:
        return _by_ads(columns, rows)
    rows = rows[days > 0]
    rows = rows[np.argsort(columns.day[rows], kind="stable")]
    ordered = columns.day[rows]
    if len(np.unique(ordered)) < FEWEST_DAYS:
        raise InputError(where, f"rows of {len(np.unique(ordered))} days",
                         f"at least {FEWEST_DAYS} days, so that later ones can be held out",
                         "Import more days, with the export's daily breakdown.")
    first, second = (int(np.searchsorted(ordered, ordered[min(int(share * len(rows)), len(rows) - 1)])) for share in PARTS)
    second = max(second, first + 1)
    if first < 20 or second >= len(rows):
        raise InputError(where, "rows that nearly all fall on a few days", "days that can be split into earlier and later ones",
                         "Import more days, with the export's daily breakdown.")
    return Split(rows[:first], rows[first:second], rows[second:])


def _by_ads(columns: Columns, rows: np.ndarray) -> Split:
    """Whole ads (campaigns, where ads have no names) by the order of their names' hashes."""
    import hashlib

    names = columns.named["ad"] if any(columns.named["ad"]) else columns.named["campaign"]
    keys = np.array([hashlib.sha256(str(name or n).encode()).hexdigest() for n, name in zip(rows, names[rows], strict=True)])
    rows, keys = rows[np.argsort(keys, kind="stable")], np.sort(keys)
    cuts = []
    for share in PARTS:
        at = int(share * len(rows))
        while at < len(rows) and at > 0 and keys[at] == keys[at - 1]:
            at += 1
        cuts.append(at)
    if not 20 <= cuts[0] < cuts[1] < len(rows):
        raise InputError("the campaign rows", "too few different ads without dates", "dates, or at least ten ads",
                         "Export with a daily breakdown.")
    return Split(rows[:cuts[0]], rows[cuts[0]:cuts[1]], rows[cuts[1]:])


def readable(columns: Columns, book: Codebook) -> Batch:
    """All rows as tensors; those that are usable may be read."""
    return encode(columns, book, usable(columns, book))
