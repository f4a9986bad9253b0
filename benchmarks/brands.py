"""The main job on archives that nobody tuned for: import, curate, tune (LoRA, four epochs), evaluate, one row an archive.

    python benchmarks/brands.py [--archives FILE ...] [--keep N] [--method lora] [--out FOLDER]

Archives default to three of ../shared/data/brands and are skipped, said so, where they are absent. Prints a Markdown table,
failures shown, and writes it with all figures to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from adtune.steps.archive import import_archive
from adtune.steps.curation import curate
from adtune.steps.demonstration import misses
from adtune.steps.evaluation import evaluate
from adtune.steps.tuning import tune
from adtune.workspace import Workspace

HERE = Path(__file__).resolve().parent
BRANDS = HERE.parent.parent / "shared" / "data" / "brands"
DEFAULT = ("based_cooking.jsonl", "medlineplus_topics.jsonl", "carpentries_blog.jsonl")
HEAD = ("archive", "pieces", "loss base", "loss prompted", "loss tuned", "gain [95 %]", "forgetting", "on-brand prompted", "on-brand tuned",
        "difference [95 %]", "scorer AUC", "longest run", "8-gram share", "lost tokens", "seconds", "falls short")


def job(path: Path, keep: int | None, method: str) -> dict[str, Any]:
    """One archive through the main job, in a workspace of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Workspace.open(Path(folder)) as ws:
        client = path.name.split(".")[0]
        answer: dict[str, Any] = {"import": import_archive(ws, path, client)}
        answer["curate"] = curate(ws, client, overrides={"keep": keep} if keep else None)
        answer["tune"] = tune(ws, client, {"method": method, "epochs": 4})
        answer["evaluate"] = evaluate(ws, client)
        answer["seconds"] = time.monotonic() - began
    answer["misses"] = [line for line in misses(answer) if not line.startswith("done in")]
    answer["curate"].pop("report")
    answer["evaluate"].pop("report")
    for part in (answer["evaluate"]["memorised"], *(v for v in answer["evaluate"]["memorised"].values() if isinstance(v, dict))):
        part.pop("text", None)  # words of the archive stay where they are
    return answer


def _number(value: float | None, digits: int = 3) -> str:
    return "not measured" if value is None else f"{value:.{digits}f}"


def row(name: str, answer: dict[str, Any]) -> list[str]:
    """One line of the table."""
    measured, tuned = answer["evaluate"], answer["tune"]
    held, brand, copied = measured["held_out"], measured["on_brand"], measured["memorised"]

    def interval(pair: list[float] | None) -> str:
        return f"[{pair[0]:.3f}, {pair[1]:.3f}]" if pair else "[not measured]"

    return [name, str(answer["curate"]["kept"]), _number(held["loss_base"]), _number(held["loss_prompted"]), _number(held["loss_tuned"]),
            f"{_number(held['gain'])} {interval(held['gain_interval'])}", _number(measured["forgetting"]["delta"]),
            _number(brand["prompted"], 2), _number(brand["tuned"], 2),
            f"{_number(brand['tuned_less_prompted'], 2)} {interval(brand['tuned_less_prompted_interval'])}", _number(brand["scorer_auc"]),
            str(copied["longest_run_words"]), _number(copied["share_8gram"], 4), str(tuned["lost_tokens"]), f"{answer['seconds']:.0f}",
            "; ".join(answer["misses"]) or "nothing"]


def table(rows: list[list[str]]) -> str:
    """Markdown."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", nargs="*", type=Path, default=[BRANDS / name for name in DEFAULT])
    parser.add_argument("--keep", type=int, help="pieces to keep of each archive at most")
    parser.add_argument("--method", default="lora")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    answers, rows = {}, []
    for path in said.archives:
        if not path.exists():
            print(f"skipped: {path.name} is not there")
            continue
        answers[path.name] = job(path, said.keep, said.method)
        rows.append(row(path.name.split(".")[0], answers[path.name]))
        print(table(rows[-1:]), flush=True)
    if rows:
        said.out.mkdir(parents=True, exist_ok=True)
        (said.out / "brands.json").write_text(json.dumps(answers, indent=1), encoding="utf-8")
        command = "python benchmarks/brands.py" + (f" --keep {said.keep}" if said.keep else "")
        (said.out / "brands.md").write_text(f"`{command}`\n\n{table(rows)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
