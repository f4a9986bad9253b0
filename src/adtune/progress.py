"""How long work tells that it is getting on, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with what is being done, how much of how much is done, and a short note (loss, tokens/s, best so far).

    A note about a total of 0 is no progress but a line that is shown at once and stays.
    """

    def __call__(self, label: str, done: float, total: float, note: str = "") -> None: ...


def silent(label: str, done: float, total: float, note: str = "") -> None:
    """A Progress that nobody sees."""


def labelled(progress: Progress, label: str) -> Progress:
    """A Progress that tells what is done under a label of the caller's."""
    return lambda _, done, total, note="": progress(label, done, total, note)
