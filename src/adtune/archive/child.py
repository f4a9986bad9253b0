"""The child process in which binary formats and mark-up are parsed: bounded in memory and time, and used again for the next file.

Rows come back as JSON, one message a line, so that nothing the child says can run here. A child that dies, hangs or needs too much
memory costs the file in which it stood, or the part of it, and is replaced.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from .files import ClientFile
from .parts import Mark
from .rows import Fault, Row, Unreadable

SECONDS, SECONDS_PER_MB = 20.0, 5.0   # for a file, and for each MB of it; and SECONDS without a word
MEMORY_BYTES = 1_000_000_000          # of the child's address space
MESSAGE_BYTES = 200_000_000
DEATHS = 5                            # in one file, after which its rest is lost
PREFIX = "adtune-import-"             # of the name of a child's own folder
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
_idle: list[Child] = []


class Died(Exception):  # noqa: N818 - it says what happened to a process
    """The child is gone; the message is the reason."""


def rows_in_child(file: ClientFile, mapping: Mapping[str, str], note: Callable[[str], None],
                  columns: str = "content") -> Iterator[Row | Fault]:
    """The rows of a file, parsed in the child, where `columns` of this kind tell a header. Raises Unreadable and InputError as a reader
    does."""
    left = SECONDS + SECONDS_PER_MB * file.path.stat().st_size / 1e6
    mark: Mark | None = None
    for _ in range(DEATHS):
        child = _alive()
        try:
            for kind, *content in child.ask(file, {"mapping": dict(mapping), "kind": columns}, left):
                if kind == "mark":
                    mark = Mark(*content)
                elif kind == "note":
                    note(*content)
                else:
                    yield Row(*content) if kind == "row" else Fault(*content)
            return
        except Died as died:
            if mark is None:
                raise Unreadable(str(died)) from None
            yield Fault(mark.line, str(died), mark.part)
            file, left = replace(file, skip=mark.number + 1), left - child.waited
        finally:
            child.put_back()
        if left <= 0:
            break
    yield Fault(None, "the rest of the file is not read: its parser failed too often or took too long")


def _alive() -> Child:
    """An idle child that still lives, else a new one."""
    while _idle:
        child = _idle.pop()
        if child.ours() and child.alive():
            return child
        child.stop()
    return Child()


def stop_children() -> None:
    """Ends the children that wait for files."""
    while _idle:
        _idle.pop().stop()


atexit.register(stop_children)


class Child:
    """One process; `waited` is how many seconds the last question took it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)
        source = str(Path(__file__).resolve().parents[2])
        variables = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        # -P: a client's folder, where a person may stand, never counts as a place of modules; a session of its own: Ctrl-C is the parent's
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adtune.archive.inside", str(MEMORY_BYTES), self._folder.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self._folder.name, start_new_session=True,
            env={**variables, "PYTHONPATH": source, "OPENBLAS_NUM_THREADS": "1", "TMPDIR": self._folder.name})
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
        self._free, self.waited, self._owner = True, 0.0, os.getpid()

    def ask(self, file: ClientFile, columns: Mapping[str, Any], seconds: float) -> Iterator[list[Any]]:
        """The messages about one file. Raises Died, Unreadable and InputError."""
        self._free, self.waited = False, 0.0
        request = {"path": os.fsdecode(file.path.absolute()), "name": file.name, "alone": file.alone, "skip": file.skip,
                   **columns, "seconds": seconds}
        with contextlib.suppress(BrokenPipeError):   # its end is seen when its answer is read
            self._process.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
        buffer = bytearray()
        while True:
            kind, *content = message = self._message(buffer, seconds)
            self._free = kind in ("end", "unreadable", "wrong")
            if kind == "memory":
                raise Died(f"reading it needs more than {MEMORY_BYTES / 1e9:.0f} GB of memory")
            if kind == "unreadable":
                raise Unreadable(*content)
            if kind == "wrong":
                raise InputError(*content)
            if kind == "end":
                return
            yield message

    def ours(self) -> bool:
        """Not in a fork of the process that started it, which goes on with it."""
        return self._owner == os.getpid()

    def alive(self) -> bool:
        return self._process.poll() is None

    def put_back(self) -> None:
        """To the idle ones where its last answer was complete; else it is ended."""
        if self._free and self.alive():
            _idle.append(self)
        else:
            self.stop()

    def stop(self) -> None:
        if not self.ours():
            return
        self._process.kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._folder.cleanup()

    def _message(self, buffer: bytearray, seconds: float) -> list[Any]:
        """The next line; only the time that is spent waiting for it counts."""
        start, seen = time.monotonic(), 0
        while (end := buffer.find(b"\n", seen)) < 0:
            seen = len(buffer)
            silent = time.monotonic() - start
            rest = min(SECONDS - silent, seconds - self.waited - silent)
            if rest <= 0 or not self._selector.select(rest):
                self.waited += time.monotonic() - start
                raise Died(f"reading it took more than {SECONDS:.0f} seconds" if seconds > self.waited
                           else f"reading it took more than {seconds:.0f} seconds")
            chunk = os.read(self._process.stdout.fileno(), 1 << 20)  # type: ignore[union-attr]
            if not chunk or seen > MESSAGE_BYTES:
                self.waited += time.monotonic() - start
                raise Died(self._end() if not chunk else "its parser said more than a file can hold")
            buffer += chunk
        self.waited += time.monotonic() - start
        line = bytes(buffer[:end])
        del buffer[:end + 1]
        return json.loads(line.decode("utf-8", "surrogatepass"))

    def _end(self) -> str:
        code = self._process.wait()
        return f"the file made its parser crash ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
