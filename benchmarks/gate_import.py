"""Gate: malformed files over all formats (250; `--files 1000` is the long form) go through the importer without one crash or hang.

A crash is any exception that is not a message for the user (AdtuneError), the death of the process, a rejection without a reason, or
counts that do not add up; a hang is a file that takes more than 30 seconds. A parser that dies in its child is neither: it is a
rejection. Files are made from a seed in a folder that is removed afterwards; `gate_files.py` says what is wrong with them.

    python benchmarks/gate_import.py [--files N] [--seed N]
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from gate_files import malformed  # noqa: E402 - found beside this file

FILES, LIMIT_SECONDS = 250, 30.0
DEATHS = ("made its parser crash", "of memory", "took more than")   # words of the reasons that say so


@dataclass(frozen=True)
class Said:
    """What the importer says of one file: what went wrong, if anything; pieces kept and rejected; parsers that died; its peak memory."""

    wrong: str | None = None
    kept: int = 0
    rejected: int = 0
    deaths: int = 0
    peak_bytes: int = 0


def worker(pipe: Connection) -> None:
    """Imports the paths that come through the pipe."""
    from adtune.archive import read_archive
    from adtune.errors import AdtuneError

    while True:
        path = Path(pipe.recv())
        try:
            reading = read_archive(path, "gate")
            wrong = None if reading.read == len(reading.assets) + len(reading.rejected) > 0 else "the counts do not add up"
            if any(not gone.reason or not gone.where for gone in reading.rejected):
                wrong = "a rejection without a reason or a place"
            deaths = sum(any(word in gone.reason for word in DEATHS) for gone in reading.rejected)
            pipe.send(Said(wrong, len(reading.assets), len(reading.rejected), deaths, peak_bytes()))
        except AdtuneError:
            pipe.send(Said(peak_bytes=peak_bytes()))
        except BaseException as error:  # noqa: BLE001 - finding any exception is what the gate is for
            pipe.send(Said(f"{type(error).__name__}: {error}"[:300]))


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@dataclass
class Tally:
    """What the gate counts."""

    files: int = 0
    kept: int = 0
    rejected: int = 0
    deaths: int = 0
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "none")
    peak_bytes: int = 0

    def add(self, name: str, said: Said, seconds: float) -> None:
        self.kept += said.kept
        self.rejected += said.rejected
        self.deaths += said.deaths
        self.peak_bytes, self.slowest = max(self.peak_bytes, said.peak_bytes), max(self.slowest, (seconds, name))
        if said.wrong:
            self.crashes.append(f"{name}: {said.wrong}")

    def __str__(self) -> str:
        seconds, name = self.slowest
        return (f"malformed files: {self.files}, crashes: {len(self.crashes)}, hangs: {len(self.hangs)}, slowest {seconds:.1f} s ({name}); "
                f"pieces kept {self.kept}, rejected {self.rejected}, parsers that died {self.deaths}; the importer's peak "
                f"{self.peak_bytes / 1e6:.0f} MB")


class Importer:
    """A process that imports, started anew after it died or hung."""

    def __init__(self) -> None:
        self.pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=worker, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, path: Path) -> Said | None:
        """None where no answer came in time."""
        try:
            self.pipe.send(str(path))
            return self.pipe.recv() if self.pipe.poll(LIMIT_SECONDS) else None
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return Said("the process died")

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run(files: int, seed: int) -> Tally:
    tally, importer = Tally(), Importer()
    with tempfile.TemporaryDirectory() as folder:
        for number, (suffix, raw) in enumerate(islice(malformed(random.Random(seed)), files)):
            path = Path(folder) / f"{number:04d}{suffix}"
            path.write_bytes(raw)
            tally.files += 1
            start = time.perf_counter()
            said = importer.ask(path)
            if said is None:
                tally.hangs.append(path.name)
            else:
                tally.add(path.name, said, time.perf_counter() - start)
            if said is None or said.wrong == "the process died":
                importer.stop()
                importer = Importer()
            path.unlink()
    importer.stop()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start = time.perf_counter()
    tally = run(given.files, given.seed)
    for line in (*tally.crashes, *(f"{name}: no answer within {LIMIT_SECONDS:.0f} s" for name in tally.hangs)):
        print(line, file=sys.stderr)
    print(f"{tally}; {time.perf_counter() - start:.0f} s in all")
    return 1 if tally.crashes or tally.hangs else 0


if __name__ == "__main__":
    sys.exit(main())
