"""What a run will take, from a trial of a few of its own steps on this machine.

    seconds of training = sum of seconds over the tried steps * tokens of the schedule / tokens of the tried steps     (padding counts)

The tried steps are spread over the schedule by size, the largest first: it warms the libraries up, is not timed, and takes the
run's peak of activations; an evaluation's largest batch is measured too. Where the trial is held to a few seconds, one row is trained
first; if whole steps would take longer, its seconds a token are all that is known. Disk: a checkpoint holds the method, its best state and
AdamW's two moments, 16 bytes a trainable parameter; two are kept and a third is written beside them; the adapter stands twice while
it is published.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from .devices import peak_memory_bytes
from .fit import Fit
from .tasks.drafting import Row, measure, split_by_budget

TRIED, FEW = 6, 3     # timed steps at most, and where the trial is held to a few seconds
TRIED_SECONDS = 20.0  # after which no further step is tried
GROWTH = 1.08        # what an allocator adds over a whole run to the peak of its largest step and batch, measured on tiny bases
MEASURE_BUDGET = 8192  # tokens of a batch that is only measured
UNTRIED = 0.5        # relative standard error of the seconds where fewer than two steps were timed


@dataclass(frozen=True)
class Forecast:
    """Seconds of all the training and of one evaluation, relative standard error of the first, bytes of memory (None where no whole
    step was tried) and of disk."""

    training_seconds: float
    evaluation_seconds: float
    spread: float
    peak_memory_bytes: int | None
    disk_bytes: int


def disk_bytes(trained: int) -> int:
    """Bytes that a run writes at most, for this many trainable parameters."""
    return (3 * 16 + 2 * 4) * trained + (1 << 20)


def forecast(fit: Fit, limit: float | None = None) -> Forecast:
    """Try steps of a run, for about `limit` seconds where it is given; the Fit and its method are spent then.

    Raises TrainingError where a step does not train.
    """
    sizes = [_padded(fit._group(step), fit.plan.micro_tokens) for step in range(fit.total)]
    order = sorted(range(fit.total), key=lambda step: sizes[step])
    measured = [sorted(rows, key=lambda row: len(row.ids)) for rows in (fit.data.validation, fit.data.general) if rows]
    room = TRIED_SECONDS
    if limit is not None:
        training, measuring = _pace(fit)
        room = limit - training * sizes[order[-1]] - measuring * sum(_padded(_batches(rows)[-1], MEASURE_BUDGET) for rows in measured)
        if room < training * sizes[order[len(order) // 2]]:
            whole = measuring * sum(_padded(rows, MEASURE_BUDGET) for rows in measured)
            return Forecast(training * sum(sizes), whole, UNTRIED, None, disk_bytes(fit.method.count))
    _seconds(fit, order[-1])
    count = TRIED if limit is None else FEW
    ranks = {round(k * (len(order) - 1) / max(count - 1, 1)) for k in range(count)}
    picked = [order[rank] for rank in sorted(ranks, key=lambda rank: abs(2 * rank - len(order)))]  # the middle first: some may be left
    tried: list[tuple[int, float]] = []
    while picked and sum(spent for _, spent in tried) < room:
        step = picked.pop(0)
        tried.append((sizes[step], _seconds(fit, step)))
    rate = sum(spent for _, spent in tried) / sum(size for size, _ in tried)
    rates = [spent / size for size, spent in tried]
    spread = stdev(rates) / mean(rates) / len(rates)**0.5 if len(rates) > 1 else UNTRIED
    evaluation = sum(_evaluation(fit, rows, 2 if limit is None else 1) for rows in measured)
    copies = 2 * 4 * fit.method.count  # the best state, and the state of the moment while a checkpoint is written
    peak = round(GROWTH * (peak_memory_bytes(fit.base.device.type) + copies))
    return Forecast(rate * sum(sizes), evaluation, spread, peak, disk_bytes(fit.method.count))


def _pace(fit: Fit) -> tuple[float, float]:
    """Seconds a token of training and of measuring, on a row of middle length; what comes first only warms the libraries up."""
    schedule, rows = fit.schedule, fit._epoch_rows(0)
    middle = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))[len(rows) // 2]
    fit.schedule = [(0, [middle])]
    try:
        _, training = _seconds(fit, 0), _seconds(fit, 0)
    finally:
        fit.schedule = schedule
    began = time.monotonic()
    measure(fit.base, fit.method, [rows[middle]], MEASURE_BUDGET, fit.dtype)
    return training / len(rows[middle].ids), (time.monotonic() - began) / len(rows[middle].ids)


def _seconds(fit: Fit, step: int) -> float:
    """Seconds of one training step of the schedule."""
    fit.step, began = step, time.monotonic()
    fit.train_step()
    return time.monotonic() - began


def _padded(rows: Sequence[Row], budget: int) -> int:
    """Tokens of rows in batches of at most `budget` tokens, padding included."""
    return sum(len(group) * max(len(rows[i].ids) for i in group) for group in split_by_budget(rows, range(len(rows)), budget))


def _batches(rows: list[Row]) -> list[list[Row]]:
    """Rows, the shortest first, batched as `measure` does it."""
    return [[rows[i] for i in group] for group in split_by_budget(rows, range(len(rows)), MEASURE_BUDGET)]


def _evaluation(fit: Fit, rows: list[Row], count: int) -> float:
    """Seconds of measuring all rows, from the largest batch and, where `count` is 2, the one in the middle."""
    batches = _batches(rows)
    some = [row for n in sorted({len(batches) - 1, len(batches) // count}) if n < len(batches) for row in batches[n]]
    began = time.monotonic()
    measure(fit.base, fit.method, some, MEASURE_BUDGET, fit.dtype)
    return (time.monotonic() - began) * _padded(rows, MEASURE_BUDGET) / _padded(some, MEASURE_BUDGET)
