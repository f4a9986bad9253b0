"""Scale: an archive of 100,000 pieces in one JSONL file is imported within a minute, and importing it again adds nothing in 20 seconds.

The file is made from the sample client's pieces, with their paragraphs in another order and a number in the title, so that all differ.
Each import runs in a process of its own, as `adtune import` does; its peak memory is the kernel's (VmHWM). A smaller file is imported
first: the growth from one to the other is what memory costs a piece. A third process is killed in the middle of its transaction.

    python benchmarks/scale_import.py [--pieces N] [--small N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scaling import ROOT, Figure, environment, imported, table

sys.path.insert(0, str(ROOT / "src"))

from adtune.starter import sample_pieces  # noqa: E402 - the package stands beside this folder

SECONDS, AGAIN_SECONDS, PEAK_BYTES = 60.0, 20.0, 1_500_000_000
FLAT_BYTES = 400      # a piece may add to the peak: the 32 bytes of its id in a set

WORKER = """
import json, sys, time
from pathlib import Path
from adtune.steps.archive import import_archive
from adtune.workspace import Workspace

told = []
start, used = time.perf_counter(), time.process_time()
with Workspace.open(Path(sys.argv[1])) as ws:
    answer = import_archive(ws, Path(sys.argv[2]), "scale", progress=lambda label, done, total, note="": told.append((label, done, total)))
seconds, cpu = time.perf_counter() - start, time.process_time() - used
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
shares = [done / total for label, done, total in told if label == "reading" and total]
rising = all(a <= b for a, b in zip(shares, shares[1:]))
print(json.dumps({**{k: answer[k] for k in ("read", "kept", "added", "rejected", "archive")}, "seconds": seconds, "cpu": cpu, "peak": peak,
                  "told": len(told), "steps": len(set(shares)), "rising": rising}))
"""


def write_archive(path: Path, count: int) -> None:
    """`count` different pieces, from a seed."""
    rows = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            row = rows[number % len(rows)]
            parts = row["text"].split("\n\n")
            random.Random(number).shuffle(parts)
            new = {**row, "id": f"{row['id']}-{number}", "title": f"{row['title']} ({number})", "text": "\n\n".join(parts)}
            stream.write(json.dumps(new, ensure_ascii=False) + "\n")


def killed(workspace: Path, file: Path) -> tuple[int, str]:
    """(pieces, state of the database) after an import that is killed while its transaction writes."""
    from sqlalchemy import text

    from adtune.workspace import Workspace

    process = subprocess.Popen([sys.executable, "-c", WORKER, str(workspace), str(file)], stdout=subprocess.DEVNULL, env=environment())
    log = workspace / "adtune.db-wal"
    while process.poll() is None and not (log.exists() and log.stat().st_size > 5_000_000):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Workspace.open(workspace) as ws:
        with ws._database.read() as connection:
            state = connection.execute(text("PRAGMA integrity_check")).scalar()
        pieces = ws.count_assets("scale")
    usual = {"adtune.db", "adtune.db-wal", "adtune.db-shm", "artifacts", "runs", "locks"}
    left = {path.name for path in workspace.iterdir()} - usual
    return pieces, f"{state}, {len(left)} files left behind"


def figures(pieces: int, small: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few.jsonl", Path(folder) / "many.jsonl"
        write_archive(few, small)
        write_archive(many, pieces)
        base, first = imported(WORKER, Path(folder) / "few", few), imported(WORKER, Path(folder) / "many", many)
        again = imported(WORKER, Path(folder) / "many", many)
        kept, state = killed(Path(folder) / "killed", many)
        size = many.stat().st_size / 1e6
    grown = (first["peak"] - base["peak"]) / (pieces - small)
    busy = f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    good = first["seconds"] < SECONDS and first["kept"] == first["added"] == first["read"] == pieces
    return [
        Figure(f"import of {pieces:,} pieces ({size:.0f} MB), seconds", f"{first['seconds']:.1f} ({first['cpu']:.1f} of a core; {busy})",
               f"under {SECONDS:.0f}", good),
        Figure("peak memory, MB", f"{first['peak'] / 1e6:.0f}", f"under {PEAK_BYTES / 1e6:,.0f}", first["peak"] < PEAK_BYTES),
        Figure(f"memory a piece adds beyond {small:,} pieces, bytes", f"{grown:.0f}", f"under {FLAT_BYTES}", grown < FLAT_BYTES),
        Figure("the same again, seconds", f"{again['seconds']:.1f} ({again['cpu']:.1f} of a core)", f"under {AGAIN_SECONDS:.0f}",
               again["seconds"] < AGAIN_SECONDS),
        Figure("the same again, added", str(again["added"]), "0, and the same archive hash", again["added"] == 0 and
               again["archive"] == first["archive"]),
        Figure("progress told within the file", f"{first['steps']} steps, {'rising' if first['rising'] else 'NOT rising'}", "at least 100",
               first["steps"] >= 100 and first["rising"]),
        Figure("pieces after a kill within the transaction", f"{kept} ({state})", "0, ok", kept == 0 and state.startswith("ok, 0 ")),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=10_000)
    said = parser.parse_args()
    rows = figures(said.pieces, said.small)
    told = table(rows)
    print(told)
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    command = f"python benchmarks/scale_import.py --pieces {said.pieces} --small {said.small}"
    (results / "scale_import.md").write_text(f"`{command}`, pieces made from the sample client\n\n{told}\n", encoding="utf-8")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
