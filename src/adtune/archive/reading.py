"""Reads a client's files into pieces: whatever is there is either kept or rejected with its place and a reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from ..errors import InputError
from ..progress import Progress, silent
from ..records import Asset, Rejected
from .columns import Columns
from .corrections import Correction, correct_in, correction_of
from .files import ClientFile, client_files
from .layout import cards_of, splits_of
from .meter import Meter
from .normal import printable
from .opening import UNREADABLE, reason_of, rows_of
from .pieces import Assembler, with_language
from .remedy import SHOWN, NothingRead, nothing_read
from .rows import Fault, Row
from .shapes import FIRST_ROWS, Shapes, shape_of

TOLD_EVERY = 500   # rows between two lines of progress within a file

Result = Asset | Rejected | Correction


@dataclass(frozen=True)
class Reading:
    """What one read found. `notes` tell what was taken by evidence (a code page) or left out of a kept piece (a date)."""

    assets: tuple[Asset, ...]
    rejected: tuple[Rejected, ...]
    notes: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()

    @property
    def read(self) -> int:
        """kept + rejected: a row that cannot be kept and a file that cannot be read count one each."""
        return len(self.assets) + len(self.corrections) + len(self.rejected)


def read_archive(path: Path, client: str, mapping: Mapping[str, str] | None = None, progress: Progress = silent) -> Reading:
    """Reads a file, or all files of a folder and its folders in the order of their names, into memory.

    `mapping` gives the column of a field (`{"text": "Body copy"}`) where its name does not tell. Raises InputError where nothing
    is at `path`, where a mapped field or column does not exist, and where `path` is a table without a column of text.
    """
    stream = Stream(path, client, mapping, progress)
    results: list[Result] = []
    with contextlib.suppress(NothingRead):   # its reasons are among the rejections
        for one in stream:
            results.append(one)
    return Reading(tuple(with_language(one) for one in results if isinstance(one, Asset)),
                   tuple(one for one in results if isinstance(one, Rejected)), tuple(stream.notes),
                   tuple(one for one in results if isinstance(one, Correction)))


class Stream:
    """The results of one read, one at a time, in memory that does not grow with the files. Arguments and errors as `read_archive`; and
    where not one row or document could be read, NothingRead behind the last result, with what to do about what was found.

    The language of a piece is the one that its row states, or None: see `with_language`. `notes` and `guides` (system messages of
    chats, with the number of pieces that came with each) are complete when the last result was taken.
    """

    def __init__(self, path: Path, client: str, mapping: Mapping[str, str] | None = None, progress: Progress = silent):
        self.path, self.progress = path, progress
        self.columns = Columns(mapping or {})
        self.files = client_files(path)
        self.desk = Assembler(client, self.columns, splits_of(self.files))
        self.shapes = Shapes()
        self.kept = self.rejected = 0
        self._rows = 0                       # rows and documents that a reader made out, kept or not
        self._first: list[Rejected] = []

    @property
    def notes(self) -> list[str]:
        return self.desk.notes

    @property
    def guides(self) -> dict[str, int]:
        return dict(self.shapes.guides)

    def saw(self, id: str) -> bool:
        """Whether the piece with this id was among the results so far."""
        return self.desk.saw(id)

    def __iter__(self) -> Iterator[Result]:
        meter = Meter(self.files)
        cards = cards_of(self.files, self.desk.splits)
        for file in meter:
            self.progress("reading", meter.done, len(self.files), file.name)
            for count, result in enumerate(self._card(file) if file.name in cards else self._results(file), start=1):
                if isinstance(result, Rejected):
                    self.rejected += 1
                    self._first += [result] if len(self._first) < SHOWN else []
                else:
                    self.kept += 1
                yield result
                if count % TOLD_EVERY == 0:
                    self.progress("reading", meter.done, len(self.files), f"{file.name}, {count:,} pieces")
        self.progress("reading", len(self.files), len(self.files), f"{self.kept} kept, {self.rejected} rejected")
        self.notes.extend(printable(note) for note in self.shapes.notes())
        self.notes.extend(printable(note) for note in self.desk.remarks.notes())
        self._tell_splits()
        self.columns.require_mapped(self.path.resolve().name)
        if not self.kept and not self._rows:
            raise nothing_read(str(self.path), self._first, self.rejected)

    def _card(self, file: ClientFile) -> Iterator[Result]:
        yield Rejected(file.name, "the card of the dataset in this folder, not a piece")

    def _results(self, file: ClientFile) -> Iterator[Result]:
        """At least one result for every file. In a folder, one table without text is no reason to stop."""
        found = False
        try:
            first, rest = _ahead(rows_of(file, self.columns, self.notes.append), FIRST_ROWS)
            rows = chain(first, rest)
            shape = None if "text" in self.columns.mapping else shape_of(first)
            corrects = shape is None and correct_in(first, file, self.columns)
            if shape:
                self.notes.append(f"{file.name}: read as {shape.name}: the request is the brief, the last answer the text")
                rows = self.shapes.converted(shape, rows)
            for row in rows:
                found = True
                if isinstance(row, Fault):
                    yield Rejected(file.place(row.line, row.part), printable(row.reason))
                else:
                    self._rows += 1
                    yield correction_of(file, row, self.desk) if corrects else self.desk.piece(file, row)
        except UNREADABLE as error:
            yield Rejected(file.place(getattr(error, "line", None)), printable(reason_of(error)))
            return
        except InputError as error:
            if file.alone:
                raise
            self._rows += 1   # a table, whose columns are to be named
            yield Rejected(file.name, f"found {error.found}; expected {error.expected}. {error.do}")
            return
        if not found:
            yield Rejected(file.name, "the file holds no pieces")

    def _tell_splits(self) -> None:
        if self.desk.splits:
            told = ", ".join(f"{name} ({split})" for name, split in sorted(self.desk.splits.items())[:6])
            self.notes.append(f"the files bring their own split, which curate keeps: {told}"
                              + (f" and {len(self.desk.splits) - 6} more" if len(self.desk.splits) > 6 else ""))


def _ahead(rows: Iterator[Row | Fault], count: int) -> tuple[list[Row | Fault], Iterator[Row | Fault]]:
    """(the first rows, the rest); what breaks the file among the first ones is raised by the rest, so that they are not lost."""
    first: list[Row | Fault] = []
    try:
        for row in islice(rows, count):
            first.append(row)
    except (*UNREADABLE, InputError) as error:
        return first, _broken(error)
    return first, rows


def _broken(error: Exception) -> Iterator[Row | Fault]:
    raise error
    yield
