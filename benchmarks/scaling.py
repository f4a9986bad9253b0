"""What the benchmarks of imports at scale share: one import in a process of its own, and the table of what it was to hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    found: str
    limit: str
    good: bool


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def imported(worker: str, workspace: Path, file: Path) -> dict[str, Any]:
    """What the script `worker` measured of one import, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", worker, str(workspace), str(file)], capture_output=True, text=True, env=environment())
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def table(rows: Sequence[Figure]) -> str:
    return "\n".join(["| measured | found | limit | holds |", "|---|---|---|---|",
                      *(f"| {row.name} | {row.found} | {row.limit} | {'yes' if row.good else 'NO'} |" for row in rows)])
