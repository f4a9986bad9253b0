"""What a full run will take in seconds, memory and disk, each with a range, and whether this machine has the room.

    seconds = (1 + p P) S + (n + 3 P + d) V

S = seconds of all epochs' training and V of one evaluation, both from a trial of the run's own steps; n = evaluations of the run, step 0
included; P = short runs of the learning-rate probe, each with a share p of the steps and three evaluations; d = evaluations of the
dial; P and d come as fewest, usual and most. It is the time of a run that goes through all its epochs. The range begins at a run that
stops as soon as its patience allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NONE = (0, 0, 0)
LEAST_MARGIN = 0.15    # of the seconds, however even the tried steps were
MEMORY_MARGIN = (0.9, 1.2)


@dataclass(frozen=True)
class Work:
    """What a full run has to do. `probes` are short runs of a `probe_share` of the steps, `dials` evaluations of the dial, both fewest,
    usual and most, NONE where the rate or the dial is given; `spread` is the relative error of the trial."""

    training_seconds: float
    evaluation_seconds: float
    evaluations: int
    patience: int
    probe_share: float = 0.0
    probes: tuple[int, int, int] = NONE
    dials: tuple[int, int, int] = NONE
    spread: float = 0.0


@dataclass(frozen=True)
class Need:
    """Peak memory of the process and bytes on the disk."""

    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class Room:
    """What this machine can give: memory to the process, what it has already included, and disk; None where nobody tells."""

    memory_bytes: int | None
    disk_bytes: int | None

    def fits(self, need: Need) -> bool:
        return ((self.memory_bytes is None or need.memory_bytes <= self.memory_bytes)
                and (self.disk_bytes is None or need.disk_bytes <= self.disk_bytes))


def seconds(work: Work, which: int = 1, share: float = 1.0) -> float:
    """Seconds of a run that trains a share of its steps, with the fewest (0), usual (1) or most (2) probes."""
    probes, dials = work.probes[which], work.dials[which]
    return ((share + work.probe_share * probes) * work.training_seconds
            + (1 + share * work.evaluations + 3 * probes + dials) * work.evaluation_seconds)


def estimate(work: Work, need: Need, room: Room, others: Mapping[str, Need]) -> dict[str, Any]:
    """The contract's `estimate`: seconds, memory, disk, ranges, whether it fits, and the largest of the other plans that does.

    `others` are plans by name, the largest first; `largest_that_fits` is None where the plan itself fits or none does.
    """
    margin = max(LEAST_MARGIN, 2 * work.spread)
    earliest = min(1.0, (work.patience + 1) / max(work.evaluations, 1))
    low, high = MEMORY_MARGIN
    fits = room.fits(need)
    return {
        "seconds": seconds(work), "seconds_range": [seconds(work, 0, earliest) / (1 + margin), seconds(work, 2) * (1 + margin)],
        "peak_memory_bytes": need.memory_bytes, "peak_memory_range": [round(low * need.memory_bytes), round(high * need.memory_bytes)],
        "disk_bytes": need.disk_bytes, "fits": fits,
        "largest_that_fits": None if fits else next((name for name, other in others.items() if room.fits(other)), None),
    }
