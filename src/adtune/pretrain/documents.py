"""Documents of a corpus: read as a stream, with the group that each belongs to and the side that the group is on.

Hold-out goes by group, so that no held-out page has a sibling in training: chapters of one book, parts of a series, pages that
answer questions about one subject. A group is held out where its hash says so (about 1 %); a source of 20 groups or more has at
least one in 20 held out, ten on that account, by the smallest hashes, so that a small source is measured too.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from bisect import insort
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from ..records import Brief
from ..voice.prompt import brief_text

HOLD_OUT_SHARE = 0.01
GROUPS_A_HELD_ONE, LEAST_HELD = 20, 10  # one in 20 of a source's groups is held out at least, and no more than 10 on that account
SAMPLES = 20                           # openings of documents that a survey keeps of each source, for estimates
LINE_BYTES = 64 << 20                  # a longer line is no document
PART_CHARACTERS = 200_000              # a plain file is read in parts of this size, cut between paragraphs
STRETCH_CHARACTERS = 4_000_000         # a longer plain file is no single book: each stretch of it is a group of its own
TITLE_CHARACTERS, PLACE_CHARACTERS = 300, 2000  # what grouping looks at, so that an endless title costs no time
PLAIN = "text"                         # the source of plain files, each of them a group
# What a source is called in the `[category]` line; other sources have no such line.
KINDS = {"wiki": "encyclopedia", "gutenberg": "book", "openstax": "textbook", "medquad": "health", "opensource": "technology",
         "fedora": "technology", "ropensci": "technology", "freecodecamp": "guide", "ms_business": "documentation",
         "m365": "documentation", "general": "general"}
# Drawing weights: modern prose is what drafting needs, so it is weighted up against encyclopedia and old books.
WEIGHTS = {"wiki": 0.8, "gutenberg": 0.4, "openstax": 4.0, "opensource": 4.0, "medquad": 1.5, "freecodecamp": 2.0,
           "fedora": 3.0, "ropensci": 3.0, "ms_business": 1.5, "m365": 4.0}

SEPARATOR = re.compile(r" [—–‒-] |: ")                                # between a whole and its part
COUNTED = re.compile(r"\s*[(\[](?:\d{1,3}|\d+ ?(?:of|/) ?\d+|cont\w*|concluded)\.?[)\]]$", re.I)   # (3), [2/4], (continued); a year stays
# part 2, Volume IX (1st edition); a title may begin with a chapter that names no whole, but `Book 3` at its beginning is a name
MARKED = re.compile(r"(?:^(?:part|pt|chapter|ch|section|lesson|episode)|[\s,;:(\[‒–—-]+(?:part|pt|vol|volume|book|chapter|ch|lesson|"
                    r"episode|section|unit|day|week))\b\.?\s*(?:\d+|[ivxlc]+|one|two|three|four|five|six|seven|eight|nine|ten)"
                    r"(?![^\W_]).*$", re.I)
# How pages of questions and answers ask about one subject after another, each with its own page.
QUESTION = re.compile(r"^(?:what (?:is|are) the [\w ]+ (?:for|of|to)|what research .* being done for|what to do for|what causes|"
                      r"what (?:is \(are\)|is|are)|how many people are affected by|how to \w+|who (?:is at risk for|gets)|"
                      r"is|are|do|does|can) (.*?)(?: inherited)?\?+$", re.I)
PIECE_OF_PAGE = re.compile(r"#.*$|[?&](?:page|part|p)=\d+|/(?:page|part|chapter)s?[-_/]?\d+/?$")
PIECE_OF_FILE = re.compile(r"(?:/(?:part|chapter|chap|ch|section|page|vol|volume)?[-_ ]?\d{1,4}|[-_. ](?:part|chapter|ch)?[-_]?\d{1,3})"
                           r"(?:\.\w+)*$", re.I)


def fraction(text: str) -> float:
    """A number in [0, 1) by the hash of `text`."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def kind_of(source: str) -> str:
    """The words of a source's `[category]` line; empty where it has none."""
    return next((label for key, label in KINDS.items() if source.startswith(key)), "")


def weight_of(source: str, most: float = math.inf) -> float:
    """How often a token of the source is drawn, against a source of weight 1; `most` at most."""
    return min(most, next((weight for key, weight in WEIGHTS.items() if source.startswith(key)), 1.0))


@dataclass(frozen=True)
class Document:
    """One document; `source` groups the figures, `group` names what it is a part of, `held_out` is the side of that group.

    `place` is where it was read: `FILE, line N`, or the file.
    """

    text: str
    title: str
    source: str
    group: str
    held_out: bool
    place: str = field(default="", compare=False)

    def brief(self) -> Brief:
        """What is asked for: the title, for half of the documents with the category, so that briefs with and without one are known."""
        kind = kind_of(self.source)
        return Brief(self.title or None, kind if kind and fraction(self.title + self.source) < 0.5 else None)

    def prompt(self) -> str:
        """The brief as `voice/prompt.py` words it, with the blank line after it; empty without a title."""
        words = brief_text(self.brief())
        return words + "\n\n" if words else ""


@dataclass(frozen=True)
class HoldOut:
    """Which groups are held out: those whose hash is within the share, and `chosen` ones of small sources."""

    chosen: frozenset[str] = frozenset()

    def covers(self, group: str) -> bool:
        return fraction(group) < HOLD_OUT_SHARE or group in self.chosen


@dataclass(frozen=True)
class Extent:
    """How much a source holds: documents, bytes of their texts and prompts in UTF-8, openings of a few of them."""

    documents: int
    bytes: int
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """What one pass over a corpus found: sources by name, and the hold-out that follows from their groups."""

    sources: dict[str, Extent]
    hold_out: HoldOut


def whole_of(title: str) -> str:
    """The title of the whole that a document is a part of, in plain lower-case words; empty where the title names only a part."""
    title = title[:TITLE_CHARACTERS]
    asked = QUESTION.match(title)
    name = asked[1] if asked else SEPARATOR.split(title)[0]
    for cut in (COUNTED, MARKED):
        name = cut.sub("", name)
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def group_of(source: str, title: str, text: str, place: str | None = None) -> str:
    """What a document is a part of.

    The whole that its title names; where the title names no part, the page or file that its line gives (`url`, `path`) without
    what numbers a piece of it; without either, the text alone. Sources of one family (two dumps of one encyclopedia) share groups.
    """
    family = next((key for key in KINDS if source.startswith(key)), source)
    whole = whole_of(title)
    place = place[:PLACE_CHARACTERS] if place else None
    if place and (not whole or whole == re.sub(r"[\W_]+", " ", title).strip().casefold()):
        page = PIECE_OF_PAGE.sub("", place) if "://" in place else PIECE_OF_FILE.sub("", place)
        return f"{family}/{page.rstrip('/').casefold()}"
    if title:
        return f"{family}/{whole}"
    return f"{family}/#{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def read_documents(paths: Iterable[Path], hold_out: HoldOut | None = None) -> Iterator[Document]:
    """Documents of JSONL (`text`; `title`, `source`, `path` or `url` where known; .jsonl or .jsonl.zst) and of plain .txt files.

    Without `hold_out` the corpus is surveyed first, which is a pass of its own.
    Raises InputError, with file and line, for lines that are not such objects, and for files that can't be read.
    """
    paths = list(paths)
    sides = (survey(paths) if hold_out is None else Survey({}, hold_out)).hold_out
    for text, title, source, group, place in _pieces(paths):
        yield Document(text, title, source, group, sides.covers(group), place)


def survey(paths: Iterable[Path]) -> Survey:
    """Sources, their extent, and which groups to hold out; memory does not grow with the corpus. Raises what `read_documents` raises."""
    found: dict[str, _Found] = {}
    for text, title, source, group, _ in _pieces(paths):
        found.setdefault(source, _Found()).add(text, title, group)
    return Survey({source: Extent(one.documents, one.bytes, tuple(one.samples)) for source, one in found.items()},
                  HoldOut(frozenset().union(*(one.chosen() for one in found.values()))))


class _Found:
    """What a survey has found of one source so far."""

    def __init__(self) -> None:
        self.documents, self.bytes, self.samples = 0, 0, []
        self.groups: set[str] = set()                   # as many as count
        self.lowest: list[tuple[float, str]] = []       # candidates: the groups of the smallest hashes
        self.sizes: dict[str, int] = {}                 # their documents: whole, for a group that is no candidate at first never is

    def add(self, text: str, title: str, group: str) -> None:
        self.documents += 1
        self.bytes += len(text.encode()) + len(title.encode())
        if len(self.samples) < SAMPLES:
            self.samples.append(text[:10_000])
        if len(self.groups) < GROUPS_A_HELD_ONE * LEAST_HELD:
            self.groups.add(group)
        entry = (fraction(group), group)
        if group not in self.sizes and (len(self.lowest) < 4 * LEAST_HELD or entry < self.lowest[-1]):
            insort(self.lowest, entry)
            self.sizes[group] = 0
            for _, last in self.lowest[4 * LEAST_HELD:]:
                del self.sizes[last]
            del self.lowest[4 * LEAST_HELD:]
        if group in self.sizes:
            self.sizes[group] += 1

    def chosen(self) -> set[str]:
        """The groups to hold out whatever the share; one of more than a 20th of the documents only where all candidates are as large."""
        count = len(self.groups) // GROUPS_A_HELD_ONE
        candidates = [group for _, group in self.lowest]
        small = [group for group in candidates if self.sizes[group] <= max(1, self.documents // GROUPS_A_HELD_ONE)]
        return set((small or sorted(candidates, key=self.sizes.__getitem__))[:count])


def _pieces(paths: Iterable[Path]) -> Iterator[tuple[str, str, str, str, str]]:
    """(text, title, source, group, place) of every document, file by file."""
    for path in paths:
        with readable(path):
            if path.stat().st_size == 0:
                raise InputError(str(path), "an empty file", "text", "Leave it out, or give the file that was meant.")
            yield from _plain(path) if path.suffix == ".txt" else _lines(path)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what reading a file raises, a damaged archive included, into an InputError that names it."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), str(error).splitlines()[0][:200] if str(error) else repr(error), "a readable file of UTF-8 text",
                         "Give JSONL files (.jsonl, .jsonl.zst) or plain .txt files.") from error


def _plain(path: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """A plain file in parts between paragraphs; its parts stand in one group, or a group for each stretch of a very long one."""
    done, held, found = 0, "", False
    with open(path, encoding="utf-8-sig") as handle:
        while True:
            block = handle.read(PART_CHARACTERS)
            held += block
            if "\0" in block:
                raise InputError(str(path), "a zero byte", "text", "Give the text itself, not a binary file.")
            if block and len(held) < PART_CHARACTERS:
                continue
            cut = next((at + len(mark) for mark in ("\n\n", "\n", " ") if (at := held.rfind(mark)) > 0), len(held)) if block else len(held)
            part, held = held[:cut], held[cut:]
            if part.strip():
                found = True
                stretch = done // STRETCH_CHARACTERS
                yield part, "", PLAIN, f"{PLAIN}/{path.stem}" + (f"#{stretch}" if stretch else ""), str(path)
            done += len(part)
            if not block:
                break
    if not found:
        raise InputError(str(path), "nothing but blanks", "text", "Leave it out, or give the file that was meant.")


def _lines(path: Path) -> Iterator[tuple[str, str, str, str, str]]:
    name = path.name.removesuffix(".zst").removesuffix(".jsonl")
    with _opened(path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LINE_BYTES + 1), b""), 1):
            try:
                text, title, source, place = _fields(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, name)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                shown = "a line of more than 64 MiB" if len(line) > LINE_BYTES else line[:60].decode("utf-8", "replace").strip()
                raise InputError(f"{path}, line {number}", shown or "an empty line", "a JSON object with `text`",
                                 "Give JSONL files with text, title and source, or plain .txt files.") from error
            yield text, title, source, group_of(source, title, text, place), f"{path}, line {number}"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.suffix != ".zst":
        with open(path, "rb") as stream:
            yield stream
        return
    import pyarrow as pa

    # pyarrow's zstd reads windows up to 128 MB and is a dependency already
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as packed, io.BufferedReader(packed, 1 << 20) as stream:
        yield stream


def _fields(line: bytes, name: str) -> tuple[str, str, str, str | None]:
    """(text, title, source, url or path) of a line; raises what a line that is no document raises."""
    row: Any = json.loads(line.decode("utf-8"))
    text, title, source = row["text"], " ".join(str(row.get("title") or "").split()), str(row.get("source") or name)
    if not isinstance(text, str):
        raise TypeError("text")
    if not text.strip():
        raise ValueError("a text without words")
    for part in (text, title, source):
        part.encode("utf-8")  # half a surrogate pair is no text
    place = row.get("url") or row.get("path")
    return text, title, source, place if isinstance(place, str) else None
