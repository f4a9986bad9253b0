"""Minutes of editing from logged edits: what an arm's drafts take these editors, and what a draft would take that nobody edited yet.

Two models of log minutes with a random effect per editor (mixed.py), over w = words of the final text and e = editing-effort index:

    by arm      log minutes = a_arm + c log w + u_editor + noise        what was logged for each arm, with editors and lengths evened out
    by effort   log minutes = a + b e + c log w + u_editor + noise      for drafts without a log, within the efforts that were logged

Mean minutes are averaged over the log's editors and lengths, and taken back from the logarithm by the mean of exp(noise) (Duan's smearing,
JASA 78, 1983). Intervals are 95 % over draws of coefficients, effects and noise. Under 30 edits with minutes nothing is said in minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..records import Edit, Interval
from ..stats import mean_interval, rate_interval
from ..voice.effort import effort
from ..voice.habits import words
from .mixed import Mixed, fit

LEAST_EDITS = 30      # with minutes, under which minutes are not estimated
LEAST_OF_ARM = 10     # of one arm, under which its minutes are not told
WITHIN, BEYOND = 0.9, 0.1   # share of drafts whose effort must lie within the logged efforts, give or take so much, for a prediction
QUICK = 2.0           # minutes under which a draft counts as ready
TODAY = "today"       # the arm of edits that name none: how the team works now
DRAWS, PIECES = 2000, 400
NOBODY = "(not named)"


@dataclass(frozen=True)
class Entry:
    """One edit as the models see it."""

    effort: float
    words: int
    editor: str
    arm: str
    minutes: float | None = None
    rounds: int | None = None
    client_rounds: int | None = None


@dataclass(frozen=True)
class Estimate:
    """Mean minutes a piece, with the draws behind the interval. `source` is logged or predicted."""

    interval: Interval
    source: str
    draws: np.ndarray = field(repr=False, default_factory=lambda: np.empty(0))


def in_force(edits: Sequence[Edit]) -> list[Edit]:
    """The latest edit of each pair, without those that were withdrawn."""
    latest = {one.pair: one for one in edits}
    return [one for one in latest.values() if not one.withdrawn]


def entries(edits: Sequence[Edit], adapter: str | None = None) -> list[Entry]:
    """Entries of edits in force. With an `adapter`, tuned drafts of other adapters are an arm of their own."""
    return [Entry(effort(one.draft, one.final), len(words(one.final)), one.editor or NOBODY, arm_of(one, adapter), one.minutes, one.rounds,
                  one.client_rounds) for one in edits]


def arm_of(edit: Edit, adapter: str | None) -> str:
    other = adapter and edit.adapter and not adapter.startswith(edit.adapter)
    return TODAY if edit.arm is None else f"{edit.arm} (another adapter)" if other else edit.arm


def throughput(before: Estimate, after: Estimate, other_minutes: float) -> Interval:
    """Relative change of the pieces that a person finishes: (other + minutes before) / (other + minutes after) - 1."""
    value = (other_minutes + _value(before)) / (other_minutes + _value(after)) - 1
    return _interval(value, (other_minutes + before.draws) / (other_minutes + after.draws) - 1)


def saved(before: Estimate, after: Estimate) -> Interval:
    """Minutes a piece saved."""
    return _interval(_value(before) - _value(after), before.draws - after.draws)


class MinutesModel:
    """What a log of edits says in minutes. `reason` tells why nothing is, where nothing is."""

    def __init__(self, log: Sequence[Entry], seed: int = 0):
        self.log, self.seed = list(log), seed
        self.timed = [one for one in log if one.minutes is not None]
        self.editors = sorted({one.editor for one in self.timed})
        missing = LEAST_EDITS - len(self.timed)
        self.reason = None if missing <= 0 else f"{len(self.timed)} logged edits with minutes of the {LEAST_EDITS} that are needed"

    @property
    def calibrated(self) -> bool:
        return self.reason is None

    @cached_property
    def arms(self) -> dict[str, Estimate]:
        """Logged mean minutes of each arm with enough edits, as if every arm had the same editors and lengths."""
        counts = Counter(one.arm for one in self.timed)
        if not self.calibrated:
            return {}
        names = sorted(counts)
        x = np.zeros((len(self.timed), len(names) + 1))
        x[np.arange(len(self.timed)), [names.index(one.arm) for one in self.timed]] = 1.0
        x[:, -1] = lengths = _lengths([one.words for one in self.timed])
        model = fit(self._y, x, self._groups)
        b, u, factor = self._drawn(model)
        chance = np.random.default_rng(self.seed + 1)
        sample = lengths if len(lengths) <= PIECES else chance.choice(lengths, PIECES, replace=False)
        common = np.exp(b[:, -1:] * sample).mean(axis=1) * self._editors_mean(u) * factor
        point = np.exp(model.b[-1] * sample).mean() * self._editors_mean(model.u[None])[0] * _smear(model)
        return {name: Estimate(_interval(float(np.exp(model.b[at]) * point), np.exp(b[:, at]) * common), "logged",
                               np.exp(b[:, at]) * common) for at, name in enumerate(names) if counts[name] >= LEAST_OF_ARM}

    def predict(self, efforts: Sequence[float], lengths: Sequence[int]) -> Estimate | None:
        """Mean minutes of these drafts, edited by the log's editors; None where the log says nothing about efforts like theirs."""
        if not self.calibrated or not efforts or not self.covers(efforts):
            return None
        x = _design(efforts, _lengths(lengths, [one.words for one in self.timed]))
        b, u, factor = self._drawn(self._by_effort)
        chance = np.random.default_rng(self.seed + 2)
        weights = chance.multinomial(len(x), np.full(len(x), 1 / len(x)), len(b)) / len(x)
        draws = (np.exp(b @ x.T) * weights).sum(axis=1) * self._editors_mean(u) * factor
        value = np.exp(x @ self._by_effort.b).mean() * self._editors_mean(self._by_effort.u[None])[0] * _smear(self._by_effort)
        return Estimate(_interval(float(value), draws), "predicted", draws)

    def covers(self, efforts: Sequence[float]) -> bool:
        """Whether these efforts lie within those that were logged, but for a few."""
        low, high = (end([one.effort for one in self.timed]) for end in (min, max))
        return bool(np.mean([low - BEYOND <= one <= high + BEYOND for one in efforts]) >= WITHIN)

    def predict_one(self, effort_index: float, length: int, editor: str | None = None) -> Interval:
        """Minutes that one edit takes, with its 95 % prediction interval; an editor whom the log does not know is any of them."""
        return _prediction(self._by_effort, self._row(effort_index, length), self._number(editor))

    def error(self) -> dict[str, Any]:
        """How far predictions are from the minutes of edits that the model did not see: single edits, and whole editors."""
        if not self.calibrated:
            return {"edits": None, "editors": None}
        order = np.random.default_rng(self.seed + 3).permutation(len(self.timed))
        groups = self._groups
        few = len(self.editors) < 3
        return {"edits": self._held_out([order[fold::10] for fold in range(10)]),
                "editors": None if few else self._held_out([np.flatnonzero(groups == one) for one in range(len(self.editors))])}

    def _held_out(self, folds: Sequence[np.ndarray]) -> dict[str, Any]:
        """Median error as a share of the minutes beside that of the editor's own median, and the share inside prediction intervals."""
        x, y, groups = self._x, self._y, self._groups
        off, plain, inside = [], [], []
        for fold in folds:
            kept = np.setdiff1d(np.arange(len(y)), fold)
            present = {old: new for new, old in enumerate(sorted(set(groups[kept].tolist())))}
            model = fit(y[kept], x[kept], np.array([present[one] for one in groups[kept]]))
            for row in fold:
                told = _prediction(model, x[row], present.get(groups[row]))
                own = y[kept][groups[kept] == groups[row]]
                off.append(abs(np.log(told.value or 1.0) - y[row]))
                plain.append(abs(np.median(own if len(own) else y[kept]) - y[row]))
                inside.append((told.low or 0.0) <= np.exp(y[row]) <= (told.high or 0.0))
        return {"edits": len(off), "median_error": float(np.expm1(np.median(off))),
                "median_error_of_medians": float(np.expm1(np.median(plain))),
                "inside_interval": rate_interval(int(sum(inside)), len(inside)).value}

    @cached_property
    def _by_effort(self) -> Mixed:
        return fit(self._y, self._x, self._groups)

    @cached_property
    def _y(self) -> np.ndarray:
        return np.log([one.minutes or 1.0 for one in self.timed])

    @cached_property
    def _x(self) -> np.ndarray:
        return _design([one.effort for one in self.timed], _lengths([one.words for one in self.timed]))

    @cached_property
    def _groups(self) -> np.ndarray:
        places = {name: place for place, name in enumerate(self.editors)}
        return np.array([places[one.editor] for one in self.timed])

    def _row(self, effort_index: float, length: int) -> np.ndarray:
        return _design([effort_index], _lengths([length], [one.words for one in self.timed]))[0]

    def _number(self, editor: str | None) -> int | None:
        return self.editors.index(editor) if editor in self.editors else None

    def _editors_mean(self, u: np.ndarray) -> np.ndarray:
        """Mean factor of the log's editors (draws,), each by how much of the log is theirs."""
        return np.exp(u) @ (np.bincount(self._groups, minlength=u.shape[1]) / len(self._groups))

    def _drawn(self, model: Mixed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of coefficients, effects and smearing factor; the noise is resampled about its mean, which the coefficients have taken."""
        b, u, _ = model.draws(DRAWS, self.seed)
        noise = np.random.default_rng(self.seed + 4).choice(_noise(model), (DRAWS, len(model.residuals)))
        return b, u, np.exp(noise - noise.mean(axis=1, keepdims=True)).mean(axis=1)


def table(log: Sequence[Entry], model: MinutesModel) -> dict[str, dict[str, Any]]:
    """What the log holds by arm: edits, effort, and where the model is calibrated minutes, the share under two minutes; rounds."""
    out: dict[str, dict[str, Any]] = {}
    for name in sorted({one.arm for one in log}):
        some = [one for one in log if one.arm == name]
        timed = [one.minutes for one in some if one.minutes is not None]
        told = model.arms.get(name)
        quick = rate_interval(sum(one < QUICK for one in timed), len(timed)) if model.calibrated else Interval(None)
        row: dict[str, Any] = {"edits": len(some), "timed": len(timed), "minutes": told.interval.value if told else None,
                               "interval": told.interval.as_list() if told else None,
                               "under_two_minutes": quick.value, "under_two_minutes_interval": quick.as_list()}
        for key, values in (("effort", [one.effort for one in some]), ("rounds", [one.rounds for one in some]),
                            ("client_rounds", [one.client_rounds for one in some])):
            known = [float(value) for value in values if value is not None]
            mean = mean_interval(known) if known else Interval(None)
            row |= {key: mean.value, f"{key}_interval": mean.as_list()}
        out[name] = row
    return out


def _design(efforts: Sequence[float], lengths: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(efforts)), np.asarray(efforts, float), lengths])


def _lengths(lengths: Sequence[int], reference: Sequence[int] | None = None) -> np.ndarray:
    """log(1 + words), less the mean of the reference's."""
    return np.log1p(lengths) - np.log1p(lengths if reference is None else reference).mean()


def _noise(model: Mixed) -> np.ndarray:
    """Residuals spread out to the residual variance, which shrinkage and fitting took from them."""
    size = float((model.residuals ** 2).mean())
    return model.residuals * np.sqrt(model.s2 / size) if size > 0 else model.residuals


def _smear(model: Mixed) -> float:
    return float(np.exp(_noise(model)).mean())


def _prediction(model: Mixed, row: np.ndarray, group: int | None) -> Interval:
    """Median minutes of one edit with the normal 95 % interval of its logarithm; an unknown editor adds the spread between editors."""
    whole = np.concatenate([row, np.zeros(len(model.u))])
    extra = model.between
    if group is not None:
        whole[len(row) + group], extra = 1.0, 0.0
    middle = float(whole @ np.concatenate([model.b, model.u]))
    half = 1.959964 * float(np.sqrt(model.s2 * (1 + whole @ model.spread @ whole) + extra))
    return Interval(*(float(np.exp(at)) for at in (middle, middle - half, middle + half)))


def _value(estimate: Estimate) -> float:
    return estimate.interval.value or 0.0


def _interval(value: float, draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(value, min(float(low), value), max(float(high), value))
