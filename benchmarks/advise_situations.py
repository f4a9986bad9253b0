"""Sixteen situations with a known truth: does `advise` say fine-tune, prompt, rules or collect where that is true?

    python benchmarks/advise_situations.py [--worlds NAME ...] [--seeds 0 1 2] [--base BASE] [--work FOLDER] [--out FOLDER]

Each world of `advise_worlds.py` is written, imported, curated and advised as a user would do it. Beside it stands a rubric-only advisor:
counts and thresholds over what curation tells of the same archive, with nothing measured. What is done is kept in `--work`, so that
the same call goes on where it was stopped. Writes results/advise.{md,json}; exit 1 under 15 of 16 at the first seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE)]

from advise_worlds import TUNE, WORLDS, World  # noqa: E402

HEAD = ("situation", "truth", "advise", "right", "reasons found", "gain of the best method", "rounds", "rubric", "right", "seconds")
QUICK = {"pieces": 12, "briefs": 0}    # short archives, and sixteen of them; the loss decides, and drafts are told beside it
LITTLE = {"pieces": 4, "briefs": 0}   # where the archive alone decides
TARGET = 15


def rubric(world: World, curated: dict[str, Any] | None) -> str:
    """What a list of thresholds says of the counts that curation gives (None: no dataset could be made), with nothing measured."""
    counts = curated or {"read": len(world.pieces), "kept": 0, "dropped": {"near_duplicate": 0}, "uncovered": None}
    same = sum(counts["dropped"].get(name, 0) for name in ("exact_duplicate", "near_duplicate"))
    if same > 0.5 * counts["read"] or (curated is None and len(world.pieces) >= 50):
        return "rules"          # one text many times over, or nothing but copies left
    if counts["kept"] < 50 or sum(counts["dropped"].values()) - same > 0.5 * counts["read"]:
        return "collect"
    if counts["uncovered"] and len(counts["uncovered"]) > len(world.briefs.splitlines()) / 3:
        return "collect"
    if sorted(len(piece["text"].split()) for piece in world.pieces)[len(world.pieces) // 2] < 40:
        return "rules"
    if world.volume is not None and world.volume < 20:
        return "prompt"
    return "prompt" if counts["kept"] < 100 and world.guide else "lora"


def advised(world: World, options: dict[str, Any]) -> dict[str, Any]:
    """Import, curate and advise in a workspace of its own, with the time that took."""
    from adtune.errors import InputError
    from adtune.steps.advice import advise
    from adtune.steps.archive import import_archive
    from adtune.steps.curation import curate
    from adtune.workspace import Workspace

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pieces.jsonl").write_text("".join(json.dumps(piece) + "\n" for piece in world.pieces), encoding="utf-8")
        (folder / "guide.md").write_text(world.guide, encoding="utf-8")
        with Workspace.open(folder / "ws") as ws:
            import_archive(ws, folder / "pieces.jsonl", "client")
            overrides = {**world.curate, "today": "2025-06-01", **({"briefs": world.briefs} if world.briefs else {})}
            curated = None
            with suppress(InputError):   # too few pieces for a dataset: advise says what that means
                curated = curate(ws, "client", brand_guide=folder / "guide.md" if world.guide else None, overrides=overrides)
            began, busy, seen = time.monotonic(), time.process_time(), [""]

            def tell(label: str, done: float, total: float, note: str = "") -> None:
                step = f"{label} {note.split('  ')[0]}" if total else note
                if step != seen[0]:
                    seen[0] = step
                    spent = f"{time.monotonic() - began:6.0f} s, {time.process_time() - busy:5.0f} s of a core"
                    print(f"{spent}  {step}", file=sys.stderr, flush=True)

            little = LITTLE if decided(ws, options, world) else {}
            answer = advise(ws, "client", {**options, **little, "volume": world.volume}, tell)
            spent = {"took": time.monotonic() - began, "core_seconds": time.process_time() - busy}
            return {**answer, **spent, "rubric": rubric(world, curated)}


def decided(ws: Any, options: dict[str, Any], world: World) -> bool:
    """Whether the archive alone decides: what the base measures then changes nothing, and is kept short."""
    from adtune.advise import archive_facts, judge_archive
    from adtune.settings import AdviseSettings
    from adtune.steps.curation import read_dataset

    id = ws.newest("dataset", "client")
    if id is None:
        return False
    facts = archive_facts(read_dataset(ws, id), {}, True, ws.record(id)["record"].get("uncovered"))
    return judge_archive(facts, AdviseSettings(volume=world.volume, seed=options["seed"])) is not None


def row(name: str, seed: int, world: World, options: dict[str, Any]) -> dict[str, Any]:
    answer = advised(world, options)
    gains = [one for one in answer["candidates"] if one.get("gain") is not None]
    best = max(gains, key=lambda one: one["gain"], default=None)
    bake_off = answer["bake_off"] or {}
    return {"world": name, "seed": seed, "truth": WORLDS[name][0], "verdict": answer["verdict"], "reason": answer["reason"],
            "reasons": [one["name"] for one in answer["reasons"] if one["holds"]], "told": [one["told"] for one in answer["reasons"]],
            "gain": best and best["gain"], "gain_interval": best and best["gain_interval"], "arm": best and best["name"],
            "rounds": bake_off.get("rounds", []), "ended": bake_off.get("ended"), "seconds": answer["took"],
            "core_seconds": answer["core_seconds"],
            "measured": [{key: one[key] for key in ("name", "metric", "score", "interval")} for one in answer["candidates"]],
            "full_run_seconds": answer["estimate"]["seconds"], "rubric": answer["rubric"], "pieces": len(world.pieces)}


def right(verdict: str, truth: list[str] | tuple[str, ...]) -> bool:
    return verdict in truth


def table(rows: list[dict[str, Any]]) -> str:
    lines = [HEAD, ("---",) * len(HEAD)]
    for one in rows:
        truth = "fine-tune" if set(one["truth"]) == set(TUNE) else one["truth"][0]
        gain = "not trained" if one["gain"] is None else f"{one['gain']:.1%} ({one['arm']})"
        if one["gain_interval"]:
            gain += f" [{one['gain_interval'][0]:.1%}, {one['gain_interval'][1]:.1%}]"
        ours, theirs = ("yes" if right(one[who], one["truth"]) else "NO" for who in ("verdict", "rubric"))
        situation = f"{one['world']}: {WORLDS[one['world']][1]}" + (f", seed {one['seed']}" if one["seed"] else "")
        lines.append((situation, truth, one["verdict"], ours, ", ".join(one["reasons"]) or "none", gain, str(len(one["rounds"])),
                      one["rubric"], theirs, f"{one['seconds']:.0f}"))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def summary(rows: list[dict[str, Any]], absent: list[str], threads: int) -> str:
    first = [one for one in rows if one["seed"] == min(other["seed"] for other in rows)]
    ours, theirs = (sum(right(one[who], one["truth"]) for one in first) for who in ("verdict", "rubric"))
    left = [name for name in WORLDS if name not in {one["world"] for one in first}]
    said = [f"Right in {ours} of {len(first)} (rubric alone: {theirs}){'; not run: ' + ', '.join(left) if left else ''}. {threads} "
            "thread(s)."]
    if absent:
        said.append(f"Their sources are not on this machine: {', '.join(absent)}.")
    seeds = Counter(one["world"] for one in rows)
    for name in (name for name, count in seeds.items() if count > 1):
        hits = sum(right(one["verdict"], one["truth"]) for one in rows if one["world"] == name)
        said.append(f"{name}: {hits} of {seeds[name]} seeds.")
    return " ".join(said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--base", default="starter")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "adtune-advise-situations")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    import torch

    rows, absent = [], []
    said.work.mkdir(parents=True, exist_ok=True)
    for seed in said.seeds:
        for name in said.worlds:
            kept = said.work / f"{name.replace(' ', '-')}-{seed}.json"
            if not kept.is_file():
                world = WORLDS[name][2](seed)
                if world is None:
                    absent.append(name)
                    continue
                kept.write_text(json.dumps(row(name, seed, world, {**QUICK, "base": said.base, "seed": seed})), encoding="utf-8")
            rows.append(json.loads(kept.read_text(encoding="utf-8")))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
    if not rows:
        print("nothing was run: no source is on this machine")
        return 1
    said.out.mkdir(parents=True, exist_ok=True)
    (said.out / "advise.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    text = f"{summary(rows, absent, torch.get_num_threads())}\n\n{table(rows)}\n"
    (said.out / "advise.md").write_text(f"`python benchmarks/advise_situations.py`\n\n{text}", encoding="utf-8")
    print(text)
    first = [one for one in rows if one["seed"] == said.seeds[0]]
    return 0 if sum(right(one["verdict"], one["truth"]) for one in first) >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
