"""What 40 answers are worth: a person who knows the truth answers the queue of `adtune curate --review`, and the choice is made anew.

The archives are those of `curate_mix.py`: 300 clean pieces of a brand, 30 of them gold, among 2,700 others, and the messy sample. A piece
that stands for a clean one is kept, every other is left out; of a near-duplicate whose twin is kept, the twin is enough. Beside the queue:
as many answers about pieces drawn by lot from those that passed the checks, and the asked pieces alone corrected (what the answers
would be worth if they moved nothing else). Precision is found / kept, recall found / 300.

    python benchmarks/curate_review.py [--archives NAME ...] [--seed N] [--answers N ...] [--out FOLDER]

What is absent is skipped, said so. The results are written to FOLDER (benchmarks/results unless said).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from curate_mix import BRANDS, CLEAN, MESSY, TODAY, figures, messy, planted  # noqa: E402 - stands beside this file

from adtune.curate import Curated, Given, curate  # noqa: E402
from adtune.curate.decisions import OFF_VOICE, OVER_KEEP  # noqa: E402
from adtune.curate.review import Question, queue  # noqa: E402
from adtune.records import Asset, Decision  # noqa: E402
from adtune.settings import CurateSettings  # noqa: E402

SETTINGS = CurateSettings(keep=CLEAN, today=TODAY)
HEAD = ("archive", "answers", "kept", "precision [95 %]", "recall [95 %]", "answers that overruled")


def answered(questions: Sequence[Question], stands_for: dict[str, str]) -> list[Decision]:
    """What a person who knows the truth says."""
    found = []
    for one in questions:
        right = one.piece.asset.id in stands_for and not (one.twin and stands_for.get(one.twin.asset.id) == stands_for[one.piece.asset.id])
        found.append(Decision(one.piece.asset.id, one.piece.content, "keep" if right else "drop", "truth", one.about, one.kind))
    return found


def by_lot(curated: Curated, stands_for: dict[str, str], count: int, seed: int) -> list[Decision]:
    """The same number of answers about any pieces whose voice was judged."""
    judged = {one.asset.id for one in curated.dropped if one.reason in (OFF_VOICE, OVER_KEEP)} | {i.asset for i in curated.dataset.items}
    pieces = [piece for piece in curated.pieces if piece.asset.id in judged and not piece.gold]
    return [Decision(piece.asset.id, piece.content, "keep" if piece.asset.id in stands_for else "drop", "truth", OFF_VOICE)
            for piece in random.Random(seed).sample(pieces, count)]


def chosen(assets: Sequence[Asset], name: str, decisions: Sequence[Decision]) -> tuple[Curated, list[str]]:
    curated = curate(assets, name, SETTINGS, Given(decisions=decisions))
    return curated, [item.asset for item in curated.dataset.items]


def measure(name: str, said: argparse.Namespace) -> list[dict[str, Any]]:
    assets, stands_for = messy(said.seed) if name == MESSY else planted(name, said.seed)
    plain, kept = chosen(assets, name, [])
    began = time.process_time()
    asked = queue(plain, SETTINGS, max(said.answers))
    seconds = time.process_time() - began
    rows = [{"arm": "none", **figures(kept, stands_for)}]
    for count in said.answers:
        decisions = answered(asked[:count], stands_for)
        against = sum((one.says == "keep") != question.kept for one, question in zip(decisions, asked, strict=False))
        rows.append({"arm": f"the first {len(decisions)} of the queue", "overruled": against,
                     **figures(chosen(assets, name, decisions)[1], stands_for)})
    decisions = answered(asked, stands_for)
    drops, keeps = ({one.asset for one in decisions if one.says == says} for says in ("drop", "keep"))
    alone = [id for id in kept if id not in drops] + [id for id in keeps if id not in kept]
    rows.append({"arm": f"these {len(decisions)}, their own pieces only", **figures(alone, stands_for)})
    lot = by_lot(plain, stands_for, len(asked), said.seed)
    against = sum((one.says == "keep") != (one.asset in kept) for one in lot)
    rows.append({"arm": f"{len(lot)} by lot", "overruled": against, **figures(chosen(assets, name, lot)[1], stands_for)})
    return [{"archive": name, "queue_seconds": seconds, **row} for row in rows]


def table(rows: Sequence[dict[str, Any]]) -> str:
    def between(row: dict[str, Any], what: str) -> str:
        low, high = row[f"{what}_interval"]
        return f"{row[what]:.3f} [{low:.3f}, {high:.3f}]"

    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    lines += [f"| {row['archive']} | {row['arm']} | {row['kept']} | {between(row, 'precision')} | {between(row, 'recall')} | "
              f"{row.get('overruled', '')} |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", nargs="+", default=["carpentries_blog", MESSY])
    parser.add_argument("--answers", nargs="+", type=int, default=[20, 40])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in said.archives:
        if name != MESSY and not BRANDS.is_dir():
            print(f"{name}: skipped, {BRANDS.name} is not beside the checkout", flush=True)
            continue
        rows += measure(name, said)
        print(table(rows), flush=True)
        said.out.mkdir(parents=True, exist_ok=True)
        told = f"`python benchmarks/curate_review.py`, seed {said.seed}: --keep {CLEAN} before and after answers by one who knows the truth"
        (said.out / "curate_review.md").write_text(f"{told}\n\n{table(rows)}\n", encoding="utf-8")
        (said.out / "curate_review.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
