"""What a full run would cost, from the speed of the bake-off's own run of the method.

    seconds = (1 + p) E (1 + r) T / s  +  (n + m) V / v

T = tokens of the training rows, E = epochs, r = share of replayed general text, p = share of a run that the learning-rate probe takes,
s = trained tokens a second; V = tokens of one evaluation (validation and general text), n = evaluations of the run, m = those of the
probe, v = measured tokens a second. An upper end: a run that stops at its peak takes less.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """What one arm of the bake-off took: tokens a second in training and in measuring, and the process's peak memory."""

    trained_per_second: float | None
    measured_per_second: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Work:
    """What a full run of a method has to do; tokens count briefs and targets."""

    row_tokens: int
    epochs: int
    replay: float
    probe_share: float
    evaluation_tokens: int
    evaluations: int


def full_run(work: Work, pace: Pace) -> float | None:
    """Seconds of a full run with its probe; None where the arm trained nothing that could be timed."""
    if not pace.trained_per_second or not pace.measured_per_second:
        return None
    trained = (1 + work.probe_share) * work.epochs * (1 + work.replay) * work.row_tokens
    return trained / pace.trained_per_second + work.evaluations * work.evaluation_tokens / pace.measured_per_second
