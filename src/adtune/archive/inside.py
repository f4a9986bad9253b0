"""The child's side: reads a request from standard input, and writes the file's rows as JSON lines. Started by `child.py` only."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from .campaigns.columns import MetricColumns
from .child import PREFIX
from .columns import Columns
from .files import ClientFile
from .opening import read_here, reason_of
from .parts import Mark
from .rows import Row

KINDS = {kind.kind: kind for kind in (Columns, MetricColumns)}   # whose columns tell a header from a title


def main() -> None:
    """Answers requests until standard input ends, or memory does. Arguments: the bytes of memory, and this child's own folder."""
    memory, folder = int(sys.argv[1]), Path(sys.argv[2])
    _bound("RLIMIT_AS", memory)
    _bound("RLIMIT_CORE", 0)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)   # what a library prints does not mix with the answers
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _bound("RLIMIT_CPU", int(time.process_time() + request["seconds"]) + 5)   # should the parent be gone
        try:
            for message in _answers(request):
                _say(out, message)
            out.flush()
        except MemoryError:
            _say(out, ["memory"])
            out.flush()
            return
    if folder.name.startswith(PREFIX):
        shutil.rmtree(folder, ignore_errors=True)   # which a parent that was killed does not remove


def _answers(request: dict[str, Any]) -> Iterator[list[Any]]:
    file = ClientFile(Path(request["path"]), request["name"], alone=request["alone"], skip=request["skip"])
    notes: list[str] = []
    last: list[Any] = ["end"]
    try:
        for item in read_here(file, KINDS[request["kind"]](request["mapping"]), notes.append):
            yield from _told(notes)
            if isinstance(item, Mark):
                yield ["mark", item.number, item.line, item.part]
            elif isinstance(item, Row):
                yield ["row", item.line, item.values, item.document, item.part]
            else:
                yield ["fault", item.line, item.reason, item.part]
    except InputError as error:
        last = ["wrong", error.where, error.found, error.expected, error.do]
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a parser raises over a broken file is the file's rejection
        last = ["unreadable", reason_of(error), getattr(error, "line", None)]
    yield from _told(notes)
    yield last


def _told(notes: list[str]) -> Iterator[list[Any]]:
    while notes:
        yield ["note", notes.pop(0)]


def _say(out: BinaryIO, message: list[Any]) -> None:
    out.write(json.dumps(message, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n")
    if message[0] == "mark":
        out.flush()   # the parent must know the part in which this process dies


def _bound(name: str, amount: int) -> None:
    try:
        import resource
    except ImportError:   # no such limits on this system; the clock of the parent still holds
        return
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (amount if hard == resource.RLIM_INFINITY else min(amount, hard), hard))


if __name__ == "__main__":
    main()
