"""The gateway on this machine: what it adds to a request, first tokens at 1 and 16 callers, and refusals while everything is busy.

A server in a process of its own over the starter base; callers are threads here, on the server's own cores. `health` is a route that does
nothing. Callers that never wait ask again at once, whatever they are told, so that their times are their number over what the two cores
answer in a second (Little's law); `paced` callers come at moments of their own, PAUSE seconds apart in the mean, as writers do.

    python benchmarks/serve_gateway.py [--requests N] [--tokens N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

CHAT = "/v1/chat/completions"
CALLERS = (16, 64, 256)
PAUSE = 1.0


def spread(seconds: list[float]) -> dict[str, float | int | None]:
    """Median and 95th percentile in milliseconds."""
    if not seconds:
        return {"count": 0, "median_ms": None, "p95_ms": None}
    ordered = sorted(seconds)
    return {"count": len(ordered), "median_ms": round(1000 * statistics.median(ordered), 1),
            "p95_ms": round(1000 * ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1)}


def start(root: Path, rows: int, queue: int) -> tuple[subprocess.Popen[bytes], httpx2.Client]:
    """A server with a key, once it is ready."""
    from adtune.steps.keys import create_key
    from adtune.workspace import Workspace

    with Workspace.open(root) as ws:
        key = create_key(ws, "acme", options={"per_minute": 1_000_000, "concurrent": 10_000})["key"]
    words = [sys.executable, "-m", "adtune", "--workspace", str(root), "serve", "--port", "0", "--set", "workers=0"]
    words += ["--set", f"rows={rows}", "--set", f"queue={queue}"]
    log = (root / "serve.log").open("wb")
    server = subprocess.Popen(words, stderr=log, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": sys.path[0]})
    for _ in range(1200):
        said = (root / "serve.log").read_text()
        if "Serving on " in said:
            address = said.partition("Serving on ")[2].split("/v1")[0]
            limits = httpx2.Limits(max_connections=256, max_keepalive_connections=256)
            return server, httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=300, limits=limits)
        time.sleep(0.1)
    raise SystemExit(f"the server did not start: {(root / 'serve.log').read_text()[-500:]}")


def body(tokens: int, **more: Any) -> dict[str, Any]:
    return {"model": "starter", "messages": [{"role": "user", "content": "How to read a pay slip"}], "max_tokens": tokens, **more}


def timed(http: httpx2.Client, path: str, given: dict[str, Any] | None = None) -> tuple[int, float, bool]:
    """(status, seconds, whether it said when to come back)."""
    began = time.perf_counter()
    answer = http.get(path) if given is None else http.post(path, json=given)
    return answer.status_code, time.perf_counter() - began, "retry-after" in answer.headers


def first_token(http: httpx2.Client, tokens: int) -> float:
    """Seconds until the first words of a stream."""
    began, seconds = time.perf_counter(), None
    with http.stream("POST", CHAT, json=body(tokens, stream=True)) as answer:
        for line in answer.iter_lines():  # to the end, so that the row is used as a caller would use it
            if seconds is None and '"content":"' in line and '"content":""' not in line:
                seconds = time.perf_counter() - began
    return time.perf_counter() - began if seconds is None else seconds


def at_own_moments(pool: ThreadPoolExecutor, callers: int, each: int, ask: Callable[[], Any]) -> list[Any]:
    """What `callers` are answered, each time after a pause drawn evenly from 0 to 2 PAUSE seconds."""
    def one(seed: int) -> list[Any]:
        chance, answers = random.Random(seed), []
        for _ in range(each):
            time.sleep(chance.uniform(0, 2 * PAUSE))
            answers.append(ask())
        return answers

    return [answer for answers in pool.map(one, range(callers)) for answer in answers]


def refusals(answers: list[tuple[int, float, bool]]) -> dict[str, float | int | None]:
    """How soon the refused were told so, and how many were told when to come back."""
    refused = [(seconds, told) for status, seconds, told in answers if status == 429]
    return {**spread([seconds for seconds, _ in refused]), "with_retry_after": sum(told for _, told in refused)}


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"load_before": os.getloadavg()[0], "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder:
        server, http = start(Path(folder), rows=16, queue=256)
        try:
            timed(http, CHAT, body(2))
            found["health"] = spread([timed(http, "/health")[1] for _ in range(asked.requests)])
            found["one_token"] = spread([timed(http, CHAT, body(1))[1] for _ in range(asked.requests)])
            for callers in (1, 16):
                with ThreadPoolExecutor(callers) as pool:
                    seconds = list(pool.map(lambda _: first_token(http, asked.tokens), range(max(asked.requests, 2 * callers))))
                found[f"first_token_{callers}"] = spread(seconds)
            with ThreadPoolExecutor(16) as pool:
                found["first_token_16_paced"] = spread(at_own_moments(pool, 16, 8, lambda: first_token(http, asked.tokens)))
        finally:
            server.terminate()
            server.wait()
        server, http = start(Path(folder), rows=4, queue=4)
        try:
            timed(http, CHAT, body(2))
            answers: list[tuple[int, float, bool]] = []
            for callers in CALLERS:  # who ask again at once, whatever they are told, on the server's own cores
                with ThreadPoolExecutor(callers) as pool:
                    some = list(pool.map(lambda _: timed(http, CHAT, body(asked.tokens)), range(callers + 6 * asked.requests)))
                    paced = at_own_moments(pool, callers, 6, lambda: timed(http, CHAT, body(10 * asked.tokens)))
                for name, told in ((f"refused_{callers}", some), (f"refused_{callers}_paced", paced)):
                    found[name] = refusals(told)
                    answers += told
            found["health_beside"] = spread([timed(http, "/health")[1] for _ in range(5)])
        finally:
            server.terminate()
            server.wait()
        found["statuses"] = {str(code): sum(status == code for status, _, _ in answers) for code in {status for status, _, _ in answers}}
        found["load_after"] = os.getloadavg()[0]
    return found


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--requests", type=int, default=30)
    reader.add_argument("--tokens", type=int, default=32)
    reader.add_argument("--json", type=Path)
    asked = reader.parse_args()
    found = measure(asked)
    print(json.dumps(found, indent=2))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    told = all(one["with_retry_after"] == one["count"] for name, one in found.items() if name.startswith("refused_"))
    return 0 if told and set(found["statuses"]) <= {"200", "429"} else 1


if __name__ == "__main__":
    sys.exit(main())
