"""One row of an edit log, read by the names and the forms that people use."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

MOST_MINUTES = 480.0   # a working day; what took longer was not one edit, or was not measured
MOST_ROUNDS = 50

# The field's names in files, best first; case, spaces and punctuation do not count.
FIELDS = {
    "draft": "draft before draft_text first_draft original ai_draft generated",
    "final": "final after final_text edited published final_version edited_text",
    "minutes": "minutes mins min editing_minutes minutes_spent time_minutes time duration",
    "editor": "editor edited_by by who name_of_editor",
    "rounds": "rounds revisions revision_rounds rounds_editor editor_rounds",
    "client_rounds": "client_rounds rounds_client",
    "arm": "arm source_of_draft model version",
    "adapter": "adapter adapter_id",
    "date": "date day edited_on",
    "brief": "brief title headline",
    "withdrawn": "withdrawn",
}
DOCUMENT = ("document", "file", "name", "piece", "title", "brief")   # what a table of times calls the documents that it is about
ARMS = {"prompt": "prompted", "prompted base": "prompted", "base prompted": "prompted", "base model": "base", "base alone": "base",
        "fine tuned": "tuned", "finetuned": "tuned", "fine tuning": "tuned", "adapter": "tuned"}
NO_ARM = {"", "today", "none", "human", "writer", "n a"}
YES, NO = {"yes", "y", "true", "1", "x", "withdrawn"}, {"", "no", "n", "false", "0"}
_CLOCK = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2})(?:\.\d+)?)?")
_PART = re.compile(r"(\d+(?:\.\d+)?) ?([a-z]*)\.?(?: |$)")
_UNITS = {word: size for size, words in ((60.0, "h hr hrs hour hours std"), (1.0, "m min mins minute minutes minuten"),
                                         (1 / 60, "s sec secs second seconds")) for word in words.split()} | {"": 1.0}


def squeezed(name: str) -> str:
    """A column name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", name.casefold())


def names_of(field: str, mapping: Mapping[str, str]) -> list[str]:
    """The squeezed column names that may hold a field; a mapped one has its column and no other."""
    return [squeezed(mapping[field])] if field in mapping else [squeezed(name) for name in FIELDS[field].split()]


def picked(values: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """The fields that a row holds, by the first of their columns with something in it."""
    there = {squeezed(name): value for name, value in reversed(list(values.items())) if value is not None and str(value).strip()}
    found = {field: next((there[name] for name in names_of(field, mapping) if name in there), None) for field in FIELDS}
    return {field: value for field, value in found.items() if value is not None}


def minutes(value: Any) -> float | None:
    """`45`, `45,5`, `45 min`, `1 h 20`, `1:20` or `0:45:00` in minutes; None where the cell is empty. Raises ValueError."""
    number = _number_of_minutes(value)
    if number is None:
        return None
    if not math.isfinite(number) or number <= 0:
        raise ValueError(f"{number:g} minutes: an edit takes time; leave the cell empty where it was not measured")
    if number > MOST_MINUTES:
        raise ValueError(f"{number:g} minutes are more than a working day ({MOST_MINUTES:g}); give the minutes that one edit took")
    return number


def _number_of_minutes(value: Any) -> float | None:
    if isinstance(value, bool):
        raise ValueError("the minutes are yes or no, not a number")
    if value is None or isinstance(value, (int, float)):
        return None if value is None else float(value)
    said = " ".join(str(value).casefold().replace(",", ".").split())
    if not said:
        return None
    clock = _CLOCK.fullmatch(said)
    if clock:
        return int(clock[1]) * 60 + int(clock[2]) + int(clock[3] or 0) / 60
    parts = [found for found in _PART.finditer(re.sub(r"(?<=[a-z])(?=\d)", " ", said)) if found[2] in _UNITS]
    if "".join(found[0] for found in parts).replace(" ", "") == said.replace(" ", ""):
        return sum(float(found[1]) * _UNITS[found[2]] for found in parts)
    try:
        return float(said)
    except ValueError:
        raise ValueError(f"the minutes are '{str(value)[:40]}', not a number") from None


def rounds(value: Any, what: str = "rounds") -> int | None:
    """A count of rounds. Raises ValueError for what is none."""
    if value is None:
        return None
    try:
        number = float(str(value).replace(",", "."))
    except ValueError:
        number = math.nan
    if not number.is_integer() or not 0 <= number <= MOST_ROUNDS:
        raise ValueError(f"the {what} are '{str(value)[:40]}'; expected a count from 0 to {MOST_ROUNDS}")
    return int(number)


def arm(value: Any) -> str | None:
    """Who wrote the draft: base, prompted, tuned, a method, or a word as it stands; None is the team's way of today."""
    said = " ".join(re.sub(r"[\W_]+", " ", str(value or "").casefold()).split())
    return None if said in NO_ARM else ARMS.get(said, said)[:40]


def withdrawn(value: Any) -> bool:
    """Raises ValueError for a word that is neither yes nor no."""
    said = str("" if value is None else value).strip().casefold()
    if said not in YES | NO:
        raise ValueError(f"withdrawn is '{said[:40]}'; expected yes or no")
    return said in YES
