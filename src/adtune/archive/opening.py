"""Opens a file with the reader of its kind: text in this process, what has a parser that can be attacked in a child."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..errors import InputError
from .child import rows_in_child
from .columns import Columns
from .encodings import Encoding, encoding_of
from .files import ClientFile
from .formats import READERS
from .kinds import kind_of
from .parts import Mark, Note
from .rows import Fault, Row, Unreadable

UNREADABLE = (Unreadable, OSError, EOFError, zlib.error)   # what a file that cannot be read raises; `reason_of` says it in words


def rows_of(file: ClientFile, columns: Columns, note: Callable[[str], None]) -> Iterator[Row | Fault]:
    """The file's rows. Raises one of UNREADABLE, or InputError for a table without a column of text."""
    if file.refusal:
        raise Unreadable(file.refusal)
    if file.path.stat().st_size == 0:
        raise Unreadable("the file is empty")
    kind, _ = kind_of(file)
    if READERS[kind].child:
        yield from rows_in_child(file, columns.mapping, note, columns.kind)
    else:
        yield from (row for row in read_here(file, columns, note) if not isinstance(row, Mark))


def read_here(file: ClientFile, columns: Columns, note: Callable[[str], None]) -> Iterator[Row | Fault | Mark]:
    """The file's rows, read in this process, and the marks of its parts. Raises as `rows_of` does."""
    kind, told = kind_of(file, look_inside=True)
    if told:
        note(f"{file.name}: {told}")
    reader = READERS[kind]
    encoding = encoding_of(file) if reader.text else Encoding("binary")
    if encoding.guessed:
        note(f"{file.name}: read as {encoding.name}, which is not UTF-8; look at one accented word")
    mark = Mark(0)
    for item in reader.read(file, encoding, columns):
        if isinstance(item, Note):
            note(f"{file.name}: {item.text}")
        elif isinstance(item, ClientFile):
            yield from _within(item, mark.part, columns, note)
        else:
            mark = item if isinstance(item, Mark) else mark
            yield item


def _within(file: ClientFile, part: str | None, columns: Columns, note: Callable[[str], None]) -> Iterator[Row | Fault]:
    """A file within a file: at least one result, whatever is wrong with it."""
    found = False
    try:
        if file.path.stat().st_size == 0:
            raise Unreadable("the file is empty")
        for row in read_here(file, columns, note):
            if not isinstance(row, Mark):
                found = True
                yield replace(row, part=part if row.part is None else f"{part}/{row.part}")
    except InputError as error:
        yield Fault(None, f"found {error.found}; expected {error.expected}. {error.do}", part)
        return
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - parsers raise anything; one member is no reason to lose the others
        yield Fault(getattr(error, "line", None), reason_of(error), part)
        return
    if not found:
        yield Fault(None, "the file holds no pieces", part)


def reason_of(error: BaseException) -> str:
    """Why a file is rejected."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, EOFError):
        return "the gzip file is cut short"
    if isinstance(error, (gzip.BadGzipFile, zlib.error)):
        return "the gzip file is damaged, or not gzip"
    if isinstance(error, RecursionError):
        return "the file is nested too deeply"
    if not isinstance(error, OSError):
        return f"the file is damaged: its parser failed ({type(error).__name__})"
    return f"the file cannot be read: {error.strerror or error}"
