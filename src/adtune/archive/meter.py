"""How far reading has come, by bytes, so that the time left is told within one large file too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from .files import ClientFile


@dataclass(frozen=True)
class Watched(ClientFile):
    """A file that remembers the stream through which it is read."""

    streams: list[Any] = field(default_factory=list, compare=False, repr=False)

    def open(self) -> BinaryIO:
        stream = ClientFile.open(self)
        self.streams[:] = [stream]
        return stream

    def position(self) -> int:
        """Bytes of the file (packed ones of a gzip file) that were read; 0 where a child reads it."""
        if not self.streams or self.streams[0].closed:
            return 0
        packed = getattr(getattr(self.streams[0], "raw", None), "packed_position", None)
        return packed() if packed else self.streams[0].tell()


class Meter:
    """Iterates over the files; `done` is in files, each of them counted by its share of the bytes."""

    def __init__(self, files: Sequence[ClientFile]):
        self._files = [Watched(**{name: getattr(file, name) for name in ClientFile.__dataclass_fields__}) for file in files]
        self._sizes = [_size(file) for file in files]
        self._total = max(sum(self._sizes), 1)
        self._before = 0
        self._file: Watched | None = None

    def __iter__(self) -> Iterator[ClientFile]:
        for file, size in zip(self._files, self._sizes, strict=True):
            self._file = file
            yield file
            self._before += size
            file.streams.clear()
        self._file = None

    @property
    def done(self) -> float:
        within = self._file.position() if self._file else 0
        return len(self._files) * min(1.0, (self._before + within) / self._total)


def _size(file: ClientFile) -> int:
    try:
        return file.path.stat().st_size if file.refusal is None else 0
    except OSError:
        return 0
