"""What a verb works with, and how a signal reaches it.

A verb's words become a Job; the job runs at a Desk. Nothing runs while the words are read, so that every error, stop and
answer passes one border (border.py).
"""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..progress import Progress
from .globals import Globals

if TYPE_CHECKING:
    from ..workspace import Workspace
    from .page import Page

Answer = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What one command line asks for.

    `follow` names the next command from the answer (None where there is none), `code` the exit code of an answer, `patient`
    whether the work looks at `stop` itself, `resume` the command that goes on after a stop.
    """

    verb: str
    run: Callable[[Desk], Answer]
    show: Callable[[Answer, Page], None]
    follow: Callable[[Answer], str | None] = lambda answer: None
    code: Callable[[Answer], int] = lambda answer: 0
    patient: bool = False
    resume: str | None = None


class StopSwitch:
    """Turns true at SIGINT or SIGTERM. Patient work gets one signal to end at a safe point; the next one, or the first one of
    other work, raises KeyboardInterrupt."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, patient: bool):
        self.patient, self.asked = patient, False
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self.asked

    def __enter__(self) -> StopSwitch:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked or not self.patient:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, b"\nStopping at the next safe point; once more to stop at once.\n")


class Desk:
    """The workspace (opened at first use), the progress and the stop switch of one job."""

    def __init__(self, words: Globals, progress: Progress, stop: Callable[[], bool]):
        self.words, self.progress, self.stop = words, progress, stop
        self._workspace: Workspace | None = None

    @property
    def root(self) -> Path:
        return self.words.workspace

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            from ..workspace import Workspace

            self._workspace = Workspace.open(self.root)
        return self._workspace

    def close(self) -> None:
        if self._workspace is not None:
            self._workspace.close()


def command(words: Globals, rest: str) -> str:
    """A command line that the reader can paste."""
    where = f"--workspace {shlex.quote(str(words.workspace))} " if words.named else ""
    return f"adtune {where}{rest}"
