"""Shop exports: orders become days of a product (what was sold, returned and earned), feeds and calendars become tables to join.

Of an order only the day, the product, the numbers and the currency are read: names, addresses and mails are never stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...units import currency_in
from ...workspace.campaigns import INPUT, JOINS, NUMBERS, OUTCOME, schema
from ..columns import squeezed
from .cells import Cells
from .header import Layout
from .tables import Raw
from .typed import Made

SHOP = "shop"
UNPAID = {"voided", "pending", "expired", "authorized"}
_ORDER = {"name": "name, order name, order id, order number", "status": "financial status", "day": "created at, paid at, order date",
          "sku": "lineitem sku, sku", "product": "lineitem name, product, product title", "units": "lineitem quantity, quantity",
          "price": "lineitem price, price", "off": "lineitem discount", "refunded": "refunded amount", "cancelled": "cancelled at",
          "cost": "lineitem cost, cost per item, unit cost", "currency": "currency", "margin": "margin, gross profit"}
_KEYS = {"sku": "id, sku, variant sku, item id, product id, offer id", "product": "title, product, product title, item title, handle"}
_DROPPED = {squeezed(word) for word in ("image link", "link", "description", "body (html)", "image src", "additional image link", "mobile "
                                                                                                                                  "link")}


@dataclass
class _Order:
    """What a line of an order takes from the first line of it."""

    status: str
    day: date | None
    left: float   # refunded money that is not yet set against a line


def orders(raw: Raw, found: Layout, file: str) -> Made:
    """Rows of the channel `shop`, one for each day, product and currency: conversions are orders, value is what was paid less refunds."""
    cells = Cells(raw, found)
    at = {part: next((n for word in names.split(", ") for n, name in enumerate(found.names) if name.key == squeezed(word)), None)
          for part, names in _ORDER.items()}
    columns = {part: _read(cells, part, place) for part, place in at.items()}
    days = cells.days(at["day"])[0].to_pylist() if at["day"] is not None else [None] * raw.rows
    made: dict[tuple[Any, ...], dict[str, Any]] = {}
    rejected: list[tuple[int, str]] = []
    open_orders: dict[str, _Order] = {}
    for n, line in enumerate(raw.lines.to_pylist()):
        row = {part: column[n] for part, column in columns.items()}
        reason = _take(row, days[n], line, open_orders, made)
        if reason:
            rejected.append((line, reason))
    notes = [f"{file}: orders by day and product; names, mails and addresses of customers are not stored"]
    return Made(_table(list(made.values()), file), rejected, notes)


def _read(cells: Cells, part: str, at: int | None) -> list[Any]:
    if at is None:
        return [None] * cells.raw.rows
    if part in ("units", "price", "off", "refunded", "cost", "margin"):
        return cells.numbers(at).values.to_pylist()
    return cells.words(at).to_pylist()


def _take(row: Mapping[str, Any], day: date | None, line: int, open_orders: dict[str, _Order],
          made: dict[tuple[Any, ...], dict[str, Any]]) -> str | None:
    """Adds a line of an order to its day and product; gives the reason where it does not count. An order's later lines leave its words
    out."""
    order = open_orders.get(row["name"] or "")
    first = order is None
    if order is None:
        order = _Order((row["status"] or "paid").lower(), day, row["refunded"] or 0.0)
        open_orders[row["name"] or str(line)] = order
    if order.day is None:
        return "no day of the order"
    if row["cancelled"] or order.status in UNPAID:
        return "the order was not paid" if order.status in UNPAID else "the order was cancelled"
    units, price = row["units"] if row["units"] is not None else 1.0, row["price"]
    if price is None or units <= 0:
        return "no price or no quantity"
    paid = units * price - (row["off"] or 0.0)
    back = min(order.left, paid)
    order.left -= back
    currency = currency_in(row["currency"] or "") or row["currency"]
    one = made.setdefault((order.day, row["sku"], row["product"], currency), {
        "date": order.day, "sku": row["sku"], "product": row["product"], "currency": currency, "line": line, "orders": 0.0, "units": 0.0,
        "value": 0.0, "returned": 0.0, "margin": 0.0, "margin_known": True})
    one["orders"] += float(first)
    one["units"] += units
    one["value"] += paid - back
    one["returned"] += back
    margin = row["margin"] if row["margin"] is not None else None if row["cost"] is None else paid - back - units * row["cost"]
    one["margin_known"] &= margin is not None
    one["margin"] += margin or 0.0
    return None


def _table(rows: list[dict[str, Any]], file: str) -> pa.Table:
    def key(row: Mapping[str, Any]) -> bytes:
        return hashlib.blake2b(repr((row["date"].isoformat(), row["sku"], row["product"])).encode(), digest_size=16).digest()

    fixed = [{"date": row["date"], "channel": SHOP, "currency": row["currency"], "conversions": row["orders"], "value": row["value"],
              "open": False, "grain": f"{INPUT}product+{INPUT}sku/day", "file": file, "line": row["line"], "key": key(row)} for row in rows]
    table = pa.Table.from_pylist(fixed, schema=schema())
    for name in ("sku", "product"):
        table = table.append_column(INPUT + name, pa.array([row[name] for row in rows], pa.string()))
    for name in ("units", "returned"):
        table = table.append_column(OUTCOME + name, pa.array([row[name] for row in rows], pa.float64()))
    margins = [row["margin"] if row["margin_known"] else None for row in rows]
    return table.append_column(OUTCOME + "margin", pa.array(margins, pa.float64()))


def lookup(raw: Raw, found: Layout, file: str) -> Made | None:
    """A table to join: the columns that campaign rows have too (JOINS) and inputs. None where it has no key or nothing else.

    A row without its key is rejected; of two rows of one key the later one holds when they are joined.
    """
    cells = Cells(raw, found)
    feed = bool(found.platform and found.platform.kind == "products")
    own = {field: _place(found, words) for field, words in _KEYS.items()} if feed else {name: at for name, at,
                                                                                        _ in found.inputs if name in JOINS}
    keys = {**{name: at for name, at in found.fields.items() if name in JOINS}, **{name: at for name, at in own.items() if at is not None}}
    if feed and "sku" in keys:
        keys = {"sku": keys["sku"]}
    rest = [(name, at) for name, at, _ in found.inputs if at not in keys.values() and name not in keys and squeezed(name) not in _DROPPED]
    if not keys or not rest:
        return None
    table = pa.table({name: cells.days(at)[0] if name == "date" else cells.words(at) for name, at in keys.items()})
    for name, at in rest:
        table = table.append_column(INPUT + name, cells.numbers(at).values if cells.is_numeric(at) else cells.words(at))
    whole = pc.is_valid(table[0])
    for column in table.columns[1:len(keys)]:   # an input may be blank
        whole = pc.and_(whole, pc.is_valid(column))
    lost = raw.lines.filter(pc.invert(whole)).to_pylist()
    notes = [f"{file}: {table.num_rows - len(lost):,} rows to join by {' and '.join(keys)}: {', '.join(name for name, _ in rest)}",
             *(f"{file}: {found.names[at].text} is read as {name} and not joined: give it the name of what it holds, if it is an input"
               for name, at in found.fields.items() if name in NUMBERS), *cells.notes]
    return Made(table.filter(whole), [(line, f"no {' or no '.join(keys)} to join by") for line in lost], notes)


def _place(found: Layout, words: str) -> int | None:
    names = [squeezed(word) for word in words.split(", ")]
    return next((at for name in names for at, column in enumerate(found.names) if column.key == name), None)
