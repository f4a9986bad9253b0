"""Zips of documents (a Google Docs, Notion or mail export): each member is read by the reader of its own kind.

Members are unpacked one at a time under a name of our own, so that no name in the zip is ever a path. A zip within the zip is read too,
within bounds that hold for all of them together and are counted before anything is read; what is nested deeper is refused.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from . import zips
from .columns import Columns
from .encodings import Encoding
from .files import ClientFile, parts_of_pages
from .parts import Mark
from .rows import Fault, Row, Unreadable

DEEPEST = 1  # zips around a zip that is read
NESTED = {".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz"}
MAGIC = b"PK\x03\x04"
BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError, RuntimeError)  # what a damaged member raises
_LINK = 0o120000


def read_bundle(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault | Mark | ClientFile]:
    """Raises Unreadable where the zip is broken, a bomb, points out of itself, or lies too deep in other zips."""
    if file.depth > DEEPEST:
        raise Unreadable("a zip within a zip within a zip is not read; unpack it first")
    held = zips.check(file.path)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(file.path) as archive:
        entries = sorted((entry for entry in archive.infolist() if not entry.is_dir() and not _hidden(entry.filename)),
                         key=lambda entry: entry.filename)
        if file.depth < DEEPEST:
            _check_together(held, archive, entries, Path(folder))
        pages = parts_of_pages(entry.filename for entry in entries)
        told: set[str] = set()
        for number, entry in enumerate(entries):
            name = entry.filename
            saved = next((parent for parent in pages if name.startswith(f"{parent}/")), None)
            if number < file.skip or saved in told:
                continue
            yield Mark(number, part=name)
            if saved is not None:
                told.add(saved)
                yield Fault(None, pages[saved], saved)
                continue
            refused = _refusal(entry)
            if refused:
                yield Fault(None, refused, name)
                continue
            try:
                path = _unpacked(archive, entry, Path(folder) / f"{number}")
            except Unreadable as error:
                yield Fault(None, str(error), name)
                continue
            yield ClientFile(path, f"{file.name}/{name}", depth=file.depth + 1)
            path.unlink()


def _check_together(held: tuple[int, int], archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path) -> None:
    """Raises Unreadable where the zip with the zips within it holds more than is read; one that is broken is told in its own place."""
    for entry in entries:
        if _refusal(entry):
            continue
        try:
            with archive.open(entry) as stream:
                if stream.read(len(MAGIC)) != MAGIC:
                    continue
            path = _unpacked(archive, entry, folder / "counted")
        except (*BROKEN, Unreadable):
            continue
        try:
            more = zips.check(path) if zips.kind(path) == ".zip" else (0, 0)
        except Unreadable:
            more = (0, 0)
        path.unlink()
        held = held[0] + more[0], held[1] + more[1]
        zips.check_held(*held, "the zip, with the zips within it,")


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _refusal(entry: zipfile.ZipInfo) -> str | None:
    if entry.external_attr >> 16 & 0o170000 == _LINK:
        return "a link, not a file"
    if entry.flag_bits & 1:
        return "the member is protected by a password"
    if Path(entry.filename).suffix.lower() in NESTED:
        return "an archive within an archive is not read; unpack it first"
    return None


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, stem: Path) -> Path:
    """The member as a file of its own, with no more bytes than the zip declares for it. Raises Unreadable."""
    suffix = Path(entry.filename).suffix
    path = stem.with_suffix(suffix if suffix[1:].isalnum() and len(suffix) < 12 else "")
    try:
        with archive.open(entry) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except BROKEN as error:
        raise Unreadable(f"the member cannot be unpacked ({error})") from None
    return path
