"""Fine-tuning side by side: adtune, TRL with PEFT (default and faster settings) and a plain loop, on the same rows, base and seeds.

    python benchmarks/tune_peers.py [--peer-python PYTHON] [--seeds 0 1 2] [--epochs 3] [--base FOLDER] [--device cpu|cuda]
    python benchmarks/tune_peers.py --prepare FOLDER                   the rows only, for a machine without adtune's archive
    python benchmarks/tune_peers.py --work FOLDER --name tune_peers_gpu --device cuda --together --peer-python python3    there

TRL runs in a virtual environment of its own, made from benchmarks/peers/requirements.txt (`make bench-tune` does). Every arm is a
process; arms take turns seed by seed, so that a slow minute of the machine meets all of them. Speed is real tokens a second (no
padding) over all steps but the first, memory is the growth over the loaded base (on CUDA what torch allocated), and the held-out loss
of every arm's adapter is measured by the same code in fp32. With `--together` the arms of a seed load at once, to save the minutes of a
borrowed machine, and still train one by one. adtune halves its batch where a run would have fewer than 80 steps: ask for 3 epochs to
compare losses at like steps. Writes NAME.{md,json} to benchmarks/results; exits 1 where adtune misses its marks: 2 times TRL's default,
1.5 times its fastest setting, held-out loss within 0.005 nats of it, half its memory growth.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
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


def prepare(folder: Path, base_name: str) -> None:
    """Write to FOLDER/rows.json the rows of the sample client's training and validation split."""
    from adtune.engine.bases import load_base
    from adtune.engine.tasks.drafting import held_out_rows, make_rows
    from adtune.starter import sample_guide, sample_pieces
    from adtune.steps.archive import import_archive
    from adtune.steps.curation import curate, load_dataset
    from adtune.workspace import Workspace

    with tempfile.TemporaryDirectory() as name, Workspace.open(Path(name) / "workspace") as ws:
        import_archive(ws, sample_pieces(), "sample")
        curate(ws, "sample", brand_guide=sample_guide())
        dataset = load_dataset(ws, "sample")[1]
    base = load_base(base_name)
    rows, ledger = make_rows(base.renderer, [item.example for item in dataset.split("train")], 1024)
    assert not ledger.lost_tokens
    held = held_out_rows(base.renderer, [item.example for item in dataset.split("validation")], 384, 1024)
    given = {"base": base_name, "targets": sorted(base.linears), "rows": [[list(row.ids), row.first] for row in rows],
             "held": [[list(row.ids), row.first] for row in held]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.json").write_text(json.dumps(given))


def work_of(given: dict[str, Any], folder: Path, said: argparse.Namespace) -> dict[str, Any]:
    """What all arms get, also written to FOLDER/work.json: the rows, and how to train on them."""
    import torch

    from adtune.engine.bases import STARTER, bf16_is_faster
    from adtune.starter import base_path

    rows = given["rows"][:said.rows]
    steps = said.epochs * math.ceil(len(rows) / BATCH)
    work = given | {
        "base": str(base_path("text")) if given["base"] == STARTER else given["base"], "rows": rows, "epochs": said.epochs, "rate": RATE,
        "batch": BATCH, "rank": RANK, "alpha": ALPHA, "warmup_steps": max(1, round(WARMUP * steps)), "device": said.device,
        "bf16": said.device != "cpu" or bf16_is_faster(), "threads": torch.get_num_threads(),
        "turn": str(folder / "turn") if said.together else None}
    (folder / "work.json").write_text(json.dumps(work))
    return work


def adtune_arm(work: dict[str, Any], out: Path, seed: int) -> dict[str, Any]:
    """This arm: the engine's own loop, as `adtune tune` calls it."""
    import torch

    from adtune.engine.bases import load_base
    from adtune.engine.devices import Form, choose
    from adtune.engine.fit import Fit, FitData, FitPlan
    from adtune.engine.methods import attach
    from adtune.engine.tasks.drafting import Row

    torch.set_num_threads(work["threads"])
    device = choose(work["device"]).kind
    base = load_base(work["base"], form=Form(device))
    loaded = torch.cuda.memory_allocated() if device == "cuda" else \
        int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    rows = [Row(tuple(ids), first, n) for n, (ids, first) in enumerate(work["rows"])]
    torch.manual_seed(seed)
    method = attach("lora", base, {"rank": work["rank"], "alpha": work["alpha"], "dropout": 0.0}, [])
    tokens = round(work["batch"] * mean(len(row.ids) for row in rows) * 1.05)
    micro = FitPlan.micro_tokens if device == "cpu" else max(FitPlan.micro_tokens, tokens)  # a card takes a whole step at once
    plan = FitPlan(work["rate"], work["epochs"], seed, tokens, micro, warmup_share=WARMUP, replay=0.0, patience=1000, bf16=work["bf16"])
    fit = Fit(base, method, FitData(rows, rows[:8]), plan)
    fit.evaluate_at = {fit.total}  # the others do not evaluate either
    if work["turn"]:  # held to the end of the process: arms that loaded together train one by one
        fcntl.flock(os.open(work["turn"], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    first: list[float] = []
    outcome = fit.run(lambda *told: first.extend((fit.tokens, fit.seconds)) if fit.step == 1 else None)
    method.save(out / "adapter")
    return {"tokens_per_second": (fit.tokens - first[0]) / (fit.seconds - first[1]), "steps": outcome.steps,
            "growth_bytes": max(0, outcome.peak_memory_bytes - loaded)}


def held_out_loss(work: dict[str, Any], adapter: Path) -> float:
    """Nats per target token of an adapter on the held-out rows, fp32."""
    from adtune.engine.bases import load_base
    from adtune.engine.devices import Form
    from adtune.engine.methods import attach_saved
    from adtune.engine.peak import mean_loss
    from adtune.engine.tasks.drafting import Row, measure

    base = load_base(work["base"], form=Form(work["device"], fp32=True))
    method = attach_saved(base, adapter)
    return mean_loss(measure(base, method, [Row(tuple(ids), first, n) for n, (ids, first) in enumerate(work["held"])]))


def start_arm(arm: str, work_file: Path, out: Path, seed: int, peer_python: Path) -> subprocess.Popen[str]:
    out.mkdir(parents=True)
    given = [str(work_file), str(out), "--seed", str(seed)]
    if arm in TRL:
        command = [str(peer_python), str(HERE / "peers" / "trl_tune.py"), *given, *(ARMS[arm] or [])]
    else:
        command = [sys.executable, *([__file__, "--arm"] if arm == "adtune" else [str(HERE / "peers" / "plain_tune.py")]), *given]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with open(out / "stderr", "w") as error:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=error, text=True, env=quiet)


def end_arm(arm: str, started: subprocess.Popen[str], out: Path) -> dict[str, Any] | None:
    """The figures of an arm, or None, with its last words, where it failed."""
    told = started.communicate()[0]
    if started.returncode:
        print(f"{arm} failed:\n{(out / 'stderr').read_text()[-2000:]}", flush=True)
        return None
    return json.loads(told.strip().splitlines()[-1])


def run_seed(seed: int, folder: Path, work: dict[str, Any], said: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The figures of every arm that ended, by arm."""
    arms = [arm for arm in ARMS if arm in said.arms]
    outs = {arm: folder / f"{n}-{seed}" for n, arm in enumerate(arms)}
    start = partial(start_arm, work_file=folder / "work.json", seed=seed, peer_python=said.peer_python)
    started = {arm: start(arm, out=outs[arm]) for arm in arms} if said.together else {}
    ended = {arm: end_arm(arm, started[arm] if said.together else start(arm, out=outs[arm]), outs[arm]) for arm in arms}
    found = {}
    for arm, one in ended.items():  # now that none trains any more
        if one is not None:
            found[arm] = one | {"loss": held_out_loss(work, outs[arm] / "adapter")}
            print(f"seed {seed}, {arm}: {found[arm]}", flush=True)
    return found


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
    parser.add_argument("--name", default="tune_peers", help="of the files with the results")
    parser.add_argument("--prepare", type=Path, metavar="FOLDER", help="write the rows there, and end")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="take the rows from there")
    parser.add_argument("--together", action="store_true", help="arms load at once, and train one by one")
    said = parser.parse_args()
    if said.prepare:
        prepare(said.prepare, said.base)
        return 0
    kept = said.out / f"{said.name}.json"
    before = json.loads(kept.read_text()) if set(said.arms) != set(ARMS) and kept.exists() else {}
    found: dict[str, list[dict[str, Any]]] = {arm: before[arm] for arm in ARMS if arm in before and arm not in said.arms}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not said.work:
            prepare(folder, said.base)
        work = work_of(json.loads(((said.work or folder) / "rows.json").read_text()), folder, said)
        for seed in said.seeds:
            for arm, one in run_seed(seed, folder, work, said).items():
                found.setdefault(arm, []).append(one)
    found = {arm: found[arm] for arm in ARMS if arm in found}
    text, missed = table(found), misses(found)
    print(text, *(f"MISSED: {line}" for line in missed), sep="\n")
    said.out.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found, indent=1))
    arms = "" if set(said.arms) == set(ARMS) else " --arms " + " ".join(f"'{arm}'" for arm in said.arms)
    about = (f"`python benchmarks/tune_peers.py --epochs {said.epochs}{arms} --base {Path(said.base).name} --device {said.device}`: "
             f"{len(work['rows'])} rows of the sample client, {len(said.seeds)} seeds, {work['threads']} thread(s). Missed: ")
    (said.out / f"{said.name}.md").write_text(f"{about}{'; '.join(missed) or 'nothing'}.\n\n{text}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--arm"]:
        _, _, work_file, out_folder, _, seed_given = sys.argv
        print(json.dumps(adtune_arm(json.loads(Path(work_file).read_text()), Path(out_folder), int(seed_given))))
        sys.exit(0)
    sys.exit(main())
