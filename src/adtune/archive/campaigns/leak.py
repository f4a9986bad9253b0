"""The leak check: a column that tells an outcome better than chance allows has seen it.

Whatever explains a rate, the count itself is drawn: given its mean it varies as a binomial or Poisson count does. So each row's count is
told from the rows that are nearest in one column (or have the same word), and the squared errors are compared with that variance:

    D = sum (y - e r)^2 / sum e r (1 - r)      r: the neighbours' own rate, e: the exposure of the row

An honest column cannot come below 1, nor below the D of one rate for all rows where that is smaller (a platform that bills by the click
makes spend follow clicks); one that was worked out from the outcome comes near 0. What counts is D by the smaller of the two.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...workspace.campaigns import INPUT

ROWS, EVENTS = 30, 20     # rows with something in the column, and events in them, from which the check can tell
SAMPLE = 20_000           # rows that it looks at
LIMIT = 0.4               # of the smallest error that chance allows
NEIGHBOURS = 3            # on each side
WORDS = 200               # spellings of a column of words at most
PAIRS = (("clicks", "impressions"), ("conversions", "clicks"), ("conversions", "impressions"), ("conversions", "spend"),
         ("clicks", "spend"),
         ("clicks", None), ("conversions", None), ("value", "spend"), ("value", "clicks"))


def leaks(table: pa.Table) -> dict[str, str]:
    """Columns of inputs that have seen an outcome, each with what it tells."""
    step = max(1, table.num_rows // SAMPLE)
    few = table.take(pa.array(range(0, table.num_rows, step))) if step > 1 else table
    out: dict[str, str] = {}
    for name in (name for name in few.column_names if name.startswith(INPUT)):
        for outcome, exposure in PAIRS:
            ratio = dispersion(few, name, outcome, exposure)
            if ratio is not None and ratio < LIMIT:
                given = f" given {exposure}" if exposure else ""
                out[name[len(INPUT):]] = (f"leak: by itself it tells {outcome}{given} with {ratio:.2f} of the smallest error that chance "
                                          "allows, so "
                                          "it was worked out from them")
                break
    return out


def dispersion(table: pa.Table, name: str, outcome: str, exposure: str | None) -> float | None:
    """D of one column, by the smaller of 1 and D without it; None where there is too little to tell."""
    y = table[outcome].to_numpy()
    e = np.ones(len(y)) if exposure is None else table[exposure].to_numpy()
    x = _codes(table[name])
    if x is None:
        return None
    known = np.isfinite(y) & np.isfinite(e) & (e > 0) & np.isfinite(x)
    basket = _basket(table) if outcome == "value" else 1.0
    x, y, e = x[known], y[known], e[known]
    if len(y) < ROWS or basket is None or y.sum() / basket < EVENTS or np.ptp(y / e) == 0 or np.ptp(x) == 0:
        return None
    worded = not pa.types.is_floating(table[name].type)
    rate, fair = (_same_word if worded else _nearest)(x, y, e)
    told = e * rate
    shares = exposure in ("impressions", "clicks") and outcome != "value" and bool((y <= e).all())
    variance = told * (1 - np.minimum(rate, 1.0)) if shares else told * basket
    total, plain = variance[fair].sum(), ((y - e * y.sum() / e.sum())[fair] ** 2).sum()
    least = min(total, plain)
    return float(((y - told)[fair] ** 2).sum() / least) if least > 0 and fair.sum() >= ROWS else None


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
    order = np.argsort(x, kind="stable")
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
