"""The leak check of columns that are blank where nothing happened: that they are there tells the outcome."""

import numpy as np
import pytest

from adtune.archive.campaigns import read_campaigns


def table(tmp_path, named, count=300, mean=0.4, seed=1, ordered=False):
    """Reads days of a campaign with `named` columns, each a function of the conversions and of chance that gives the cells."""
    chance = np.random.default_rng(seed)
    clicks = chance.poisson(20, count) + 1
    conversions = np.minimum(chance.poisson(mean, count), clicks)
    if ordered:
        place = np.argsort(-conversions)
        clicks, conversions = clicks[place], conversions[place]
    columns = [make(conversions, chance) for make in named.values()]
    lines = [",".join(["date,campaign,spend,impressions,clicks,conversions,value", *named])]
    for n in range(count):
        day = np.datetime64("2024-01-01") + n
        cells = [day, "A", chance.integers(5, 30), 1000, clicks[n], conversions[n], 40 * conversions[n], *(column[n] for column in columns)]
        lines.append(",".join(map(str, cells)))
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_campaigns(path)


def only(word):
    """`word` where there was a conversion, blank elsewhere."""
    return lambda conversions, chance: [word if one else "" for one in conversions]


SEEN = {"glow": lambda conversions, chance: [one or "" for one in conversions],
        "worth": lambda conversions, chance: [40 * one or "" for one in conversions], "cust note": only("ok"), "flag": only("1"),
        "shipped by": lambda conversions, chance: [chance.choice(["dhl", "ups"]) if one else "" for one in conversions],
        "free words": lambda conversions, chance: [f"note {n}" if one else "" for n, one in enumerate(conversions)],
        "why not": lambda conversions, chance: ["" if one else "x" for one in conversions],
        "sometimes": lambda conversions, chance: ["ok" if one and chance.random() < .7 else "" for one in conversions]}


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("mean", [0.08, 0.4, 1.2])
def test_a_column_that_is_there_only_with_an_outcome_is_refused(tmp_path, name, mean):
    reading = table(tmp_path, {name: SEEN[name]}, mean=mean)
    assert set(reading.refused) == {name} and "leak" in reading.refused[name]


def test_few_outcomes_among_many_rows_are_enough(tmp_path):
    assert set(table(tmp_path, {"cust note": only("ok")}, count=600, mean=0.04).refused) == {"cust note"}


def blank(share, make):
    return lambda conversions, chance: ["" if chance.random() < share else make(n, chance) for n in range(len(conversions))]


def number(n, chance):
    return round(chance.normal(), 3)


HONEST = {"mostly": blank(.9, number), "half": blank(.5, number), "rarely": blank(.05, number), "promo": blank(.8, lambda n, chance: "yes"),
          "code": blank(.5, lambda n, chance: chance.choice(["a", "b", "c"])), "one": blank(.6, lambda n, chance: 1),
          "weekend": lambda conversions, chance: ["yes" if n % 7 > 4 else "" for n in range(len(conversions))],
          "later": lambda conversions, chance: [n if n > 150 else "" for n in range(len(conversions))],
          "words": blank(.5, lambda n, chance: f"text {n}")}


@pytest.mark.parametrize("mean", [0.1, 0.8, 5])
@pytest.mark.parametrize("ordered", [False, True])
def test_inputs_that_are_blank_by_chance_stay(tmp_path, mean, ordered):
    honest = {name: make for name, make in HONEST.items() if not (ordered and name in ("later",))}
    assert [table(tmp_path, honest, mean=mean, seed=seed, ordered=ordered).refused for seed in range(4)] == [{}] * 4


def test_a_column_that_stands_only_with_better_campaigns_stays(tmp_path):
    """Three times the rate where the column is there, which is no more than a good reason can do."""
    chance = np.random.default_rng(2)
    lines = ["date,campaign,impressions,clicks,conversions,video"]
    for n in range(400):
        good = n % 2
        day, bought = np.datetime64("2024-01-01") + n // 2, chance.poisson(1.5 if good else 0.5)
        lines.append(f"{day},{'AB'[good]},1000,20,{bought},{'long' if good else ''}")
    (tmp_path / "export.csv").write_text("\n".join(lines) + "\n")
    assert read_campaigns(tmp_path / "export.csv").refused == {}


@pytest.mark.parametrize("word", ["ok", ""])
def test_single_events_with_a_word_that_tells_each_outcome(tmp_path, word):
    chance = np.random.default_rng(2)
    hits = chance.random(500) < 0.1
    lines = ["date,campaign,audience,impressions,clicks,note,mood"]
    lines += [f"2024-05-{1 + n % 28:02},A,{'xyz'[n % 3]},1,{int(hit)},{'done' if hit else word},{chance.choice(['', 'a', 'b'])}"
              for n, hit in enumerate(hits)]
    (tmp_path / "export.csv").write_text("\n".join(lines) + "\n")
    assert set(read_campaigns(tmp_path / "export.csv").refused) == {"note"}
