"""Six situations of campaign rows with a known truth: does `advise --task response` say rules, collect or fine-tune where that is true?

    python benchmarks/advise_response.py [--seeds 0 1 2] [--base BASE] [--out FOLDER]

Each is made by code, written as an export, imported and advised as a user would do it. Rules: a rate that is the same for all rows, or for
all rows of a channel, on enough rows that nothing is left to learn. Collect: too few rows to hold later ones out, or too few outcomes to
tell any way from another. Tune: seasons of products, or effects of audience, device and price that meet in cells too small for a rate of
their own. Writes results/advise_response.{md,json}; exit 1 unless all six are right at the first seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src")]
COLUMNS = ("Day", "Channel", "Campaign", "Product", "Audience", "Device", "Price", "Clicks", "Conversions")
CHANNELS = {"Instagram": 0.03, "Google Search": 0.05, "TikTok": 0.012}
PRODUCTS = {"Dresses": 135, "Coats": 320, "Knitwear": 290, "Shoes": 100}  # the day of the year on which each is bought most
AUDIENCES, DEVICES = ("18-24", "25-34", "35-44", "45-54", "55-64"), ("mobile", "desktop", "tablet")
TUNE = ("prefix", "lora", "full")
Row = dict[str, Any]


def rows_of(chance: np.random.Generator, many: int, days: int, clicks: tuple[int, int], rate: Callable[[Row], float]) -> Iterator[Row]:
    """`many` rows over `days` days whose conversions are binomial with the rate that `rate` gives a row."""
    own = {name: float(chance.uniform(30, 120)) for name in PRODUCTS}
    for n in range(many):
        channel, product = str(chance.choice(list(CHANNELS))), str(chance.choice(list(PRODUCTS)))
        row = {"Day": date(2023, 1, 1) + timedelta(n * days // many), "Channel": channel, "Campaign": f"{channel} {product}",
               "Product": product, "Audience": str(chance.choice(AUDIENCES)), "Device": str(chance.choice(DEVICES)),
               "Price": round(own[product] * float(chance.uniform(0.6, 1.6)), 2), "Clicks": int(chance.integers(*clicks))}
        yield row | {"Conversions": int(chance.binomial(row["Clicks"], min(0.9, rate(row))))}


def one_rate(chance: np.random.Generator) -> Iterator[Row]:
    return rows_of(chance, 900, 400, (100, 400), lambda row: 0.03)


def a_rate_for_each_channel(chance: np.random.Generator) -> Iterator[Row]:
    return rows_of(chance, 1200, 400, (200, 800), lambda row: CHANNELS[row["Channel"]])


def five_weeks(chance: np.random.Generator) -> Iterator[Row]:
    return rows_of(chance, 45, 35, (100, 400), seasonal(chance))


def few_outcomes(chance: np.random.Generator) -> Iterator[Row]:
    return rows_of(chance, 150, 90, (20, 60), lambda row: 0.008)


def seasonal(chance: np.random.Generator) -> Callable[[Row], float]:
    def rate(row: Row) -> float:
        angle = 2 * np.pi * (row["Day"].timetuple().tm_yday - PRODUCTS[row["Product"]]) / 365.25
        return float(CHANNELS[row["Channel"]] * np.exp(0.8 * np.cos(angle)))
    return rate


def seasons_of_products(chance: np.random.Generator) -> Iterator[Row]:
    return rows_of(chance, 600, 730, (100, 400), seasonal(chance))


def effects_that_meet(chance: np.random.Generator) -> Iterator[Row]:
    """Audience, device and price, each with an effect of its own; no two rows share all of them."""
    audience, device = (dict(zip(names, chance.permutation(np.linspace(-0.7, 0.7, len(names))), strict=True))
                        for names in (AUDIENCES, DEVICES))
    return rows_of(chance, 400, 300, (100, 400), lambda row: float(CHANNELS[row["Channel"]] * np.exp(
        audience[row["Audience"]] + device[row["Device"]] - 0.8 * np.log(row["Price"] / 75))))


SITUATIONS: dict[str, tuple[tuple[str, ...], str, Callable[[np.random.Generator], Iterator[Row]]]] = {
    "one rate": (("rules",), "900 rows of one true rate", one_rate),
    "a rate for each channel": (("rules",), "1,200 rows, three channels, each with a steady rate", a_rate_for_each_channel),
    "five weeks": (("collect",), "45 rows of 35 days", five_weeks),
    "few outcomes": (("collect",), "150 rows with some fifty outcomes, one rate", few_outcomes),
    "seasons of products": (TUNE, "600 rows of two years, four products that peak in months of their own", seasons_of_products),
    "effects that meet": (TUNE, "400 rows whose audience, device and price each move the rate", effects_that_meet)}


def advised(name: str, seed: int, base: str) -> dict[str, Any]:
    from adtune.steps.campaigns import import_campaigns
    from adtune.steps.response_advice import advise_response
    from adtune.workspace import Workspace

    truth, told, made = SITUATIONS[name]
    with tempfile.TemporaryDirectory() as folder, Workspace.open(Path(folder) / "ws") as ws:
        path = Path(folder) / "export.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(made(np.random.default_rng([seed, list(SITUATIONS).index(name)])))
        import_campaigns(ws, path, "client")
        began = time.process_time()
        answer = advise_response(ws, "client", {"base": base, "outcome": "conversions"})
    return {"situation": name, "told": told, "seed": seed, "truth": list(truth), "verdict": answer["verdict"], "reason": answer["reason"],
            "right": answer["verdict"] in truth, "processor_seconds": time.process_time() - began,
            "deviance": {one["name"]: -one["score"] for one in answer["candidates"]}}


def table(found: list[dict[str, Any]]) -> str:
    lines = ["| situation | seed | truth | advise | right | deviance a row on later rows |", "|---|---|---|---|---|---|"]
    for one in found:
        truth = "fine-tune" if tuple(one["truth"]) == TUNE else one["truth"][0]
        ways = ", ".join(f"{way} {value:.3f}" for way, value in one["deviance"].items()) or "not measured"
        right = "yes" if one["right"] else "NO"
        lines.append(f"| {one['situation']}: {one['told']} | {one['seed']} | {truth} | {one['verdict']} | {right} | {ways} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--base", default="starter")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    said = parser.parse_args()
    found = []
    for seed in said.seeds:
        for name in SITUATIONS:
            found.append(advised(name, seed, said.base))
            print(table(found[-1:]).splitlines()[-1], flush=True)
    first = [one["right"] for one in found if one["seed"] == said.seeds[0]]
    summary = f"Right in {sum(first)} of {len(first)} at the first seed, in {sum(one['right'] for one in found)} of {len(found)} in all."
    said.out.mkdir(parents=True, exist_ok=True)
    (said.out / "advise_response.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page = f"`python benchmarks/advise_response.py`\n\n{summary}\n\n{table(found)}\n"
    (said.out / "advise_response.md").write_text(page, encoding="utf-8")
    print(summary)
    return 0 if all(first) else 1


if __name__ == "__main__":
    sys.exit(main())
