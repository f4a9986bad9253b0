"""Pieces and revisions that wait for their transaction, in a file without a name: memory stays flat and a kill leaves nothing behind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records import Asset, Change, Source
from .faults import disk_faults
from .versions import Revision


class Spool:
    """A queue of assets and revisions on the disk; written first, then read."""

    def __init__(self, folder: Path):
        self._folder = folder
        with disk_faults(folder):
            self._file = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="surrogatepass", dir=folder)  # noqa: SIM115 - close() ends it
        self.count = 0

    def add(self, item: Asset | Revision) -> None:
        """Raises DiskFullError where there is no space."""
        piece, change = (item.piece, item.change) if isinstance(item, Revision) else (item, None)
        row = [_plain(piece), _plain(change)]
        with disk_faults(self._folder):
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.count += 1

    def __iter__(self) -> Iterator[Asset | Revision]:
        with disk_faults(self._folder):
            self._file.seek(0)
        for line in self._file:
            piece, change = json.loads(line)
            asset = piece and Asset.from_dict(piece)
            yield Revision(Change(**{**change, "source": Source(**change["source"])}), asset) if change else asset

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _plain(record: Asset | Change | None) -> dict[str, Any] | None:
    return record and {**vars(record), "source": vars(record.source)}
