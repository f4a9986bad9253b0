"""Which optimiser learns faster at equal steps? The table of docs/decisions/0002 comes from this script.

    python benchmarks/optimisers.py WORK_FOLDER [--steps 100]

WORK_FOLDER is the `.work` folder of an `adtune pretrain text` run, whose tokens are used again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import torch

from adtune.pretrain.corpus import TokenFiles
from adtune.pretrain.text import PretrainRun, PretrainSettings

SETTINGS = (("Muon 0.01, AdamW 0.004", 0.01, 0.004), ("Muon 0.02, AdamW 0.008", 0.02, 0.008), ("AdamW 0.003", None, 0.003))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    said = parser.parse_args()
    tokens = said.work / "tokens"
    files = TokenFiles(tokens, json.loads((tokens / "counts.json").read_text()))
    for name, muon, adamw in SETTINGS:
        settings = PretrainSettings(minutes=1e6, muon_rate=muon or 0.0, adamw_rate=adamw, warmup_steps=20)
        with tempfile.TemporaryDirectory() as folder:
            run = PretrainRun(settings, files, Path(folder))
            if muon is None:
                alone = torch.optim.AdamW(run.model.parameters(), lr=adamw, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
                run.optimizers = {"adamw": alone}
            losses = [run.advance() for _ in range(said.steps)]
        shown = {n: sum(losses[n - 15:n]) / 15 for n in (25, 50, 100) if n <= said.steps}
        print(name, " ".join(f"{n}: {loss:.2f}" for n, loss in shown.items()), flush=True)


if __name__ == "__main__":
    main()
