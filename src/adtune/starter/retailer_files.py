"""The sample retailer's files, as its platforms export them: their own headers, encodings, totals rows, masked cells and worked-out
columns."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from .retailer import CATEGORIES, FIRST, Cell, Mailing, cells, mailings, truth

SHOP_DAYS = 28   # of orders that the shop's export holds
FILES = ("meta_instagram.csv", "google_search.csv", "google_shopping.csv", "tiktok.csv", "klaviyo.csv", "calendar.csv", "feed.csv",
         "orders.csv")


def write_retailer(folder: Path, seed: int = 8) -> Path:
    """Writes `folder/exports/` and `folder/truth.json`; gives the folder of the exports."""
    exports = folder / "exports"
    exports.mkdir(parents=True, exist_ok=True)
    made, mails = cells(seed), mailings(seed)
    by = {name: [cell for cell in made if cell.channel == name] for name in ("Instagram", "Google Search", "Google Shopping", "TikTok")}
    content = {"meta_instagram.csv": _meta(by["Instagram"]), "google_search.csv": _search(by["Google Search"]),
               "google_shopping.csv": _shopping(by["Google Shopping"]), "tiktok.csv": _tiktok(by["TikTok"]), "klaviyo.csv": _klaviyo(mails),
               "calendar.csv": _calendar(made), "feed.csv": _feed(), "orders.csv": _orders(made, seed)}
    for name in FILES:
        (exports / name).write_bytes(content[name].encode("utf-16" if name == "google_search.csv" else "utf-8"))
    (folder / "truth.json").write_text(json.dumps(truth(), indent=1) + "\n", encoding="utf-8")
    return exports


def _table(rows: Iterable[Sequence[Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _rate(part: float, whole: float, digits: int = 2) -> str:
    return f"{part / whole:.{digits}f}" if whole else "0"


def _meta(found: list[Cell]) -> str:
    """By day and platform, with reach, worked-out rates, today's budget, and the totals row that has no names."""
    header = ("Reporting starts,Reporting ends,Campaign name,Campaign ID,Ad set name,Ad set ID,Ad name,Platform,Attribution setting,Reach,"
              "Frequency,Impressions,Amount spent (EUR),Link clicks,CTR (link click-through rate),CPC (cost per link click) "
              "(EUR),Purchases,"
              "Purchases conversion value,Purchase ROAS (return on ad spend),Ad set budget").split(",")
    rows: list[Sequence[Any]] = [header]
    for cell in found:
        at = [category.name for category in CATEGORIES].index(cell.category)
        reach, value = int(cell.impressions / 1.3), _value(cell)
        rows.append([cell.day, cell.day, f"Prospecting | {cell.category}", 238_000_100 + at, cell.category, 238_000_200 + at,
                     f"{cell.category} - spring to winter", "instagram", "7-day click", reach, "1.3", cell.impressions, f"{cell.spend:.2f}",
                     cell.clicks, _rate(100 * cell.clicks, cell.impressions, 4), _rate(cell.spend, cell.clicks, 4), cell.reported, value,
                     _rate(float(value), cell.spend), 90 + 10 * at])
    spent, last = sum(cell.spend for cell in found), max(cell.day for cell in found)
    rows.append([FIRST, last, "", "", "", "", "", "", "", "", "", sum(c.impressions for c in found), f"{spent:.2f}",
                 sum(c.clicks for c in found), "",
                 "", sum(c.reported for c in found), "", "", ""])
    return _table(rows)


def _value(cell: Cell) -> str:
    return f"{cell.value * cell.reported / cell.conversions if cell.conversions else 0:.2f}"


def _search(found: list[Cell]) -> str:
    """Tabs, a preamble, commas between thousands, shares that only give a bound, two rows of totals."""
    header = ("Campaign status,Campaign,Campaign type,Ad group,Day,Currency code,Cost,Impr.,Clicks,CTR,Avg. CPC,Conversions,Conv. value,"
              "Conv. value / cost,Search impr. share,Budget").split(",")
    last = max(cell.day for cell in found)
    rows: list[Sequence[Any]] = [["Ad group report"], [f"{FIRST:%B} {FIRST.day}, {FIRST.year} - {last:%B} {last.day}, {last.year}"], header]
    chance = random.Random(1)
    for cell in found:
        share = min(0.99, chance.betavariate(6, 3))
        rows.append(["Enabled", f"Search | {cell.category}", "Search", cell.category, cell.day, "EUR", f"{cell.spend:,.2f}",
                     f"{cell.impressions:,}",
                     f"{cell.clicks:,}", _rate(100 * cell.clicks, cell.impressions) + "%", _rate(cell.spend, cell.clicks),
                     f"{cell.reported:.2f}",
                     f"{float(_value(cell)):,.2f}", _rate(float(_value(cell)), cell.spend),
                     "> 90%" if share > 0.9 else f"{100 * share:.2f}%", "80.00"])
    for name in ("Total: Ad groups", "Total: Account"):
        rows.append([name, "--", "--", "--", "--", "EUR", f"{sum(c.spend for c in found):,.2f}", f"{sum(c.impressions for c in found):,}",
                     f"{sum(c.clicks for c in found):,}", "--", "--", f"{sum(c.reported for c in found):,.2f}", "--", "--", "--", "--"])
    return _table(rows, "\t")


def _shopping(found: list[Cell]) -> str:
    """Semicolons and decimal commas, by item."""
    header = "Day;Campaign;Campaign type;Ad group;Item ID;Currency code;Impr.;Clicks;Cost;Conversions;Conv. value;Cost / conv.".split(";")
    rows: list[Sequence[Any]] = [["Shopping report"], header]
    for cell in found:
        money = [f"{amount:.2f}".replace(".", ",") for amount in (cell.spend, float(_value(cell)))]
        rows.append([f"{cell.day:%d.%m.%Y}", f"Shopping | {cell.category}", "Shopping", cell.category, item_of(cell.category), "EUR",
                     cell.impressions,
                     cell.clicks, money[0], f"{cell.reported},00", money[1], _rate(cell.spend, cell.reported).replace(".", ",")])
    return _table(rows, ";")


def _tiktok(found: list[Cell]) -> str:
    """A full-width bracket in a header, conversions under five masked, a row of the total."""
    header = ("By Day,Campaign name,Ad group name,Ad name,Website URL (Ad level）,Currency,Cost,CPC (destination),Impressions,Clicks "
              "(destination),"
              "CTR (destination),Conversions,CPA,Video views").split(",")
    rows: list[Sequence[Any]] = [header]
    for cell in found:
        masked = "<5" if 0 < cell.reported < 5 and (cell.day.toordinal() + len(cell.category)) % 4 == 0 else cell.reported
        rows.append([cell.day, f"TikTok | {cell.category}", cell.category, f"{cell.category} try-on", "https://example.com/shop", "EUR",
                     f"{cell.spend:.2f}", _rate(cell.spend, cell.clicks), cell.impressions, cell.clicks,
                     _rate(100 * cell.clicks, cell.impressions),
                     masked, _rate(cell.spend, cell.reported), int(cell.impressions * 0.6)])
    rows.append([f"Total of {len(found)} results", "-", "-", "-", "-", "EUR", f"{sum(c.spend for c in found):.2f}", "-",
                 sum(c.impressions for c in found), sum(c.clicks for c in found), "-", sum(c.reported for c in found), "-", "-"])
    return _table(rows)


def _klaviyo(found: list[Mailing]) -> str:
    header = ("Campaign Name,Tags,Subject,List,Send Time,Send Weekday,Total Recipients,Unique Placed Order,Placed Order "
              "Rate,Revenue,Unique Opens,"
              "Open Rate,Unique Clicks,Click Rate,Unsubscribes,Successful Deliveries,Bounces,Campaign ID,Campaign Channel").split(",")
    rows: list[Sequence[Any]] = [header]
    for number, mail in enumerate(found):
        rows.append([f"Newsletter | {mail.category} | {mail.day}", "", mail.subject, "All subscribers", f"{mail.day} 08:00:00",
                     f"{mail.day:%A}",
                     mail.delivered + 40, mail.conversions, _rate(100 * mail.conversions, mail.delivered) + "%", f"{mail.value:.2f}",
                     mail.opened,
                     _rate(100 * mail.opened, mail.delivered) + "%", mail.clicks, _rate(100 * mail.clicks, mail.delivered) + "%",
                     mail.delivered // 900, mail.delivered, 40, f"KL{number:04}", "email"])
    return _table(rows)


def _calendar(found: list[Cell]) -> str:
    """What the shop asked for and offered: joined to the rows by day and ad group."""
    days = {(cell.day, cell.category): cell for cell in found}
    rows: list[Sequence[Any]] = [["Day", "Ad group name", "Price", "Basket value", "Free returns"]]
    rows += [[day, category, f"{cell.price:.2f}", f"{cell.basket:.2f}", "yes" if cell.free_returns else "no"]
             for (day, category), cell in sorted(days.items())]
    return _table(rows)


def item_of(category: str) -> str:
    """The item that stands for a category in the feed and in Shopping."""
    return f"FH-{category[:3].upper()}-01"


def _feed() -> str:
    rows: list[Sequence[Any]] = [["id", "title", "availability", "condition", "brand", "google_product_category", "image_link", "material"]]
    materials = ("linen", "lambswool", "wool", "leather", "silver")
    rows += [[item_of(category.name), f"{category.name} of the season", "in stock", "new", "Fernhollow", category.name,
              "https://example.com/i.jpg",
              material] for category, material in zip(CATEGORIES, materials, strict=True)]
    return _table(rows)


def _orders(found: list[Cell], seed: int) -> str:
    """The shop's own orders of the last weeks, with the names and mails that must never be stored, returns and unpaid ones."""
    chance = random.Random(seed + 2)
    header = ("Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem "
              "price,Lineitem sku,"
              "Billing Name,Refunded Amount,Cancelled at").split(",")
    last = max(cell.day for cell in found)
    rows: list[Sequence[Any]] = [header]
    for cell in (cell for cell in found if (last - cell.day).days < SHOP_DAYS):
        rows += [_order(1000 + len(rows) + n, cell, chance) for n in range(cell.conversions)]
    return _table(rows)


def _order(number: int, cell: Cell, chance: random.Random) -> list[Any]:
    price = f"{chance.gammavariate(6, cell.basket / 6):.2f}"
    moment = f"{_iso(cell.day)} {chance.randrange(7, 23):02}:{chance.randrange(60):02}:00 +0200"
    status = "voided" if chance.random() < 0.02 else "paid"
    back = price if status == "paid" and chance.random() < 0.22 else "0"
    return [f"#{number}", f"customer{number}@example.com", status, moment, "EUR", price, price, moment, 1,
            f"{cell.category} of the season", price,
            item_of(cell.category), f"Customer {number}", back, ""]


def _iso(day: date) -> str:
    return day.isoformat()
