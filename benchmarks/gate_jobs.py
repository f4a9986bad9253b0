"""Gate: workers of the job table are killed (SIGKILL) and paused past their leases (SIGSTOP), and every job is done, once.

Workers are processes of their own that claim a job, write to its log, keep state and succeed; each acknowledged success is written to a
file that only appends. Afterwards: every job succeeded, none is acknowledged twice, what the table holds is what was acknowledged, and
SQLite's integrity check is clean. A worker that slept past its lease must be refused.

    python benchmarks/gate_jobs.py [--jobs N] [--kills N] [--pauses N] [--workers N] [--url postgresql://...] [--seed N]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

LEASE = 1.5
LIMIT_SECONDS = 300.0


def work(root: Path, url: str | None, journal: Path) -> None:
    """The worker: claims, works a moment, succeeds, and only then writes down that it did."""
    from adtune.errors import WorkspaceError
    from adtune.workspace import Workspace
    from adtune.workspace.jobs import Stale

    chance = random.Random(os.getpid())
    out = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Workspace.open(root, url) as ws:
        while True:
            try:
                job = ws.jobs.claim(f"w{os.getpid()}", lease=LEASE)
                if job is None:
                    time.sleep(0.02)
                    continue
                ws.jobs.log(job, "begun")
                time.sleep(chance.random() * 0.03)
                ws.jobs.keep(job, {"by": job.fence})
                ws.jobs.beat(job, LEASE)
                ws.jobs.succeed(job, {"fence": job.fence})
            except Stale:
                os.write(out, b"refused\n")
            except WorkspaceError as error:
                os.write(out, f"trouble {error.found}\n".replace("\n", " ").encode() + b"\n")
            else:
                os.write(out, f"done {job.id} {job.fence}\n".encode())


def start(root: Path, url: str | None, journal: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, "--work", str(root), "--journal", str(journal), *(["--url", url] if url else [])])


def run(asked: argparse.Namespace, root: Path) -> list[str]:
    """Everything that went wrong, in words."""
    from adtune.workspace import Workspace

    chance, journal = random.Random(asked.seed), root / "journal"
    kills, pauses = asked.kills, asked.pauses
    asleep: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
    with Workspace.open(root / "ws", asked.url) as ws:
        ws.ensure_client("acme")
        ids = {ws.jobs.submit("acme", "gate", {"n": n}).id for n in range(asked.jobs)}
        workers = [start(root / "ws", asked.url, journal) for _ in range(asked.workers)]
        began = time.monotonic()
        try:
            while time.monotonic() - began < LIMIT_SECONDS:
                time.sleep(chance.random() * 0.1)
                for number, (one, since) in list(asleep.items()):
                    if time.monotonic() - since > 2 * LEASE:
                        one.send_signal(signal.SIGCONT)
                        del asleep[number]
                counts = ws.jobs.counts()
                if sum(counts.get(status, 0) for status in ("queued", "running")) == 0 and not asleep:
                    break
                victim = chance.randrange(len(workers))
                if victim in asleep:
                    continue
                if pauses and chance.random() < pauses / (kills + pauses):
                    workers[victim].send_signal(signal.SIGSTOP)
                    asleep[victim] = (workers[victim], time.monotonic())
                    pauses -= 1
                elif kills:
                    workers[victim].kill()
                    workers[victim].wait()
                    workers[victim] = start(root / "ws", asked.url, journal)
                    kills -= 1
        finally:
            for one in workers:
                one.kill()
                one.wait()
        seconds = time.monotonic() - began
        wrong = judged(ws, ids, journal)
    print(f"{asked.jobs} jobs, {asked.kills - kills} kills, {asked.pauses - pauses} pauses, {len(workers)} workers, "
          f"{'PostgreSQL' if asked.url else 'SQLite'}: {seconds:.1f} s, {journal.read_text().count('refused')} stale writes refused")
    return wrong + ([] if asked.url else integrity(root / "ws" / "adtune.db"))


def judged(ws: object, ids: set[str], journal: Path) -> list[str]:
    """What the table and the journal say that must not be."""
    jobs = {job.id: job for job in ws.jobs.all("acme")}  # type: ignore[attr-defined]
    done = Counter(line.split()[1] for line in journal.read_text().splitlines() if line.startswith("done"))
    fences = {line.split()[1]: int(line.split()[2]) for line in journal.read_text().splitlines() if line.startswith("done")}
    dead = [job for job in jobs.values() if job.status == "failed" and (job.error or {}).get("code") == "dead_letter"]
    wrong = [f"{len(ids - set(jobs))} jobs are lost"] if ids - set(jobs) else []
    wrong += [f"{id} is {job.status}" for id, job in jobs.items() if job.status != "succeeded" and job not in dead]
    wrong += [f"{id} was done {count} times" for id, count in done.items() if count > 1]
    wrong += [f"{id} was acknowledged and is {jobs[id].status}" for id in done if jobs[id].status != "succeeded"]
    wrong += [f"{id} holds the result of fence {jobs[id].result['fence']}, not {fence}" for id, fence in fences.items()
              if jobs[id].result and jobs[id].result["fence"] != fence]
    if dead:
        print(f"{len(dead)} dead letters: three workers died over each")
    return wrong


def integrity(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    return [] if said == "ok" else [f"integrity check: {said}"]


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--jobs", type=int, default=200)
    reader.add_argument("--kills", type=int, default=40)
    reader.add_argument("--pauses", type=int, default=6)
    reader.add_argument("--workers", type=int, default=4)
    reader.add_argument("--seed", type=int, default=0)
    reader.add_argument("--url")
    reader.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    reader.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    asked = reader.parse_args()
    if asked.work:
        work(asked.work, asked.url, asked.journal)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(asked, Path(folder))
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    print("gate_jobs: " + ("passed" if not wrong else f"{len(wrong)} wrong"))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
