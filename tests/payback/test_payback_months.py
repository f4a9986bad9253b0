"""Months to payback by hand-made figures, their intervals, and the table of prices."""

import numpy as np
import pytest

from adtune.errors import InputError
from adtune.payback.months import Minutes, Terms, Work, by_provider, months_of, one_off, over_sizes, serving_cost, tuning_cost
from adtune.payback.prices import Provider, read_prices
from adtune.records import Interval
from adtune.starter import price_table

TERMS = Terms(volume=45, hourly_rate=90.0, other_minutes=61.4, curation_minutes=2.0, rounds=3, iteration_hours=4.0)
WORK = Work(pieces=380, tuning_seconds=3600, training_tokens=2e6, read_tokens=500, written_tokens=400)
HERE = Provider("here", "2026-01-01", tuning_per_hour=2.0, serving_per_hour=0.5)
HOSTED = Provider("hosted", "2026-01-01", tuning_per_million_tokens=3.0, tuning_least=4.0, serving_per_month=10.0,
                  read_per_million_tokens=1.0, written_per_million_tokens=2.0)


def known(before=45.0, after=18.0, spread=0.0, seed=0):
    chance = np.random.default_rng(seed)
    draws = [value + chance.normal(0, spread, 2000) for value in (before, after)]
    return Minutes(*(Interval(value, value - 2 * spread, value + 2 * spread) for value in (before, after)), *draws)


def test_45_to_18_minutes_with_61_4_others_is_34_percent():
    found = known().throughput(61.4)
    assert round(found.value, 3) == 0.34 and round(found.low, 3) == round(found.high, 3) == 0.34
    assert known().saved.value == 27 and known(after=45).throughput(61.4).value == 0


def test_months_are_what_a_sheet_of_paper_gives():
    row, hosted = by_provider([HERE, HOSTED], WORK, TERMS, known(), 1.0)
    # 45 pieces x 27 minutes x 90 an hour = 1,822.50; less 20 of serving. Once: 380 x 2 min and 12 h at 90, and 4 runs at 2.
    assert row["serving_per_month"] == 20 and row["net_per_month"] == pytest.approx(1802.5)
    assert row["one_off"] == pytest.approx(380 * 2 / 60 * 90 + 12 * 90 + 8)
    assert row["months"] == pytest.approx(row["one_off"] / 1802.5) and row["pays_back"] == 1
    assert hosted["tuning"] == 6 and hosted["serving_per_month"] == pytest.approx(10 + 135 * (500 + 800) / 1e6)
    assert by_provider([HERE], WORK, TERMS, known(), 2.0)[0]["serving_per_month"] == 40
    unknown = by_provider([HERE], WORK, Terms(45, None), known(), 1.0)[0]
    assert unknown["serving_per_month"] == 20 and unknown["months"] is None and unknown["one_off"] is None


def test_what_is_not_measured_or_never_pays_is_null_and_not_zero():
    assert tuning_cost(HERE, Work(380)) is None and tuning_cost(HOSTED, Work(380)) is None
    assert tuning_cost(Provider("free", "d"), WORK) == 0 and tuning_cost(HOSTED, Work(380, training_tokens=10.0)) == 4
    assert serving_cost(HOSTED, Work(380), TERMS) is None
    fast = Provider("fast", "d", tuning_per_hour=3.6, tuning_tokens_per_second=1000.0)
    assert tuning_cost(fast, WORK) == pytest.approx(2.0) and tuning_cost(fast, Work(380, tuning_seconds=9.0)) is None
    worse = by_provider([HERE], WORK, TERMS, known(before=18, after=45), 1.0)[0]
    assert worse["months"] is None and worse["months_interval"] == [None, None] and worse["pays_back"] == 0
    nothing = by_provider([HERE], WORK, Terms(0, 90.0), known(), 1.0)[0]
    assert nothing["months"] is None and nothing["net_per_month"] == -20


def test_the_interval_is_open_where_it_may_never_pay():
    sure, unsure = (by_provider([HERE], WORK, TERMS, known(spread=spread), 1.0)[0] for spread in (1.0, 20.0))
    assert sure["months_interval"][0] < sure["months"] < sure["months_interval"][1]
    assert unsure["months_interval"][1] is None and 0.5 < unsure["pays_back"] < 1
    assert months_of(100.0, 10.0, np.array([10.0, 20.0]))["months"] == 10


def test_revision_is_saved_beside_editing():
    more = Minutes(Interval(45.0), Interval(18.0), np.full(9, 45.0), np.full(9, 18.0), 10.0, np.full(9, 10.0))
    assert more.saved.value == 37 and more.throughput(61.4).value == known().throughput(61.4).value


def test_months_over_sizes_follow_the_learning_curve():
    curve = {"power": {"a": 4.0, "b": 0.5, "c": 2.0}, "distance": {"archive": 4.0}, "points": [{"pieces": n} for n in (50, 100, 200)]}
    rows = over_sizes(curve, WORK, TERMS, known(), (2.0, 20.0))
    assert [row["pieces"] for row in rows] == [50, 100, 200, 400, 800] and rows[2]["minutes_saved"] == pytest.approx(27)
    assert all(one["minutes_saved"] < other["minutes_saved"] for one, other in zip(rows, rows[1:], strict=False))
    assert rows[2]["one_off"] == pytest.approx(one_off(380, TERMS, 90.0, 2.0)) and rows[4]["one_off"] > 2 * rows[2]["one_off"]
    assert over_sizes({**curve, "distance": {"archive": 1.0}}, WORK, TERMS, known(), (2.0, 20.0)) == []
    assert over_sizes({"power": None}, WORK, TERMS, known(), (2.0, 20.0)) == []


def test_the_table_that_ships_is_read_and_says_what_it_is():
    prices = read_prices(price_table())
    assert [one.provider for one in prices.providers] == ["this machine", "rented GPU", "hosted fine-tuning"] and prices.currency == "USD"
    assert all(one.date and "Assumed" in one.note for one in prices.providers)
    assert all(tuning_cost(one, WORK) is not None and serving_cost(one, WORK, TERMS) is not None for one in prices.providers)


@pytest.mark.parametrize(("text", "told"), [
    ("provider,currency,date\nus,EUR,2026-01-01\nthem,USD,2026-01-01\n", "EUR, USD"), ("provider,currency\nus,EUR\n", "no column 'date'"),
    ("provider,currency,date,tuning_per_our\nus,EUR,2026,3\n", "tuning_per_hour"), ("provider,currency,date\n", "of no row"),
    ("provider,currency,date,tuning_per_hour\nus,EUR,2026,much\n", "line 2, column tuning_per_hour"),
    ("provider,currency,date\n,EUR,2026\n", "line 2"),
    ("provider,currency,date,tuning_per_hour\nus,EUR,2026,-1\n", "'-1'"), ("provider,currency,date\nus,XXX,2026\n", "XXX"), ("\0", "")])
def test_a_table_that_is_none_is_refused_with_its_place(tmp_path, text, told):
    path = tmp_path / "prices.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_prices(path)
    assert told in str(caught.value)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_prices(tmp_path / "none.csv")
