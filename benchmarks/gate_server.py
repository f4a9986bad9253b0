"""Gate: `adtune serve` is killed (SIGKILL) while it answers and its workers do jobs; no acknowledged job is lost, none is done twice.

Threads of several clients, each with a marker adapter, ask for answers and hand in jobs (`curate` of a small archive); whoever hears no
answer asks again, a job under the same Idempotency-Key. A controller kills the server at random moments and starts it again; every third
time it kills the workers and their children too, whose jobs come back when their leases run out. Afterwards:

- every answer that came was its caller's marker, and stands in its caller's own log under the id that the caller was told;
- every acknowledged job has succeeded, one for each key; one that was seen done has not changed since (a job over which three workers were
  killed is a dead letter, and told);
- SQLite's integrity check is clean, and no process of the servers is left.

    python benchmarks/gate_server.py [--requests 400] [--jobs 8] [--kills 3] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE)]

CLIENTS, THREADS, WORKERS = 4, 12, 2
PATIENCE_SECONDS = 3600.0
EVERYTHING = 3        # every third kill takes the workers and what they do with it
BETWEEN = (1.0, 6.0)  # seconds that a server lives once it answers


class Books:
    """What the callers were told, and what was wrong."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answers: list[tuple[str, str]] = []      # (client, request id)
        self.jobs: dict[str, tuple[str, str]] = {}    # key: (client, job)
        self.done: dict[str, str] = {}                # job: when it was finished, as first seen
        self.wrong: list[str] = []
        self.repeated = self.kills = self.dead = 0

    def note(self, said: str) -> None:
        with self.lock:
            self.wrong.append(said)


def fill_archives(root: Path) -> None:
    """Sixteen small pieces for every client, so that `curate` has something to do."""
    from adtune.records import Asset, Source
    from adtune.workspace import Workspace

    with Workspace.open(root) as ws:
        for client in ws.clients():
            words = "harbour lantern copper meadow quiet ledger bridge winter orchard signal paper garden morning river stone".split()
            texts = [" ".join(random.Random(f"{client} {n}").choices(words, k=70)) + "." for n in range(16)]
            ws.add_assets(client, [Asset(Asset.identity({"text": text}, 0), client, text, f"On {words[n % 15]} {n}", source=Source("p", n))
                                   for n, text in enumerate(texts)])


def patiently(http: Any, books: Books, *words: Any, **given: Any) -> Any:
    """An answer that is no failure of the moment; asked again while the server is away."""
    import httpx2

    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        try:
            answer = http.request(*words, **given)
            if answer.status_code not in (429, 500, 502, 503):
                return answer
        except httpx2.HTTPError:
            pass
        with books.lock:
            books.repeated += 1
        time.sleep(0.2)
    raise SystemExit("nobody answered any more")


def callers(served: Any, books: Books, requests: int, jobs: int) -> list[threading.Thread]:
    """Threads that share the requests and the jobs among them."""
    import httpx2

    todo = [("job", n) for n in range(jobs)] + [("answer", n) for n in range(requests)]
    random.Random(1).shuffle(todo)
    left = iter(todo)

    def one(http: Any, kind: str, n: int) -> None:
        client = f"client{n % CLIENTS}"
        headers = {"Authorization": f"Bearer {served.keys[client]}"}
        if kind == "job":
            body = {"kind": "curate", "options": {"min_words": 5 + n % 7}}
            answer = patiently(http, books, "POST", "/adtune/jobs", json=body, headers={**headers, "Idempotency-Key": f"key-{n}"})
            if answer.status_code != 200:
                return books.note(f"job {n}: {answer.status_code} {answer.text[:200]}")
            with books.lock:
                books.jobs[f"key-{n}"] = (client, answer.json()["id"])
            return None
        body = {"model": "live", "messages": [{"role": "user", "content": f"Brief {n}"}], "max_tokens": 6, "stream": n % 3 == 0}
        answer = patiently(http, books, "POST", "/chat/completions", json=body, headers=headers)
        text = said_of(answer)
        if text is None:  # a stream that broke off: nothing was acknowledged
            with books.lock:
                books.repeated += 1
            return one(http, kind, n)
        if not served.is_of(client, text):
            return books.note(f"answer {n} of {client}: {text[:80]!r}, not {served.words[client]!r}")
        with books.lock:
            books.answers.append((client, answer.headers["x-request-id"]))
        return None

    def work() -> None:
        with httpx2.Client(base_url=served.url, timeout=120) as http:
            while True:
                with books.lock:
                    kind, n = next(left, (None, 0))
                if kind is None:
                    return
                one(http, kind, n)

    return [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]


def said_of(answer: Any) -> str | None:
    """The words of an answer, whole or streamed; None for a stream without its end."""
    if not answer.headers["content-type"].startswith("text/event-stream"):
        return str(answer.json()["choices"][0]["message"]["content"])
    lines = [line[6:] for line in answer.text.split("\n\n") if line.startswith("data: ")]
    if lines[-1:] != ["[DONE]"]:
        return None
    return "".join(choice["delta"].get("content") or "" for line in lines[:-1] for choice in json.loads(line)["choices"])


def look(served: Any, books: Books) -> int:
    """How many acknowledged jobs are not done; one that was seen done must not change."""
    import httpx2

    waiting = 0
    for client, id in dict(books.jobs).values():
        if id in books.done:
            continue
        try:
            with httpx2.Client(base_url=served.url, timeout=30, headers={"Authorization": f"Bearer {served.keys[client]}"}) as http:
                job = http.get(f"/adtune/jobs/{id}")
        except httpx2.HTTPError:
            return waiting + 1
        if job.status_code == 404:
            books.note(f"{id} was acknowledged and is lost")
            books.done[id] = ""
        elif job.status_code == 200 and job.json()["status"] == "succeeded":
            books.done[id] = job.json()["finished"]
        elif job.status_code == 200 and (job.json()["error"] or {}).get("code") == "dead_letter":
            books.dead += 1
            books.done[id] = job.json()["finished"]
        elif job.status_code == 200 and job.json()["status"] in ("failed", "cancelled"):
            books.note(f"{id} is {job.json()['status']}: {job.json()['error']}")
            books.done[id] = job.json()["finished"]
        else:
            waiting += 1
    return waiting


def judged(served: Any, books: Books) -> None:
    """Compare what callers were told with what the workspace holds."""
    from adtune.workspace import Workspace

    with Workspace.open(served.root) as ws:
        logged = {client: {one["scores"]["request"] for one in ws.drafts(client)} for client in ws.clients()}
        for client, request in books.answers:
            if request not in logged[client]:
                books.note(f"answer {request} of {client} is not in its log")
        jobs = {job.id: job for client in ws.clients() for job in ws.jobs.all(client)}
    if len(jobs) != len(books.jobs):
        books.note(f"{len(jobs)} jobs for {len(books.jobs)} keys")
    for id, finished in books.done.items():
        if finished and jobs[id].finished != finished:
            books.note(f"{id} was done at {finished}, and again at {jobs[id].finished}")
    connection = sqlite3.connect(served.root / "adtune.db")
    said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    if said != "ok":
        books.note(f"integrity check: {said}")


def processes_of(root: Path) -> list[int]:
    """Processes whose command line names the workspace."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str(root).encode() in (path / "cmdline").read_bytes() and int(path.name) != os.getpid():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def run(asked: argparse.Namespace, root: Path) -> Books:
    from served import Served

    books, chance = Books(), random.Random(asked.seed)
    served = Served(root / "ws", CLIENTS, {"workers": WORKERS, "rows": 8, "max_tokens": 8})
    fill_archives(root / "ws")
    served.start()
    threads = callers(served, books, asked.requests, asked.jobs)
    for thread in threads:
        thread.start()
    try:
        while True:
            waiting = look(served, books)
            if books.kills < asked.kills:
                time.sleep(chance.uniform(*BETWEEN))
                served.kill()
                books.kills += 1
                for one in processes_of(root) if books.kills % EVERYTHING == 0 else ():
                    with suppress(ProcessLookupError):
                        os.kill(one, signal.SIGKILL)
                served.start()
            elif not waiting and len(books.jobs) == asked.jobs and not any(thread.is_alive() for thread in threads):
                break
            else:
                time.sleep(0.3)
    finally:
        served.stop()
    ends = time.monotonic() + 20
    while (left := processes_of(root)) and time.monotonic() < ends:
        time.sleep(0.2)
    if left:
        books.note(f"{len(left)} processes are left")
    judged(served, books)
    return books


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("requests", 400), ("jobs", 8), ("kills", 3), ("seed", 0)):
        reader.add_argument(f"--{name}", type=int, default=usual)
    asked, began = reader.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        books = run(asked, Path(folder))
    print(f"{len(books.answers)} answers and {len(books.done)} jobs, {books.kills} kills of the server: {time.monotonic() - began:.0f} s, "
          f"{books.repeated} requests repeated, {books.dead} dead letters, {len(books.wrong)} wrong")
    for said in books.wrong[:20]:
        print("WRONG:", said)
    return 1 if books.wrong or len(books.answers) < asked.requests else 0


if __name__ == "__main__":
    sys.exit(main())
