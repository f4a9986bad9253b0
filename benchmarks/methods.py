"""The methods side by side: full, LoRA, prefix, and the same architecture trained from random weights, on several archives and seeds.

    python benchmarks/methods.py [--archives sample FILE ...] [--methods full lora prefix scratch] [--seeds 0 1 2] [--epochs 4] [--keep N]

It tests three claims that the field makes: LoRA needs less compute and data than full fine-tuning, forgets less, and both need less
than training from scratch. The loss that all are asked to reach is half of LoRA's way from the base to its best; beside it stand
the held-out loss on the test split, forgetting on general text that nothing else used, peak memory and the trainable share. It
also checks that each tuned method keeps the arg-min of its evaluations, at least eight where it did not stop at a peak, and beats its
own step 0: exit 1 where one does not. Each cell is a process of its own. Archives beside the sample default to two of
../shared/data/brands, skipped, said so, where they are absent. Writes benchmarks/results/methods.{md,json}.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))
BRANDS = HERE.parent.parent / "shared" / "data" / "brands"
DEFAULT = ["sample", str(BRANDS / "based_cooking.jsonl"), str(BRANDS / "medlineplus_topics.jsonl")]
SCRATCH = "scratch"
HEAD = ("archive", "method", "held-out loss, base", "held-out loss", "over the seeds", "forgetting", "examples to the mark",
        "seconds to the mark", "peak memory, MiB", "trainable share", "evaluations", "arg-min kept, beats step 0")


def random_base(folder: Path) -> str:
    """The starter's architecture and tokenizer with random weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    from adtune.starter import base_path

    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base_path("text"))).float().save_pretrained(folder)
    AutoTokenizer.from_pretrained(base_path("text")).save_pretrained(folder)
    return str(folder)


def cell(archive: str, method: str, said: argparse.Namespace) -> list[dict[str, Any]]:
    """All seeds of one method on one archive; the first seed's probe decides the rate of all."""
    import torch

    from adtune.engine.bases import load_base
    from adtune.engine.fit import Fit, peak_memory_bytes
    from adtune.engine.peak import mean_loss
    from adtune.engine.tasks.drafting import measure
    from adtune.records import Stopped
    from adtune.settings import TuneSettings
    from adtune.starter import sample_guide, sample_pieces
    from adtune.steps.archive import import_archive
    from adtune.steps.arms import plain_rows
    from adtune.steps.curation import curate, load_dataset
    from adtune.tune.prepared import attach_for, plan_of, prepare
    from adtune.tune.session import decide
    from adtune.voice.general import load_general
    from adtune.workspace import Workspace

    general, found = load_general(), []
    with tempfile.TemporaryDirectory() as name, Workspace.open(Path(name) / "ws") as ws:
        import_archive(ws, sample_pieces() if archive == "sample" else Path(archive), "client")
        guide = sample_guide() if archive == "sample" else None
        curate(ws, "client", brand_guide=guide, overrides={"keep": said.keep} if said.keep else None)
        dataset = load_dataset(ws, "client")[1]
        base = load_base(random_base(Path(name) / "random") if method == SCRATCH else "starter")
    decided = None
    for seed in said.seeds:
        settings = TuneSettings(method="full" if method == SCRATCH else method, epochs=said.epochs, seed=seed)
        prepared = prepare(base, dataset, general, settings)
        decided = decided or decide(base, prepared, settings, None)
        settings = decided.settle(settings)
        test = plain_rows(base, [item.example for item in dataset.split("test")], settings.loss_tokens, settings.prefix_tokens)
        unseen = plain_rows(base, general.measure, settings.loss_tokens, settings.prefix_tokens)
        before = mean_loss(measure(base, None, test)), mean_loss(measure(base, None, unseen))
        tuned = attach_for(base, prepared, settings)
        outcome = Fit(base, tuned, prepared.data, plan_of(settings, decided.bf16)).run()
        examples = len({row.piece for row in prepared.data.train})
        losses = [e.validation_loss for e in outcome.evaluations]
        found.append({
            "seed": seed, "rate": decided.rate, "loss_base": before[0], "loss": mean_loss(measure(base, tuned, test)),
            "forgetting": None if method == SCRATCH else mean_loss(measure(base, tuned, unseen)) - before[1],
            "trainable": tuned.count, "of": base.parameters, "peak_memory_bytes": peak_memory_bytes(),
            "threads": torch.get_num_threads(), "evaluations": len(losses), "stopped": str(outcome.stopped),
            "good": (len(losses) >= 9 or outcome.stopped != Stopped.EPOCHS) and outcome.best.validation_loss == min(losses) < losses[0],
            "curve": [(e.validation_loss, e.epoch * examples, e.seconds) for e in outcome.evaluations]})
        tuned.detach()
    return found


def to_mark(runs: list[dict[str, Any]], mark: float, place: int) -> str:
    """Examples (place 1) or seconds (place 2) at the first evaluation at or under the mark, mean over seeds."""
    reached = [next((point[place] for point in run["curve"] if point[0] <= mark), None) for run in runs]
    return "never" if None in reached else f"{mean(reached):,.0f}"


def row(archive: str, method: str, runs: list[dict[str, Any]], mark: float | None) -> list[str]:
    losses, forgot = [run["loss"] for run in runs], [run["forgetting"] for run in runs]
    marks = [to_mark(runs, mark, place) if mark is not None else "not measured" for place in (1, 2)]
    return [Path(archive).name.split(".")[0], method, f"{mean(run['loss_base'] for run in runs):.3f}", f"{mean(losses):.3f}",
            f"{min(losses):.3f} to {max(losses):.3f}", "nothing to forget" if None in forgot else f"{mean(forgot):+.3f}", *marks,
            f"{max(run['peak_memory_bytes'] for run in runs) / 2**20:,.0f}", f"{100 * runs[0]['trainable'] / runs[0]['of']:.2f} %",
            str(min(run["evaluations"] for run in runs)), "yes" if all(run["good"] for run in runs) else "NO"]


def table(kept: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    rows = []
    for archive, runs in kept.items():
        curves = [[loss for loss, *_ in run["curve"]] for run in runs.get("lora", ())]
        mark = mean((losses[0] + min(losses)) / 2 for losses in curves) if curves else None
        rows += [row(archive, method, found, mark) for method, found in runs.items()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))


def write(path: Path, kept: dict[str, dict[str, list[dict[str, Any]]]]) -> None:
    """What is measured so far; a cell takes minutes, and a later call with `--add` goes on."""
    threads = max((run["threads"] for runs in kept.values() for found in runs.values() for run in found), default=0)
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:] if word != "--add"]
    path.with_suffix(".md").write_text(f"`{' '.join(['python benchmarks/methods.py', *words])}`, {threads} thread(s)\n\n{table(kept)}\n")
    path.write_text(json.dumps(kept))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", nargs="*", default=DEFAULT)
    parser.add_argument("--methods", nargs="*", default=["full", "lora", "prefix", SCRATCH])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--add", action="store_true", help="go on from what was measured before; give the same settings")
    parser.add_argument("--keep", type=int, help="pieces of each archive at most")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.cell:
        print(json.dumps(cell(*said.cell, said)))
        return 0
    path = HERE / "results" / "methods.json"
    kept = json.loads(path.read_text()) if said.add and path.exists() else {}
    for archive in said.archives:
        if archive != "sample" and not Path(archive).exists():
            print(f"skipped: {Path(archive).name} is not there")
            continue
        runs = kept.setdefault(Path(archive).name, {})
        for method in said.methods:
            if [run["seed"] for run in runs.get(method, ())] == said.seeds:
                continue
            words = [word for word in sys.argv[1:] if word != "--add"]
            done = subprocess.run([sys.executable, __file__, *words, "--cell", archive, method], capture_output=True, text=True)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                return 1
            runs[method] = json.loads(done.stdout.strip().splitlines()[-1])
            print("| " + " | ".join(row(archive, method, runs[method], None)) + " |", flush=True)
            write(path, kept)
    return 0 if all(run["good"] for runs in kept.values() for name, found in runs.items() if name != SCRATCH for run in found) else 1


if __name__ == "__main__":
    sys.exit(main())
