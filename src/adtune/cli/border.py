"""The one place where an answer, an error or a stop becomes output and an exit code.

Codes: 0 done, 1 the user's words or files, 2 a gate said no, 3 stopped and can be resumed, 70 a bug of ours.
"""

from __future__ import annotations

import errno
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from ..errors import AdtuneError, DiskFullError, Interrupted, WorkspaceError
from .page import plain

OK, WRONG, REFUSED, STOPPED, BUG = 0, 1, 2, 3, 70
FULL_DISK_WORDS = ("no space left on device", "database or disk is full", "disk quota exceeded")


def to_json(answer: dict[str, Any]) -> str:
    """One JSON object on one line, ASCII; raises ValueError for NaN and infinities, which no verb may give."""
    return json.dumps(answer, allow_nan=False)


def put(answer: dict[str, Any], stdout: TextIO) -> None:
    stdout.write(to_json(answer) + "\n")
    stdout.flush()


def known_error(error: BaseException, verb: str) -> AdtuneError | None:
    """The AdtuneError that stands for `error`, or None where it is a bug of ours."""
    if isinstance(error, AdtuneError):
        return error
    text = str(error).lower()
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or any(words in text for words in FULL_DISK_WORDS):
        return DiskFullError(f"adtune {verb}", "no space left on the disk", "room for what is written",
                             "Free some space and run the same command again; nothing half-written is kept.")
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return WorkspaceError(str(error.filename or f"adtune {verb}"), (error.strerror or "no access").lower(),
                              "a place that may be read and written", "Change its permissions or name another with --workspace DIR.")
    return None


def settle_error(error: BaseException, verb: str, workspace: Path | None, json_to: TextIO | None) -> int:
    """Report an exception on stderr (and as an object on `json_to`) and give the exit code."""
    known = known_error(error, verb)
    report, code = (known, WRONG) if known is not None else (_bug(error, verb, workspace), BUG)
    sys.stderr.write(f"Error: {plain(report)}\n")
    if json_to is not None:
        put({"error": report.as_dict()}, json_to)
    return code


def settle_stop(stop: BaseException, verb: str, resume: str, json_to: TextIO | None) -> int:
    """Report a stop by a signal. `resume` is the command that goes on, with the words that the door knows and a step does not."""
    message = str(stop) if isinstance(stop, Interrupted) else "stopped by a signal"
    sys.stderr.write(f"Stopped: adtune {verb}: {plain(message)}. To go on: {plain(resume)}\n")
    if json_to is not None:
        put({"stopped": "interrupted", "message": message, "resume": resume}, json_to)
    return STOPPED


def _bug(error: BaseException, verb: str, workspace: Path | None) -> AdtuneError:
    path = _write_traceback(error, workspace)
    return AdtuneError(f"adtune {verb}".strip(), f"{type(error).__name__}: {error}", "no such error: this is a bug in adtune",
                       f"Please report it with {path}; what was finished before is safe.")


def _write_traceback(error: BaseException, workspace: Path | None) -> Path:
    """Keep the traceback in the workspace, or in the temporary folder where there is none."""
    text = "".join(traceback.format_exception(error))
    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{time.monotonic_ns() % 10**6:06d}.txt"
    for folder in (workspace, Path(tempfile.gettempdir())):
        if folder is not None and folder.is_dir():
            try:
                (folder / name).write_text(text, encoding="utf-8")
            except OSError:
                continue
            return folder / name
    return Path("(no traceback could be written)")
