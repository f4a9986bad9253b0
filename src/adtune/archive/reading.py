"""Reads a client's files into pieces: whatever is there is either kept or rejected with its place and a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..progress import Progress, silent
from ..records import Asset, Rejected
from .columns import Columns
from .files import ClientFile, client_files
from .normal import printable
from .opening import UNREADABLE, reason_of, rows_of
from .pieces import Assembler
from .rows import Fault, Row

TOLD_EVERY = 500   # rows between two lines of progress within a file


@dataclass(frozen=True)
class Reading:
    """What one read found. `notes` tell what was taken by evidence (a code page) or left out of a kept piece (a date)."""

    assets: tuple[Asset, ...]
    rejected: tuple[Rejected, ...]
    notes: tuple[str, ...] = ()

    @property
    def read(self) -> int:
        """kept + rejected: a row that cannot be kept and a file that cannot be read count one each."""
        return len(self.assets) + len(self.rejected)


def read_archive(path: Path, client: str, mapping: Mapping[str, str] | None = None, progress: Progress = silent) -> Reading:
    """Reads a file, or all files of a folder and its folders in the order of their names.

    `mapping` gives the column of a field (`{"text": "Body copy"}`) where its name does not tell. Raises InputError where nothing
    is at `path`, where a mapped field or column does not exist, and where `path` is a table without a column of text.
    """
    columns = Columns(mapping or {})
    files = client_files(path)
    desk = Assembler(client, columns)
    assets: list[Asset] = []
    rejected: list[Rejected] = []
    for number, file in enumerate(files):
        progress("reading", number, len(files), file.name)
        for count, result in enumerate(_results(file, desk), start=1):
            (assets if isinstance(result, Asset) else rejected).append(result)  # type: ignore[arg-type]
            if count % TOLD_EVERY == 0:
                progress("reading", number, len(files), f"{file.name}, {count} pieces")
    progress("reading", len(files), len(files), f"{len(assets)} kept, {len(rejected)} rejected")
    columns.require_mapped(path.resolve().name)
    return Reading(tuple(assets), tuple(rejected), tuple(desk.notes))


def _results(file: ClientFile, desk: Assembler) -> Iterator[Asset | Rejected]:
    """At least one result for every file. In a folder, one table without text is no reason to stop."""
    found = False
    try:
        for row in rows_of(file, desk.columns, desk.notes.append):
            found = True
            yield desk.piece(file, row) if isinstance(row, Row) else _rejected(file, row)
    except UNREADABLE as error:
        yield Rejected(file.place(getattr(error, "line", None)), printable(reason_of(error)))
        return
    except InputError as error:
        if file.alone:
            raise
        yield Rejected(file.name, f"found {error.found}; expected {error.expected}. {error.do}")
        return
    if not found:
        yield Rejected(file.name, "the file holds no pieces")


def _rejected(file: ClientFile, fault: Fault) -> Rejected:
    return Rejected(file.place(fault.line, fault.part), printable(fault.reason))
