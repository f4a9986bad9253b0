"""The files of an archive: found in a fixed order, opened with bounds, never followed out of the folder."""

from __future__ import annotations

import gzip
import io
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, did_you_mean
from .rows import Unreadable

PACKED_RATIO = 100               # a gzip file that grows more than this, once past PACKED_FREE, is a bomb
PACKED_FREE = 1_000_000          # bytes
PACKED_LIMIT = 4_000_000_000     # bytes of an unpacked gzip file at most


@dataclass(frozen=True)
class ClientFile:
    """One file; `name` is what messages and lineage call it, with `/` between folders. `refusal` says why it is not opened,
    `alone` that it was imported by itself; of a file of parts the first `skip` are left out, as they were read before. `depth` counts
    the zips around it."""

    path: Path
    name: str
    refusal: str | None = None
    alone: bool = False
    skip: int = 0
    depth: int = 0

    @property
    def packed(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    @property
    def suffix(self) -> str:
        """The lower-case suffix, under `.gz` where there is one."""
        return (Path(self.path.stem) if self.packed else self.path).suffix.lower()

    def place(self, line: int | None, part: str | None = None) -> str:
        """Where a rejection points: `line N` in a file that was imported by itself, `FILE, line N` in a folder, `FILE` without a line."""
        return f"line {line}" if self.alone and line is not None and part is None else self.named_place(line, part)

    def named_place(self, line: int | None, part: str | None = None) -> str:
        """`FILE, line N` or `FILE/PART, line N`; without the line where there is none."""
        return self.part_name(part) if line is None else f"{self.part_name(part)}, line {line}"

    def part_name(self, part: str | None) -> str:
        """What lineage calls a file within this file: `FILE/PART`."""
        return self.name if part is None else f"{self.name}/{part}"

    def open(self) -> BinaryIO:
        """The unpacked bytes. Reading raises OSError, EOFError, zlib.error or Unreadable where the file is damaged."""
        if self.packed:
            return io.BufferedReader(_Unpacked(self.path), 1 << 20)
        return self.path.open("rb")


# what browsers call the folder beside a saved page, behind the page's name
PAGE_FOLDERS = ("_files", "-files", ".files", "_file", "-Dateien", "_Dateien", "_fichiers", "_archivos", "_arquivos", "_bestanden",
                "-bestanden", "_pliki", "_soubory", "-filer", "_filer", "_tiedostot", ".fld")


def parts_of_pages(names: Iterable[str]) -> dict[str, str]:
    """The folders that hold the parts of a saved web page (`NAME_files` beside `NAME.html`), each with what to say of it."""
    names = list(names)
    pages = {name.rpartition(".")[0]: name for name in names if name.lower().endswith((".html", ".htm"))}
    counts = Counter(parent for name in names for parent in _parents(name))
    found = {folder: page for folder in counts for end in PAGE_FOLDERS if folder.endswith(end) and (page := pages.get(folder[:-len(end)]))}
    return {folder: f"its files ({counts[folder]}) are parts of the saved page {page.rpartition('/')[2]}, not pieces"
            for folder, page in found.items()}


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")[:-1]
    yield from ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def client_files(path: Path) -> list[ClientFile]:
    """The file, or the folder's files in the order of their names; hidden ones are left out.

    A folder with the parts of a saved web page counts as one file that is not read.

    Raises InputError where nothing is at `path`.
    """
    if not os.path.exists(path):   # Path.exists raises for a name that is too long
        siblings = sorted(other.name for other in path.parent.iterdir()) if path.parent.is_dir() else []
        raise InputError(str(path), "nothing there", "a file or folder of the client's pieces", did_you_mean(path.name, siblings[:200]))
    if not path.is_dir():
        return [_client_file(path, _printable(path.name), inside=False)]
    found = sorted(_without_parts(path, list(_walk(path))), key=lambda file: file.name)
    return found or [ClientFile(path, _printable(path.resolve().name), "the folder holds no files")]


def _without_parts(root: Path, files: list[ClientFile]) -> Iterator[ClientFile]:
    parts = parts_of_pages(file.name for file in files)
    yield from (file for file in files if not parts.keys() & set(_parents(file.name)))
    yield from (ClientFile(root / name, name, said) for name, said in parts.items())


def _walk(root: Path) -> Iterator[ClientFile]:
    closed: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in [*names, *linked]:
            if not name.startswith("."):
                path = Path(folder) / name
                yield _client_file(path, _printable(path.relative_to(root).as_posix()), inside=True)
    for error in closed:
        path = Path(os.fsdecode(error.filename))
        yield ClientFile(path, _printable(path.relative_to(root).as_posix()), f"the folder cannot be read: {error.strerror}")


def _client_file(path: Path, name: str, inside: bool) -> ClientFile:
    """A link inside a folder may lead out of it, and reading a pipe may never end."""
    if inside and path.is_symlink():
        return ClientFile(path, name, "a link, not a file")
    return ClientFile(path, name, None if stat.S_ISREG(path.stat().st_mode) else "not a regular file", alone=not inside)


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


class _Unpacked(io.RawIOBase):
    """A gzip file that is cut off where it grows beyond what text does."""

    def __init__(self, path: Path):
        self._packed_bytes = path.stat().st_size
        self._file = gzip.GzipFile(path, "rb")
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)
        self._read += count
        if self._read > max(PACKED_FREE, PACKED_RATIO * self._packed_bytes) or self._read > PACKED_LIMIT:
            raise Unreadable(f"unpacks to more than {PACKED_RATIO} times its size, as only a gzip bomb does")
        return count

    def packed_position(self) -> int:
        """How many bytes of the packed file were read."""
        return self._file.fileobj.tell() if self._file.fileobj else 0

    def close(self) -> None:
        self._file.close()
        super().close()
