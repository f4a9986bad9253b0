"""Whether and when the archive's house changed: its names, its style, over the dates of its pieces.

Style is the habits and the form of a piece, each told as its distance from the mean of its own category or content type, so that a
new kind of piece is no change of style. A change of names is one name that stands in many pieces and goes, and another that comes at the
same time and stays. Either needs p of ALPHA or less against chance, and a size that a reader would notice.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .pieces import Piece

LEAST = 40               # dated pieces of which a change can be told
MOST = 800               # dated pieces that are looked at, evenly spread over time
ALPHA = 0.01
NOTICED = 0.8            # standardised difference (Cohen's d) that one habit must reach; TOLD ones are told from HALF of it on
TOLD = 5
OWN_NAME = 0.25          # share of the pieces on its side that hold a name of the house's own
LEFT = 0.2               # of that share, that may hold it on the other side
NAMES = 150              # the commonest names that are looked at
_KIND = 8                # pieces of a kind from which it has a mean of its own
_WORDS = 300             # first words of a piece that its style is told by
_NAME = re.compile(r"(?<=[\w,;:’')] )(?:[A-Z][\w&’'-]*[A-Za-z]|[A-Z]{2,})(?: (?:[A-Z][\w&’'-]*[A-Za-z]|[A-Z]{2,})){0,2}")
_POSSESSIVE = re.compile(r"['’]s?(?= |$)")


@dataclass(frozen=True)
class Rebrand:
    """The change of a house. `date` is the day of the first piece after it, `last` that of the last one before.

    `changed` tells habits as (name, mean before, mean after), strongest first; `gone` and `new` are names with their shares of the
    pieces (name, before, after); `p_style` and `p_names` say how often chance does as much, None where that was not asked.
    """

    date: str
    last: str
    changed: tuple[tuple[str, float, float], ...]
    gone: tuple[tuple[str, float, float], ...]
    new: tuple[tuple[str, float, float], ...]
    p_style: float | None
    p_names: float | None
    pieces: int

    @property
    def told(self) -> str:
        """What changed, in words: names first, then habits with their means."""
        parts = [f"{name.replace('_', ' ')} {before:.3g}, then {after:.3g}" for name, before, after in self.changed]
        if self.gone and self.new:
            (old, *was), (young, *became) = self.gone[0], self.new[0]
            parts.insert(0, f"the name {old} goes ({was[0]:.0%} of the pieces, then {was[1]:.0%}), {young} comes ({became[0]:.0%}, then "
                            f"{became[1]:.0%})")
        return "; ".join(parts)


@dataclass(frozen=True)
class Change:
    """What was found: a Rebrand, or None with the reason where it could not be measured."""

    rebrand: Rebrand | None
    reason: str | None = None


def change_of(pieces: Sequence[Piece], family: Mapping[str, int]) -> Change:
    """The change of a house over its dated pieces, each family of similar pieces counted once, by its first date."""
    dated = _dated(pieces, family)
    if len(dated) < LEAST:
        return Change(None, f"{len(dated)} unlike pieces have a date; {LEAST} are needed")
    units = _units([_day(piece) for piece in dated])
    from ..voice.shift import LEAST_UNITS, name_split, steps_beat_drift, style_split

    if len(set(units.tolist())) < LEAST_UNITS:
        return Change(None, f"the dates lie in {len(set(units.tolist()))} weeks; {LEAST_UNITS} are needed")
    names, held = _names(dated)
    by_name, found = name_split(units, held), ((), ())
    if by_name and by_name.p <= ALPHA:
        found = _own_names(names, held, by_name.place)
    columns, values = _style(dated)
    rows = _standard(values, [piece.asset.category or piece.asset.content_type or "" for piece in dated])
    by_style = style_split(units, rows)
    if by_name and found[0]:
        place = by_name.place
    elif by_style and by_style.p <= ALPHA and steps_beat_drift(rows, by_style.place) and _largest(rows, by_style.place) >= NOTICED:
        place = by_style.place
    else:
        return Change(None)
    return Change(Rebrand(_day(dated[place]), _day(dated[place - 1]), _changed(columns, values, rows, place), *found,
                          by_style.p if by_style else None, by_name.p if by_name else None, len(dated)))


def _day(piece: Piece) -> str:
    return piece.asset.date or ""


def _dated(pieces: Sequence[Piece], family: Mapping[str, int]) -> list[Piece]:
    """The first piece of every family that has a month, in the order of time; those after a piece of equal words are left out."""
    first: dict[int, Piece] = {}
    for piece in sorted((one for one in pieces if len(_day(one)) >= 7), key=lambda one: (_day(one), one.content, one.asset.id)):
        first.setdefault(family[piece.content], piece)
    dated = list(first.values())
    return dated if len(dated) <= MOST else [dated[place * len(dated) // MOST] for place in range(MOST)]


def _units(days: Sequence[str]) -> Any:
    """The month of each day as a number; the week where there are under a dozen months [days]."""
    import numpy as np

    months = np.array([12 * int(day[:4]) + int(day[5:7]) for day in days])
    if len(set(months.tolist())) >= 12:
        return months
    return np.array([12 * int(day[:4]) * 31 + 31 * int(day[5:7]) + int(day[8:10] or 1) for day in days]) // 7


def _style(pieces: Sequence[Piece]) -> tuple[list[str], Any]:
    """Names of habits and form, and their values [pieces, columns]."""
    import numpy as np

    texts = [piece.body if len(piece.body) < 6 * _WORDS else piece.body[:6 * _WORDS].rsplit(maxsplit=1)[0] for piece in pieces]
    table = [_style_of(text) for text in texts]
    return list(table[0]), np.array([list(row.values()) for row in table])


@lru_cache(maxsize=2 * MOST)   # a person who overrules curates the same pieces again and again
def _style_of(text: str) -> dict[str, float]:
    from ..voice.habits import habits
    from ..voice.traits import form

    return {**habits(text), **form(text)}


def _standard(values: Any, kinds: Sequence[str]) -> Any:
    """Values as distances from the mean of their kind, in standard deviations, at most 3 [pieces, columns]."""
    import numpy as np

    common = {kind for kind, count in Counter(kinds).items() if count >= _KIND}
    groups: dict[str, list[int]] = defaultdict(list)
    for place, kind in enumerate(kinds):
        groups[kind if kind in common else ""].append(place)
    rows = values.copy()
    for places in groups.values():
        rows[places] -= rows[places].mean(axis=0)
    return np.clip(rows / np.maximum(rows.std(axis=0), 1e-6), -3.0, 3.0)


def _effects(rows: Any, place: int) -> Any:
    """Cohen's d of every column between the rows from `place` on and those before [columns]."""
    import numpy as np

    before, after = rows[:place], rows[place:]
    pooled = np.sqrt((before.var(axis=0) * len(before) + after.var(axis=0) * len(after)) / len(rows))
    return (after.mean(axis=0) - before.mean(axis=0)) / np.maximum(pooled, 1e-3)


def _largest(rows: Any, place: int) -> float:
    import numpy as np

    return float(np.round(np.abs(_effects(rows, place)).max(), 3))


def _changed(columns: Sequence[str], values: Any, rows: Any, place: int) -> tuple[tuple[str, float, float], ...]:
    effects = _effects(rows, place).round(3).tolist()
    order = sorted(range(len(columns)), key=lambda one: (-abs(effects[one]), columns[one]))
    return tuple((columns[one], round(float(values[:place, one].mean()), 4), round(float(values[place:, one].mean()), 4))
                 for one in order[:TOLD] if abs(effects[one]) >= NOTICED / 2)


def _names(pieces: Sequence[Piece]) -> tuple[list[str], Any]:
    """The commonest names, and which piece holds which [pieces, names]."""
    import numpy as np

    held = [_names_of(piece) for piece in pieces]
    counts = Counter(name for names in held for name in names)
    least = LEFT * OWN_NAME * len(pieces)
    common = sorted((name for name, count in counts.items() if count >= least), key=lambda name: (-counts[name], name))[:NAMES]
    return common, np.array([[name in names for name in common] for names in held]).reshape(len(pieces), len(common))


def _names_of(piece: Piece) -> set[str]:
    """Capitalised words, and runs of two and three, that begin no sentence and are no common words."""
    from ..voice.views import COMMON

    text = f"{piece.asset.title or ''}\n{piece.body}"
    found: set[str] = set()
    for match in _NAME.finditer(text):
        name = _POSSESSIVE.sub("", match.group())
        found.update(one for one in (name, *name.split()) if one.lower().replace("’", "'") not in COMMON)
    return found


def _own_names(names: Sequence[str], held: Any, place: int) -> tuple[tuple[tuple[str, float, float], ...], ...]:
    """The names that go at `place` and those that come, with their shares before and after; two empty ones unless there are both."""
    before, after = held[:place].mean(axis=0), held[place:].mean(axis=0)
    gone, new = [], []
    for one, name in enumerate(names):
        told = (name, round(float(before[one]), 4), round(float(after[one]), 4))
        if before[one] >= OWN_NAME and after[one] <= LEFT * before[one] and _stays(held[:place, one]):
            gone.append(told)
        elif after[one] >= OWN_NAME and before[one] <= LEFT * after[one] and _stays(held[place:, one]):
            new.append(told)
    if not gone or not new:
        return (), ()
    return (tuple(sorted(gone, key=lambda told: (told[2] - told[1], told[0]))[:TOLD]),
            tuple(sorted(new, key=lambda told: (told[1] - told[2], told[0]))[:TOLD]))


def _stays(held: Any) -> bool:
    """Whether each half of a side holds the name at least half as often as the whole side: an event that passes is no name of the house."""
    half = len(held) // 2
    return min(held[:half].mean(), held[half:].mean()) >= held.mean() / 2
