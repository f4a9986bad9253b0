"""How many pieces of each kind are kept: the target mix, and places for content types, lengths and dates.

The mix is a rule: a kind gets its share of the places, at least its gold pieces and at most the pieces of it that passed; what it can't
fill goes to the other kinds in proportion. The rest are wishes, given up one after the other (date, length, content type) where
pieces would else be missing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import SettingError, did_you_mean
from .pieces import Piece

NO_KIND = "none"
FIELDS = ("category", "content_type")
_LENGTHS = (60, 120, 250, 500, 1000)   # words that part the bands of length
_YEAR = 4


@dataclass(frozen=True)
class Mix:
    """The field that the mix speaks of, and the weight of each kind in the archive; equal weights where nothing was asked."""

    field: str
    weights: dict[str, float]

    def kind(self, piece: Piece) -> str:
        return getattr(piece.asset, self.field) or NO_KIND


def read_mix(text: str | None, pieces: Sequence[Piece]) -> Mix:
    """The mix that `article=40,email=30` asks for, in the words of the archive; without a text every category weighs the same.

    Names are those of categories, or of content types, compared without case, spaces and hyphens. Where the numbers come to under 100 the
    rest belongs to the kinds that were not named, in equal parts. Raises SettingError for unknown names, for numbers that are none or
    below 0, and for a mix that sums to nothing.
    """
    kinds = {field: sorted({getattr(piece.asset, field) or NO_KIND for piece in pieces}) for field in FIELDS}
    if not text:
        return Mix("category", dict.fromkeys(kinds["category"], 1.0))
    said = _pairs(text)
    plain = {field: {_plain(kind): kind for kind in names} for field, names in kinds.items()}
    field = next((field for field in FIELDS if all(_plain(name) in plain[field] for name in said)), None)
    if field is None:
        known = [kind for names in kinds.values() for kind in names if kind != NO_KIND]
        lost = next((name for name in said if not any(_plain(name) in names for names in plain.values())), None)
        if lost is None:
            raise SettingError("--mix", text, "categories only, or content types only", "Keep to one of the two.")
        raise SettingError("--mix", f"'{lost}'", "a category or content type of the pieces that passed", did_you_mean(lost, known))
    weights = {plain[field][_plain(name)]: value for name, value in said.items()}
    others = [kind for kind in kinds[field] if kind not in weights]
    rest = max(0.0, 100.0 - sum(weights.values()))
    return Mix(field, {**weights, **{kind: rest / len(others) for kind in others}})


def _pairs(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (one.strip() for one in part.partition("="))
        try:
            number = float(value.removesuffix("%"))
        except ValueError:
            number = -1.0
        if not (name and equals) or not 0 <= number < math.inf or name in found:
            raise SettingError("--mix", f"'{part.strip()}'", "NAME=SHARE, each name once", "Write for example --mix article=40,email=30.")
        found[name] = number
    if not sum(found.values()):
        raise SettingError("--mix", text, "a share above 0", "A mix that sums to nothing keeps nothing.")
    return found


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def share_out(weights: Mapping[str, float], least: Mapping[str, int], most: Mapping[str, int], places: int) -> dict[str, int]:
    """`places` shared by weight within [least, most] of each name; what a name can't take goes to the others by weight.

    share(name) = clip(t * weight, least, most) with t such that the shares sum to `places`. Names of no weight are served when the
    others are full. The sum is `places`, or all that `most` allows, or what `least` asks for.
    """
    places = max(sum(least.values()), min(places, sum(most.values())))
    floor = min((weight for weight in weights.values() if weight > 0), default=1.0) * 1e-9
    heavy = {name: max(weight, floor) for name, weight in weights.items()}
    low, high = 0.0, (places + 1) / min(heavy.values(), default=1.0)
    for _ in range(200):
        middle = (low + high) / 2
        if sum(min(max(middle * heavy[name], least[name]), most[name]) for name in heavy) < places:
            low = middle
        else:
            high = middle
    exact = {name: min(max(high * heavy[name], least[name]), most[name]) for name in heavy}
    shares = {name: math.floor(value + 1e-6) for name, value in exact.items()}
    order = sorted(heavy, key=lambda name: (-round(exact[name] - shares[name], 6), name))
    for name in [*order, *order]:
        if sum(shares.values()) < places and shares[name] < most[name]:
            shares[name] += 1
    return shares


def length_band(piece: Piece) -> int:
    return sum(len(piece.plain) >= edge for edge in _LENGTHS)


class Quotas:
    """The places that are left, for pieces given by their place among the candidates.

    Strictness counts the wishes that hold: 3 all, 2 without dates, 1 without lengths too, 0 the mix alone.
    """

    def __init__(self, pieces: Sequence[Piece], mix: Mix, places: int):
        self.left = min(places, len(pieces))
        kinds = [mix.kind(piece) for piece in pieces]
        gold = Counter(kind for kind, piece in zip(kinds, pieces, strict=True) if piece.wanted)
        passed, names = Counter(kinds), sorted({*kinds, *mix.weights})
        weights = {name: mix.weights.get(name, 0.0) for name in names}
        self.room = share_out(weights, {name: min(gold[name], places) for name in names}, {name: passed[name] for name in names}, self.left)
        wishes = [[str(piece.asset.content_type) for piece in pieces], [str(length_band(piece)) for piece in pieces],
                  [(piece.asset.date or NO_KIND)[:_YEAR] for piece in pieces]]
        self._fields = [kinds, *wishes]
        self._rooms = [dict(self.room), *(self._shares(values) for values in wishes)]

    @property
    def strictest(self) -> int:
        return len(self._fields) - 1

    def admits(self, place: int, strictness: int, forced: bool = False) -> bool:
        """Whether a piece has a place; a forced one (gold) only where any is left at all."""
        held = range(strictness + 1)
        return forced or all(self._rooms[number][self._fields[number][place]] > 0 for number in held)

    def take(self, place: int) -> None:
        self.left -= 1
        for values, room in zip(self._fields, self._rooms, strict=True):
            room[values[place]] -= 1

    def _shares(self, values: Sequence[str]) -> dict[str, int]:
        """Places in proportion to the candidates, rounded up, so that the wishes leave some freedom."""
        return {value: math.ceil(self.left * count / len(values)) for value, count in Counter(values).items()}
