"""General text: what a tuned model should not forget. One half is replayed and used as contrast, the other only measures.

The split is by a hash of the passage, so that a passage keeps its half wherever it is read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..records import Brief, Example
from ..starter import general_text, sample_contrast

WATCHED = 24  # passages of the replay half that are not replayed but watched during a run


@dataclass(frozen=True)
class General:
    """Passages as examples; `replay` and `watch` are parts of one half, `measure` is the other half and `kinds` what each of its passages
    is (news, story, instructions, ...), None where the file does not say."""

    replay: tuple[Example, ...]
    watch: tuple[Example, ...]
    measure: tuple[Example, ...]
    kinds: tuple[str | None, ...] = ()


def _in_replay_half(text: str) -> bool:
    return hashlib.sha256(text.encode("utf-8")).digest()[0] % 2 == 0


def load_general(path: Path | None = None) -> General:
    """The shipped general text, or the user's own: JSONL with `text` (and `title`, `kind`), or plain text, a passage a paragraph.

    Raises InputError where a line is not such a passage or a half would be empty.
    """
    source = path or general_text()
    passages: list[Example] = []
    marked: dict[str, str] = {}
    kinds: dict[str, str] = {}
    try:
        content = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("--general-text", f"{source}: {error}", "a UTF-8 file of general text", "Give a JSONL or text file.") from error
    if source.suffix == ".jsonl":
        for number, line in enumerate(content.removesuffix("\n").split("\n"), 1):  # JSON may hold other line separators
            try:
                row = json.loads(line)
                marked[row["text"]] = row.get("half") or ("replay" if _in_replay_half(row["text"]) else "measure")
                passages.append(Example(Brief(row.get("title")), row["text"]))
                if row.get("kind"):
                    kinds[row["text"]] = str(row["kind"])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InputError(f"{source.name}, line {number}", line[:60] or "an empty line", "a JSON object with `text`",
                                 "Correct the line or leave it out.") from error
    else:
        passages = [Example(Brief(), part.strip()) for part in content.split("\n\n") if len(part.split()) >= 20]
        marked = {p.text: "replay" if _in_replay_half(p.text) else "measure" for p in passages}
    first = [p for p in passages if marked[p.text] == "replay"]
    second = [p for p in passages if marked[p.text] != "replay"]
    if len(first) < 2 or not second:
        raise InputError(str(source), f"{len(passages)} passages", "at least 20 passages of general text", "Give more text.")
    first.sort(key=lambda p: hashlib.sha256(p.text.encode()).hexdigest())
    watched = min(WATCHED, len(first) // 2)
    return General(tuple(first[watched:]), tuple(first[:watched]), tuple(second), tuple(kinds.get(p.text) for p in second))


def contrast_texts() -> list[str]:
    """Pieces in other voices on the sample's topics, written for this project."""
    return [json.loads(line)["text"] for line in sample_contrast().read_text(encoding="utf-8").splitlines()]


def contrast(general: General) -> tuple[list[str], list[str]]:
    """(texts that fit a scorer, texts that only measure it): contrast voices and the general text, two of three and every third."""
    texts = [*contrast_texts(), *(e.text for e in (*general.replay, *general.watch))]
    return [t for n, t in enumerate(texts) if n % 3], [t for n, t in enumerate(texts) if not n % 3]
