"""Groups of people that a client names, so that drafts for them can be compared: one comparison a line, its name before a colon.

    gender: women, men
    age: students, parents, people over 60

A brief asks for a group by its words behind the title: "Autumn coats (for women)".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from ..records import Brief

MOST_GROUPS, MOST_LINES = 6, 5
_FORM = "a name, a colon and two groups or more with commas between, such as `gender: women, men`"


@dataclass(frozen=True)
class Comparison:
    """Groups of one kind that are compared with each other."""

    name: str
    groups: tuple[str, ...]


def load_groups(path: Path) -> tuple[Comparison, ...]:
    """The comparisons of a file; empty lines and those that begin with # are passed over. Raises InputError with the line that is none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--groups {path}", f"an unreadable file ({error})", "UTF-8 text",
                         "Give the path of a readable file.") from error
    found = tuple(_comparison(f"{path.name}, line {number}", line) for number, line in enumerate(lines, 1)
                  if line.strip() and not line.lstrip().startswith("#"))
    if not 1 <= len(found) <= MOST_LINES or len({one.name for one in found}) < len(found):
        raise InputError(f"--groups {path.name}", f"{len(found)} comparisons named {', '.join(one.name for one in found) or 'nothing'}",
                         f"1 to {MOST_LINES} comparisons of different names", f"Write {_FORM}.")
    return found


def _comparison(where: str, line: str) -> Comparison:
    name, colon, rest = line.partition(":")
    groups = [group.strip() for group in rest.split(",")]
    different = len({group.casefold() for group in groups}) == len(groups)
    if not colon or not name.strip() or not all(groups) or not different or not 2 <= len(groups) <= MOST_GROUPS:
        raise InputError(where, line.strip()[:80], f"{_FORM}; {MOST_GROUPS} different groups at most", "Correct the line.")
    return Comparison(name.strip(), tuple(groups))


def brief_for(brief: Brief, group: str) -> Brief:
    """The same brief for readers of a group."""
    return replace(brief, title=f"{brief.title} (for {group})")
