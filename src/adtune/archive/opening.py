"""Opens a file with the reader of its kind."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

from .columns import Columns
from .encodings import Encoding, encoding_of
from .files import ClientFile
from .formats import READERS, refusal
from .rows import Fault, Row, Unreadable

UNREADABLE = (Unreadable, OSError, EOFError, zlib.error)   # what a file that cannot be read raises; `reason_of` says it in words


def rows_of(file: ClientFile, columns: Columns, note: Callable[[str], None]) -> Iterator[Row | Fault]:
    """The file's rows. Raises one of UNREADABLE, or InputError for a table without a column of text."""
    refused = file.refusal or refusal(file.suffix, file.packed)
    if refused:
        raise Unreadable(refused)
    if file.path.stat().st_size == 0:
        raise Unreadable("the file is empty")
    reader = READERS[file.suffix]
    encoding = encoding_of(file) if reader.text else Encoding("binary")
    if encoding.guessed:
        note(f"{file.name}: read as {encoding.name}, which is not UTF-8; look at one accented word")
    return reader.read(file, encoding, columns)


def reason_of(error: BaseException) -> str:
    """Why a file is rejected."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, EOFError):
        return "the gzip file is cut short"
    if isinstance(error, (gzip.BadGzipFile, zlib.error)):
        return "the gzip file is damaged, or not gzip"
    return f"the file cannot be read: {getattr(error, 'strerror', None) or error}"
