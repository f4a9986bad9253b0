"""The recipe of the text starter, found by experiment: one thing changed at a time, equal processor time, held-out bits per byte.

    python benchmarks/recipe.py --corpus FILE ... --work FOLDER [--minutes 12] [--questions optimiser shape ...] [--cores 0 1]

An arm is a process with one thread on one core; arms share the cores, and an arm's clock is its own processor time, so that other work
on the machine takes nothing from it. All arms of a question differ from the first, the reference, in what is named and in nothing else;
each has its learning rate's cool-down within its time. Bits per byte are those of the finished model on the same held-out documents, mean
over the modern sources, with an interval over documents. Writes benchmarks/results/recipe.{md,json}, adding to what is there. Where a
machine has a GPU the arms share it; `--join FILE --place WHERE` adds arms that ran side by side elsewhere under names of their own, since
only arms of one machine compare.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

SHAPES = {"192x9": (192, 9, 512, 4, 2), "256x5": (256, 5, 704, 4, 2), "320x3": (320, 3, 896, 4, 2), "384x2": (384, 2, 1088, 6, 2)}
REFERENCE: dict[str, Any] = {"size": "256x5", "brief_share": 0.0}
QUESTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "optimiser": {"Muon 0.01": {}, "Muon 0.02": {"muon_rate": 0.02}, "AdamW 0.003": {"optimizer": "adamw", "adamw_rate": 0.003},
                  "AdamW 0.006": {"optimizer": "adamw", "adamw_rate": 0.006}},
    "embedding rate": {"0.004": {}, "0.008": {"adamw_rate": 0.008}, "0.002": {"adamw_rate": 0.002}},
    "shape": {"256x5": {}, **{name: {"size": name} for name in SHAPES if name != "256x5"}},
    "vocabulary": {"8,192": {}, "12,288": {"vocabulary": 12288}, "16,384": {"vocabulary": 16384}},
    "batch": {"8,192": {}, "4,096": {"batch_tokens": 4096}, "16,384": {"batch_tokens": 16384}, "ramp to 8,192": {"ramp_tokens": 1_000_000}},
    "cool-down": {"0.35": {}, "0.2": {"cool_down_share": 0.2}, "0.6": {"cool_down_share": 0.6},
                  "none, weights averaged over the last 0.35": {"cool_down_share": 0.0, "average": 0.35}},
    "row": {"512": {}, "256": {"row_tokens": 256}, "1,024": {"row_tokens": 1024}},
    "mix": {"modern first": {}, "as the files are": {"mix": "flat"}},
    "together": {"the reference": {}, "384x2, 12,288 entries, embeddings at 0.008, batches of 4,096":
                 {"size": "384x2", "vocabulary": 12288, "adamw_rate": 0.008, "batch_tokens": 4096}},
}
HEAD = ("arm", "parameters", "tokens", "steps", "bits per byte, modern", "95 %", "all sources", "to the reference")


class ProcessorClock:
    """Stands in for `time` where a run measures itself: seconds of this process alone."""

    monotonic = staticmethod(time.process_time)


def arm(given: dict[str, Any], said: argparse.Namespace) -> dict[str, Any]:
    """Train one arm and judge it."""
    import torch

    from adtune.engine.bases import load_base
    from adtune.pretrain import model, text
    from adtune.pretrain.judge import JudgeSettings, Page, bits_per_byte, spread
    from adtune.pretrain.mixture import Mixture
    from adtune.pretrain.prepare import prepare
    from adtune.pretrain.publish import write_weights
    from adtune.settings import PretrainSettings

    torch.set_num_threads(1)
    text.time = ProcessorClock
    model.SIZES.update(SHAPES)
    average, mix, ready = given.pop("average", 0.0), given.pop("mix", None), given.pop("ready", False)
    settings = replace(PretrainSettings(minutes=said.minutes, evaluate_minutes=1e9, checkpoint_minutes=1e9), **{**REFERENCE, **given})
    work = said.work / f"v{settings.vocabulary}"
    prepared = prepare(said.corpus, settings, work)
    if ready:
        return {}
    weights = dict.fromkeys(prepared.plain.sources, 1.0) if mix == "flat" else None
    run_ = text.PretrainRun(settings, Mixture(prepared.plain, weights, settings.seed), None, said.work / f"arm-{os.getpid()}",
                            prepared.bound)
    kept: dict[str, torch.Tensor] = {}
    count = 0
    run_.save = lambda name="checkpoints": None  # an arm is never resumed

    def watch(one: Any) -> None:
        nonlocal count
        if average and one.seconds >= 60 * said.minutes * (1 - average) and one.step % 5 == 0:
            count += 1
            for name, value in one.model.state_dict().items():
                kept[name] = kept[name] + value if name in kept else value.clone()

    text.run(run_, lambda _: {}, watch)
    if count:
        run_.model.load_state_dict({name: value / count for name, value in kept.items()})
    folder = said.work / f"base-{os.getpid()}"
    write_weights(run_, prepared, folder)
    pages = [Page(one.title, one.text, source) for source, held in prepared.plain.held_out().items() for one in held]
    judge = JudgeSettings(documents=said.documents)
    judged = bits_per_byte(load_base(str(folder)), spread(pages, judge.documents, 0), judge)
    return {"parameters": sum(p.numel() for p in run_.model.parameters()), "tokens": run_.tokens, "steps": run_.step,
            "seconds": run_.seconds, "modern": judged["modern"], "all": judged["all"],
            "by_source": {source: one["value"] for source, one in judged["by_source"].items()}}


def table(question: str, arms: dict[str, Any]) -> str:
    reference = next(iter(arms.values()))["modern"]["value"]
    rows = [[name, f"{one['parameters']:,}", f"{one['tokens']:,}", f"{one['steps']:,}", f"{one['modern']['value']:.3f}",
             "{:.3f} to {:.3f}".format(*one["modern"]["interval"]), f"{one['all']['value']:.3f}",
             f"{one['modern']['value'] - reference:+.3f}"] for name, one in arms.items()]
    lines = ("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))
    return f"## {question}\n\n" + "\n".join(lines) + "\n"


def started(name: str, given: dict[str, Any], core: int, said: argparse.Namespace) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--corpus", *map(str, said.corpus), "--work", str(said.work), "--minutes", str(said.minutes),
               "--documents", str(said.documents), "--arm", json.dumps(given)]
    print(f"{name}: on core {core}", flush=True)
    return subprocess.Popen(["taskset", "-c", str(core), *command], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "OMP_NUM_THREADS": "1"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12.0, help="processor time of an arm")
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--questions", nargs="*", default=list(QUESTIONS), choices=list(QUESTIONS))
    parser.add_argument("--cores", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--join", type=Path, help="a list of [arm, figures] that ran side by side elsewhere")
    parser.add_argument("--place", default="", help="where they ran, for the names of their questions")
    parser.add_argument("--arm", type=json.loads, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.arm is not None:
        print(json.dumps(arm(said.arm, said)))
        return 0
    path = HERE / "results" / "recipe.json"
    kept: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    if said.join:
        joined = json.loads(said.join.read_text())
        _write(path, kept, {json.dumps(given): {**found, "minutes": said.minutes} for given, found in joined}, said)
        return 0
    done = {json.dumps(QUESTIONS[q][name]): one for q, arms in kept.items() if q in QUESTIONS
            for name, one in arms.items() if one["minutes"] == said.minutes}
    wanted = [(q, name, given) for q in said.questions for name, given in QUESTIONS[q].items() if json.dumps(given) not in done]
    wanted = list({json.dumps(given): (q, name, given) for q, name, given in wanted}.values())  # references once
    for vocabulary in sorted({given.get("vocabulary", 8192) for _, _, given in wanted}):  # once, before arms share it
        if started(f"vocabulary {vocabulary}", {"vocabulary": vocabulary, "ready": True}, said.cores[0], said).wait():
            return 1
    running: dict[int, tuple[dict[str, Any], subprocess.Popen[str]]] = {}
    while wanted or running:
        for core in said.cores:
            if core not in running and wanted:
                question, name, given = wanted.pop(0)
                running[core] = given, started(f"{question}: {name}", given, core, said)
        for core, (given, process) in list(running.items()):
            if process.poll() is not None:
                if process.returncode:
                    return 1
                found = json.loads(process.communicate()[0].strip().splitlines()[-1])
                done[json.dumps(given)] = {**found, "minutes": said.minutes}
                print(given, done[json.dumps(given)]["modern"], flush=True)
                del running[core]
                _write(path, kept, done, said)
        time.sleep(1)
    return 0


def _write(path: Path, kept: dict[str, Any], done: dict[str, Any], said: argparse.Namespace) -> None:
    """All questions that are answered so far, asked now or before."""
    for question, arms in QUESTIONS.items():
        found = {name: done[json.dumps(given)] for name, given in arms.items() if json.dumps(given) in done}
        if len(found) > 1 and next(iter(arms)) in found:
            kept[f"{question}, {said.place}" if said.place else question] = found
    path.write_text(json.dumps(kept, indent=1))
    head = (f"# The recipe of the text starter\n\n`python benchmarks/recipe.py --minutes {said.minutes:g}`: {said.minutes:g} minutes of "
            f"one core for each arm, corpus {', '.join(one.name for one in said.corpus)}, one seed.\n\n")
    path.with_suffix(".md").write_text(head + "\n".join(table(question, arms) for question, arms in kept.items()))


if __name__ == "__main__":
    sys.exit(main())
