"""Zip-based files are counted before anything opens them: few entries, bounded growth, no path out of the file."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path

from .rows import Unreadable

ENTRIES = 2000
DIRECTORY_BYTES = 2_000_000   # of the list of entries, which is looked at before it is read
EXPANDED_BYTES = 200_000_000
XML_BYTES = 30_000_000      # of one XML part: a parsed tree takes ten times its size
PARTS = {"word/document.xml": ".docx", "xl/workbook.xml": ".xlsx", "xl/workbook.bin": ".xlsb", "ppt/presentation.xml": ".pptx",
         "Index/Document.iwa": ".pages"}
TYPES = {"opendocument.spreadsheet": ".ods", "opendocument.text": ".odt", "opendocument.presentation": ".odp", "epub+zip": ".epub"}
RATIO, RATIO_FREE_BYTES = 100, 1_000_000


def check_held(entries: int, expanded_bytes: int, what: str = "the zip") -> None:
    """Raises Unreadable where a zip, or several of them together, hold more than is read."""
    if entries > ENTRIES:
        raise Unreadable(f"{what} holds {entries} entries; at most {ENTRIES} are read")
    if expanded_bytes > EXPANDED_BYTES:
        raise Unreadable(f"{what} expands to more than {EXPANDED_BYTES // 1_000_000} MB")


def check(path: Path) -> tuple[int, int]:
    """(entries, bytes when expanded). Raises Unreadable where the file is no zip, is cut, or would expand beyond the bounds.

    Python reads no more of an entry than its declared size, so that the declared sizes are bounds.
    """
    if _directory_bytes(path) > DIRECTORY_BYTES:
        raise Unreadable(f"the zip holds too many entries; at most {ENTRIES} are read")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable(f"not a zip file, or one that is cut short ({error})") from None
    held = len(entries), sum(entry.file_size for entry in entries)
    check_held(*held)
    for entry in entries:
        name = entry.filename.lower().replace("\\", "/")
        if entry.file_size > RATIO_FREE_BYTES and entry.file_size > RATIO * max(entry.compress_size, 1):
            raise Unreadable(f"an entry of the zip expands more than {RATIO} times, as only a zip bomb does")
        if name.endswith((".xml", ".rels")) and entry.file_size > XML_BYTES:
            raise Unreadable(f"an XML part is larger than {XML_BYTES // 1_000_000} MB")
        if name.startswith("/") or ".." in name.split("/") or re.match("[a-z]:", name):
            raise Unreadable("an entry of the zip points out of it")
    return held


def kind(path: Path) -> str:
    """The format of a package by the entry that only it has, or by its declared type; `.zip` where neither tells.

    Raises as `check` does.
    """
    check(path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if "mimetype" in names:
            try:
                with archive.open("mimetype") as stream:
                    declared = stream.read(200).decode("ascii", "replace").strip()
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
                raise Unreadable(f"the zip is damaged ({error})") from None
            return next((kind for end, kind in TYPES.items() if declared.endswith(end)), ".zip")
    return next((kind for name, kind in PARTS.items() if name in names), ".zip")


def _directory_bytes(path: Path) -> int:
    """The size of the list of entries, as the end of the file states it; 0 where no end is found."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 65_557))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    return struct.unpack_from("<I", tail, at + 12)[0] if 0 <= at <= len(tail) - 22 else 0
