"""The leak check: a column that tells an outcome better than chance allows has seen it.

Whatever explains a rate, the count itself is drawn: given its mean it varies as a binomial or Poisson count does. So each row's count is
told from the rows that are nearest in one column (or have the same word), and the squared errors are compared with that variance:

    D = sum (y - e r)^2 / sum e r (1 - r)      r: the neighbours' own rate, e: the exposure of the row

An honest column cannot come below 1, nor below the D of one rate for all rows where that is smaller (a platform that bills by the click
makes spend follow clicks); one that was worked out from the outcome comes near 0. What counts is D by the smaller of the two.

A cell that is blank says something too: each column is asked three times, by its cells, with blank as 0 or as a word, and by whether there
is anything in it. Two outcomes are no draws of a mean. The one is whether anything happened at all: a column that is there only with a
conversion tells no more, so beside it rows without any are missing that chance would have put there. The other is the outcome of single
events, which a column may explain in part and never whole.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...workspace.campaigns import INPUT

ROWS, EVENTS = 30, 20     # rows with something in the column, and events in them, from which the check can tell
SAMPLE = 20_000           # rows that it looks at
LIMIT = 0.4               # of the smallest error that chance allows
WHOLE = 0.1               # of the error about single events that an honest column leaves at least
ZEROS = 12                # rows without an outcome that chance must give, from which their absence tells
NEIGHBOURS = 3            # on each side
WORDS = 200               # spellings of a column of words at most
PAIRS = (("clicks", "impressions"), ("conversions", "clicks"), ("conversions", "impressions"), ("conversions", "spend"),
         ("clicks", "spend"),
         ("clicks", None), ("conversions", None), ("value", "spend"), ("value", "clicks"))


def leaks(table: pa.Table) -> dict[str, str]:
    """Columns of inputs that have seen an outcome, each with what it tells."""
    step = max(1, table.num_rows // SAMPLE)
    few = table.take(pa.array(range(0, table.num_rows, step))) if step > 1 else table
    names = [name for name in few.column_names if name.startswith(INPUT)]
    return {name[len(INPUT):]: told for name in names if (told := _leak(few, name))}


def _leak(table: pa.Table, name: str) -> str | None:
    """What a column tells that it cannot know; None where it is honest, as far as can be told."""
    views = _views(table[name])
    for outcome, exposure in PAIRS:
        given = f" given {exposure}" if exposure else ""
        for how, x, worded in views:
            ratio = _ratio(table, x, worded, (outcome, exposure))
            if ratio is not None and ratio < LIMIT:
                return (f"leak: {how} tells {outcome}{given} with {ratio:.2f} of the smallest error that chance allows, so it was worked "
                        "out from them")
    there = pc.is_valid(table[name]).to_numpy()
    for outcome, exposure in PAIRS:
        if outcome != "value" and exposure != "spend" and presence_tells(table, there, outcome, exposure):
            return f"leak: that it is there or blank tells whether there were {outcome}, so it was filled in afterwards"
    return None


def _views(column: pa.ChunkedArray) -> list[tuple[str, np.ndarray, bool]]:
    """(how it is read, its numbers or codes, whether these are codes): the cells alone, blank as one more value, and only what is there."""
    codes, worded = _codes(column), not pa.types.is_floating(column.type)
    out = [] if codes is None else [("by itself it", codes, worded)]
    there = pc.is_valid(column).to_numpy()
    if there.all() or not there.any():
        return out
    if codes is not None:
        blank = codes.max(where=there, initial=0) + 1 if worded else 0.0
        out.append(("with blank as a value it", np.where(there, codes, blank), worded))
    return [*out, ("that it is there or blank", there.astype(float), True)]


def _ratio(table: pa.Table, x: np.ndarray, worded: bool, pair: tuple[str, str | None]) -> float | None:
    """The error that x leaves of an outcome, as a share of the least that chance allows; None where there is too little to tell."""
    outcome, exposure = pair
    y = table[outcome].to_numpy()
    e = np.ones(len(y)) if exposure is None else table[exposure].to_numpy()
    known = np.isfinite(y) & np.isfinite(e) & (e > 0) & np.isfinite(x)
    basket = _basket(table) if outcome == "value" else 1.0
    x, y, e = x[known], y[known], e[known]
    if len(y) < ROWS or basket is None or y.sum() / basket < EVENTS or np.ptp(y / e) == 0 or np.ptp(x) == 0:
        return None
    rate, fair = (_same_word if worded else _nearest)(x, y, e)
    if fair.sum() < ROWS:
        return None
    told = e * rate
    error, plain = ((y - told)[fair] ** 2).sum(), ((y - e * y.sum() / e.sum())[fair] ** 2).sum()
    if exposure is None and outcome != "value" and y.max() <= 1:   # single events: a rate of 0 or 1 leaves no variance to compare with
        return float(error / plain) * LIMIT / WHOLE if plain > 0 else None
    shares = exposure in ("impressions", "clicks") and outcome != "value" and bool((y <= e).all())
    variance = told * (1 - np.minimum(rate, 1.0)) if shares else told * basket
    least = min(variance[fair].sum(), plain)
    return float(error / least) if least > 0 else None


def presence_tells(table: pa.Table, there: np.ndarray, outcome: str, exposure: str | None) -> bool:
    """Whether the rows in which a column is there, or those in which it is blank, lack the zeros that chance would give their counts.

    Counts of a mean m are zero with exp(-m) at least; what is drawn beside that only adds zeros. Rows all of which have an outcome, where
    those of the table do not, were picked by it.
    """
    y = table[outcome].to_numpy()
    e = np.ones(len(y)) if exposure is None else table[exposure].to_numpy()
    known = np.isfinite(y) & np.isfinite(e) & (e > 0)
    y, e, there = y[known], e[known], there[known]
    if len(y) < ROWS or not there.any() or there.all():
        return False
    if (y == 0).sum() < np.exp(-e * y.sum() / e.sum()).sum() / 2:
        return False   # a table that lists only what sold tells nothing
    for rows in (there, ~there):
        zeros = np.exp(-e[rows] * y[rows].sum() / e[rows].sum()).sum()
        if zeros >= ZEROS and (y[rows] == 0).sum() <= zeros / 12:
            return True
    return False


def _codes(column: pa.ChunkedArray) -> np.ndarray | None:
    """Numbers as they are, words as numbers of their spelling; None for words that are nearly all different."""
    if pa.types.is_floating(column.type):
        return column.to_numpy().astype(float)
    encoded = pc.dictionary_encode(column.combine_chunks())
    if len(encoded.dictionary) > min(WORDS, max(2, len(column) // 10)):
        return None
    return pc.cast(encoded.indices, pa.float64()).to_numpy(zero_copy_only=False)


def _basket(table: pa.Table) -> float | None:
    """Mean value of a conversion: the variance of a sum of baskets is at least its mean times this."""
    value, conversions = pc.sum(table["value"]).as_py(), pc.sum(table["conversions"]).as_py()
    return value / conversions if value and conversions else None


def _nearest(x: np.ndarray, y: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rate of the rows next to each in the order of x, itself left out; which rows have neighbours on both sides)."""
    mixed = np.random.default_rng(0).permutation(len(x))   # a file sorted by its outcome must not tell among rows of one value
    order = mixed[np.argsort(x[mixed], kind="stable")]
    hits, seen = (np.convolve(one[order], np.ones(2 * NEIGHBOURS + 1), "same") - one[order] for one in (y, e))
    rate = np.empty(len(x))
    rate[order] = np.maximum(hits, 0) / np.maximum(seen, 1e-12)
    fair = np.zeros(len(x), bool)
    fair[order[NEIGHBOURS:-NEIGHBOURS]] = True
    return rate, fair


def _same_word(x: np.ndarray, y: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with the other rows of the same word."""
    codes = x.astype(int)
    hits, seen, count = (np.bincount(codes, one)[codes] for one in (y, e, np.ones(len(x))))
    return (hits - y) / np.maximum(seen - e, 1e-12), count > 1
