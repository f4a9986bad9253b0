"""Files that outlive a crash: each call that changes the disk, synced where it must be.

Both the artifact store and the engine's checkpoints write with these, so that one fault hook reaches every call: `watch` hears
of each call before it is made, and may raise or end the process there. Nothing but a test or a gate sets it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # no room on the disk, in the quota, or under the limit of a file's size

watch: Callable[[str, Path], None] | None = None


def told(call: str, path: Path) -> None:
    """Announce a call of these words to whoever watches."""
    if watch is not None:
        watch(call, path)


def make_folder(path: Path) -> None:
    """A new directory. Raises OSError."""
    told("mkdir", path)
    path.mkdir()


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk. Raises OSError."""
    told("open", path)
    with path.open("wb") as out:
        told("write", path)
        out.write(content)
        out.flush()
        told("fsync", path)
        os.fsync(out.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place whole: a reader sees the old bytes or the new ones, after a crash too. Raises OSError."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_synced(aside, content)
        told("rename", path)
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush one file or directory to the disk. Raises OSError."""
    told("fsync", path)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rename(source: Path, target: Path) -> None:
    """Give a file or directory its final name. Raises OSError."""
    told("rename", target)
    os.rename(source, target)


def remove_tree(path: Path) -> None:
    """Remove a directory as far as it goes; what cannot be removed stays."""
    told("remove", path)
    shutil.rmtree(path, ignore_errors=True)


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes. Raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def os_error(error: Exception) -> OSError | None:
    """The OSError behind an exception: itself, or the one that a library (safetensors) tells of in words; None where there is none."""
    if isinstance(error, OSError):
        return error
    code = re.search(r"\(os error (\d+)\)|Os \{ code: (\d+)", str(error))
    if code:
        number = int(code[1] or code[2])
        return OSError(number, os.strerror(number))
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if "No space left" in str(error) else None
