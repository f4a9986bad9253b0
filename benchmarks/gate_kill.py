"""Gate: a run that is killed with `kill -9` again and again ends with the same adapter and losses, bit for bit, as one left alone.

A tiny random base is tuned on forty pieces of the sample client through the command line, in processes of its own: once without
interruption, which gives the reference, then killed at moments drawn from a seed and gone on with by `--resume last`. A quarter
of the moments lie anywhere in the life of a new interpreter, starting and saving included; the others lie after the first
checkpoint of a process that was forked with its libraries loaded (which is quick), where something can be lost.

After every kill the database must be whole and the newest checkpoint that verified before must not be lost.
Every `--terms`-th stop is a SIGTERM instead: that process must end by itself with exit code 3 and a checkpoint that can be read.

    python benchmarks/gate_kill.py [--kills N] [--seed N] [--method lora|prefix|full] [--terms N]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import runpy
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SRC = Path(__file__).resolve().parents[1] / "src"
sys.path.insert(0, str(SRC))

CLIENT, PIECES, CONTEXT, VOCABULARY = "gate", 40, 256, 1024
SETTINGS = {"prefix_tokens": 16, "precision": "fp32", "checkpoint_seconds": 0.2, "patience": 20}
EPOCHS = 4
RATES = {"lora": 0.02, "prefix": 0.01, "full": 0.003}
ANYWHERE = 4             # every fourth kill comes at any moment of a process's life
MOST_REFUSED = 5         # runs that cannot go on after which the gate ends
TOLERANCE = 1e-5         # nats per token between two best losses
LIMIT_SECONDS = 600.0    # of one process
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
os.environ |= ENVIRONMENT   # for what is forked, before any library reads it


class Forked:
    """A command line in a forked process: what subprocess.Popen offers of it."""

    def __init__(self, words: list[str], errors: Path):
        self.process = multiprocessing.get_context("fork").Process(target=self._run, args=(words, errors))
        self.process.start()

    @staticmethod
    def _run(words: list[str], errors: Path) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.argv = ["adtune", *words]
        runpy.run_module("adtune", run_name="__main__")

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        self.process.join(seconds)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("adtune", seconds or 0)
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()

    def terminate(self) -> None:
        self.process.terminate()


Process = subprocess.Popen[bytes] | Forked


def make_base(folder: Path, texts: list[str]) -> None:
    """A random two-layer base with a tokenizer trained on the texts."""
    import torch

    from adtune.pretrain.model import build_model
    from adtune.pretrain.tokenizer import save_tokenizer, train_tokenizer

    tokenizer = train_tokenizer(texts, VOCABULARY)
    save_tokenizer(tokenizer, folder, CONTEXT)
    torch.manual_seed(0)
    build_model("tiny", tokenizer.get_vocab_size(), CONTEXT).save_pretrained(folder)


@dataclass(frozen=True)
class Finished:
    """What is compared of a finished run."""

    run: str
    best_loss: float
    steps: int
    history: list[float]   # of all losses: a best point early in the run would hide what went wrong after it
    weights: bytes


class Bench:
    """A workspace with a client and a base, and the command line over it."""

    def __init__(self, folder: Path, method: str = "lora"):
        from adtune.starter import sample_pieces

        self.root, self.base, archive = folder / "workspace", folder / "base", folder / "pieces.jsonl"
        self.method = method
        lines = sample_pieces().read_text(encoding="utf-8").splitlines()[:PIECES]
        archive.write_text("\n".join(lines) + "\n", encoding="utf-8")
        make_base(self.base, [json.loads(line)["text"] for line in lines])
        for words in (["import", str(archive), "--client", CLIENT], ["curate", CLIENT]):
            said = self.start(*words)
            if said.wait(LIMIT_SECONDS):
                raise SystemExit(f"adtune {words[0]} failed: {self.errors(said)}")

    def start(self, *words: str, forked: bool = False) -> Process:
        """A process of the command line; what it writes to stderr is kept in a file."""
        if forked:
            return Forked(["--workspace", str(self.root), "--json", *words], self.root.parent / "stderr.txt")
        with (self.root.parent / "stderr.txt").open("wb") as errors:
            return subprocess.Popen([sys.executable, "-m", "adtune", "--workspace", str(self.root), "--json", *words], env=ENVIRONMENT,
                                    stdout=subprocess.DEVNULL, stderr=errors)

    def tune(self, *more: str, forked: bool = False) -> Process:
        sets = [word for name, value in {**SETTINGS, "rate": RATES[self.method]}.items() for word in ("--set", f"{name}={value}")]
        words = ["tune", CLIENT, "--base", str(self.base), "--method", self.method, "--epochs", str(EPOCHS), *sets, *more]
        return self.start(*words, forked=forked)

    def errors(self, process: Process) -> str:
        text = (self.root.parent / "stderr.txt").read_text(encoding="utf-8", errors="replace").strip()
        return f"exit code {process.returncode}: {text[-500:]}"

    def newest(self) -> dict[str, Any] | None:
        """The newest run's row, read as the next process would read it."""
        from adtune.workspace import Workspace

        with Workspace.open(self.root) as workspace:
            return next(iter(workspace.runs(CLIENT)), None)

    def finished(self, run: dict[str, Any]) -> Finished:
        """Raises IntegrityError where the adapter is not as it was published."""
        from adtune.workspace import Workspace

        answer = run["outcome"]
        with Workspace.open(self.root) as workspace:
            adapter = workspace.path(answer["adapter"])
            weights = b"".join(path.read_bytes() for path in sorted(adapter.glob("*.safetensors")))
            losses = json.loads((adapter / "run.json").read_text(encoding="utf-8"))["losses"]
        measured = [one["validation_loss"] for one in answer["evaluations"]]
        return Finished(run["id"], answer["best"]["validation_loss"], answer["evaluations"][-1]["step"], [*losses, *measured], weights)

    def checkpoints(self, run: dict[str, Any]) -> Path:
        return self.root / "runs" / run["id"] / "checkpoints"

    def saved_step(self, run: dict[str, Any] | None) -> int | None:
        """The step of the checkpoint that the run would go on from, None where there is none. Raises where one cannot be read."""
        from adtune.engine.checkpoint import load_latest

        found = load_latest(self.checkpoints(run)) if run and self.checkpoints(run).is_dir() else None
        return found[0] if found else None

    def damage(self, run: dict[str, Any] | None, before: int | None) -> list[str]:
        """What a kill left that cannot be read; `before` is the step that was safe when the killed process began."""
        found = []
        with closing(sqlite3.connect(self.root / "adtune.db")) as database:
            verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            found.append(f"database: {verdict}")
        try:
            step = self.saved_step(run)
            if before is not None and (step is None or step < before):
                found.append(f"checkpoints: step {before} was safe, {step} is what can be read now")
        except Exception as error:  # finding any is what the gate is for
            found.append(f"checkpoints: {type(error).__name__}: {error}")
        return found


@dataclass
class Tally:
    """What the gate counts."""

    kills: int = 0
    runs: set[str] = field(default_factory=set)
    while_training: int = 0
    refused: list[str] = field(default_factory=list)
    other_best: list[str] = field(default_factory=list)
    other_weights: list[str] = field(default_factory=list)
    other_history: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    terms: int = 0
    slowest: float = 0.0     # seconds from a SIGTERM to the end of its process
    deaf: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [*self.deaf, *self.refused, *self.other_best, *self.other_weights, *self.other_history, *self.unreadable]


@dataclass
class Reference:
    """The run that was left alone: its end, seconds until its first checkpoint, and from there to the end of its process.

    Seconds are measured again with every process that gets that far, so that kills hit although the machine's load changes.
    """

    finished: Finished
    starting: float
    training: float


def saves(bench: Bench) -> set[tuple[str, int]]:
    """Changes whenever a process begins or ends a checkpoint."""
    return {(str(path), path.stat().st_mtime_ns) for path in bench.root.glob("runs/*/checkpoints")}


def await_save(bench: Bench, process: Process, before: set[tuple[str, int]]) -> bool:
    """Wait for the process's first checkpoint; False where it ends without one."""
    until = time.monotonic() + LIMIT_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if saves(bench) != before:
            return True
        time.sleep(0.005)
    return False


def measure_reference(bench: Bench) -> Reference:
    start, before = time.monotonic(), saves(bench)
    process = bench.tune()
    await_save(bench, process, before)
    saved = time.monotonic()
    if process.wait(LIMIT_SECONDS):
        raise SystemExit(f"the run without a kill failed: {bench.errors(process)}")
    return Reference(bench.finished(bench.newest()), saved - start, time.monotonic() - saved)


def terminate(bench: Bench, process: Process, tally: Tally) -> None:
    """Ask a training process to stop: it ends by itself, with exit code 3 and a checkpoint, or it has just finished."""
    began = time.monotonic()
    process.terminate()
    process.wait(LIMIT_SECONDS)
    tally.terms += 1
    tally.slowest = max(tally.slowest, time.monotonic() - began)
    run = bench.newest()
    if process.returncode == 3 and (run is None or run["state"] != "interrupted" or bench.saved_step(run) is None):
        tally.deaf.append(f"SIGTERM {tally.terms}: exit code 3 without a checkpoint or as a run that is {run and run['state']}")
    elif process.returncode not in (0, 3):
        tally.deaf.append(f"SIGTERM {tally.terms}: {bench.errors(process)}")


def kill_once(bench: Bench, reference: Reference, tally: Tally, chance: random.Random, terms: int = 0) -> None:
    """Go on with the newest unfinished run, or start one, and kill it at a random moment; it may end before.

    Every `terms`-th stop after a first checkpoint is a SIGTERM instead.
    """
    run = bench.newest()
    open_run = run if run and run["state"] != "done" else None
    before, marks = bench.saved_step(open_run), saves(bench)
    stuck = bool(run and tally.refused and tally.refused[-1].startswith(run["id"]))
    forked = (tally.kills + tally.terms) % ANYWHERE != 0
    process = bench.tune(*([] if stuck else ["--resume", "last"]), forked=forked)   # a run that cannot go on is counted once and left
    left = max(0.1, 1.1 - (before or 0) / reference.finished.steps)   # of a run; the last tenth is for publishing
    training = forked and await_save(bench, process, marks)
    seconds, saved = reference.training * left, time.monotonic()
    try:
        process.wait(chance.uniform(0, seconds if training else reference.starting + seconds))
        if training:
            reference.training = (time.monotonic() - saved) / left
    except subprocess.TimeoutExpired:
        if training and terms and (tally.kills + 1) % terms == 0 and tally.terms <= tally.kills // terms:
            terminate(bench, process, tally)
        else:
            process.kill()
            process.wait()
            tally.kills += 1
            tally.while_training += training
        tally.unreadable += [f"stop {tally.kills + tally.terms}: {one}" for one in bench.damage(open_run, before)]
    settle(bench, reference, tally, process)


def settle(bench: Bench, reference: Reference, tally: Tally, process: Process) -> None:
    """Count how a process ended: a finished run is compared with the reference, one that refused to go on is noted."""
    run = bench.newest()
    if process.returncode not in (0, 3, -9):
        tally.refused.append(f"{run['id'] if run else 'no run'}: {bench.errors(process)}")
    elif run and run["state"] == "done" and run["id"] not in {reference.finished.run, *tally.runs}:
        tally.runs.add(run["id"])
        try:
            finished = bench.finished(run)
        except Exception as error:  # finding any is what the gate is for
            tally.unreadable.append(f"{run['id']}: {type(error).__name__}: {error}")
            return
        if abs(finished.best_loss - reference.finished.best_loss) > TOLERANCE:
            tally.other_best.append(f"{run['id']}: best loss {finished.best_loss}, not {reference.finished.best_loss}")
        if finished.weights != reference.finished.weights:
            tally.other_weights.append(f"{run['id']}: other weights")
        if finished.history != reference.finished.history:
            tally.other_history.append(f"{run['id']}: other losses on the way")


def run_gate(kills: int, seed: int, method: str, terms: int) -> Tally:
    from adtune.errors import AdtuneError

    tally, chance = Tally(), random.Random(seed)
    import torch

    import adtune.engine.bases
    import adtune.steps.tuning  # noqa: F401 - loaded before the forks

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), method)
        reference = measure_reference(bench)
        print(f"left alone: best loss {reference.finished.best_loss:.6f}, {reference.finished.steps} steps, "
              f"{reference.starting:.1f} s to the first checkpoint, {reference.training:.1f} s from there", flush=True)
        try:
            while tally.kills < kills and len(tally.refused) < MOST_REFUSED:
                kill_once(bench, reference, tally, chance, terms)
                print(f"\r{tally.kills} of {kills} kills, {len(tally.runs)} runs finished", end="", file=sys.stderr, flush=True)
            last = bench.newest()
            if last and last["state"] != "done":
                process = bench.tune("--resume", "last")
                process.wait(LIMIT_SECONDS)
                settle(bench, reference, tally, process)
        except AdtuneError as error:   # the workspace itself cannot be opened any more
            tally.unreadable.append(f"after kill {tally.kills}: {error}")
    print(file=sys.stderr)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=sorted(RATES), default="lora")
    parser.add_argument("--terms", type=int, default=5, help="every N-th stop is a SIGTERM; 0 for none")
    words = parser.parse_args()
    began = time.monotonic()
    tally = run_gate(words.kills, words.seed, words.method, words.terms)
    for line in tally.faults:
        print(line, file=sys.stderr)
    print(f"runs finished: {len(tally.runs)}, kills while training: {tally.while_training}, "
          f"adapter weights differ: {len(tally.other_weights)}, losses on the way differ: {len(tally.other_history)}")
    print(f"SIGTERM: {tally.terms}, not as promised: {len(tally.deaf)}, slowest end: {tally.slowest:.1f} s")
    print(f"kills: {tally.kills}, not resumable: {len(tally.refused)}, best loss differs: {len(tally.other_best)}, "
          f"unreadable: {len(tally.unreadable)}, seconds: {time.monotonic() - began:.0f}")
    return 1 if tally.faults or tally.kills < words.kills or not tally.runs else 0


if __name__ == "__main__":
    sys.exit(main())
