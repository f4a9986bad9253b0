"""The proof: a base tuned on 300 curated pieces, beside 3,000 as they came, and beside 300 of them drawn by lot.

    python benchmarks/curate_proof.py [--archives NAME ...] [--arms ...] [--regimes tokens epochs] [--seeds 0 1 2] [--epochs 4]
                                      [--base BASE] [--method lora] [--keep N] [--read N] [--held-out N] [--briefs N] [--out FOLDER]

The 3,000 are the planted mix of `curate_mix.py` (300 clean pieces of a brand, 30 of them gold, among 2,700 others), always the same;
`random` draws anew with each seed, and every arm is trained with every seed. Regime `epochs` gives every arm as many passes over its own
pieces, `tokens` as many target tokens as the curated arm trains. One piece in ten of each arm's own validates and picks the best
evaluation, as it would for a user; the rate is probed once an arm and archive, by the first cell of it. What is measured is the brand's
own: pieces that are not in the mix at all, their loss (nats per token over the first 384 tokens), and drafts for some of their briefs,
on-brand where the scorer, fitted on further pieces of the brand against pieces of other archives, puts them at 0.5 or more. Losses are
compared piece by piece (bootstrap, 95 %), rates have Wilson's intervals.

Each cell (archive, regime, arm, seed) is a process of its own and is kept in OUT/curate_proof.json when it is done; the same call
goes on where it was stopped. The cell `base` is the base before any tuning. Reported whichever way it falls.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from curate_mix import CLEAN, TODAY, archives, planted, rows_of  # noqa: E402 - stands beside this file

ARCHIVES = ("carpentries_blog", "medlineplus_topics")
ARMS = ("curated", "random", "uncurated")
REGIMES = ("tokens", "epochs")
BASE, MIX_SEED = "base", 0
NO_SCORER = 6      # drafts or pieces under which no scorer is fitted
HEAD = ("archive", "regime", "trained on", "pieces", "target tokens", "held-out loss", "over the seeds", "less the curated [95 %]",
        "on-brand rate [95 %]", "scorer's AUC", "seeds")


def assets_of(archive: str, said: argparse.Namespace) -> list[Any]:
    """The mix; with `--read` a part of it that keeps the share of the gold and clean pieces, for a rehearsal."""
    assets, _ = planted(archive, MIX_SEED)
    if said.read >= len(assets):
        return assets
    gold = [asset for asset in assets if asset.approval == "gold"]
    return [*gold, *random.Random(MIX_SEED).sample([asset for asset in assets if asset.approval != "gold"], said.read - len(gold))]


def examples(arm: str, archive: str, seed: int, said: argparse.Namespace) -> list[Any]:
    """What an arm trains and validates on."""
    from adtune.curate import curate
    from adtune.records import Brief, Example
    from adtune.settings import CurateSettings

    assets = assets_of(archive, said)
    if arm == "curated":
        dataset = curate(assets, archive, CurateSettings(keep=said.keep, today=TODAY)).dataset
        return [item.example for item in dataset.items]
    if arm == "random":
        assets = random.Random(f"random/{seed}").sample(assets, said.keep)
    return [Example(Brief(asset.title, asset.category), asset.text) for asset in assets if asset.text.strip()]


def unseen(archive: str, said: argparse.Namespace) -> tuple[list[Any], list[str], list[str]]:
    """Held-out pieces of the brand, further ones of it, and pieces of other archives: none of them in the mix."""
    from adtune.records import Brief, Example

    mix = planted(archive, MIX_SEED)[0]
    used, titles = {asset.text for asset in mix}, {asset.title for asset in mix if not asset.id.startswith("other")}   # spoilt ones too
    chance = random.Random(f"held out/{MIX_SEED}")
    own = [row for row in rows_of(archives()[archive])
           if row["text"] not in used and row["title"] not in titles and len(row["text"].split()) >= 40]
    chance.shuffle(own)
    held = [Example(Brief(row["title"], row.get("category")), row["text"]) for row in own[:said.held_out]]
    other = [row["text"] for name, path in archives().items() if name != archive for row in rows_of(path) if row["text"] not in used]
    return held, [row["text"] for row in own[said.held_out:said.held_out + 120]], chance.sample(other, min(240, len(other)))


def dataset_of(archive: str, pieces: list[Any]) -> Any:
    """A dataset in which one piece in ten validates."""
    from adtune.records import Dataset, Item, Source, hash_of

    places = list(range(len(pieces)))
    random.Random(f"validation/{len(pieces)}").shuffle(places)
    held = set(places[:max(2, len(pieces) // 10)])
    items = tuple(Item(hash_of([n, piece.text]), "validation" if n in held else "train", str(n), piece.brief.category, piece, Source("mix"))
                  for n, piece in enumerate(pieces))
    return Dataset.make(archive, "", items, len(pieces), {}, {})


def cell(archive: str, regime: str, arm: str, seed: int, said: argparse.Namespace) -> dict[str, Any]:
    """One run: nats and tokens of each held-out piece, and the scores of its drafts."""
    from adtune.engine.bases import load_base
    from adtune.engine.fit import Fit
    from adtune.settings import TuneSettings
    from adtune.tune.prepared import attach_for, plan_of, prepare
    from adtune.tune.session import decide
    from adtune.voice.general import load_general

    base = load_base(said.base)
    if arm == BASE:
        return measured(base, None, archive, said)
    general, dataset = load_general(), dataset_of(archive, examples(arm, archive, seed, said))
    settings = TuneSettings(method=said.method, seed=seed, epochs=said.epochs, rate=said.rate)
    prepared = prepare(base, dataset, general, settings)
    whole = prepared.ledger.read_tokens
    goal = said.epochs * whole if regime == "epochs" else said.tokens or said.epochs * whole
    settings = replace(settings, epochs=math.ceil(goal / whole))
    decided = decide(base, prepared, settings, None)
    settings = decided.settle(settings)
    method = attach_for(base, prepared, settings)
    fit = Fit(base, method, prepared.data, plan_of(settings, decided.bf16))
    fit.shorten(steps_to(fit, goal), settings.evaluations)
    outcome = fit.run()
    answer = measured(base, method, archive, said)
    method.detach()
    return {**answer, "pieces": len(dataset.split("train")), "rate": decided.rate, "trained": outcome.trained_tokens, "goal": goal,
            "seconds": outcome.seconds, "stopped": str(outcome.stopped), "best_step": outcome.best.step, "steps": outcome.steps}


def steps_to(fit: Any, goal: int) -> int:
    """The steps of a run after which so many target tokens of the arm's pieces were trained."""
    trained, step = 0, 0
    while step < len(fit.schedule) and trained < goal:
        trained += sum(row.targets for row in fit._group(step) if not row.general)
        step += 1
    return step


def measured(base: Any, method: Any, archive: str, said: argparse.Namespace) -> dict[str, Any]:
    """Held-out loss by piece, and how likely drafts for held-out briefs are in the brand's voice."""
    from adtune.engine.generate import Sampling, generate
    from adtune.engine.tasks.drafting import measure
    from adtune.settings import TuneSettings
    from adtune.steps.arms import plain_rows
    from adtune.voice.on_brand import OnBrandScorer

    held, own, other = unseen(archive, said)
    nats = measure(base, method, plain_rows(base, held, TuneSettings.loss_tokens))
    titled = [piece.brief for piece in held if piece.brief.title][:said.briefs]
    heads = [base.renderer.brief(brief) for brief in titled]
    sampling = Sampling(0.7, 0.95, said.draft_tokens)
    drafts = [base.renderer.text(ids) for ids in generate(base, method, heads, list(range(len(heads))), sampling)]
    scorer = OnBrandScorer.fit(own, other) if min(len(own), len(other)) >= NO_SCORER else None
    auc = scorer.auc_on([piece.text for piece in held], other[::3]).value if scorer else None
    return {"nats": [value for value, _ in nats], "tokens": [count for _, count in nats], "auc": auc,
            "scores": scorer.score(drafts) if scorer else []}


def row(archive: str, regime: str, arm: str, runs: list[dict[str, Any]], curated: list[dict[str, Any]]) -> list[str]:
    from adtune.stats import paired_ratio_difference, rate_interval

    tokens = runs[0]["tokens"]
    nats = [mean(values) for values in zip(*(run["nats"] for run in runs), strict=True)]
    losses = [sum(run["nats"]) / sum(tokens) for run in runs]
    less = "-"
    if curated and arm != "curated":
        other = [mean(values) for values in zip(*(run["nats"] for run in curated), strict=True)]
        found = paired_ratio_difference(nats, other, tokens)
        less = f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    scores = [score for run in runs for score in run["scores"]]
    rate = rate_interval(sum(score >= 0.5 for score in scores), len(scores))
    told = "not measured" if rate.value is None else f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}]"
    auc = runs[0]["auc"]
    spread = f"{min(losses):.3f} to {max(losses):.3f}" if len(losses) > 1 else "-"
    counts = [f"{mean(run[name] for run in runs):,.0f}" if name in runs[0] else "-" for name in ("pieces", "trained")]
    return [archive, regime, arm, *counts, f"{mean(losses):.3f}", spread, less, told, "-" if auc is None else f"{auc:.3f}", str(len(runs))]


def table(kept: dict[str, Any]) -> str:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for name, run in kept["cells"].items():
        archive, regime, arm, _ = name.split("/")
        groups.setdefault((archive, regime, arm), []).append(run)
    rows = [row(*key, runs, groups.get((key[0], key[1], "curated"), [])) for key, runs in groups.items()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))


def write(kept: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    asked = ", ".join(f"{name} {value}" for name, value in kept["asked"].items())
    (folder / "curate_proof.md").write_text(f"`python benchmarks/curate_proof.py`: {asked}\n\n{table(kept)}\n", encoding="utf-8")
    (folder / "curate_proof.json").write_text(json.dumps(kept) + "\n", encoding="utf-8")


def cells(said: argparse.Namespace) -> list[tuple[str, str, str, int]]:
    """All cells in order: the curated arm first, since its tokens are the goal of the others; it trains alike in both regimes."""
    found = []
    for archive in said.archives:
        found.append((archive, "-", BASE, 0))
        for seed in said.seeds:
            found += [(archive, regime, arm, seed) for arm in ARMS if arm in said.arms for regime in said.regimes
                      if not (arm == "curated" and regime != said.regimes[0])]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", nargs="*", default=list(ARCHIVES))
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=ARMS)
    parser.add_argument("--regimes", nargs="*", default=list(REGIMES), choices=REGIMES)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    for name, value in (("--epochs", 4), ("--keep", CLEAN), ("--read", 3000), ("--held-out", 60), ("--briefs", 24),
                        ("--draft-tokens", 200)):
        parser.add_argument(name, type=int, default=value)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--method", default="lora")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--cell", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--tokens", type=int, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.cell:
        archive, regime, arm, seed = said.cell
        print(json.dumps(cell(archive, regime, arm, int(seed), said)))
        return 0
    asked = {name: getattr(said, name) for name in ("base", "method", "epochs", "keep", "read", "held_out", "briefs", "draft_tokens")}
    path = said.out / "curate_proof.json"
    kept = json.loads(path.read_text()) if path.exists() else {"asked": asked, "cells": {}}
    if kept["asked"] != asked:
        print(f"{path.name} was measured with other settings: {kept['asked']}; give another --out, or take it away", file=sys.stderr)
        return 1
    for archive, regime, arm, seed in cells(said):
        if archive not in archives():
            print(f"skipped: {archive} is not there")
            continue
        name = f"{archive}/{regime}/{arm}/{seed}"
        if name not in kept["cells"]:
            first = kept["cells"].get(f"{archive}/{said.regimes[0]}/curated/{seed}", {})
            known = [run for other, run in kept["cells"].items() if other.split("/")[0] == archive and other.split("/")[2] == arm]
            words = [word for pair in ((f"--{key.replace('_', '-')}", str(value)) for key, value in asked.items()) for word in pair]
            words += ["--rate", str(known[0]["rate"])] if known and "rate" in known[0] else []
            words += ["--tokens", str(first["goal"])] if first else []
            done = subprocess.run([sys.executable, __file__, *words, "--cell", archive, regime, arm, str(seed)],
                                  capture_output=True, text=True)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                return 1
            kept["cells"][name] = json.loads(done.stdout.strip().splitlines()[-1])
        if arm == "curated":      # the same run in both regimes
            kept["cells"] |= {f"{archive}/{other}/curated/{seed}": kept["cells"][name] for other in said.regimes}
        write(kept, said.out)
        print(table({"cells": {name: kept["cells"][name]}}).splitlines()[-1], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
