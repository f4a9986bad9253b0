"""Wide brand files: one row a day, and of each channel columns of its own (`TIKTOK_SPEND`, `tv_S`, `Channel0_impression`).

Each channel's columns become rows of their own. Purchases and revenue are the brand's, not a channel's: they stand in one row more, of the
channel `all channels`, whose spend is left to the channels so that no sum counts it twice, and tells it as inputs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .header import Layout, Name
from .words import FIELD_OF, OTHER_OUTCOME

ALL = "all channels"
_COLUMN = re.compile(r"(?P<channel>.+?)(?:_clicks)?[_ "
                     r"](?:(?P<what>(?i:spend|cost|clicks?|impressions?|impr|reach|frequency))|(?P<letter>[SIP]))")
_FIELD = {"spend": "spend", "cost": "spend", "click": "clicks", "clicks": "clicks", "impression": "impressions",
          "impressions": "impressions",
          "impr": "impressions", "S": "spend", "I": "impressions", "P": "clicks"}
_PER_CONVERSION = re.compile(r"(?:revenue|value)[ _]per[ _](?:conversion|kpi)", re.IGNORECASE)
_PRICE, _DISCOUNT = re.compile(r"all[ _]purchases[ _]original[ _]price", re.I), re.compile(r"all[ _]purchases[ _]gross[ _]discount", re.I)


def channels(names: Sequence[Name]) -> dict[str, dict[str, int]]:
    """The channels with a spend or impressions of their own, each with its columns; fewer than two is no wide file."""
    found: dict[str, dict[str, int]] = {}
    for at, name in enumerate(names):
        match = _COLUMN.fullmatch(name.text.strip())
        if match and name.key not in FIELD_OF:
            what = match["letter"] or match["what"].lower()
            found.setdefault(_channel(match["channel"]), {}).setdefault(_FIELD.get(what, what), at)
    paid = {channel: columns for channel, columns in found.items() if "spend" in columns}
    if len(paid) < 2:
        return {}
    return {channel: columns for channel, columns in found.items() if columns.keys() & {"spend", "impressions"}}


def _channel(word: str) -> str:
    """`GOOGLE_PAID_SEARCH` as `Google paid search`; a name that is not all capitals as it stands."""
    word = word.replace("_", " ").strip()
    return word.capitalize() if word.isupper() and len(word) > 3 else word


def layouts(found: Layout) -> list[tuple[str, Layout]]:
    """(channel, where its columns are) of each channel and of the brand, empty where the file is not wide."""
    wide = channels(found.names)
    if not wide or "channel" in found.fields or "campaign" in found.fields:
        return []
    own = {at for columns in wide.values() for at in columns.values()}
    shared = {name: at for name, at in found.fields.items() if at not in own and name not in ("spend", "impressions", "clicks")}
    inputs = [one for one in found.inputs if one[1] not in own]
    for at, name in enumerate(found.names):
        if at not in own and _COLUMN.fullmatch(name.text.strip()) and OTHER_OUTCOME.match(name.base.replace("_", " ").casefold()):
            found.refused[name.text] = "outcome"
    base = replace(found, inputs=inputs, audience=[], ids=[])
    keys = {name: at for name, at in shared.items() if name not in ("conversions", "value")}
    parts = [(channel, replace(base, fields={**keys, **{name: at for name, at in columns.items() if name in _FIELD.values()}},
                               inputs=inputs + [(name, at, False) for name, at in columns.items() if name not in _FIELD.values()]))
             for channel, columns in wide.items()]
    spent = [(f"{channel} {name}", at, False) for channel, columns in wide.items() for name, at in columns.items()]
    outcomes = {**shared, **_worked_out(found)}
    if outcomes.keys() & {"conversions", "value"}:
        parts.append((ALL, replace(base, fields=outcomes, inputs=inputs + spent)))
    return parts


def _worked_out(found: Layout) -> dict[str, int]:
    """Columns from which the brand's revenue is worked out: by conversion, or the price before discounts less the discounts."""
    each = next((at for at, name in enumerate(found.names) if _PER_CONVERSION.fullmatch(name.text)), None)
    price = next((at for at, name in enumerate(found.names) if _PRICE.fullmatch(name.text)), None)
    less = next((at for at, name in enumerate(found.names) if _DISCOUNT.fullmatch(name.text)), None)
    out = {} if each is None else {"value_each": each}
    return out if price is None else {**out, "value": price, **({} if less is None else {"value_less": less})}
