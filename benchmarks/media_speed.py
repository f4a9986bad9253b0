"""How long response takes: the sample retailer's exports imported, tuned on, and 100,000 rows predicted.

    python benchmarks/media_speed.py [--rows 100000] [--threads 2]

Seconds of the wall beside those of the processor: on a machine that others use too, the latter tell what a quiet one would take at most.
Importing torch and transformers is measured by itself: a server does it once.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def timed(found: dict[str, Any], name: str, work: Callable[[], Any]) -> Any:
    wall, busy = time.monotonic(), time.process_time()
    answer = work()
    found[name] = {"wall_seconds": time.monotonic() - wall, "processor_seconds": time.process_time() - busy}
    print(name, found[name], flush=True)
    return answer


def plan_of(known: list[dict[str, str]], rows: int, path: Path) -> Path:
    """Rows of half a year after the retailer's last, campaigns as it had them, with prices, clicks and terms of every kind."""
    chance = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "channel", "campaign", "ad group", "clicks", "price", "Free returns"])
        for _ in range(rows):
            row = chance.choice(known)
            writer.writerow([date(2024, 7, 1) + timedelta(chance.randrange(180)), row["channel"], row["campaign"], row["ad_group"] or "",
                             chance.randint(20, 400), chance.randint(30, 150), chance.choice(["yes", "no"])])
    return path


def measured(rows: int, threads: int) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def libraries() -> None:
        import torch

        import adtune.steps.predicting
        import adtune.tune.response  # noqa: F401

        torch.set_num_threads(threads)

    timed(found, "importing libraries", libraries)
    from adtune.starter.retailer import NAME
    from adtune.starter.retailer_files import write_retailer
    from adtune.steps.campaigns import import_campaigns
    from adtune.steps.predicting import predict
    from adtune.steps.response import tune_response
    from adtune.workspace import Workspace

    with tempfile.TemporaryDirectory() as name, Workspace.open(Path(name) / "ws") as ws:
        exports = write_retailer(Path(name) / "exports")
        timed(found, "import", lambda: import_campaigns(ws, exports, NAME))
        answer = timed(found, "tune", lambda: tune_response(ws, NAME, {}))
        plan = plan_of(ws.campaigns(NAME).select(["channel", "campaign", "ad_group"]).to_pylist(), rows, Path(name) / "plan.csv")
        told = timed(found, f"predict {rows:,} rows", lambda: predict(ws, NAME, plan, {}))
        assert sum(one["rate"] is not None for one in told["rows"]) == rows
        return {"rows": answer["rows"], "threads": threads, "seconds": found}


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--rows", type=int, default=100_000)
    reader.add_argument("--threads", type=int, default=2)
    said = reader.parse_args()
    found = measured(said.rows, said.threads)
    lines = ["# How long response takes", "", f"The sample retailer: {found['rows']['rows']:,} rows; {said.threads} threads.", "",
             "| step | seconds of the wall | of the processor |", "|---|---|---|",
             *(f"| {name} | {one['wall_seconds']:.1f} | {one['processor_seconds']:.1f} |" for name, one in found["seconds"].items())]
    RESULTS.joinpath("media_speed.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    RESULTS.joinpath("media_speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
