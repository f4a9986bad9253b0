"""What a person answers: single keys where a terminal is there, else a line of standard input for each question."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

QUIT = "quit"
_END = ("", "\x04")   # the end of the input, and Ctrl-D


class Lines:
    """Answers from lines: a word or its first letter, a number for itself; the end of the input quits."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def read(self, words: Mapping[str, str]) -> str:
        """The word that the next line means, "" for one that means none. `words` gives the word of each key."""
        line = self.stream.readline()
        said = line.strip().casefold()
        if not line:
            return QUIT
        return words.get(said) or (said if said in words.values() else "")


class Keys:
    """Answers from single keys of the terminal that `stream` is; within `open_keys` only."""

    def __init__(self, stream: TextIO):
        self.handle = stream.fileno()

    def read(self, words: Mapping[str, str]) -> str:
        """The word of the next key, "" for a key that means none."""
        key = os.read(self.handle, 1).decode("utf-8", "replace")
        if key == "\x1b":   # an arrow or a function key: the rest of its sequence is no answer
            _drain(self.handle)
            return ""
        return QUIT if key in _END else words.get(key.casefold(), "")


@contextlib.contextmanager
def answers(stream: TextIO | None = None) -> Iterator[Keys | Lines]:
    """Where answers come from; a terminal gives its keys without Enter, and is as it was at the end."""
    stream = stream or sys.stdin
    modes = _modes() if stream.isatty() and sys.stdout.isatty() else None
    if modes is None:
        yield Lines(stream)
        return
    termios, tty = modes
    before = termios.tcgetattr(stream.fileno())
    try:
        tty.setcbreak(stream.fileno())
        yield Keys(stream)
    finally:
        termios.tcsetattr(stream.fileno(), termios.TCSADRAIN, before)


def _modes() -> tuple[Any, Any] | None:
    """The modules that set a terminal's mode; None where there are none (Windows): then lines are read."""
    try:
        import termios
        import tty
    except ImportError:
        return None
    return termios, tty


def _drain(handle: int) -> None:
    import select

    while select.select([handle], [], [], 0.01)[0] and os.read(handle, 1):
        pass
