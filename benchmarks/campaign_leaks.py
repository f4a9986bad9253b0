"""The leak check on made tables: honest columns that are refused, and columns worked out from the outcome that pass.

Each table has a size and a level drawn from a few, clicks and conversions that are binomial, values that are sums of baskets, spend that
follows clicks; five honest columns (among them the true rate itself, which is the best that an honest column can be) and five worked-out
ones.

    python benchmarks/campaign_leaks.py [--tables N]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from adtune.archive.campaigns.leak import EVENTS, leaks  # noqa: E402 - the package stands beside this folder

SHAPES = ((40, 2000), (300, 500), (300, 20), (1000, 300))    # rows, and mean impressions a row
HONEST = {"true rate": "the true rate of each row", "noisy rate": "the true rate with noise", "chance": "noise", "kind": "two words",
          "price": "noise"}
WORKED_OUT = {"rate": "clicks by impressions, four digits", "cost": "spend by conversion", "return": "value by spend",
              "later": "90 % of the "
              "conversions, rounded", "click price": "spend by click"}


def table(chance: np.random.Generator, rows: int, level: int) -> pa.Table:
    """One made table with its honest and its worked-out columns."""
    impressions = chance.poisson(level * chance.gamma(2, 1, rows)).astype(float)
    true = np.exp(chance.normal(-4.5, 0.4, rows))
    clicks = chance.binomial(impressions.astype(int), true).astype(float)
    bought = chance.binomial(clicks.astype(int), 0.1).astype(float)
    value = np.array([chance.gamma(2, 40, int(count)).sum() for count in bought])
    spend = clicks * chance.gamma(20, 0.05, rows)
    inputs = {"true rate": true, "noisy rate": true * np.exp(chance.normal(0, 0.2, rows)), "chance": chance.normal(size=rows),
              "kind": chance.choice(["a", "b"], rows), "price": chance.normal(50, 10, rows),
              "rate": np.round(clicks / np.maximum(impressions, 1), 4),
              "cost": np.round(spend / np.maximum(bought, 0.1), 2), "return": np.round(value / np.maximum(spend, 0.01), 2),
              "later": np.round(bought * 0.9), "click price": spend / np.maximum(clicks, 0.1)}
    numbers = {"impressions": impressions, "clicks": clicks, "conversions": bought, "value": value, "spend": spend}
    return pa.table({**numbers, **{f"input:{name}": column for name, column in inputs.items()}})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=200)
    tables = parser.parse_args().tables
    chance = np.random.default_rng(8)
    wrong, missed, few = Counter[str](), Counter[str](), 0
    for number in range(tables):
        made = table(chance, *SHAPES[number % len(SHAPES)])
        refused = set(leaks(made))
        wrong.update(refused & HONEST.keys())
        passed = WORKED_OUT.keys() - refused
        thin = sum(made["conversions"].to_pylist()) < EVENTS
        few += len(passed & {"return", "later", "cost"}) if thin else 0
        missed.update(passed if not thin else passed - {"return", "later", "cost"})
    lines = ["| columns | of | refused | told |", "|---|---|---|---|",
             f"| honest | {tables * len(HONEST)} | {sum(wrong.values())} | {_told(wrong)} |",
             f"| worked out from the outcome | {tables * len(WORKED_OUT)} | {tables * len(WORKED_OUT) - sum(missed.values()) - few} | "
             f"{few} passed in tables "
             f"with under {EVENTS} conversions; else {_told(missed)} |"]
    print("\n".join(lines))
    results = ROOT / "benchmarks" / "results"
    (results / "campaign_leaks.md").write_text(f"`python benchmarks/campaign_leaks.py --tables {tables}`\n\n" + "\n".join(lines) + "\n",
                                               encoding="utf-8")
    found = {"tables": tables, "honest_refused": dict(wrong), "worked_out_passed": dict(missed), "passed_with_few_conversions": few}
    (results / "campaign_leaks.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(bool(wrong))


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


if __name__ == "__main__":
    sys.exit(main())
