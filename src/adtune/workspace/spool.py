"""Pieces that wait for their transaction, in a file without a name: memory stays flat and a kill leaves nothing behind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..records import Asset
from .faults import disk_faults


class Spool:
    """A queue of assets on the disk; written first, then read once."""

    def __init__(self, folder: Path):
        self._folder = folder
        with disk_faults(folder):
            self._file = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="surrogatepass", dir=folder)  # noqa: SIM115 - close() ends it
        self.count = 0

    def add(self, piece: Asset) -> None:
        """Raises DiskFullError where there is no space."""
        with disk_faults(self._folder):
            self._file.write(json.dumps({**vars(piece), "source": vars(piece.source)}, ensure_ascii=False) + "\n")
        self.count += 1

    def __iter__(self) -> Iterator[Asset]:
        with disk_faults(self._folder):
            self._file.seek(0)
        for line in self._file:
            yield Asset.from_dict(json.loads(line))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
