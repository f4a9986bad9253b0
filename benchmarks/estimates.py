"""Estimates before a run against the run: seconds and peak memory over sizes, methods and data, one row a setting.

    python benchmarks/estimates.py [--only N ...] [--out FOLDER]

Each setting is a process of its own: it loads the base, makes the estimate as `adtune advise` does, from a trial of a few steps, and
then runs the session that it estimated (probe, training, evaluations, dial). Memory is the process's peak until the estimate's
trial, and that at the end of the run. Asked: 8 of 10 within 25 % in both. An archive that is absent is replaced by the sample, said
so. Writes benchmarks/results/estimates.md, misses shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))
BRAND = HERE.parent.parent / "shared" / "data" / "brands" / "medlineplus_topics.jsonl"
WITHIN, ASKED = 0.25, 8
LIMIT_SECONDS = 300.0
QUICK = {"precision": "fp32", "rate": 1e-3}
SETTINGS: list[dict[str, Any]] = [  # base, archive and number of pieces, and what is said with --set
    {"base": "tiny", "pieces": 40, "method": "lora", "epochs": 4, **QUICK},
    {"base": "tiny", "pieces": 160, "method": "full", "epochs": 4, **QUICK},
    {"base": "tiny", "pieces": 160, "method": "prefix", "epochs": 3, **QUICK},
    {"base": "wide", "pieces": 100, "method": "lora", "epochs": 3, **QUICK},
    {"base": "wide", "pieces": 80, "method": "full", "epochs": 2, **QUICK},
    {"base": "starter", "pieces": 50, "method": "lora", "epochs": 1, **QUICK},
    {"base": "starter", "pieces": 40, "method": "prefix", "epochs": 1, **QUICK},
    {"base": "starter", "pieces": 40, "method": "full", "epochs": 1, **QUICK, "rate": 1e-4},
    {"base": "starter", "pieces": 40, "method": "lora", "epochs": 1, "precision": "fp32"},
    {"base": "starter", "pieces": 40, "method": "lora", "epochs": 1, "micro_tokens": 1024, **QUICK, "archive": "brand"},
]
SHAPES = {"tiny": (64, 2, 512), "wide": (256, 4, 1024)}  # width, layers, context
HEAD = ("base", "archive", "method", "settings", "seconds, estimated", "range", "actual", "off", "peak MiB, estimated", "actual", "off",
        "stopped")


def make_base(shape: str, folder: Path) -> str:
    """A random Llama with the starter's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from adtune.starter import base_path

    width, layers, context = SHAPES[shape]
    tokenizer = AutoTokenizer.from_pretrained(base_path("text"))
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 32,
                                 num_key_value_heads=width // 32, intermediate_size=3 * width, max_position_embeddings=context,
                                 bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=None)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def cell(number: int) -> dict[str, Any]:
    """The estimate of one setting and what its run took."""
    from adtune.engine.bases import load_base
    from adtune.settings import TuneSettings
    from adtune.starter import sample_pieces
    from adtune.steps.archive import import_archive
    from adtune.steps.curation import curate, load_dataset
    from adtune.steps.estimating import estimate_run
    from adtune.tune.prepared import prepare
    from adtune.tune.session import Decided, decide, run_session
    from adtune.voice.general import load_general
    from adtune.workspace import Workspace

    said = dict(SETTINGS[number])
    kind, pieces, archive = said.pop("base"), said.pop("pieces"), said.pop("archive", "sample")
    path = BRAND if archive == "brand" and BRAND.is_file() else sample_pieces()
    with tempfile.TemporaryDirectory() as place, Workspace.open(Path(place) / "ws") as ws:
        base = load_base("starter" if kind == "starter" else make_base(kind, Path(place) / "base"))
        import_archive(ws, path, "bench")
        curate(ws, "bench", overrides={"keep": pieces})
        dataset = load_dataset(ws, "bench")[1]
        settings = TuneSettings(**said)
        prepared = prepare(base, dataset, load_general(), settings)
        tried = Decided(False, settings.rate or 1e-3) if settings.rate is None else decide(base, prepared, settings, None)
        began = time.monotonic()
        estimate = estimate_run(base, prepared, settings, tried, ws.root)
        spent, began = time.monotonic() - began, time.monotonic()
        folder = Path(place) / "run"
        folder.mkdir()
        tuned = run_session(base, prepared, settings, folder)
        seconds = time.monotonic() - began
        tuned.method.detach()
    from adtune.engine.devices import peak_memory_bytes

    return {"base": kind, "archive": path.stem, "said": said, "estimate": estimate, "estimating": spent, "seconds": seconds,
            "peak": peak_memory_bytes(), "stopped": str(tuned.outcome.stopped), "steps": tuned.outcome.steps}


def off(estimated: float, actual: float) -> float:
    """How far an estimate lies from what happened, as a share of the latter."""
    return estimated / actual - 1


def hits(found: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the seconds and the peak memory lie within the limit."""
    estimate = found["estimate"]
    return (abs(off(estimate["seconds"], found["seconds"])) <= WITHIN, abs(off(estimate["peak_memory_bytes"], found["peak"])) <= WITHIN)


def row(found: dict[str, Any]) -> list[str]:
    said, estimate = found["said"], found["estimate"]
    words = ", ".join(f"{name} {value}" for name, value in said.items() if name not in ("method", "precision"))
    shares = off(estimate["seconds"], found["seconds"]), off(estimate["peak_memory_bytes"], found["peak"])
    low, high = estimate["seconds_range"]
    return [found["base"], found["archive"], said["method"], words if "rate" in said else f"{words}, probe", f"{estimate['seconds']:.1f}",
            f"{low:.1f} to {high:.1f}", f"{found['seconds']:.1f}", f"{shares[0]:+.0%}", f"{estimate['peak_memory_bytes'] / 2**20:.0f}",
            f"{found['peak'] / 2**20:.0f}", f"{shares[1]:+.0%}", found["stopped"]]


def page(rows: list[dict[str, Any]], failed: list[str], note: str) -> str:
    """The Markdown page of all settings."""
    near = [hits(one) for one in rows]
    counts = f"seconds {sum(one for one, _ in near)} of {len(rows)}, peak memory {sum(two for _, two in near)} of {len(rows)}"
    inside = sum(one["estimate"]["seconds_range"][0] <= one["seconds"] <= one["estimate"]["seconds_range"][1] for one in rows)
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return "\n".join([
        "# Estimates against runs", "",
        f"`python benchmarks/estimates.py`: {platform.machine()}, {os.cpu_count()} cores, threads {threads}, "
        f"load {os.getloadavg()[0]:.1f} at the end.{note}", "",
        f"Within {WITHIN:.0%} of the run: {counts}, both {sum(one and two for one, two in near)} (asked: {ASKED} of {len(SETTINGS)}). "
        f"Seconds inside the range: {inside} of {len(rows)}. "
        f"An estimate took {max((one['estimating'] for one in rows), default=0):.1f} seconds at most.", "",
        "Both peaks are of one process: about 600 MiB of it are the libraries, and the run cannot peak below the trial that the estimate "
        "made.",
        "",
        f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD), *(f"| {' | '.join(row(one))} |" for one in rows), "",
        *(f"- failed: {line}" for line in failed), ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="+", default=list(range(len(SETTINGS))))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--note", default="", help="what else the machine was doing, for the page")
    parser.add_argument("--cell", type=int, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.cell is not None:
        print(json.dumps(cell(words.cell)))
        return 0
    rows, failed = [], []
    words.out.mkdir(parents=True, exist_ok=True)
    for number in words.only:
        try:
            said = subprocess.run([sys.executable, __file__, "--cell", str(number)], capture_output=True, text=True, timeout=LIMIT_SECONDS)
            rows.append(json.loads(said.stdout.splitlines()[-1]))
            print(" | ".join(row(rows[-1])), flush=True)
        except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
            failed.append(f"setting {number}: {type(error).__name__}: {said.stderr.strip()[-300:] if 'said' in locals() else error}")
            print(failed[-1], file=sys.stderr)
        (words.out / "estimates.md").write_text(page(rows, failed, f" {words.note}" if words.note else ""), encoding="utf-8")
    good = sum(all(hits(one)) for one in rows)
    return 0 if not failed and good * len(SETTINGS) >= ASKED * len(words.only) else 1


if __name__ == "__main__":
    sys.exit(main())
