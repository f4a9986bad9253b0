"""Scale: 1,000,000 rows of an Ads Manager export are imported within 60 seconds and 1.5 GB, and importing them again adds nothing.

The file is made from a seed: two years of ads by age and gender, with the columns, rates and totals row that the platform writes. Each
import runs in a process of its own, as `adtune import` does; its peak memory is the kernel's (VmHWM). What holds is judged by the seconds
of a core, as whoever else computes on the machine is no part of it; the clock's seconds and the load stand beside. A smaller file is
imported first: the growth from one to the other is what memory costs a row.

    python benchmarks/scale_campaigns.py [--rows N] [--small N]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

from scaling import ROOT, Figure, imported, table

SECONDS, PEAK_BYTES = 60.0, 1_500_000_000
HEADER = ("Reporting starts,Reporting ends,Campaign name,Campaign ID,Ad set name,Ad set ID,Ad name,Age,Gender,Attribution "
          "setting,Reach,Impressions,"
          "Amount spent (EUR),Link clicks,CTR (link click-through rate),CPC (cost per link click),Purchases,Purchases conversion value")
AGES, GENDERS = ("18-24", "25-34", "35-44", "45-54", "55-64"), ("female", "male")
DAYS = 730

WORKER = """
import json, sys, time
from pathlib import Path
from adtune.steps.archive import import_archive
from adtune.workspace import Workspace

start, used = time.perf_counter(), time.process_time()
with Workspace.open(Path(sys.argv[1])) as ws:
    answer = import_archive(ws, Path(sys.argv[2]), "scale", "campaigns")
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
    start = time.perf_counter()
    table = ws.campaigns("scale")
    reading = time.perf_counter() - start
print(json.dumps({**{k: answer[k] for k in ("read", "kept", "added", "corrected", "rejected", "archive")}, "seconds": seconds, "cpu": cpu,
                  "peak": peak, "reading": reading, "rows": table.num_rows, "spend": sum(table["spend"].to_pylist())}))
"""


def write_export(path: Path, count: int) -> float:
    """`count` rows of ads by day, age and gender, and the row of their total; gives the sum of the spend."""
    import numpy as np

    chance = np.random.default_rng(8)
    total = 0.0
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEADER + "\n")
        for at in range(0, count, 100_000):
            n = min(100_000, count - at)
            impressions = chance.poisson(chance.gamma(2.0, 400.0, n))
            clicks = chance.binomial(impressions, chance.beta(2.0, 200.0, n))
            bought = chance.binomial(clicks, 0.03)
            spend = np.round(impressions * 0.006 * chance.gamma(20.0, 0.05, n), 2)
            value = np.round(bought * chance.gamma(4.0, 15.0, n), 2)
            total += spend.sum()
            rows = zip(range(at, at + n), impressions.tolist(), clicks.tolist(), bought.tolist(), spend.tolist(), value.tolist(),
                       strict=True)
            stream.writelines(_row(*row) for row in rows)
        stream.write(f",,,,,,,,,,,,{total:.2f},,,,,\n")
    return total


def _row(number: int, impressions: int, clicks: int, bought: int, spend: float, value: float) -> str:
    cell, ad = number % (DAYS * 10), number // (DAYS * 10)
    day, group = (date(2023, 1, 1) + timedelta(cell // 10)).isoformat(), cell % 10
    return (f"{day},{day},Campaign {ad // 12},{2_000_000 + ad // 12},Set {ad // 3},{3_000_000 + ad // 3},Ad {ad},{AGES[group % 5]},"
            f"{GENDERS[group // 5]},7-day click or 1-day view,{int(impressions * 0.8)},{impressions},{spend},{clicks},"
            f"{100 * clicks / max(impressions, 1):.4f},{spend / max(clicks, 1):.4f},{bought},{value}\n")


def figures(rows: int, small: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few.csv", Path(folder) / "many.csv"
        write_export(few, small)
        spend = write_export(many, rows)
        size = many.stat().st_size / 1e6
        base, first = imported(WORKER, Path(folder) / "few", few), imported(WORKER, Path(folder) / "many", many)
        again = imported(WORKER, Path(folder) / "many", many)
    grown = (first["peak"] - base["peak"]) / (rows - small)
    busy = f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    whole = first["kept"] == first["added"] == first["rows"] == rows and first["read"] == rows + 1 and first["rejected"] == 1
    return [
        Figure(f"import of {rows:,} rows ({size:.0f} MB), seconds of a core",
               f"{first['cpu']:.1f} (by the clock {first['seconds']:.1f}; {busy})",
               f"under {SECONDS:.0f}", first["cpu"] < SECONDS),
        Figure("kept and added; the row of the total is rejected, and the spend is the file's", f"{first['kept']:,}, {first['added']:,}",
               f"{rows:,}",
               bool(whole and abs(first["spend"] - spend) < 0.01 * rows / 1e6 + 1)),
        Figure("peak memory, MB", f"{first['peak'] / 1e6:.0f}", f"under {PEAK_BYTES / 1e6:,.0f}", first["peak"] < PEAK_BYTES),
        Figure(f"memory a row adds beyond {small:,} rows, bytes", f"{grown:.0f}", "told", True),
        Figure("the same again, seconds and added", f"{again['seconds']:.1f} ({again['cpu']:.1f} of a core), {again['added']}", "0 added",
               again["added"] == 0 and again["corrected"] == 0 and again["archive"] == first["archive"]),
        Figure("the rows that hold, read from the workspace, seconds", f"{first['reading']:.1f}", "told", True),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=100_000)
    said = parser.parse_args()
    rows = figures(said.rows, said.small)
    told = table(rows)
    print(told)
    results = ROOT / "benchmarks" / "results"
    command = f"python benchmarks/scale_campaigns.py --rows {said.rows} --small {said.small}"
    (results / "scale_campaigns.md").write_text(f"`{command}`, rows made from a seed\n\n{told}\n", encoding="utf-8")
    (results / "scale_campaigns.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
