"""The content-addressed store: a directory per artifact, written aside, synced and renamed into place.

Protocol: `.tmp-*` -> files -> fsync each -> MANIFEST.json (sha256 and size of each) -> fsync -> rename -> fsync of the parent.
A crash at any point leaves either a whole artifact or a `.tmp-*` directory that nobody reads and that is swept later.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..durable import sha256_file, sync
from ..errors import InputError, IntegrityError
from ..records import canonical_json
from .faults import disk_faults

MANIFEST = "MANIFEST.json"
CHUNK = 1 << 20
STALE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class FileEntry:
    """What the manifest says of a file; size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Staged:
    """Files written and synced aside, not yet visible."""

    folder: Path
    files: dict[str, FileEntry]


class ArtifactStore:
    """Directories `root/<kind>/<id>/` whose bytes never change once they are visible."""

    def __init__(self, root: Path):
        self.root = root

    def folder(self, kind: str, id: str) -> Path:
        return self.root / kind / id

    @contextmanager
    def staged(self, files: Mapping[str, bytes | Path]) -> Iterator[Staged]:
        """The files copied aside; whatever is not settled by the end of the block is removed.

        Raises InputError for an unsafe name or a missing source, DiskFullError or WorkspaceError where writing fails.
        """
        sources = _sources(files)
        folder = self._aside()
        try:
            with disk_faults(self.root):
                folder.mkdir(parents=True)
                entries = {name: _write(folder / name, source) for name, source in sorted(sources.items())}
            yield Staged(folder, entries)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def settle(self, staged: Staged, kind: str, id: str, header: Mapping[str, Any]) -> str:
        """Makes staged files visible as artifact `id`, and gives the sha256 of its manifest.

        An equal artifact that is there already stays; a damaged one is replaced.
        """
        target = self.folder(kind, id)
        with disk_faults(self.root):
            manifest = {**header, "files": {name: asdict(entry) for name, entry in staged.files.items()}}
            _write(staged.folder / MANIFEST, (canonical_json(manifest) + "\n").encode("utf-8"))
            for folder, _, _ in os.walk(staged.folder):
                sync(Path(folder))
            target.parent.mkdir(parents=True, exist_ok=True)
            sync(self.root)
            self._make_room(target)
            try:
                os.rename(staged.folder, target)
            except OSError as error:  # another process published the same in this moment
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            sync(target.parent)
            return sha256_file(target / MANIFEST)

    def _make_room(self, target: Path) -> None:
        if not target.exists():
            return
        try:
            self.verify(target)
        except IntegrityError:
            damaged = self._aside()
            os.rename(target, damaged)
            shutil.rmtree(damaged, ignore_errors=True)

    def verify(self, folder: Path, manifest: str | None = None) -> None:
        """Checks every byte of an artifact, and its manifest against the sha256 `manifest`.

        Raises IntegrityError naming the first file that is damaged, missing or too much.
        """
        with disk_faults(folder):
            listed = _read_manifest(folder, manifest)
            present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - {MANIFEST}
            for name in sorted(listed.keys() - present):
                raise _damage(folder / name, "no file", "the published file")
            for name in sorted(present - listed.keys()):
                raise _damage(folder / name, "a file that was not published", f"only the files in {MANIFEST}")
            for name, entry in listed.items():
                size, digest = (folder / name).stat().st_size, sha256_file(folder / name)
                if FileEntry(digest, size) != entry:
                    raise _damage(
                        folder / name, f"{size} bytes with sha256 {digest[:12]}…", f"{entry.size} bytes with sha256 {entry.sha256[:12]}…"
                    )

    def sweep(self) -> None:
        """Removes what crashed publishes left aside, once it is a day old and surely nobody's work in progress."""
        with os.scandir(self.root) as entries:
            stale = [
                entry.path for entry in entries if entry.name.startswith(".tmp-") and entry.stat().st_mtime < time.time() - STALE_SECONDS
            ]
        for path in stale:
            shutil.rmtree(path, ignore_errors=True)

    def _aside(self) -> Path:
        return self.root / f".tmp-{os.getpid()}-{secrets.token_hex(6)}"


def _sources(files: Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
    found: dict[str, bytes | Path] = {}
    for name, source in files.items():
        _check_name(name)
        for inner, value in _expand(name, source):
            if inner in found:
                raise InputError(f"artifact file '{inner}'", "two files of this name", "one file for each name", "Rename one of them.")
            found[inner] = value
    for name in found:
        inside = next((str(up) for up in PurePosixPath(name).parents if str(up) in found), None)
        if inside:
            raise InputError(f"artifact file '{name}'", f"'{inside}' as a file and as a folder", "one of them", "Rename one of them.")
    return found


def _check_name(name: str) -> None:
    parts = name.split("/")
    if name == MANIFEST or "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise InputError(
            f"artifact file '{name}'", "an unsafe or reserved name", "a relative name with '/' and without '..'", "Rename the file."
        )


def _expand(name: str, source: bytes | Path) -> Iterator[tuple[str, bytes | Path]]:
    if isinstance(source, bytes) or source.is_file():
        yield name, source
    elif source.is_dir():
        for child in sorted(source.iterdir()):
            if child.is_dir() and child.is_symlink():  # could point anywhere, itself included
                raise InputError(str(child), "a link to a directory", "files and directories", "Put a real directory in its place.")
            yield from _expand(f"{name}/{child.name}", child)
    else:
        raise InputError(str(source), "neither a file nor a directory", "a file or a directory", "Check the path.")


def _write(target: Path, source: bytes | Path) -> FileEntry:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as out:
        for chunk in _chunks(source):
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        out.flush()
        os.fsync(out.fileno())
    return FileEntry(digest.hexdigest(), size)


def _chunks(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as data:
        while chunk := data.read(CHUNK):
            yield chunk


def _read_manifest(folder: Path, sha256: str | None) -> dict[str, FileEntry]:
    path = folder / MANIFEST
    if not path.is_file():
        raise _damage(path, "no manifest" if folder.is_dir() else "no directory", "the published artifact")
    content = path.read_bytes()
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise _damage(path, "other bytes than were published", f"sha256 {sha256[:12]}…")
    try:
        return {name: FileEntry(**entry) for name, entry in json.loads(content)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damage(path, "something that is not a manifest", "the published manifest") from None


def _damage(path: Path, found: str, expected: str) -> IntegrityError:
    return IntegrityError(str(path), found, expected, "Restore it from a backup, or make the artifact again.")
