"""Progress on stderr: a bar where a person looks on, a line every ten seconds where a log is written.

Nothing is shown for work that ends within two seconds; a note about a total of 0 is a line that is shown at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

QUIET_SECONDS = 2.0
LINE_SECONDS = 10.0


def duration(seconds: float | None) -> str:
    """Seconds as people say them: `8 s`, `2 min 05 s`, `1 h 20 min`; an empty string where nobody knows."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class Stretch:
    """One piece of work with one label: when it began, and how much of it was done before (a resumed run begins late)."""

    label: str
    began: float
    first: float

    def left(self, now: float, done: float, total: float) -> float | None:
        """Seconds left at the mean speed so far; None before anything moved."""
        if done <= self.first or total <= 0:
            return None
        return max(0.0, (now - self.began) * (total - done) / (done - self.first))


class Lines:
    """Progress for a log: one line about every ten seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self.stream, self.clock = stream, clock
        self.stretch: Stretch | None = None
        self.said = clock()

    def __call__(self, label: str, done: float, total: float, note: str = "") -> None:
        if note and not total:
            self._write(f"{label}: {note}")
            return
        now = self.clock()
        if self.stretch is None or self.stretch.label != label:
            self.stretch = Stretch(label, now, done)
        if now - self.said < LINE_SECONDS:
            return
        self.said = now
        share = f" {100 * done / total:.0f} %" if total > 0 else ""
        left = duration(self.stretch.left(now, done, total))
        parts = [f"{label}:{share}", f"{left} left" if left else "", note]
        self._write("  ".join(part for part in parts if part))

    def _write(self, line: str) -> None:
        self.stream.write(line + "\n")
        self.stream.flush()

    def close(self) -> None:
        """Nothing stays open."""


class Bar:
    """Progress for a person: one bar for each label, with the time left and the latest note."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self.stream, self.clock = stream, clock
        self.stretch: Stretch | None = None
        self.live: Any = None
        self.task: Any = None

    def __call__(self, label: str, done: float, total: float, note: str = "") -> None:
        if note and not total:
            self._line(f"{label}: {note}")
            return
        now = self.clock()
        if self.stretch is None or self.stretch.label != label:
            self.stretch, self.task = Stretch(label, now, done), None
        if now - self.stretch.began < QUIET_SECONDS:
            return
        if self.live is None:
            self.live = self._start()
        left = duration(self.stretch.left(now, done, total))
        shown = {"completed": done, "total": total if total > 0 else None, "left": f"{left} left" if left else "", "note": note}
        if self.task is None:
            self.task = self.live.add_task(label, **shown)
        self.live.update(self.task, **shown)

    def _line(self, line: str) -> None:
        """A line that stays, above the bars where there are any."""
        if self.live is not None:
            self.live.console.print(line, markup=False, highlight=False)
        else:
            self.stream.write(line + "\n")
            self.stream.flush()

    def _start(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
                   TextColumn("{task.fields[left]}", markup=False), TextColumn("{task.fields[note]}", markup=False))
        live = Progress(*columns, console=Console(file=self.stream, force_terminal=True), redirect_stdout=False, redirect_stderr=False)
        live.start()
        return live

    def close(self) -> None:
        """Leave the last state of each bar on the screen and give the terminal back."""
        if self.live is not None:
            self.live.stop()
            self.live = None


def listener(stream: TextIO | None = None) -> Bar | Lines:
    """The progress that suits the stream (stderr unless said otherwise)."""
    stream = stream or sys.stderr
    return Bar(stream) if stream.isatty() else Lines(stream)
