"""What each column of a table is: a field, a part of the audience, an input, or something that no model may read, with the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import InputError, did_you_mean
from ...units import currency_in
from ...workspace.campaigns import JOINS
from ..columns import listed, squeezed
from .platforms import Platform, platform_of
from .words import (
    CURRENT,
    DERIVED,
    DIMENSIONS,
    EXPOSURES,
    FIELD_OF,
    FIELDS,
    ID,
    IGNORED,
    INPUT_OF,
    NUMBERS,
    OTHER_OUTCOME,
    OUTCOMES,
    PERSONAL,
    STATUS,
)

AUDIENCE = ("age", "gender", "segment")
IDS = ("campaign_id", "ad_group_id", "ad_id")
_USED_UP = ("date", "start", "end", "currency", *IDS)   # what another column says already
REASONS = {
    "derived": "worked out from the outcome: a model that reads it has seen the answer",
    "outcome": "another outcome of the same impressions, or another reading of one: known only afterwards",
    "current": "today's setting, the same on every day of a campaign: not what held on the day",
    "personal": "personal data, which is never stored",
}
_UNIT = re.compile(r"\s*\(([^()]*)\)\s*$")
_MICROS = re.compile(r"micros\b")
_INSTEAD = "Name the columns: --map impressions=COLUMN --map clicks=COLUMN (fields: " + ", ".join(FIELDS) + ")."


@dataclass(frozen=True)
class Name:
    """A column's name as it stands, without its unit, and as names are compared; `unit` is what stood in brackets."""

    text: str
    base: str
    unit: str
    key: str
    base_key: str


@dataclass
class Layout:
    """Where everything stands, by the number of its column. `inputs` are (name, column, whether it tells cells apart)."""

    names: list[Name]
    platform: Platform | None
    fields: dict[str, int] = field(default_factory=dict)
    audience: list[tuple[str, int]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    inputs: list[tuple[str, int, bool]] = field(default_factory=list)
    settings: list[tuple[str, int]] = field(default_factory=list)   # refused unless they change from day to day
    refused: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)            # ids, numbers of rows, and what another column says already

    @property
    def has_rows(self) -> bool:
        """Whether there is an exposure and an outcome."""
        return any(name in self.fields for name in EXPOSURES) and len({*OUTCOMES, *EXPOSURES} & self.fields.keys()) > 1 \
            and any(name in self.fields for name in OUTCOMES)

    @property
    def day(self) -> int | None:
        """The column of the day, or of the first day."""
        return self.fields.get("date", self.fields.get("start"))

    def unit(self, name: str) -> str | None:
        """The currency in a field's header."""
        at = self.fields.get(name)
        return None if at is None else currency_in(self.names[at].unit) or currency_in(self.names[at].text)

    def scale(self, name: str) -> float:
        """What a field's cells are multiplied by: an API gives money in millionths."""
        at = self.fields.get(name)
        return 1e-6 if at is not None and _MICROS.search(_spaced(self.names[at].text)) else 1.0


def name_of(text: str) -> Name:
    """A column's name; full-width brackets and letters count as the usual ones."""
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    found = _UNIT.search(plain)
    base, unit = (plain[:found.start()], found[1]) if found else (plain, "")
    code = re.search(r"[\s_-]([A-Z]{3})$", base)
    if code and currency_in(code[1]):
        base, unit = base[:code.start()], code[1]
    return Name(text, base, unit, squeezed(plain), squeezed(base))


def score(cells: Sequence[str], mapping: Mapping[str, str]) -> int:
    """How much a row looks like the header of a table of campaigns."""
    mapped = {squeezed(column) for column in mapping.values()}
    names = [name_of(cell) for cell in cells if cell.strip()]
    return sum(5 if name.key in mapped else _points(name) for name in names)


def _points(name: Name) -> int:
    known = FIELD_OF.get(name.key) or FIELD_OF.get(name.base_key)
    if known:
        return 4 if known[0] in NUMBERS else 2
    if name.key in INPUT_OF or name.base_key in INPUT_OF or DERIVED.search(_spaced(name.text)):
        return 1
    return 0


def layout_of(header: Sequence[str], mapping: Mapping[str, str], preamble: Sequence[str], file: str,
              dayless: Collection[int] = ()) -> Layout:
    """Where everything stands. `dayless` are columns in which no cell is a day: they are no date, whatever they are called.

    Raises InputError where a mapped column is not there.
    """
    names = [name_of(text) for text in header]
    found = Layout(names, platform_of({key for name in names for key in (name.key, name.base_key)}, preamble, file))
    taken = _mapped(names, mapping, file)
    best: dict[str, tuple[int, int]] = {}
    for at, name in enumerate(names):
        if at in taken.values():
            continue
        for place, which in _meanings(name, found.platform):
            if which == "date" and at in dayless:
                continue
            if which not in taken and (which not in best or (place, at) < best[which]):
                best[which] = (place, at)
    chosen = {**{which: at for which, (_, at) in best.items()}, **taken}
    _sort_out(found, chosen, dayless)
    return found


def _mapped(names: Sequence[Name], mapping: Mapping[str, str], file: str) -> dict[str, int]:
    taken: dict[str, int] = {}
    for which, column in mapping.items():
        wanted = name_of(column)
        at = next((at for at, name in enumerate(names) if name.text == column), None)
        at = next((at for at, name in enumerate(names) if name.key == wanted.key), None) if at is None else at
        if at is None:
            there = f"one of the columns {listed(name.text for name in names)}"
            raise InputError(f"--map {which}={column}", f"no column '{column}' in {file}", there,
                             did_you_mean(column, [name.text for name in names]))
        taken[which] = at
    return taken


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raises InputError for a field that campaigns do not have."""
    for which in mapping:
        if which not in FIELDS:
            raise InputError("--map", f"the field '{which}'", "a field of a campaign row", did_you_mean(which, FIELDS))


def _meanings(name: Name, platform: Platform | None) -> list[tuple[int, str]]:
    """(how good the name is, field), the platform's own names first, then the whole name, then the name without its unit."""
    out = []
    for which, words in (platform.names if platform else {}).items():
        own = [squeezed(word) for word in words.split(", ")]
        out += [(own.index(key) - 100, which) for key in (name.key, name.base_key) if key in own]
    overruled = {which for _, which in out}
    for key, worse in ((name.key, 0), (name.base_key, 1)):
        if key in FIELD_OF and FIELD_OF[key][0] not in overruled and not out:
            which, place = FIELD_OF[key]
            out.append((2 * place + worse, which))
            break
    return out


def _sort_out(found: Layout, chosen: dict[str, int], dayless: Collection[int]) -> None:
    """Puts each column where it belongs."""
    used: dict[int, str] = {at: which for which, at in chosen.items()}
    seen: set[str] = set()
    undated = not found.platform and not {"date", "start"} & chosen.keys()
    for at, name in enumerate(found.names):
        which = used.get(at)
        if which in FIELDS or which in ("start", "end", "time_zone", "attribution", "result_type"):
            found.fields[which] = at
        elif which in AUDIENCE:
            found.audience.append((which, at))
        elif which in IDS:
            found.ids.append(at)
        elif at in dayless:
            found.inputs.append((name.text, at, False))
        elif kind := _kind(name, undated):
            _put(found, at, name, kind)
        else:
            _input(found, at, name, seen)
    found.ids.sort(key=lambda at: IDS.index(used[at]))


def _put(found: Layout, at: int, name: Name, kind: str) -> None:
    """A column that is no input, or only perhaps one."""
    if kind == "current":
        found.settings.append((name.text, at))
    elif kind != "left":
        found.refused[name.text] = kind
    elif name.text.strip():
        found.left.append(name.text)


def _kind(name: Name, undated: bool) -> str | None:
    """Why a column that is no field is no input: a key of REASONS, or `left` where it says nothing; None for an input. `undated` tables are
    of no platform and have no days: a status there is that of a person or thing."""
    words, plain = _spaced(name.text), _spaced(name.base)
    known = FIELD_OF.get(name.key) or FIELD_OF.get(name.base_key)
    is_input = name.key in INPUT_OF or name.base_key in INPUT_OF
    if PERSONAL.search(plain):
        return "personal"
    if IGNORED.fullmatch(words) or (known and known[0] in _USED_UP) or (ID.fullmatch(plain) and not is_input):
        return "left"
    if CURRENT.search(plain) or (plain == STATUS and not undated):
        return "current"
    if DERIVED.search(words) or DERIVED.search(name.text.casefold()):
        return "derived"
    if (known and known[0] in NUMBERS) or OTHER_OUTCOME.match(words) or OTHER_OUTCOME.match(plain):
        return "outcome"
    return None


def _input(found: Layout, at: int, name: Name, seen: set[str]) -> None:
    """An input under the name by which its meaning is known, else under its own."""
    known = INPUT_OF.get(name.key) or INPUT_OF.get(name.base_key)
    label = known[0] if known and known[0] not in seen else name.text
    seen.add(label)
    found.inputs.append((label, at, bool(known) and label in DIMENSIONS))


def _spaced(text: str) -> str:
    """Words in lower case with single spaces; `CPC_DESTINATION` and `AvgCpc` are words too."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return " ".join(re.sub(r"[_]+|(?<=\w)-(?=\w)|[.:]+", lambda found: " " if found[0][0] in "_.:" else found[0], text).casefold().split())


def require_rows(found: Layout, file: str) -> None:
    """Raises InputError where a table has no exposure, or no outcome of it."""
    there = [name.text for name in found.names]
    keys = [name for name in (*found.fields, *(name for name, _, _ in found.inputs)) if name in JOINS]
    if not any(name in found.fields for name in EXPOSURES):
        if keys and (numbers := [found.names[at].text for name, at in found.fields.items() if name in OUTCOMES]):
            raise InputError(file, f"the columns {listed(there)}", "an exposure (impressions, clicks or spend) and an outcome of it, "
                             f"or what is joined to the rows by {' and '.join(keys)}",
                             f"'{numbers[0]}' is read as an outcome: give it the name of what it holds (temperature, offer) to join it by "
                             f"{' and '.join(keys)}, or name the exposure: --map impressions=COLUMN.")
        raise InputError(file, f"the columns {listed(there)}", "an exposure (impressions, clicks or spend) and an outcome of it", _INSTEAD)
    if not found.has_rows:
        raise InputError(file, f"the columns {listed(there)}", "an outcome (clicks of impressions, conversions or value)", _INSTEAD)
