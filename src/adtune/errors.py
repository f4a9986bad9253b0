"""The exception tree.

AdtuneError                  anything that a user can act upon; exit code 1
├── InputError               a file, row, option or word of the user's is wrong
│   └── SettingError         an unknown or impossible setting
├── BaseModelError           a base or adapter that cannot be loaded or does not fit
├── WorkspaceError           the workspace cannot be read, written or locked
│   └── DiskFullError        no space left while writing
├── BusyError                too much is asked for at once; the same request may be taken in a moment
├── IntegrityError           an artifact or checkpoint does not match its hash
└── TrainingError            training cannot go on (lost tokens, non-finite loss, nothing to learn)
Interrupted                  stopped by a signal; what was done is safe and can be resumed; exit code 3

Every AdtuneError says where it happened, what was found, what was expected and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AdtuneError(Exception):
    """An error with the four parts that a person needs; `str()` joins them into one message."""

    def __init__(self, where: str, found: str, expected: str, do: str):
        self.where, self.found, self.expected, self.do = where, found, expected, do
        super().__init__(f"{where}: found {found}; expected {expected}. {do}")

    def as_dict(self) -> dict[str, str]:
        """The object that `--json` prints under `error`."""
        return {"where": self.where, "found": self.found, "expected": self.expected, "do": self.do}


class InputError(AdtuneError):
    """The user's file, row, option or word is wrong."""


class SettingError(InputError):
    """A setting that does not exist or cannot hold this value."""


class BaseModelError(AdtuneError):
    """A base model or adapter that cannot be loaded, or does not fit what was asked."""


class WorkspaceError(AdtuneError):
    """The workspace cannot be read, written or locked."""


class DiskFullError(WorkspaceError):
    """No space left on the disk; nothing half-written stays visible."""


class BusyError(AdtuneError):
    """More is asked for at once than is taken; nothing is wrong with the request."""


class IntegrityError(AdtuneError):
    """Stored bytes do not match the hash under which they were stored."""


class TrainingError(AdtuneError):
    """Training cannot start or go on."""


class Interrupted(Exception):  # noqa: N818 - it is a stop, not an error
    """Stopped by a signal after a checkpoint was written."""

    def __init__(self, message: str, resume: str):
        self.resume = resume
        super().__init__(message)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known word, or all of them where none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(known)}." if known else "There is none yet."


def with_article(word: str) -> str:
    """`a run`, `an adapter`."""
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
