"""Fine-tuning side by side: adtune, TRL with PEFT (default and faster settings) and a plain loop, on the same rows, base and seeds.

    python benchmarks/tune_peers.py [--peer-python PYTHON] [--seeds 0 1 2] [--epochs 3] [--base FOLDER] [--device cpu|cuda]

TRL runs in a virtual environment of its own, made from benchmarks/peers/requirements.txt (`make bench-tune` does). Every arm is a
process; arms take turns seed by seed, so that a slow minute of the machine meets all of them. Speed is real tokens a second (no
padding) over all steps but the first, memory is the growth over the loaded base, and the held-out loss of every arm's adapter is
measured by the same code in fp32. adtune halves its batch where a run would have fewer than 80 steps: ask for 3 epochs to compare
losses at like steps. Writes benchmarks/results/tune_peers.{md,json}; exits 1 where adtune misses its marks: 2 times TRL's default,
1.5 times its fastest setting, held-out loss within 0.005 nats of it, half its memory growth.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

RATE, BATCH, RANK, ALPHA, WARMUP = 2e-3, 8, 16, 32, 0.05
ARMS = {"TRL, default": [], "TRL, no checkpointing": ["--unchecked"], "TRL, no checkpointing, padding-free": ["--unchecked", "--flat"],
        "plain loop": None, "adtune": None}
TRL = [arm for arm in ARMS if arm.startswith("TRL")]
HEAD = ("arm", "tokens/s", "to TRL's default", "to TRL's fastest", "memory growth, MiB", "held-out loss by seed", "mean", "steps")


def prepare(folder: Path, said: argparse.Namespace) -> dict[str, Any]:
    """What all arms get: rows of the sample client's training split, and how to train on them."""
    base_name, epochs, device = said.base, said.epochs, said.device
    import torch

    from adtune.engine.bases import bf16_is_faster, load_base
    from adtune.engine.tasks.drafting import held_out_rows, make_rows
    from adtune.starter import base_path, sample_guide, sample_pieces
    from adtune.steps.archive import import_archive
    from adtune.steps.curation import curate, load_dataset
    from adtune.workspace import Workspace

    with Workspace.open(folder / "workspace") as ws:
        import_archive(ws, sample_pieces(), "sample")
        curate(ws, "sample", brand_guide=sample_guide())
        dataset = load_dataset(ws, "sample")[1]
    base = load_base(base_name)
    rows, ledger = make_rows(base.renderer, [item.example for item in dataset.split("train")], 1024)
    assert not ledger.lost_tokens
    rows = rows[:said.rows]
    held = held_out_rows(base.renderer, [item.example for item in dataset.split("validation")], 384, 1024)
    steps = epochs * math.ceil(len(rows) / BATCH)
    work = {"base": str(base_path("text")) if base.starter else base_name, "epochs": epochs, "rate": RATE, "batch": BATCH, "rank": RANK,
            "alpha": ALPHA, "warmup_steps": max(1, round(WARMUP * steps)), "bf16": device != "cpu" or bf16_is_faster(), "device": device,
            "threads": torch.get_num_threads(), "targets": sorted(base.linears), "rows": [[list(row.ids), row.first] for row in rows],
            "held": [[list(row.ids), row.first] for row in held]}
    (folder / "work.json").write_text(json.dumps(work))
    return work


def adtune_arm(work: dict[str, Any], out: Path, seed: int) -> dict[str, Any]:
    """This arm: the engine's own loop, as `adtune tune` calls it."""
    import torch

    from adtune.engine.bases import load_base
    from adtune.engine.fit import Fit, FitData, FitPlan
    from adtune.engine.methods import attach
    from adtune.engine.tasks.drafting import Row

    torch.set_num_threads(work["threads"])
    base = load_base(work["base"])
    loaded = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    rows = [Row(tuple(ids), first, n) for n, (ids, first) in enumerate(work["rows"])]
    torch.manual_seed(seed)
    method = attach("lora", base, {"rank": work["rank"], "alpha": work["alpha"], "dropout": 0.0}, [])
    tokens = round(work["batch"] * mean(len(row.ids) for row in rows) * 1.05)
    plan = FitPlan(work["rate"], work["epochs"], seed, tokens, warmup_share=WARMUP, replay=0.0, patience=1000, bf16=work["bf16"])
    fit = Fit(base, method, FitData(rows, rows[:8]), plan)
    fit.evaluate_at = {fit.total}  # the others do not evaluate either
    outcome = fit.run()
    method.save(out / "adapter")
    return {"tokens_per_second": outcome.tokens_per_second, "steps": outcome.steps,
            "growth_bytes": max(0, outcome.peak_memory_bytes - loaded)}


def held_out_loss(work: dict[str, Any], adapter: Path) -> float:
    """Nats per target token of an adapter on the held-out rows, fp32."""
    from adtune.engine.bases import load_base
    from adtune.engine.methods import attach_saved
    from adtune.engine.peak import mean_loss
    from adtune.engine.tasks.drafting import Row, measure

    base = load_base(work["base"])
    method = attach_saved(base, adapter)
    return mean_loss(measure(base, method, [Row(tuple(ids), first, n) for n, (ids, first) in enumerate(work["held"])]))


def run_arm(arm: str, work_file: Path, out: Path, seed: int, peer_python: Path) -> dict[str, Any]:
    out.mkdir(parents=True)
    given = [str(work_file), str(out), "--seed", str(seed)]
    if arm in TRL:
        command = [str(peer_python), str(HERE / "peers" / "trl_tune.py"), *given, *(ARMS[arm] or [])]
    else:
        command = [sys.executable, *([__file__, "--arm"] if arm == "adtune" else [str(HERE / "peers" / "plain_tune.py")]), *given]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:2])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def of(found: dict[str, list[dict[str, Any]]], arm: str, key: str) -> float:
    return mean(one[key] for one in found[arm])


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    speed = {arm: of(found, arm, "tokens_per_second") for arm in found}
    rivals = [speed.get(TRL[0]), max((speed[arm] for arm in TRL if arm in speed), default=None)]
    rows = [[arm, f"{speed[arm]:,.0f}", *("not measured" if rival is None else f"{speed[arm] / rival:.2f}" for rival in rivals),
             f"{of(found, arm, 'growth_bytes') / 2**20:,.0f}", " ".join(f"{one['loss']:.4f}" for one in runs),
             f"{of(found, arm, 'loss'):.4f}", str(runs[0]["steps"])] for arm, runs in found.items()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))


def misses(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The marks that adtune missed, in words."""
    peers = [arm for arm in TRL if arm in found]
    if not {TRL[0], "adtune"} <= found.keys():
        return ["TRL's default or adtune was not measured"]
    speed, loss, growth = ("tokens_per_second", "loss", "growth_bytes")
    said = [f"not measured: {arm}" for arm in TRL if arm not in found]
    if of(found, "adtune", speed) < 2 * of(found, TRL[0], speed):
        said.append("under 2 times the tokens a second of TRL's default")
    if of(found, "adtune", speed) < 1.5 * max(of(found, arm, speed) for arm in peers):
        said.append("under 1.5 times the tokens a second of TRL's fastest")
    if of(found, "adtune", loss) > min(of(found, arm, loss) for arm in peers) + 0.005:
        said.append("a held-out loss more than 0.005 nats above TRL's")
    if of(found, "adtune", growth) > 0.5 * min(of(found, arm, growth) for arm in peers):
        said.append("more than half of TRL's memory growth")
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", type=Path, default=HERE.parent / ".venv-peers" / "bin" / "python")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS), help="measure these again, keep the others' results")
    parser.add_argument("--rows", type=int, help="training rows at most")
    parser.add_argument("--base", default="starter")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    kept = said.out / "tune_peers.json"
    before = json.loads(kept.read_text()) if set(said.arms) != set(ARMS) and kept.exists() else {}
    found: dict[str, list[dict[str, Any]]] = {arm: [] if arm in said.arms else before[arm] for arm in ARMS if arm in {*said.arms, *before}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = prepare(folder, said)
        for seed in said.seeds:
            for n, arm in enumerate(arm for arm in ARMS if arm in said.arms):
                out = folder / f"{n}-{seed}"
                one = run_arm(arm, folder / "work.json", out, seed, said.peer_python)
                found[arm].append(one | {"loss": held_out_loss(work, out / "adapter")})
                print(f"seed {seed}, {arm}: {found[arm][-1]}", flush=True)
    text, missed = table(found), misses(found)
    print(text, *(f"MISSED: {line}" for line in missed), sep="\n")
    said.out.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found, indent=1))
    arms = "" if set(said.arms) == set(ARMS) else " --arms " + " ".join(f"'{arm}'" for arm in said.arms)
    about = (f"`python benchmarks/tune_peers.py --epochs {said.epochs}{arms} --base {Path(said.base).name} --device {said.device}`: "
             f"{len(work['rows'])} rows of the sample client, {len(said.seeds)} seeds, {work['threads']} thread(s). Missed: ")
    (said.out / "tune_peers.md").write_text(f"{about}{'; '.join(missed) or 'nothing'}.\n\n{text}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--arm"]:
        _, _, work_file, out_folder, _, seed_given = sys.argv
        print(json.dumps(adtune_arm(json.loads(Path(work_file).read_text()), Path(out_folder), int(seed_given))))
        sys.exit(0)
    sys.exit(main())
