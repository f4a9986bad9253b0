"""What a response model is worth on later rows: deviance beside simple baselines, calibration and coverage. No torch here.

Arms are rates per unit of exposure for the same test rows. The uncertainty of a difference comes from whole weeks (or ads, where rows have
no dates): neighbours stand and fall together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.response.likelihood import deviance, kind_of

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of the ridge, chosen on the last fifth of the learned rows
WAVES = 2
DRAWS = 2000


@dataclass(frozen=True)
class Rows:
    """Rows in the order of time: outcome, exposure, day (0 for none), and the values of each field, for learned and for test rows."""

    outcome: np.ndarray
    exposure: np.ndarray
    day: np.ndarray
    fields: Mapping[str, np.ndarray]
    numbers: Mapping[str, np.ndarray]
    learned: int
    family: int

    @property
    def clusters(self) -> np.ndarray:
        """(test rows,) the week of each, or its ad."""
        day = self.day[self.learned:]
        if (day > 0).any():
            return day // 7
        return np.unique(self.fields["ad"][self.learned:].astype(str), return_inverse=True)[1]


def capped(rate: np.ndarray, family: int) -> np.ndarray:
    return np.clip(rate, 1e-12, 1 - 1e-6 if family <= 2 else np.inf)


def own_mean(rows: Rows) -> np.ndarray:
    """The learned rows' rate, for every test row."""
    n = rows.learned
    return np.full(len(rows.outcome) - n, rows.outcome[:n].sum() / rows.exposure[:n].sum())


def last_days(rows: Rows, days: int = 14) -> np.ndarray:
    """The rate of the last days that were learned; without dates, of all."""
    n = rows.learned
    late = rows.day[:n] > rows.day[:n].max() - days if (rows.day[:n] > 0).any() else np.ones(n, bool)
    seen = rows.outcome[:n][late].sum()
    return np.full(len(rows.outcome) - n, max(seen, 0.5) / rows.exposure[:n][late].sum())


def cell_rates(rows: Rows, names: tuple[str, ...] = ("channel", "campaign", "product")) -> np.ndarray:
    """The learned rate of each cell, drawn to the whole's as if it had ten outcomes more at that rate."""
    n, mean = rows.learned, own_mean(rows)[0] if len(rows.outcome) > rows.learned else 0.0
    parts = [rows.fields[name].astype(str) for name in names if name in rows.fields]
    key = np.unique(np.array(["\x1f".join(one) for one in zip(*parts, strict=True)]), return_inverse=True)[1]
    hit, due = np.bincount(key[:n], rows.outcome[:n], key.max() + 1), np.bincount(key[:n], rows.exposure[:n], key.max() + 1)
    prior = 10 / max(mean, 1e-12)
    return ((hit + 10) / (due + prior))[key[n:]]


def design(rows: Rows) -> np.ndarray:
    """(N, P) of the ridge GLM: one column a value, season waves of the whole and of each product, weekday, trend, numbers."""
    columns = []
    for values in rows.fields.values():
        found = np.unique(values[:rows.learned].astype(str))
        if 1 < len(found) <= 60:
            columns += [(values.astype(str) == value).astype(float) for value in found]
    if (rows.day > 0).any():
        angle = 2 * np.pi * (rows.day % 365.25) / 365.25
        waves = [wave(k * angle) for k in range(1, WAVES + 1) for wave in (np.sin, np.cos)]
        columns += [*waves, (rows.day - rows.day[0]) / 365, *((rows.day % 7 == k).astype(float) for k in range(7))]
        for value in np.unique(rows.fields.get("product", np.array([""])).astype(str)):
            columns += [(rows.fields["product"].astype(str) == value) * wave for wave in waves] if value else []
    for values in rows.numbers.values():
        told = values[:rows.learned][~np.isnan(values[:rows.learned])]
        if len(told) > 1 and told.std() > 0:
            columns.append(np.nan_to_num((values - told.mean()) / told.std()).clip(-4, 4))
    return np.stack(columns, 1) if columns else np.zeros((len(rows.outcome), 1))


def ridge_glm(rows: Rows) -> np.ndarray:
    """A Poisson regression with a ridge whose strength the last fifth of the learned rows chooses."""
    from sklearn.linear_model import PoissonRegressor

    x, n = design(rows), rows.learned
    scale = max(rows.outcome[:n].sum() / rows.exposure[:n].sum(), 1e-12)
    rate, weight = rows.outcome / rows.exposure / scale, rows.exposure / rows.exposure[:n].mean()

    def fit(until: int, strength: float) -> Any:
        return PoissonRegressor(alpha=strength, max_iter=500, tol=1e-4).fit(x[:until], rate[:until], sample_weight=weight[:until])

    cut = int(0.8 * n)
    kind, best = kind_of(rows.family), (np.inf, STRENGTHS[-1])
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a ridge of next to nothing may not converge: it is one of five
        for strength in STRENGTHS:
            found = capped(fit(cut, strength).predict(x[cut:n]) * scale, rows.family)
            best = min(best, (float(deviance(kind, rows.outcome[cut:n], rows.exposure[cut:n], found).sum()), strength))
        return fit(n, best[1]).predict(x[n:]) * scale


BASELINES: dict[str, Callable[[Rows], np.ndarray]] = {
    "own mean": own_mean, "last 14 days": last_days, "cell rates": cell_rates, "ridge GLM": ridge_glm}


def compare(rows: Rows, arms: Mapping[str, np.ndarray], tuned: str, seed: int = 0) -> dict[str, dict[str, Any]]:
    """For each arm its mean unit deviance with a 95 % interval, its ratio of outcomes to expectation, and how far the tuned arm lies below
    it (a share of its deviance) with the interval of that, all by a bootstrap of whole clusters."""
    outcome, exposure = rows.outcome[rows.learned:], rows.exposure[rows.learned:]
    found = {name: deviance(kind_of(rows.family), outcome, exposure, capped(rate, rows.family)) for name, rate in arms.items()}
    index = np.unique(rows.clusters, return_inverse=True)[1]
    sums = {name: np.bincount(index, one) for name, one in found.items()}
    sizes = np.bincount(index)
    picks = np.random.default_rng(seed).integers(0, len(sizes), (DRAWS, len(sizes)))
    drawn = {name: one[picks].sum(1) / sizes[picks].sum(1) for name, one in sums.items()}
    answer = {}
    for name, one in found.items():
        below = 1 - drawn[tuned] / np.maximum(drawn[name], 1e-12)
        enough = len(sizes) >= 3
        answer[name] = {
            "deviance": float(one.mean()), "interval": _ends(drawn[name]) if enough else None,
            "observed_to_expected": float(outcome.sum() / max((arms[name] * exposure).sum(), 1e-12)),
            "tuned_below": float(1 - found[tuned].mean() / max(one.mean(), 1e-12)) if name != tuned else None,
            "tuned_below_interval": _ends(below) if name != tuned and enough else None}
    return answer


def _ends(values: np.ndarray) -> list[float]:
    return [float(end) for end in np.quantile(values, (0.025, 0.975))]


def coverage(rows: Rows, rate: np.ndarray, r: np.ndarray, drift: float, level: float = 0.8) -> dict[str, Any]:
    """How often an interval that should cover `level` does: of single rows, and of counts grouped by day, week and cell.

    A group's variance is that of its rows with `drift`, the error that they share.
    """
    from ..engine.response.likelihood import interval, share_held

    outcome, exposure = rows.outcome[rows.learned:], rows.exposure[rows.learned:]
    kind = kind_of(rows.family)
    low, high = interval(rate, r, exposure, kind, level)
    answer: dict[str, Any] = {"level": level, "rows": {"covered": float(((outcome >= low) & (outcome <= high)).mean()),
                                                       "groups": len(outcome)}}
    groups = {"days": rows.day[rows.learned:], "weeks": rows.day[rows.learned:] // 7, "cells": _cells(rows)}
    for name, group in groups.items():
        index = np.unique(group, return_inverse=True)[1]
        if index.max(initial=0) < 4:
            answer[name] = {"covered": None, "groups": int(index.max(initial=0)) + 1}
            continue
        held = share_held((outcome, exposure, rate), r, index, drift, kind, level)
        answer[name] = {"covered": held, "groups": int(index.max()) + 1}
    return answer


def _cells(rows: Rows) -> np.ndarray:
    """Channel, product and half-month of each test row."""
    names = [rows.fields[name][rows.learned:].astype(str) for name in ("channel", "product") if name in rows.fields]
    month = (rows.day[rows.learned:] // 15).astype(str)
    return np.array(["\x1f".join(one) for one in zip(*names, month, strict=True)])
