"""Retailer worlds: generated fashion retailers with known truth, their settings shifted from those of pre-training.

    python benchmarks/media_worlds.py --worlds 40 --sizes 100 300 1000

For each world and number of own rows: two years of history with so many rows, deviance on the 200 rows of the three months after it, of the
tuned model, the base that reads the rows untuned, the general pattern at the own level, a ridge GLM and LightGBM on the own rows; whether
95 % intervals hold the May peak of dresses (against July, which the general pattern expects) and Instagram's difference to Search; and how
much of the planted rule (free returns lift conversion above a price) each model has found; and how often 80 % intervals hold single rows
and the counts of days, weeks and all three months. Seeds begin where pre-training never draws.

What no column tells of a channel is the channel's: where a world has no placements, those of Instagram and Search are part of their
difference.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from adtune.engine.response.base import ResponseBase, load_response
from adtune.engine.response.batch import FIELDS, NUMBERS, Batch
from adtune.engine.response.contrasts import SEASONS, contrasts, season_rows, swapped_rows
from adtune.engine.response.likelihood import as_rate, deviance, share_held
from adtune.engine.response.model import ResponseNet
from adtune.engine.response.names import CHANNELS, PRODUCTS
from adtune.engine.tasks.response import predict_rows
from adtune.evaluate.response import Rows, capped, design, own_mean, ridge_glm
from adtune.pretrain import advertisers_levels as levels
from adtune.pretrain.advertisers import AdvertiserSettings, Draw, Truth, World, finished, pick
from adtune.settings import TuneSettings
from adtune.steps.response_understanding import arranged_with
from adtune.tune.response import run_response
from adtune.tune.response_gate import own_rate
from adtune.tune.response_split import Split

SHIFTED = AdvertiserSettings(
    channel=0.6, audience=0.4, product=0.4, campaign=0.3, peak_days=20, far_peaks=0.1, amplitude=0.35, drift=0.18, jump=0.35, rules=1.0,
    rule_size=(0.5, 1.2), concentration=(2.0, 60.0), counts=(1.0, 25.0), span=(720.0, 730.0), unknown=0.0, undated=0.0,
    families=(0.0, 1.0, 0.0, 0.0, 0.0), absent=(0.0, 0.5, 0.0, 0.2, 0.0, 0.0, 0.5, 0.3, 0.0, 0.6, 0.8),
    absent_numbers=(0.0, 0.1, 0.2, 0.7, 0.9, 1.0))
FIRST_SEED, LATER = 5_000_000, 200
YEARS, MONTHS = 730.0, 90.0  # days of history, and of the rows to predict
MAY, JULY = 135, 196
SCRATCH_RATE = 3e-3           # ten times the rate of a full run: random weights have farther to go
RESULTS = Path(__file__).parent / "results"
TUNED = RESULTS / "media_worlds_tuned.json"     # what random weights are set beside


class Retailer(World):
    """Five channels, dresses that peak in May, and free returns (the first value of other1) that lift conversion above the median price."""

    def _advertisers(self) -> None:
        super()._advertisers()
        for n, name in enumerate(("instagram", "search", "shopping", "tiktok", "e-mail")):
            self.channels[:, n] = CHANNELS.index(name)
        for n, name in enumerate(("dresses", "coats", "shoes", "knitwear")):
            self.products[:, n] = PRODUCTS.index(name)
        self.campaigns = torch.full_like(self.campaigns, 12)
        number = torch.arange(16).expand(self.count, -1)
        self.of_campaign["channel"], self.of_campaign["product"] = number % 5, (number // 2) % 4

    def _calendar(self) -> None:
        """Two years to learn from, and behind them the LATER rows of three months."""
        known = self.rows - LATER
        share = (self.day - self.day[:, :1]) / (self.day[:, -1:] - self.day[:, :1]).clamp(min=1)
        cut = share[:, known - 1:known].clamp(min=1e-6)
        late = (share - cut) / (1 - cut).clamp(min=1e-6)
        behind = torch.arange(self.rows) >= known
        self.day = (self.start + torch.where(behind, YEARS + 1 + MONTHS * late.clamp(min=0), YEARS * share / cut)).floor()
        super()._calendar()

    def _own_season(self) -> torch.Tensor:
        peak, height = self.table["season"][self.products].unbind(-1)
        self.peaks = (peak + self.settings.peak_days * self.draw.normal(*peak.shape)) % 365.25
        self.peaks[:, 0] = MAY + 8 * self.draw.normal(self.count)
        self.heights = height.clamp(min=0.2) * torch.exp(self.settings.amplitude * self.draw.normal(*peak.shape))
        own = levels.season_curve(self.angle, pick(self.peaks, self.product), pick(self.heights, self.product))
        return (own - levels.season_curve(self.angle, pick(peak, self.product), pick(height, self.product))) * self.strength[:, 2:3]

    def _rule(self) -> torch.Tensor:
        low, high = self.settings.rule_size
        self.rule = self.draw.uniform(self.count, low=low, high=high)
        return self.rule[:, None] * ((self.others[0] == 0) & (self.relative()[..., 0] > 0))


def world_of(seed: int, rows: int) -> tuple[Batch, Truth, dict[str, float]]:
    """(all rows readable, truth, true contrasts) of one world with `rows` rows to learn from."""
    made = Retailer(Draw(FIRST_SEED + seed), 1, rows + LATER, SHIFTED)
    batch, truth = finished(made, 0)
    order = truth.day[0].argsort(stable=True)
    batch = replace(batch.rows(order), context=torch.ones_like(batch.context), age=(truth.day.max() - truth.day[:, order]))
    truth = replace(truth, eta=truth.eta[:, order])
    angle = torch.tensor([[2 * np.pi * MAY / 365.25, 2 * np.pi * JULY / 365.25]])
    curve = levels.season_curve(angle, made.peaks[:, :1], made.heights[:, :1])[0]
    table = levels.tables()["channel"][1]
    channel = table[made.channels[0, 0]] + made.channel_effects[0, 0] - table[made.channels[0, 1]] - made.channel_effects[0, 1]
    if not bool(batch.ids[..., FIELDS.index("placement")].any()):
        placed = levels.tables()["placement"][1][made.placement[0]] + truth.parts["placement"][0]
        channel = channel + placed[made.channel[0] == 0].mean() - placed[made.channel[0] == 1].mean()
    return batch, truth, {"may": float(curve[0] - curve[1]), "channel": float(channel), "rule": float(made.rule[0])}


def rows_of(batch: Batch, learned: int) -> Rows:
    """What the baselines read."""
    fields = {name: batch.ids[0, :, n].numpy().astype(str) for n, name in enumerate(FIELDS)}
    numbers = {name: np.where(batch.told[0, :, n] > 0, batch.numbers[0, :, n], np.nan) for n, name in enumerate(NUMBERS)}
    day = 730_000 - batch.age[0].numpy().astype(int)
    angle = torch.atan2(batch.calendar[0, :, 0], batch.calendar[0, :, 1]).numpy() / (2 * np.pi) % 1
    day = day - day.max() + 2014 * 365 + int(round(float(angle[-1]) * 365.25))  # days whose place in the year is the calendar's
    return Rows(batch.outcome[0].numpy(), batch.exposure[0].numpy(), day, fields, numbers, learned, int(batch.family))


def lightgbm_rate(rows: Rows) -> np.ndarray:
    """LightGBM on the ridge's own columns and counts, exposure as offset; size and rounds chosen on the last fifth of the learned rows."""
    import lightgbm

    x, n, cut = design(rows), rows.learned, int(0.8 * rows.learned)
    mean = rows.outcome[:n].sum() / rows.exposure[:n].sum()

    def fit(until: int, leaves: int, rounds: int) -> object:
        settings = {"objective": "poisson", "verbose": -1, "num_leaves": leaves, "learning_rate": 0.05, "min_data_in_leaf": 10,
                    "num_threads": 1, "seed": 0, "deterministic": True}
        data = lightgbm.Dataset(x[:until], rows.outcome[:until], init_score=np.log(rows.exposure[:until] * mean))
        return lightgbm.train(settings, data, rounds)

    grid = ((4, 40), (4, 120), (15, 80))
    found = [deviance(0, rows.outcome[cut:n], rows.exposure[cut:n], capped(fit(cut, *one).predict(x[cut:n]) * mean,
                                                                           0)).sum() for one in grid]
    return fit(n, *grid[int(np.argmin(found))]).predict(x[n:]) * mean


def recovered(base: object, batch: Batch, split: Split, true: dict[str, float]) -> dict[str, float]:
    """Contrasts as the model has them: value, 95 % interval, and the share of the rule that its predictions show."""
    learned = split.learned
    product, channel = (batch.ids[0, learned, FIELDS.index(name)].numpy() for name in ("product", "channel"))
    dresses = learned[product == 1][-20:] if (product == 1).sum() >= 3 else learned[-20:]
    made, weights = season_rows(batch, dresses, 2014, "US")
    steps = [int(day / 365 * 24) for day in (MAY, JULY)]
    may = contrasts(base, arranged_with(batch, split, made), weights[steps[0]:steps[0] + 1] - weights[steps[1]:steps[1] + 1],
                    SEASONS)
    made, weights = swapped_rows(batch, learned[-20:], "channel", [(1, CHANNELS.index("instagram")), (2, CHANNELS.index("search"))])
    both = contrasts(base, arranged_with(batch, split, made), weights[:1] - weights[1:])
    answer = {}
    for name, one in (("may", may), ("channel", both)):
        low, high = one.interval()
        answer |= {f"{name}_covered": float(low[0] <= true[name] <= high[0]), f"{name}_sign": float(one.mean[0] * true[name] > 0),
                   f"{name}_general_sign": float(one.general[0] * true[name] > 0)}
    return answer | {"rule_share": _rule_share(base, batch, learned) / true["rule"], "channels": float(len(np.unique(channel)))}


def _rule_share(base: object, batch: Batch, learned: np.ndarray) -> float:
    """Lift of free returns at high prices less that at low prices, in the model's log rates of made-up rows."""
    pattern, other, price = learned[-20:], FIELDS.index("other1"), NUMBERS.index("price")
    part = batch.rows(torch.from_numpy(np.tile(pattern, 4)))
    ids, numbers = part.ids.clone(), part.numbers.clone()
    for n, (free, high) in enumerate(((1, 0.3), (2, 0.3), (1, -0.3), (2, -0.3))):
        ids[:, n * 20:(n + 1) * 20, other], numbers[:, n * 20:(n + 1) * 20, price] = free, high
    split = Split(learned, learned[:0], learned[:0])
    rows, until, seen = arranged_with(batch, split, replace(part, ids=ids, numbers=numbers, age=torch.zeros_like(part.age)))
    with torch.no_grad():
        eta = base.model(rows, until, seen)[0][0].view(4, 20).mean(1)
    return float(eta[0] - eta[1] - eta[2] + eta[3])


def covered(batch: Batch, split: Split, rate: np.ndarray, r: np.ndarray, drift: float) -> dict[str, float]:
    """Shares of 80 % intervals that hold what came, of single rows and of counts of days, weeks and all of the test rows."""
    outcome, exposure, age = (one[0, torch.from_numpy(split.test)].double().numpy() for one in (batch.outcome, batch.exposure, batch.age))
    found = {}
    for name, days in (("rows", 0), ("days", 1), ("weeks", 7), ("months", 1000)):
        index = np.unique((age - age.min()) // days, return_inverse=True)[1] if days else np.arange(len(age))
        found[name] = share_held((outcome, exposure, rate), r, index, drift if days else 0.0, 0)
    return found


def from_scratch() -> ResponseBase:
    """The starter's architecture with random weights."""
    torch.manual_seed(0)
    return ResponseBase("scratch", ResponseNet(load_response().model.config.shape), "")


def measure_world(seed: int, size: int, method: str | None) -> dict[str, object]:
    """All arms of one world at one number of own rows."""
    batch, truth, true = world_of(seed, size)
    cut, rows = int(0.8 * size), np.arange(size + LATER)
    split = Split(rows[:cut], rows[cut:size], rows[size:])
    base, baseline = from_scratch() if method == "scratch" else load_response(), rows_of(batch, size)
    outcome, exposure = baseline.outcome[size:], baseline.exposure[size:]
    with torch.no_grad():
        eta, _, plain = predict_rows(base, batch, split.learned, split.test)
    arms = {"truth": as_rate(truth.eta[0, size:].double().numpy(), 1), "own mean": own_mean(baseline), "ridge GLM": ridge_glm(baseline),
            "LightGBM": lightgbm_rate(baseline), "untuned base": as_rate(plain.double().numpy(), 1),
            "base in context" + " of random weights" * (method == "scratch"): as_rate(eta.double().numpy(), 1)}
    found: dict[str, object] = {"seed": seed, "rows": size, "true": true, "context": recovered(base, batch, split, true)}
    if method == "rules":  # nothing trained, the client's rules alone: an ablation of tuning that costs a second
        base.model.rules = base.model.find_rules(batch, split.learned)
        with torch.no_grad():
            arms["base with rules"] = as_rate(predict_rows(base, batch, split.learned, split.test)[0].double().numpy(), 1)
        found["tuned"] = recovered(base, batch, split, true)
    elif method:
        began = time.process_time()
        settings = TuneSettings(method="full", rate=SCRATCH_RATE, patience=20) if method == "scratch" else TuneSettings(method=method)
        tuned = run_response(base, (batch, split, []), settings)
        with torch.no_grad():
            eta, log_r = (one.double().numpy() for one in predict_rows(base, batch, split.learned, split.test)[:2])
        gate = tuned.gate
        blended = gate.blend * eta + (1 - gate.blend) * own_rate(batch, split.learned)
        rate = arms["from scratch" if method == "scratch" else "tuned"] = as_rate(blended, 1)
        found["covered"] = covered(batch, split, rate, np.exp(log_r) * gate.sharpness, gate.drift)
        found |= {"tuned": recovered(base, batch, split, true), "blend": gate.blend, "drift": gate.drift,
                  "best_step": tuned.outcome.best.step,
                  "seconds": time.process_time() - began}
        tuned.method.detach()
    return found | {"deviance": {name: float(deviance(0, outcome, exposure, capped(rate, 1)).mean()) for name, rate in arms.items()}}


def summary(found: list[dict[str, object]], sizes: list[int]) -> list[str]:
    """A Markdown table for each question."""
    lines = ["| own rows | arm | deviance over the truth's | 10 % below the best of GLM, LightGBM, untuned base, own mean "
             "| over 2 % worse |",
             "|---|---|---|---|---|"]
    for size in sizes:
        some = [one for one in found if one["rows"] == size]
        best = np.array([min(one["deviance"][name] for name in ("ridge GLM", "LightGBM", "untuned base", "own mean")) for one in some])
        truth = np.array([one["deviance"]["truth"] for one in some])
        for name in some[0]["deviance"]:
            arm = np.array([one["deviance"].get(name, np.nan) for one in some])
            held = f"{size} ({len(some)} worlds)"
            lines.append(f"| {held} | {name} | {np.exp(np.nanmean(np.log(arm / truth))):.2f} | {np.mean(arm < 0.9 * best):.0%} | "
                         f"{np.mean(arm > 1.02 * best):.0%} |")
    lines += ["", "| own rows | model | May covered | May sign | channel covered | channel sign | rule over half found |",
              "|---|---|---|---|---|---|---|"]
    for size in sizes:
        for name in ("context", "tuned"):
            some = [one[name] for one in found if one["rows"] == size and name in one]
            if some:
                shares = [np.mean([one[key] for one in some]) for key in ("may_covered", "may_sign", "channel_covered", "channel_sign")]
                told = " | ".join(f"{share:.0%}" for share in shares)
                held = f"{size} ({len(some)} worlds)"
                lines.append(f"| {held} | {name} | {told} | {np.mean([one['rule_share'] > 0.5 for one in some]):.0%} |")
    lines += ["", "What 80 % intervals of the tuned model hold:", "",
              "| own rows | rows | days | weeks | three months |", "|---|---|---|---|---|"]
    for size in sizes:
        some = [one["covered"] for one in found if one["rows"] == size and "covered" in one]
        if some:
            told = " | ".join(f"{np.mean([one[name] for one in some]):.0%}" for name in ("rows", "days", "weeks", "months"))
            lines.append(f"| {size} ({len(some)} worlds) | {told} |")
    return lines


def rows_needed(scratch: list[dict[str, object]], tuned: list[dict[str, object]]) -> list[str]:
    """How many rows random weights need for the deviance that the tuned base has at a size, by a power law through two sizes of the same
    worlds."""
    def mean(found: list[dict[str, object]], arm: str, size: int) -> float:
        seeds = {one["seed"] for one in scratch if one["rows"] == size}
        some = [one["deviance"] for one in found if one["rows"] == size and one["seed"] in seeds]
        return float(np.mean([np.log(one[arm] / one["truth"]) for one in some]))

    sizes, lines = sorted({one["rows"] for one in scratch}), [""]
    for small, large in zip(sizes, sizes[1:], strict=False):
        own = [mean(scratch, "from scratch", size) for size in (small, large)]
        slope = (own[0] - own[1]) / np.log(large / small)
        for size, at in ((small, own[0]), (large, own[1])):
            base = mean(tuned, "tuned", size)
            lines.append(f"At {size} rows the tuned base has {np.exp(base):.2f}, random weights {np.exp(at):.2f}: they need "
                         f"{np.exp((at - base) / slope):.1f} times the rows (power law from {small} to {large}).")
    return lines


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--worlds", type=int, default=40)
    reader.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000])
    reader.add_argument("--method", default="head",
                        help="head, lora, full, rules (nothing trained), scratch (random weights), or none: in context alone")
    reader.add_argument("--out", type=Path, default=RESULTS / "media_worlds")
    reader.add_argument("--go-on", action="store_true", help="leave out the worlds that --out holds already")
    said = reader.parse_args()
    torch.set_num_threads(1)
    kept = said.out.with_suffix(".json")
    found = json.loads(kept.read_text(encoding="utf-8")) if said.go_on and kept.is_file() else []
    done = {(one["rows"], one["seed"]) for one in found}
    for size in said.sizes:
        for seed in (seed for seed in range(said.worlds) if (size, seed) not in done):
            found.append(measure_world(seed, size, None if said.method == "none" else said.method))
            print(size, seed, json.dumps(found[-1]["deviance"]), flush=True)
            lines = [f"# Retailer worlds, method {said.method}", "", *summary(found, sorted({one["rows"] for one in found}))]
            if said.method == "scratch" and TUNED.is_file():
                lines += rows_needed(found, json.loads(TUNED.read_text(encoding="utf-8")))
            said.out.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
            said.out.with_suffix(".json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
