"""How often the 95 % intervals of `rate` cover the truth: minutes, minutes saved, throughput, predictions, human rates, their ratio, alpha.

    .venv/bin/python benchmarks/people.py [--repetitions 200]

Each repetition makes a log of edits or a sheet of ratings whose truth is known and asks whether the interval holds it. To pass, each kind
covers in 90 to 98 % of 200 repetitions. Writes results/people.json and results/people.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adtune.rate.agreement import alpha
from adtune.rate.minutes import Entry, MinutesModel, saved, throughput
from adtune.rate.rates import effective, ratio, wilson
from adtune.records import Interval
from adtune.stats import paired_difference

RESULTS = Path(__file__).parent / "results"
TRUTH, EFFORT = {"prompted": 45.0, "tuned": 18.0}, {"prompted": 0.6, "tuned": 0.25}
RATES = {"tuned": 0.8, "prompted": 0.4}
LOGS = {"36 edits, 3 editors": (18, 3, 0.5), "80 edits, 4 editors": (40, 4, 0.35), "300 edits, 8 editors": (150, 8, 0.5)}
BRIEFS, DRAFTS = 24, 72


def logged(chance: np.random.Generator, of_arm: int, editors: int, noise: float) -> list[Entry]:
    """A log whose arms take 45 and 18 minutes on average over its own editors and lengths."""
    arms = np.repeat(list(TRUTH), of_arm)
    who = chance.integers(editors, size=len(arms))
    pace = np.exp(chance.normal(0, 0.3, editors))
    lengths = np.exp(chance.normal(5.5, 0.4, len(arms))).astype(int)
    longer = np.exp(0.7 * np.log1p(lengths))
    factors = pace[who] / pace[who].mean() * longer / longer.mean() * np.exp(chance.normal(-noise**2 / 2, noise, len(arms)))
    efforts = np.clip([EFFORT[arm] + chance.normal(0, 0.1) for arm in arms], 0, 1)
    return [Entry(float(efforts[at]), int(lengths[at]), f"editor {who[at]}", str(arm), float(TRUTH[arm] * factors[at]))
            for at, arm in enumerate(arms)]


def of_logs(seed: int) -> Iterator[tuple[str, Interval, float]]:
    for name, form in LOGS.items():
        arms = MinutesModel(logged(np.random.default_rng(seed), *form)).arms
        for arm, truth in TRUTH.items():
            yield f"minutes of {arm} drafts, {name}", arms[arm].interval, truth
        yield f"minutes saved, {name}", saved(arms["prompted"], arms["tuned"]), 27.0
        yield f"throughput, {name}", throughput(arms["prompted"], arms["tuned"], 61.4), 106.4 / 79.4 - 1


def of_predictions(seed: int) -> Iterator[tuple[str, Interval, float]]:
    """Minutes that follow effort and length: the mean of new drafts, and one new edit."""
    chance = np.random.default_rng(seed)
    pace, noise = chance.normal(0, 0.3, 4), 0.35

    def mean(effort, words, who):
        return np.exp(1.2 + 2 * effort + 0.5 * (np.log1p(words) - 5.5) + pace[who])

    def some(count, low, high):
        return chance.uniform(low, high, count), np.exp(chance.normal(5.5, 0.4, count)).astype(int), chance.integers(4, size=count)

    efforts, lengths, who = some(80, 0.1, 0.9)
    took = mean(efforts, lengths, who) * np.exp(chance.normal(-noise**2 / 2, noise, 80))
    model = MinutesModel([Entry(float(one), int(long), f"editor {name}", "today", float(time)) for one, long, name, time in
                          zip(efforts, lengths, who, took, strict=True)])
    new, long, _ = some(24, 0.2, 0.5)
    many, longs, _ = some(4000, 0.2, 0.5)
    truth = float(np.mean([mean(many, longs, name).mean() for name in who]))
    yield "minutes of drafts that nobody edited, 24 of them", model.predict(new.tolist(), long.tolist()).interval, truth
    (one,), (words,), (name,) = some(1, 0.1, 0.9)
    yield "minutes of one edit (prediction interval)", model.predict_one(one, words, f"editor {name}"), float(
        mean(one, words, name) * np.exp(chance.normal(-noise**2 / 2, noise)))


def of_ratings(seed: int) -> Iterator[tuple[str, Interval, float]]:
    """Drafts that differ in how often raters take them for the client's."""
    chance = np.random.default_rng(seed)

    def arm(rate: float, raters: int) -> list[float]:
        return [float((chance.random(raters) < one).mean()) for one in chance.beta(4 * rate, 4 * (1 - rate), BRIEFS)]

    for raters in (1, 3):
        tuned, prompted = (arm(rate, raters) for rate in RATES.values())
        yield f"on-brand rate, {raters} raters", wilson(sum(tuned), effective(tuned, raters)), RATES["tuned"]
        yield f"rate of tuned less prompted, {raters} raters", paired_difference(tuned, prompted, seed=seed), 0.4
        yield f"ratio of tuned to prompted, {raters} raters", ratio(tuned, prompted, seed), 2.0
        drafts = chance.beta(0.5, 0.5, DRAFTS)   # two answers to one draft correlate by 1 / (1 + 0.5 + 0.5)
        said = [[float(chance.random() < one) for _ in range(raters + 1)] for one in drafts]
        yield f"Krippendorff's alpha, {raters + 1} raters", alpha(said, seed=seed), 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    repetitions = parser.parse_args().repetitions
    start, hits = time.perf_counter(), Counter()
    for seed in range(repetitions):
        for of in (of_logs, of_predictions, of_ratings):
            for name, found, truth in of(seed):
                low, high = (open_end if end is None else end for end, open_end in ((found.low, -np.inf), (found.high, np.inf)))
                hits[name] += low <= truth <= high
    rows = {name: count / repetitions for name, count in hits.items()}
    outside = [name for name, share in rows.items() if not 0.9 <= share <= 0.98]
    RESULTS.joinpath("people.json").write_text(json.dumps({"repetitions": repetitions, "covered": rows}, indent=1) + "\n", encoding="utf-8")
    table = "\n".join(f"| {name} | {share:.1%} |" for name, share in rows.items())
    RESULTS.joinpath("people.md").write_text(
        f"# Intervals of minutes and ratings\n\nShare of {repetitions} repetitions in which the 95 % interval holds the truth "
        f"(`benchmarks/people.py`, {time.perf_counter() - start:.0f} seconds of one core beside seven others). Outside 90 to 98 %: "
        f"{', '.join(outside) or 'none'}.\n\n| interval | covers |\n|---|---|\n{table}\n", encoding="utf-8")
    print(RESULTS.joinpath("people.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
