"""A worker: takes jobs from the table, each done in a process group of its own, and answers for its end.

    python -m adtune.worker DIR [--url URL] [--once]

The worker renews the lease and looks every half second what is asked of the job; its child does the work, writes its own end under the
job's fence, and dies with the worker (it reads a pipe that closes). A child that crashes costs the job a try, a stop does not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .workspace import Workspace
    from .workspace.jobs import Job

LOOK_SECONDS = 0.5
STOP_SECONDS = 8.0     # between asking a child to stop and ending its group
NICENESS = 10          # work gives way to answers
REST_SECONDS = (0.5, 5.0)


class Switch:
    """A flag that a signal handler may set while the same thread waits for it, which an Event must not."""

    def __init__(self) -> None:
        self._on = False
        self._reader, self._writer = os.pipe()

    def set(self) -> None:
        self._on = True
        os.write(self._writer, b".")

    def is_set(self) -> bool:
        return self._on

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is set."""
        if not self._on:
            select.select([self._reader], [], [], seconds)


class Worker:
    """Claims and supervises one job at a time."""

    def __init__(self, ws: Workspace, url: str | None = None, name: str | None = None):
        self.ws, self.url = ws, url
        self.name = name or f"{os.uname().nodename if hasattr(os, 'uname') else 'worker'}-{os.getpid()}"
        self.ending = Switch()

    def run(self, once: bool = False) -> int:
        """Work until `ending` is set, or with `once` until nothing is queued; gives the number of jobs that were taken."""
        from .errors import WorkspaceError

        taken, rest = 0, REST_SECONDS[0]
        while not self.ending.is_set():
            try:
                job = self.ws.jobs.claim(self.name)
            except WorkspaceError:  # the database is away: try again, ever less often
                self.ending.wait(rest)
                rest = min(2 * rest, REST_SECONDS[1])
                continue
            rest = REST_SECONDS[0]
            if job is not None:
                taken += 1
                self.supervise(job)
            elif once:
                break
            else:
                self.ending.wait(REST_SECONDS[0])
        return taken

    def supervise(self, job: Job) -> None:
        """Have a job done, whatever happens to its process."""
        from .errors import WorkspaceError
        from .workspace.jobs import LEASE_SECONDS, Stale

        child = self._start(job)
        beaten = time.monotonic()
        try:
            while not _ended(child, LOOK_SECONDS):
                try:
                    now = self.ws.jobs.find(job.id)
                    if now is None:
                        break  # its client was erased
                    if time.monotonic() - beaten > LEASE_SECONDS / 3:
                        self.ws.jobs.beat(job)
                        beaten = time.monotonic()
                except WorkspaceError:
                    continue  # the lease outlives a short outage
                if now.fence != job.fence or now.status != "running":
                    break  # somebody else's, or ended by the child in this moment
                if now.wants is not None or self.ending.is_set():
                    _stop(child)
            self._settle(job, child)
        except Stale:
            pass
        finally:
            _end(child)

    def _settle(self, job: Job, child: subprocess.Popen[bytes]) -> None:
        """What becomes of a job whose process has ended without saying so."""
        code = child.poll()
        now = self.ws.jobs.find(job.id)
        if now is None or now.fence != job.fence or now.status != "running":
            return
        if now.wants is not None or self.ending.is_set():
            self.ws.jobs.stop(job)
        else:
            self.ws.jobs.retry(job, f"the process of the job ended with {code}")

    def _start(self, job: Job) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "adtune.worker", str(self.ws.root), "--job", job.id, "--fence", str(job.fence)]
        words += ["--url", self.url] if self.url else []
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)


def _ended(child: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Ask a child to stop at its next safe point, and end its group where it does not."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    if not _ended(child, STOP_SECONDS):
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """No process of the group is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin:
        child.stdin.close()


def _die_with_parent() -> None:
    """End this process group once the worker's end of the pipe closes."""
    _until_closed()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _until_closed() -> None:
    """Wait until nobody holds the other end of standard input; not by sys.stdin, whose lock an ending interpreter wants."""
    while os.read(0, 1024):
        pass


def do_one(root: Path, url: str | None, id: str, fence: int) -> int:
    """The child: do one job under its fence."""
    from .steps.work import do
    from .workspace import Workspace
    from .workspace.jobs import Stale

    asked = Switch()
    signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with Workspace.open(root, url) as ws:
        job = ws.jobs.find(id)
        if job is None or job.fence != fence or job.status != "running":
            return 0
        with contextlib.suppress(Stale):
            do(ws, job, asked.is_set)
    return 0


def main(argv: list[str] | None = None) -> int:
    """A worker on a workspace, or with --job the child of one."""
    reader = argparse.ArgumentParser(prog="python -m adtune.worker", description="Takes jobs from a workspace's table.")
    reader.add_argument("root", type=Path)
    reader.add_argument("--url", help="the workspace's database, where it is not the file in the folder")
    reader.add_argument("--once", action="store_true", help="end when nothing is queued")
    reader.add_argument("--follow", action="store_true", help="end when standard input closes: with the server that started it")
    reader.add_argument("--job", help=argparse.SUPPRESS)
    reader.add_argument("--fence", type=int, help=argparse.SUPPRESS)
    said = reader.parse_args(argv)
    if said.job:
        return do_one(said.root, said.url, said.job, said.fence)
    from .workspace import Workspace

    with Workspace.open(said.root, said.url) as ws:
        worker = Worker(ws, said.url)
        _on_signals(worker.ending.set)
        if said.follow:
            threading.Thread(target=_follow, args=(worker.ending.set,), daemon=True).start()
        worker.run(said.once)
    return 0


def _follow(end: Callable[[], None]) -> None:
    _until_closed()
    end()


def _on_signals(end: Callable[[], None]) -> None:
    def hear(number: int, frame: FrameType | None) -> None:
        end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)


if __name__ == "__main__":
    sys.exit(main())
