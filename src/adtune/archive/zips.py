"""Zip-based files are counted before anything opens them: few entries, bounded growth, no path out of the file."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .rows import Unreadable

ENTRIES = 2000
EXPANDED_BYTES = 200_000_000
XML_BYTES = 30_000_000      # of one XML part: a parsed tree takes ten times its size
RATIO, RATIO_FREE_BYTES = 100, 1_000_000


def check(path: Path) -> None:
    """Raises Unreadable where the file is no zip, is cut, or would expand beyond the bounds.

    Python reads no more of an entry than its declared size, so that the declared sizes are bounds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable(f"not a zip file, or one that is cut short ({error})") from None
    if len(entries) > ENTRIES:
        raise Unreadable(f"the zip holds {len(entries)} entries; at most {ENTRIES} are read")
    if sum(entry.file_size for entry in entries) > EXPANDED_BYTES:
        raise Unreadable(f"the zip expands to more than {EXPANDED_BYTES // 1_000_000} MB")
    for entry in entries:
        name = entry.filename.lower()
        if entry.file_size > RATIO_FREE_BYTES and entry.file_size > RATIO * max(entry.compress_size, 1):
            raise Unreadable(f"an entry of the zip expands more than {RATIO} times, as only a zip bomb does")
        if name.endswith((".xml", ".rels")) and entry.file_size > XML_BYTES:
            raise Unreadable(f"an XML part is larger than {XML_BYTES // 1_000_000} MB")
        if name.startswith("/") or ".." in name.split("/"):
            raise Unreadable("an entry of the zip points out of it")
