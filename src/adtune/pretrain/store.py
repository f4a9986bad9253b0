"""Token files on the disk: `<n>.bin` (uint16 ids) and `<n>.idx` (uint64 starts) for each source, `store.json` and `held_out.jsonl`.

A store is written into `<folder>.partial`, synced and renamed, so that whatever has the final name is whole. Memory does not grow
with it: ids wait for the disk in a buffer of one size, and are read back as views of mapped files.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import durable
from ..errors import InputError, IntegrityError, Interrupted

FORMAT = 1                  # raised when the files or the ids in them mean something else
VOCABULARY = 1 << 16        # ids that uint16 holds
PENDING_BYTES = 32 << 20    # ids that wait in memory for the disk
RECORD, HELD = "store.json", "held_out.jsonl"


@dataclass(frozen=True)
class HeldOut:
    """A document for measuring: `ids` with end of text and prompt first (`prompt_length` of them); `bytes` counts the text alone, UTF-8."""

    ids: tuple[int, ...]
    prompt_length: int
    bytes: int
    title: str
    text: str


class TokenStore:
    """A finished folder of token files. `sources` are those that can be trained on, `counts` their tokens, `documents` their documents."""

    def __init__(self, folder: Path, record: dict[str, Any]):
        self.folder, self.fingerprint = folder, record["fingerprint"]
        self.sources: tuple[str, ...] = tuple(one["name"] for one in record["sources"])
        self.counts: dict[str, int] = {one["name"]: one["tokens"] for one in record["sources"]}
        self.documents: dict[str, int] = {one["name"]: one["documents"] for one in record["sources"]}
        self.held_counts: dict[str, dict[str, int]] = record["held_out"]  # by source: documents `kept`, and `left_out` beyond the most
        self._arrays: dict[str, np.ndarray] = {}

    @classmethod
    def open(cls, folder: Path) -> TokenStore:
        """Raises InputError where there is no store, IntegrityError where its files are not those that were written."""
        path = folder / RECORD
        if not path.is_file():
            raise InputError(str(folder), "no token files", "a folder of token files", "Tokenise a corpus into it.")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise ValueError("another format")
            expected = {HELD: record["held_out_bytes"]}
            for number, one in enumerate(record["sources"]):
                expected |= {f"{number}.bin": 2 * one["tokens"], f"{number}.idx": 8 * (one["documents"] + 1)}
            for name, size in expected.items():
                found = (folder / name).stat().st_size if (folder / name).is_file() else None
                if found != size:
                    raise ValueError(f"{name} of {found} bytes in place of {size}")
            return cls(folder, record)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise IntegrityError(str(folder), str(error), "token files as they were written", "Remove the folder.") from error

    @classmethod
    def find(cls, folder: Path, fingerprint: str) -> TokenStore | None:
        """The store in `folder` if it is whole and of this fingerprint."""
        try:
            store = cls.open(folder)
        except (InputError, IntegrityError):
            return None
        return store if store.fingerprint == fingerprint else None

    def _array(self, source: str, suffix: str, kind: type) -> np.ndarray:
        name = f"{self.sources.index(source)}.{suffix}"
        if name not in self._arrays:  # a plain view of the mapped file: slicing a memmap object costs more than the copy
            self._arrays[name] = np.asarray(np.memmap(self.folder / name, dtype=kind, mode="r"))
        return self._arrays[name]

    def tokens_of(self, source: str) -> np.ndarray:
        """All ids of a source (tokens,), uint16, document after document; a read-only view of the file."""
        return self._array(source, "bin", np.uint16)

    def starts_of(self, source: str) -> np.ndarray:
        """Where each document of a source begins (documents + 1,), uint64; the last is the end."""
        return self._array(source, "idx", np.uint64)

    def document(self, source: str, number: int) -> np.ndarray:
        """The ids of one document, uint16, end of text first; a read-only view."""
        starts = self.starts_of(source)
        return self.tokens_of(source)[int(starts[number]):int(starts[number + 1])]

    def held_out(self) -> dict[str, list[HeldOut]]:
        """The held-out documents by source, those of a source in an order that says nothing."""
        rows: dict[str, list[HeldOut]] = {}
        with open(self.folder / HELD, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                rows.setdefault(row.pop("source"), []).append(HeldOut(**{**row, "ids": tuple(row["ids"])}))
        return rows


class StoreWriter:
    """Writes a store aside and publishes it when its block ends well; after an error nothing of it is left.

    Raises InputError where the disk is full or cannot be written, with the bytes that are `needed`.
    """

    def __init__(self, folder: Path, fingerprint: str, needed: int = 0):
        self.folder, self.fingerprint, self.needed = folder, fingerprint, needed
        self.aside, self.old = (folder.with_name(folder.name + suffix) for suffix in (".partial", ".old"))
        self.tokens: dict[str, int] = {}
        self.documents: dict[str, int] = {}
        self.held: dict[str, dict[str, int]] = {}
        self._pending: dict[str, tuple[list[np.ndarray], list[int]]] = {}
        self._bytes = self._held_bytes = 0

    def __enter__(self) -> StoreWriter:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            if self.folder.exists() and not (self.folder / RECORD).is_file() and any(self.folder.iterdir()):
                raise InputError(str(self.folder), "a folder of other files", "token files, or no such folder",
                                 "Name another folder, or move these files away.")
            for rest in (self.aside, self.old):  # what a killed process left
                durable.remove_tree(rest)
            free = shutil.disk_usage(self.folder.parent).free
            if free < self.needed:
                raise self._full(f"{free:,} bytes free on the disk")
            durable.make_folder(self.aside)
            durable.write_synced(self.aside / HELD, b"")
        except OSError as error:
            durable.remove_tree(self.aside)
            raise self._fault(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            if error is None:
                self._publish()
        except OSError as failed:
            raise self._fault(failed) from failed
        finally:
            durable.remove_tree(self.aside)
        if isinstance(error, OSError):
            raise self._fault(error) from error

    def _full(self, found: str) -> InputError:
        room = f"room for about {self.needed:,} bytes of token files" if self.needed else "room to write"
        return InputError(str(self.folder), found, room,
                          "Free some space, or give a smaller corpus or another folder; nothing half-written is kept.")

    def _fault(self, error: OSError) -> InputError:
        if error.errno in durable.FULL:
            return self._full("no space left on the disk")
        return InputError(str(error.filename or self.folder), error.strerror or str(error), "a folder that can be written",
                          "Check its permissions, or name another folder.")

    def add(self, source: str, ids: Sequence[int] | np.ndarray) -> None:
        """One document of a source. Raises InputError for ids that uint16 does not hold."""
        row = np.asarray(ids)
        if not len(row) or row.min() < 0 or row.max() >= VOCABULARY:
            raise InputError("token ids", "none" if not len(row) else f"{row.min()} to {row.max()}", f"ids from 0 to {VOCABULARY - 1:,}",
                             "Use a smaller vocabulary.")
        arrays, starts = self._pending.setdefault(source, ([], []))
        arrays.append(row.astype(np.uint16, copy=False))
        starts.append(self.tokens.setdefault(source, 0))
        self.tokens[source] += len(row)
        self.documents[source] = self.documents.get(source, 0) + 1
        self._bytes += 2 * len(row) + 8
        if self._bytes >= PENDING_BYTES:
            self._flush()

    def hold_out(self, source: str, kept: Iterable[HeldOut], left_out: int = 0) -> None:
        """The held-out documents of a source, and how many more were held out but are not kept."""
        lines = [json.dumps({"source": source, **asdict(one)}, ensure_ascii=False) + "\n" for one in kept]
        self.held[source] = {"kept": len(lines), "left_out": left_out}
        content = "".join(lines).encode("utf-8")
        self._held_bytes += len(content)
        self._append(HELD, content)

    def _append(self, name: str, content: bytes | memoryview) -> None:
        durable.told("write", self.aside / name)
        with open(self.aside / name, "ab") as out:
            out.write(content)

    def _flush(self) -> None:
        order = list(self.tokens)
        for source, (arrays, starts) in self._pending.items():
            number = order.index(source)
            self._append(f"{number}.bin", np.concatenate(arrays).data)
            self._append(f"{number}.idx", np.array(starts, np.uint64).data)
        self._pending, self._bytes = {}, 0

    def _publish(self) -> None:
        self._flush()
        for number, total in enumerate(self.tokens.values()):
            self._append(f"{number}.idx", np.array([total], np.uint64).data)
        sources = [{"name": name, "tokens": self.tokens[name], "documents": self.documents[name]} for name in self.tokens]
        for path in sorted(self.aside.iterdir()):
            durable.sync(path)
        durable.write_synced(self.aside / RECORD, json.dumps(
            {"format": FORMAT, "fingerprint": self.fingerprint, "sources": sources, "held_out": self.held,
             "held_out_bytes": self._held_bytes}, indent=1).encode("utf-8"))
        durable.sync(self.aside)
        if self.folder.exists():  # tokens of another corpus, tokenizer or rendering
            durable.rename(self.folder, self.old)
        durable.rename(self.aside, self.folder)
        durable.sync(self.folder.parent)
        durable.remove_tree(self.old)


def write_sequences(sequences: Iterable[tuple[str, Sequence[int] | np.ndarray]], folder: Path, fingerprint: str,
                    stop: Callable[[], bool] = lambda: False) -> TokenStore:
    """A store of ready sequences, (source, ids) each, the ids opening with the end of text.

    Where a store of this fingerprint is there, it is taken and nothing is read from `sequences`.
    Raises InputError where there are none, for ids above 65,535 and for a disk without room; Interrupted when `stop()` says so.
    """
    ready = TokenStore.find(folder, fingerprint)
    if ready is not None:
        return ready
    with StoreWriter(folder, fingerprint) as writer:
        for source, ids in sequences:
            writer.add(source, ids)
            if stop():
                raise Interrupted("stopped while writing sequences; no half of them is kept", "adtune pretrain text --resume")
        if not writer.tokens:
            raise InputError(str(folder), "no sequences", "sequences to train on", "Give more text.")
    return TokenStore.open(folder)
