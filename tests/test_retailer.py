"""The sample retailer holds its truth, and its files come in as its platforms' exports do."""

import json
import math
from collections import defaultdict

import pytest

from adtune.starter.retailer import CATEGORIES, DAYS, RETURNS_ABOVE, RETURNS_LIFT, binomial, cells, mailings, poisson, season, truth
from adtune.starter.retailer_files import FILES, write_retailer
from adtune.steps.campaigns import import_campaigns
from adtune.workspace import Workspace
from adtune.workspace.campaigns import campaign_rows


@pytest.fixture(scope="module")
def made():
    return cells()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retailer")
    return folder, write_retailer(folder)


def rate(found, top="conversions", bottom="clicks") -> float:
    found = list(found)
    return sum(getattr(cell, top) for cell in found) / sum(getattr(cell, bottom) for cell in found)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(files, tmp_path, made):
    folder, exports = files
    again = write_retailer(tmp_path)
    assert sorted(path.name for path in exports.iterdir()) == sorted(FILES)
    assert all((again / name).read_bytes() == (exports / name).read_bytes() for name in FILES)
    assert json.loads((folder / "truth.json").read_text(encoding="utf-8")) == json.loads(json.dumps(truth()))
    assert cells(9)[:50] != made[:50] and len({cell.day for cell in made}) == DAYS


def test_dresses_peak_in_may_and_not_in_july(made):
    months = defaultdict(list)
    for cell in made:
        if cell.category == "Dresses":
            months[cell.day.month].append(cell)
    found = {month: rate(some) for month, some in months.items()}
    assert max(found, key=found.get) == 5 and found[5] > 1.3 * found[7]
    dresses = CATEGORIES[0]
    assert season(max(cell.day for cell in made).replace(month=5, day=15), dresses.peak) > 0.99 and dresses.general_peak > 190


def test_instagram_converts_unlike_search(made):
    by = {name: rate(cell for cell in made if cell.channel == name) for name in ("Instagram", "Google Search", "TikTok")}
    assert by["Instagram"] > 1.3 * by["Google Search"] > by["TikTok"] and truth()["general_instagram_over_search"] < 0.5


def test_free_returns_help_only_above_a_basket_value(made):
    def lift(above: bool) -> float:
        """Log ratio of the rates with and without, within month and category so that the season does not tell."""
        groups = defaultdict(lambda: ([], []))
        for cell in made:
            if (cell.basket > RETURNS_ABOVE) == above and cell.category != "Accessories":
                groups[cell.day.year, cell.day.month, cell.category, cell.channel][cell.free_returns].append(cell)
        pairs = [(math.log(rate(with_) / rate(without)), min(sum(c.conversions for c in with_), sum(c.conversions for c in without)))
                 for without, with_ in groups.values() if sum(c.conversions for c in with_) > 5 and sum(c.conversions for c in without) > 5]
        return sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs)

    assert lift(True) == pytest.approx(math.log(RETURNS_LIFT), abs=0.12) and lift(False) == pytest.approx(0.0, abs=0.12)


def test_prices_rise_with_spend_and_yesterdays_spend_carries_over(made):
    found = [cell for cell in made if cell.channel == "Instagram" and cell.category == "Shoes"]
    x, y = [math.log(cell.spend) for cell in found], [math.log(1000 * cell.spend / cell.impressions) for cell in found]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    assert slope == pytest.approx(0.25, abs=0.03)
    stock, low, high = 0.0, [], []
    for cell in found:
        (high if stock > 2.6 else low).append(cell)
        stock = 0.6 * stock + cell.spend / (sum(c.spend for c in found) / len(found))
    assert rate(high) > rate(low)


def test_its_files_are_imported_whole(files, made, tmp_path):
    with Workspace.open(tmp_path / "ws") as ws:
        answer = import_campaigns(ws, files[1], "Fernhollow")
        rows = list(campaign_rows(ws.campaigns("Fernhollow")))
    assert answer["kept"] + answer["rejected"] == answer["read"] and "personal data" in repr(answer["refused"])
    ads = [row for row in rows if row.impressions is not None and row.channel != "E-mail"]
    assert len(ads) == len(made) and {row.channel for row in rows} == {"Instagram", "Google Search", "Google Shopping", "TikTok", "E-mail",
                                                                       "shop"}
    assert sum(row.spend for row in ads) == pytest.approx(sum(cell.spend for cell in made), abs=0.01)
    assert sum(row.clicks for row in ads) == sum(cell.clicks for cell in made)
    assert sum(row.channel == "E-mail" for row in rows) == len(mailings())
    assert {row.inputs["Free returns"] for row in ads} == {"yes", "no"} and all("Basket value" in row.inputs for row in ads)
    masked = [row for row in ads if row.censored.get("conversions") == (0.0, 4.0)]
    assert masked and all(row.channel == "TikTok" for row in masked) and any(row.open for row in ads) and "customer" not in repr(rows)


def test_counts_have_the_mean_and_variance_of_their_kind():
    import random

    chance = random.Random(1)
    for draw, mean, variance in ((lambda: poisson(chance, 3.0), 3.0, 3.0), (lambda: poisson(chance, 80.0), 80.0, 80.0),
                                 (lambda: binomial(chance, 200, 0.05), 10.0, 9.5), (lambda: binomial(chance, 4000, 0.05), 200.0, 190.0)):
        found = [draw() for _ in range(4000)]
        middle = sum(found) / len(found)
        assert middle == pytest.approx(mean, rel=0.03)
        assert sum((one - middle) ** 2 for one in found) / len(found) == pytest.approx(variance, rel=0.1)
    assert binomial(chance, 0, 0.5) == 0 and binomial(chance, 5, 1.0) == 5 and binomial(chance, 5, 0.0) == 0
