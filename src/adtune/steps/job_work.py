"""What a job's work is given: its log, its state and its stop switch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..workspace import Workspace
    from ..workspace.jobs import Job

TOLD_SECONDS = 5.0  # between two lines of progress of the same label


class Work:
    """A job's log, its state and its stop switch, for the function that does the job."""

    def __init__(self, ws: Workspace, job: Job, stop: Callable[[], bool], clock: Callable[[], float] = time.monotonic):
        self.ws, self.job, self.stop, self.clock = ws, job, stop, clock
        self._last: tuple[str, float] = ("", 0.0)

    def tell(self, message: str, data: Mapping[str, Any] | None = None) -> None:
        """A line in the job's log; with data it is a metric."""
        self.ws.jobs.log(self.job, message, data)

    def keep(self, state: Mapping[str, Any]) -> None:
        """What the next try goes on from."""
        self.ws.jobs.keep(self.job, state)

    def progress(self, label: str, done: float, total: float, note: str = "") -> None:
        """A Progress: the beginning of each part of the work, and where it is every few seconds."""
        label_before, told = self._last
        if label == label_before and self.clock() - told < TOLD_SECONDS:
            return
        self._last = (label, self.clock())
        share = f" {done / total:.0%}" if total else ""
        self.tell(f"{label}{share}{f': {note}' if note else ''}")
