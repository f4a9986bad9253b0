"""Each method on the sample client: does it keep the arg-min of at least eight evaluations and beat its own step 0?

    python benchmarks/methods.py [--methods full lora prefix] [--epochs 4]

Prints a Markdown table and writes it to benchmarks/results/methods.md; exits 1 where a method falls short.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from adtune.starter import sample_guide, sample_pieces
from adtune.steps.archive import import_archive
from adtune.steps.curation import curate
from adtune.steps.tuning import tune
from adtune.workspace import Workspace

HEAD = ("method", "trainable", "of", "step 0", "best", "at step", "evaluations", "general text, change", "stopped", "rate", "tokens/s",
        "seconds", "arg-min kept", "beats step 0")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="*", default=["full", "lora", "prefix"])
    parser.add_argument("--epochs", type=int, default=4)
    said = parser.parse_args()
    rows, good = [], True
    with tempfile.TemporaryDirectory() as folder, Workspace.open(Path(folder)) as ws:
        import_archive(ws, sample_pieces(), "sample")
        curate(ws, "sample", brand_guide=sample_guide())
        for method in said.methods:
            answer = tune(ws, "sample", {"method": method, "epochs": said.epochs})
            losses = [e["validation_loss"] for e in answer["evaluations"]]
            best = answer["best"]
            at_best = next(e for e in answer["evaluations"] if e["step"] == best["step"])
            kept = best["validation_loss"] == min(losses) and len(losses) >= 8
            beats = best["validation_loss"] < losses[0]
            good &= kept and beats
            rows.append([method, f"{answer['trainable_parameters']:,}", f"{answer['total_parameters']:,}", f"{losses[0]:.4f}",
                         f"{best['validation_loss']:.4f}", str(best["step"]), str(len(losses)),
                         f"{at_best['general_loss'] - answer['evaluations'][0]['general_loss']:+.4f}", answer["stopped"],
                         f"{answer['rate']:.2g}", f"{answer['tokens_per_second']:,.0f}", f"{answer['seconds']:.0f}",
                         "yes" if kept else "NO", "yes" if beats else "NO"])
            print("| " + " | ".join(rows[-1]) + " |", flush=True)
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))
    results = Path(__file__).resolve().parent / "results"
    results.mkdir(exist_ok=True)
    (results / "methods.md").write_text(f"`python benchmarks/methods.py --epochs {said.epochs}` on the sample client\n\n{text}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
