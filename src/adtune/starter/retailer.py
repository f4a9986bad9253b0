"""The sample retailer: two years of an invented fashion shop's advertising, made from a seed, with its truth known.

Each cell is a day, a channel and a product category (the ad group). With `season` between -1 and 1 at the category's peak:

    cpm         = cpm(channel) * (spend / usual spend) ** PRICE_RISE            the price rises with spend
    impressions = Poisson(1000 * spend / cpm)
    clicks      = Binomial(impressions, ctr(channel) * exp(0.3 * A * season) * gamma noise)
    conversions = Binomial(clicks, cvr(channel) * category * weekday * exp(A * season) * (1 + stock) ** CARRY * returns * gamma noise)
    stock       = CARRY_DECAY * stock of the day before + spend / usual spend of the day before
    returns     = RETURNS_LIFT where returns are free that day and the basket is above RETURNS_ABOVE, else 1
    value       = sum of baskets, gamma distributed around the day's basket value

What general patterns don't hold: dresses peak in May (elsewhere in July), Instagram converts better than Search (elsewhere far worse), and
free returns help only above a basket value. The agency's budgets follow the general season, so that spend and demand go together, as they
do. The standard library only, and nothing but this code is stored.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

NAME = "Fernhollow"
FIRST, DAYS = date(2022, 7, 1), 730
PRICE_RISE, CARRY, CARRY_DECAY = 0.25, 0.25, 0.6
RETURNS_LIFT, RETURNS_ABOVE = 1.5, 80.0
LATE = (0.35, 0.5, 0.65, 0.78, 0.88, 0.95)    # share of the conversions that has come in, of the last day and those before it
WEEKDAYS = (0.95, 0.92, 0.95, 1.0, 1.02, 1.08, 1.12)


@dataclass(frozen=True)
class Channel:
    """Usual daily spend of a category in EUR, price of 1,000 impressions, rates, and where the general pattern sees its conversion rate."""

    name: str
    spend: float
    cpm: float
    ctr: float
    cvr: float
    general_cvr: float
    starts: int = 0   # day on which it begins


@dataclass(frozen=True)
class Category:
    """Day of the year of the peak, here and by the general pattern; height A; conversion rate against the others; price; months when it is
    sold."""

    name: str
    peak: int
    general_peak: int
    height: float
    rate: float
    price: float
    months: tuple[int, ...] = tuple(range(1, 13))


CHANNELS = (
    Channel("Instagram", 70.0, 7.0, 0.011, 0.034, 0.014),
    Channel("Google Search", 55.0, 48.0, 0.055, 0.022, 0.036),
    Channel("Google Shopping", 60.0, 11.0, 0.012, 0.028, 0.028),
    Channel("TikTok", 40.0, 4.5, 0.009, 0.008, 0.009, 300),
)
CATEGORIES = (
    Category("Dresses", 135, 196, 0.75, 1.0, 84.0),        # 15 May here, 15 July elsewhere
    Category("Knitwear", 320, 320, 0.6, 0.9, 72.0, (1, 2, 3, 8, 9, 10, 11, 12)),
    Category("Coats", 315, 315, 0.8, 0.6, 165.0, (1, 2, 8, 9, 10, 11, 12)),
    Category("Shoes", 262, 262, 0.35, 0.8, 88.0),
    Category("Accessories", 345, 345, 0.5, 1.3, 28.0),
)


@dataclass(frozen=True)
class Cell:
    """One day of a category on a channel. `reported` conversions and value are what an export of the last day shows."""

    day: date
    channel: str
    category: str
    spend: float
    impressions: int
    clicks: int
    conversions: int
    reported: int
    value: float
    price: float
    basket: float
    free_returns: bool


def season(day: date, peak: int) -> float:
    """1 at the peak, 0.63 a month away, -1 half a year away."""
    return 2 * ((1 + math.cos(2 * math.pi * (day.timetuple().tm_yday - peak) / 365.25)) / 2) ** 3 - 1


def cells(seed: int = 8) -> list[Cell]:
    """All cells in the order of their days; the same for the same seed."""
    chance = random.Random(seed)
    calendar = {category.name: list(_calendar(category, chance)) for category in CATEGORIES}
    made: list[Cell] = []
    for channel in CHANNELS:
        for category in CATEGORIES:
            made += _flight(channel, category, calendar[category.name], chance)
    return sorted(made, key=lambda cell: (cell.day, cell.channel, cell.category))


def _calendar(category: Category, chance: random.Random) -> Iterator[tuple[float, float, bool]]:
    """(price, basket value, whether returns are free) of each day: prices change every six weeks or so, returns in blocks of two weeks."""
    price, free = category.price, False
    for day in range(DAYS):
        if day % 42 == 0:
            price = round(category.price * math.exp(chance.gauss(0, 0.13)), 0)
        if day % 14 == 0:
            free = chance.random() < 0.45
        yield price, round(price * 1.15, 2), free


def _flight(channel: Channel, category: Category, calendar: list[tuple[float, float, bool]], chance: random.Random) -> Iterator[Cell]:
    stock, level, usual = 0.0, 1.0, channel.spend * (0.7 + 0.6 * category.rate / 1.3)
    for number in range(DAYS):
        day = FIRST + timedelta(number)
        if number % 10 == 0:
            level = math.exp(chance.gauss(0, 0.45))   # budgets are moved every ten days
        price, basket, free = calendar[number]
        if number < channel.starts or day.month not in category.months:
            stock *= CARRY_DECAY
            continue
        spend = round(usual * level * math.exp(0.35 * season(day, category.general_peak) + chance.gauss(0, 0.1)), 2)
        impressions = poisson(chance, 1000 * spend / (channel.cpm * (spend / usual) ** PRICE_RISE))
        here = category.height * season(day, category.peak)
        clicks = binomial(chance, impressions, channel.ctr * math.exp(0.3 * here) * chance.gammavariate(40, 1 / 40))
        lift = RETURNS_LIFT if free and basket > RETURNS_ABOVE else 1.0
        rate = channel.cvr * category.rate * WEEKDAYS[day.weekday()] * math.exp(here) * (1 + stock) ** CARRY * lift
        bought = binomial(chance, clicks, min(0.5, rate * chance.gammavariate(30, 1 / 30)))
        late = LATE[DAYS - 1 - number] if DAYS - 1 - number < len(LATE) else 1.0
        value = sum(chance.gammavariate(6, basket / 6) for _ in range(bought))
        yield Cell(day, channel.name, category.name, spend, impressions, clicks, bought, binomial(chance, bought, late), round(value, 2),
                   price, basket, free)
        stock = CARRY_DECAY * stock + spend / usual


@dataclass(frozen=True)
class Mailing:
    """One newsletter."""

    day: date
    category: str
    subject: str
    delivered: int
    opened: int
    clicks: int
    conversions: int
    value: float


def mailings(seed: int = 8) -> list[Mailing]:
    """Two newsletters a week, on the categories in turn."""
    chance = random.Random(seed + 1)
    out = []
    for number in range(0, DAYS, 7):
        for offset in (1, 4):
            day = FIRST + timedelta(number + offset)
            category = CATEGORIES[(number // 7 * 2 + offset // 4) % len(CATEGORIES)]
            if number + offset >= DAYS or day.month not in category.months:
                continue
            here = category.height * season(day, category.peak)
            delivered = poisson(chance, 9000 + 6 * number)
            opened = binomial(chance, delivered, 0.31 * chance.gammavariate(60, 1 / 60))
            clicks = binomial(chance, opened, 0.065 * math.exp(0.3 * here))
            bought = binomial(chance, clicks, min(0.5, 0.045 * category.rate * math.exp(here)))
            value = sum(chance.gammavariate(6, category.price * 1.15 / 6) for _ in range(bought))
            out.append(Mailing(day, category.name, f"{category.name} for {day:%B}", delivered, opened, clicks, bought, round(value, 2)))
    return out


def truth() -> dict[str, Any]:
    """What holds in the sample, for whoever checks what was learned of it."""
    return {"client": NAME, "first_day": FIRST.isoformat(), "days": DAYS, "channels": [asdict(one) for one in CHANNELS],
            "categories": [asdict(one) for one in CATEGORIES], "price_rise": PRICE_RISE, "carry": CARRY, "carry_decay": CARRY_DECAY,
            "free_returns": {"lift": RETURNS_LIFT, "above_basket": RETURNS_ABOVE}, "weekdays": list(WEEKDAYS), "late": list(LATE),
            "peak_month": {"Dresses": 5}, "general_peak_month": {"Dresses": 7},
            "instagram_over_search": CHANNELS[0].cvr / CHANNELS[1].cvr, "general_instagram_over_search":
            CHANNELS[0].general_cvr / CHANNELS[1].general_cvr}


def poisson(chance: random.Random, mean: float) -> int:
    """A Poisson count; from 50 on by its normal limit."""
    if mean >= 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count, product = count + 1, product * chance.random()
    return count


def binomial(chance: random.Random, trials: int, share: float) -> int:
    """A binomial count: by waiting times between successes where few are expected, else by its normal limit."""
    if trials <= 0 or share <= 0:
        return 0
    if share >= 1:
        return trials
    if trials * share >= 50:
        return min(trials, max(0, round(chance.gauss(trials * share, math.sqrt(trials * share * (1 - share))))))
    count, at, log = 0, 0, math.log1p(-share)
    while True:
        at += 1 + int(math.log(1.0 - chance.random()) / log)
        if at > trials:
            return count
        count += 1
