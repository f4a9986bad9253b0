"""Probes: prompts with the answers that a model must still give after tuning, from a client's file.

JSONL of {prompt, expected, kind?}, where `expected` is an answer or a list of answers that all count as right; or CSV with the columns
prompt, expected and kind. An answer is right where it holds the words of an expected one, in order and next to each other, whatever the
case and the marks between them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from .habits import words

MOST = 500
_FORM = 'prompt and expected, such as {"prompt": "The capital of France", "expected": "Paris"}'


@dataclass(frozen=True)
class Probe:
    """A prompt, the answers that count as right, and what it probes."""

    prompt: str
    expected: tuple[str, ...]
    kind: str | None = None

    def is_right(self, answer: str) -> bool:
        """Whether the answer holds an expected one."""
        said = words(answer)
        return any(said[place:place + len(wanted)] == wanted for wanted in map(words, self.expected) for place in range(len(said)))


def load_probes(path: Path) -> tuple[Probe, ...]:
    """The probes of a file in its order. Raises InputError with the line of the first that is none, and beyond MOST of them."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--probes {path}", f"an unreadable file ({error})", "UTF-8 JSONL or CSV",
                         "Give the path of a readable file.") from error
    rows = _csv(content) if path.suffix.casefold() in (".csv", ".tsv") else _jsonl(path, content)
    probes = tuple(_probe(f"{path.name}, line {number}", row) for number, row in rows)
    if not probes or len(probes) > MOST:
        raise InputError(f"--probes {path.name}", f"{len(probes)} probes", f"1 to {MOST} probes", "Keep those that matter most.")
    return probes


def _jsonl(path: Path, content: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise InputError(f"{path.name}, line {number}", line[:60], f"a JSON object with {_FORM}", "Correct the line.") from error


def _csv(content: str) -> Iterator[tuple[int, Any]]:
    first = content.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    reader = csv.DictReader(content.splitlines(), delimiter=delimiter)
    for row in reader:
        yield reader.line_num, {(name or "").strip().casefold(): value for name, value in row.items()}


def _probe(where: str, row: Any) -> Probe:
    prompt, expected = (row.get("prompt"), row.get("expected")) if isinstance(row, dict) else (None, None)
    answers = [expected] if isinstance(expected, str) else expected
    if not isinstance(prompt, str) or not prompt.strip() or not isinstance(answers, list) or not answers \
            or not all(isinstance(one, str) and words(one) for one in answers):
        raise InputError(where, str(row)[:60], _FORM, "Give both as text with words in it.")
    return Probe(prompt.strip(), tuple(one.strip() for one in answers), str(row["kind"]).strip() if row.get("kind") else None)
