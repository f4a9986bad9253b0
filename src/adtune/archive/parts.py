"""What a reader of a file of parts says between its rows: where a part begins, and what a person should know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """Part `number`, from 0, begins here: a member of a zip, a message of an mbox.

    Should the parser die in it, reading goes on behind it.
    """

    number: int
    line: int | None = None
    part: str | None = None


@dataclass(frozen=True)
class Note:
    """A remark on the file, which stands beside the pieces that were kept."""

    text: str
