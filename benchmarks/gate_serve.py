"""Gate: no answer of the token engine carries another client's voice.

Sixteen clients have adapters made by hand that say one token each, whatever they are asked (marker_adapters), LoRA and prefix; 64 threads
ask for them at once, with drawn lengths, seeds, temperatures and prompts of which all share a beginning. The memory holds four adapters for
eight rows, so that they are loaded and evicted all the time; one request in ten is given up on its way; every client's adapter
is replaced by a new version with a marker of its own again and again, while old requests run. An answer must be its version's marker and
nothing else, a cancelled one a part of that.

    python benchmarks/gate_serve.py [--requests 2000] [--base starter|FOLDER] [--device cpu|cuda] [--seed 0]

Also counted: nobody waits for ever, no claim or row is left over, and the versions of one client were indeed served side by side. Exits 1
where one of this is not so.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE)]

CLIENTS, VERSIONS, THREADS, ROWS, MEMORY = 16, 3, 64, 8, 4
PATIENCE_SECONDS = 1800.0


@dataclass
class Tally:
    """What came back."""

    answers: int = 0
    cancelled: int = 0
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    versions: set[tuple[int, int]] = field(default_factory=set)
    cached_tokens: int = 0

    def __str__(self) -> str:
        return (f"answers: {self.answers}, of them cancelled on their way: {self.cancelled}; with a foreign token: {len(self.foreign)}; "
                f"failed: {len(self.failed)}; versions served: {len(self.versions)} of {CLIENTS * VERSIONS}; "
                f"prompt tokens found in the cache: {self.cached_tokens}")


def write_markers(base: Any, folder: Path, sure: float) -> dict[tuple[int, int], tuple[Any, int]]:
    """(reference, marker) of every version of every client; three clients of four have LoRAs of different ranks, the others prefixes."""
    from marker_adapters import lora_marker, markers, prefix_marker

    from adtune.engine.serving import AdapterRef

    out, ids = {}, iter(markers(base, CLIENTS * VERSIONS, sure))
    for client in range(CLIENTS):
        for version in range(VERSIONS):
            marker, place = next(ids), folder / f"client-{client}-{version}"
            if client % 4 == 3:
                prefix_marker(base, marker, place, marker)
            else:
                lora_marker(base, marker, place, 2 + client % 4 * 3, marker)
            out[client, version] = (AdapterRef(place.name, place), marker)
    return out


def traffic(engine: Any, known: dict[tuple[int, int], tuple[Any, int]], requests: int, seed: int, heat: float) -> Tally:
    """Threads that ask, listen and sometimes give up; `heat` is the temperature of every other request."""
    from adtune.engine.serving import TokenRequest
    from adtune.errors import AdtuneError

    others = {marker for _, marker in known.values()}
    tally, lock, left = Tally(), threading.Lock(), iter(range(requests))
    shared = [engine.base.renderer.start[0], *range(60, 60 + 40)]  # the beginning of every prompt, whoever asks

    def one(rng: random.Random, number: int) -> None:
        client, version = rng.randrange(CLIENTS), min(VERSIONS - 1, number * VERSIONS // requests + rng.choice((0, 0, 0, 1)))
        ref, marker = known[client, version]
        request = TokenRequest((*shared[:rng.choice((3, 20, 41))], *rng.choices(range(200, 300), k=rng.randint(1, 12))), ref,
                               f"client {client}", rng.randint(1, 8), rng.choice((0.0, heat)), 0.95, number, ("\0never",),
                               rng.choice((None, 2)))
        ticket = engine.submit(request)
        give_up = rng.randrange(request.max_tokens) if rng.random() < 0.1 else None
        ids: list[int] = []
        for event in ticket:
            ids += event.ids
            if give_up is not None and len(ids) >= give_up:
                ticket.cancel()
        with lock:
            tally.answers += 1
            tally.cancelled += event.finish_reason == "cancelled"
            tally.versions.add((client, version))
            tally.cached_tokens += ticket.usage.cached_tokens
            if event.error is not None or event.finish_reason not in ("length", "cancelled"):
                tally.failed.append(f"request {number} of client {client}: {event.finish_reason} {event.error}")
            elif set(ids) - {marker} or (event.finish_reason == "length" and len(ids) != request.max_tokens):
                whose = "another's" if (set(ids) - {marker}) & others else "nobody's"
                tally.foreign.append(f"request {number} of client {client}, version {version}: {ids}, not {marker}, but {whose} marker")

    def client_thread(number: int) -> None:
        rng = random.Random(seed * 1000 + number)
        while True:
            with lock:
                request = next(left, None)
            if request is None:
                return
            try:
                one(rng, request)
            except AdtuneError as error:
                with lock:
                    tally.failed.append(f"request {request}: {error}")

    threads = [threading.Thread(target=client_thread, args=(number,), daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        tally.failed.append(f"{sum(thread.is_alive() for thread in threads)} threads still wait after {PATIENCE_SECONDS:.0f} s")
    return tally


def check(base: Any, requests: int, seed: int, drawn: bool = True) -> tuple[Tally, dict[str, Any], list[str]]:
    """The tally, the engine's counts, and what is wrong; `drawn` where the base's markers are sure enough to be drawn too."""
    from marker_adapters import SURE

    from adtune.engine.serving import TokenEngine

    with tempfile.TemporaryDirectory() as folder:
        known = write_markers(base, Path(folder), SURE if drawn else 0.0)
        with TokenEngine(base, rows=ROWS, adapters=MEMORY, cache_tokens=2048) as engine:
            tally = traffic(engine, known, requests, seed, 0.9 if drawn else 0.0)
            stats = engine.stats()
    wrong = [*tally.foreign, *tally.failed]
    if tally.answers != requests:
        wrong.append(f"{tally.answers} answers to {requests} requests")
    left = {name: stats[name] for name in ("writing", "reading", "waiting", "adapters_in_use") if stats[name]}
    if left or stats["adapters"]["claimed"]:
        wrong.append(f"left over: {left}, {stats['adapters']['claimed']} claims")
    if not stats["adapters"]["evictions"] or not tally.cancelled or not tally.cached_tokens:
        wrong.append("no eviction, no cancelled request or nothing cached: this was no test")
    return tally, stats, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()

    from adtune.engine.bases import load_base
    from adtune.engine.devices import Form

    began = time.monotonic()
    tally, stats, wrong = check(load_base(said.base, form=Form(said.device, fp32=True)), said.requests, said.seed)
    print(f"{tally}; adapters loaded {stats['adapters']['loads']} times, evicted {stats['adapters']['evictions']}; "
          f"{stats['steps']} steps, {time.monotonic() - began:.0f} s")
    for line in wrong[:20]:
        print("WRONG:", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
