"""The general pattern of the generated world: what holds, on average, at any advertiser.

Levels are logarithms against a family's usual rate; the figures are round ones in the range that the trade publishes (search clicks and
converts more than display, retargeting more than prospecting, coats sell in autumn), not measurements. Seasons are bumps around a day of
the year. Rows of the tables stand in the order of engine/response/names.py.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ..engine.response import names
from ..engine.response.calendar import EVENTS

# log ratio of (clicks per impression, conversions per click, count per unit of spend, value of an order)
CHANNEL = {"": (0.0, 0.0, 0.0, 0.0), "search": (1.2, 0.55, 0.35, 0.0), "brand search": (2.2, 1.2, 1.1, 0.05), "shopping": (-0.2, 0.1, 0.3,
                                                                                                                           0.1),
           "performance max": (0.0, 0.0, 0.2, 0.0), "facebook": (-0.1, -0.3, 0.0, -0.05), "instagram": (-0.4, -0.7, -0.15, -0.1),
           "tiktok": (-0.6, -1.2, -0.3, -0.25), "pinterest": (-0.9, -0.6, -0.2, 0.05), "snapchat": (-0.7, -1.1, -0.25, -0.2),
           "linkedin": (-0.8, -0.2, -1.1, 0.4), "display": (-1.2, -1.1, -0.6, -0.05), "video": (-1.5, -1.2, -0.8, 0.0),
           "e-mail": (0.8, 0.5, 1.5, 0.05), "affiliate": (0.3, 0.4, 0.5, -0.1), "marketplace": (-0.6, 1.0, 0.4, -0.1)}
PLACEMENT = {"feed": (0.1, 0.05), "stories": (-0.3, -0.15), "reels": (-0.35, -0.25), "right column": (-1.2, 0.0), "audience network": (0.4,
                                                                                                                                       -0.9),
             "search top": (0.6, 0.2), "search partners": (-0.4, -0.3), "explore": (-0.3, -0.2), "in-stream": (-0.8, -0.4)}
DEVICE = {"desktop": (-0.05, 0.3), "mobile": (0.1, -0.15), "tablet": (0.0, 0.0), "app": (0.25, 0.1)}
AUDIENCE = {"retargeting": (0.6, 0.8), "customers": (0.5, 0.9), "lookalike": (0.05, 0.05), "prospecting": (-0.2, -0.4), "interest": (-0.05,
                                                                                                                                     -0.15),
            "18-24": (0.05, -0.4), "25-34": (0.0, 0.0), "35-44": (0.0, 0.15), "45-54": (0.05, 0.1), "55-64": (0.15, 0.0), "65+": (0.25,
                                                                                                                                  -0.1),
            "women": (0.05, 0.05), "men": (-0.05, -0.05)}
# day of the year on which demand is highest, and how far it lies above the year's mean
SEASON = {"dresses": (196, 0.55), "swimwear": (172, 1.3), "coats": (310, 1.0), "boots": (290, 0.8), "sandals": (165, 1.0),
          "knitwear": (318, 0.8),
          "shirts": (150, 0.2), "trousers": (265, 0.15), "shoes": (110, 0.2), "bags": (335, 0.2), "jewellery": (348, 0.7), "toys": (345,
                                                                                                                                    1.2),
          "gifts": (347, 1.2), "garden": (115, 1.1), "barbecue": (160, 1.1), "sun care": (180, 1.3), "skin care": (20, 0.1), "fitness": (8,
                                                                                                                                         0.7),
          "travel": (20, 0.5), "electronics": (330, 0.6), "furniture": (12, 0.3), "heating": (295, 0.9), "bikes": (125,
                                                                                                                   0.8), "school": (232,
                                                                                                                                    1.1),
          "courses": (250, 0.5), "software": (25, 0.1), "insurance": (15, 0.25), "groceries": (355, 0.15), "flowers": (45, 0.5),
          "costumes": (297, 1.5), "pets": (340, 0.1)}
SHARPNESS = 2.0  # of a season's bump: about three months wide
EVENT = {"christmas": 0.25, "black_friday": 0.4, "valentine": 0.05, "easter": -0.03, "mothers_day": 0.08, "summer_sale": 0.1,
         "back_to_school": 0.03, "public_holiday": -0.12}
WEEKDAY = (0.04, 0.05, 0.04, 0.0, -0.07, -0.07, 0.01)
WORD = {"sale": 0.25, "off": 0.2, "discount": 0.2, "deal": 0.15, "free": 0.15, "brand": 0.6, "retargeting": 0.5, "remarketing": 0.5,
        "prospecting": -0.3, "broad": -0.35, "lookalike": 0.0, "exact": 0.35, "phrase": 0.1, "competitor": -0.35, "awareness": -0.6,
        "traffic": -0.3, "conversion": 0.3, "generic": -0.3, "outlet": 0.2, "clearance": 0.3, "guide": -0.2, "video": -0.15, "ugc": 0.1,
        "testimonial": 0.1, "last": 0.1, "cart": 0.6, "trial": 0.2, "demo": -0.05, "catalog": 0.15, "dpa": 0.3}
PRICE, SPEND, CARRY = -0.5, -0.12, 0.08  # elasticities: of price, of own spend (saturation), of earlier spend (carry-over)
# how strongly a family follows the conversion column of a table, the click column, seasons, price
STRENGTH = torch.tensor([[0.0, 1.0, 0.35, 0.4], [1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [1.0, 0.2, 1.0, 0.9], [0.1, 0.0, 0.15, 0.3]])


def _table(values: dict[str, tuple[float, ...]], field: str, columns: int) -> Tensor:
    return torch.tensor([values.get(name, (0.0,) * columns) for name in names.NAMES[field]])


@lru_cache(maxsize=1)
def tables() -> dict[str, Tensor]:
    """Tables by name: channel (families, channels), then placement, device, audience, product_season, words and events by family."""
    channel = _table(CHANNEL, "channel", 4)
    by_family = torch.stack([channel[:, 0], channel[:, 1], channel[:, 0] + channel[:, 1], channel[:, 2], channel[:, 3]])
    found = {"channel": by_family}
    for name, values in (("placement", PLACEMENT), ("device", DEVICE), ("audience", AUDIENCE)):
        table = _table(values, name, 2)
        found[name] = STRENGTH[:, 1:2] * table[:, 0] + STRENGTH[:, 0:1] * table[:, 1]
    found["season"] = _table(SEASON, "product", 2)
    words = torch.zeros(names.BUCKETS)
    for word in names.WORDS:
        words[names.word_number(word)] = WORD.get(word, 0.0)
    found["words"] = words
    found["word_numbers"] = torch.tensor([names.word_number(word) for word in names.WORDS])
    found["events"] = torch.tensor([EVENT[name] for name in EVENTS])
    found["weekday"] = torch.tensor(WEEKDAY)
    found["strength"] = STRENGTH
    return found


def season_curve(angle: Tensor, peak_day: Tensor, amplitude: Tensor) -> Tensor:
    """log ratio to the year's mean: a bump of von Mises form around `peak_day`; `angle` is 2 pi times the share of the year."""
    bump = torch.exp(SHARPNESS * (torch.cos(angle - 2 * math.pi * peak_day / 365.25) - 1))
    return amplitude * (bump - 0.3085)  # exp(-2) I0(2), the mean of the bump over a year
