"""Says in plain words what a failing disk means for the workspace."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..durable import FULL
from ..errors import DiskFullError, WorkspaceError

FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


def disk_full(where: object) -> DiskFullError:
    """The error of a disk without space; what was there before is untouched."""
    return DiskFullError(
        str(where), "no space left on the disk", "room to write", "Free some space and try again; nothing half-written is kept."
    )


def disk_error(error: OSError, where: object) -> WorkspaceError:
    """The WorkspaceError that tells what this OSError means, and what to do."""
    place = str(error.filename or where)
    if error.errno in FULL:
        return disk_full(place)
    if error.errno in FORBIDDEN:
        return WorkspaceError(
            place,
            "a place that may not be written",
            "a writable directory",
            "Change its permissions, or name another directory with --workspace.",
        )
    if error.errno in IN_THE_WAY:
        return WorkspaceError(
            place, "a file where a directory belongs", "a directory", "Move the file away, or name another directory with --workspace."
        )
    return WorkspaceError(place, error.strerror or str(error), "a disk that can be read and written", "Check the disk and try again.")


@contextmanager
def disk_faults(where: Path) -> Iterator[None]:
    """Turns every OSError inside into a WorkspaceError; DiskFullError where no space is left."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, where) from error
