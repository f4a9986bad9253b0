"""What a run will take, from a trial of a few of its own steps on this machine.

    seconds of training = sum of seconds over the tried steps * tokens of the schedule / tokens of the tried steps     (padding counts)

The tried steps are spread over the schedule by size, the largest first: it warms the libraries up, is not timed, and takes the
run's peak of activations; an evaluation's largest batch is measured too. Disk: a checkpoint holds the method, its best state and
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

TRIED = 6            # timed steps at most
TRIED_SECONDS = 20.0  # after which no further step is tried
GROWTH = 1.08        # what an allocator adds over a whole run to the peak of its largest step and batch, measured on tiny bases
MEASURE_BUDGET = 8192  # tokens of a batch that is only measured


@dataclass(frozen=True)
class Forecast:
    """Seconds of all the training and of one evaluation, relative standard error of the first, bytes of memory and disk."""

    training_seconds: float
    evaluation_seconds: float
    spread: float
    peak_memory_bytes: int
    disk_bytes: int


def disk_bytes(trained: int) -> int:
    """Bytes that a run writes at most, for this many trainable parameters."""
    return (3 * 16 + 2 * 4) * trained + (1 << 20)


def forecast(fit: Fit) -> Forecast:
    """Try steps of a run; the Fit and its method are spent then. Raises TrainingError where a step does not train."""
    sizes = [_padded(fit._group(step), fit.plan.micro_tokens) for step in range(fit.total)]
    order = sorted(range(fit.total), key=lambda step: sizes[step])
    picked = {order[round(k * (len(order) - 1) / max(TRIED - 1, 1))] for k in range(TRIED)}
    _seconds(fit, order[-1])
    tried: list[tuple[int, float]] = []
    while picked and sum(spent for _, spent in tried) < TRIED_SECONDS:
        step = picked.pop()
        tried.append((sizes[step], _seconds(fit, step)))
    rate = sum(spent for _, spent in tried) / sum(size for size, _ in tried)
    rates = [spent / size for size, spent in tried]
    spread = stdev(rates) / mean(rates) / len(rates)**0.5 if len(rates) > 1 else 0.5
    evaluation = sum(_evaluation(fit, list(rows)) for rows in (fit.data.validation, fit.data.general) if rows)
    copies = 2 * 4 * fit.method.count  # the best state, and the state of the moment while a checkpoint is written
    peak = round(GROWTH * (peak_memory_bytes(fit.base.device.type) + copies))
    return Forecast(rate * sum(sizes), evaluation, spread, peak, disk_bytes(fit.method.count))


def _seconds(fit: Fit, step: int) -> float:
    """Seconds of one training step of the schedule."""
    fit.step, began = step, time.monotonic()
    fit.train_step()
    return time.monotonic() - began


def _padded(rows: Sequence[Row], budget: int) -> int:
    """Tokens of rows in batches of at most `budget` tokens, padding included."""
    return sum(len(group) * max(len(rows[i].ids) for i in group) for group in split_by_budget(rows, range(len(rows)), budget))


def _evaluation(fit: Fit, rows: list[Row]) -> float:
    """Seconds of measuring all rows, from its largest batch and the one in the middle, batched as `measure` does it."""
    rows = sorted(rows, key=lambda row: len(row.ids))
    groups = split_by_budget(rows, range(len(rows)), MEASURE_BUDGET)
    some = [rows[i] for n in sorted({len(groups) // 2, len(groups) - 1}) for i in groups[n]]
    began = time.monotonic()
    measure(fit.base, fit.method, some, MEASURE_BUDGET, fit.dtype)
    return (time.monotonic() - began) * _padded(rows, MEASURE_BUDGET) / _padded(some, MEASURE_BUDGET)
