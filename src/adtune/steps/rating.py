"""`adtune rate`: what people say of drafts comes in (logged edits, blind ratings), and what it says is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import Progress, silent
from ..records import Rating
from ..settings import RateSettings, resolve
from .rating_sheet import Sheet, make_sheet, newest_rated, take_sheets, write_sheets
from .review import who_answers

if TYPE_CHECKING:
    from ..rate.blind import Item
    from ..workspace import Workspace


@dataclass(frozen=True)
class Asked:
    """The words of `rate`. `edits` is a log of edits, `filled` are filled sheets, `out` where sheets are written, `raters` for whom; with
    `results` nothing is written."""

    edits: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    filled: Sequence[Path] = ()
    out: Path | None = None
    raters: Sequence[str] = ()
    results: bool = False
    adapter: str | None = None
    who: str | None = None
    other_minutes: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def makes_sheets(self) -> bool:
        return not (self.edits or self.filled or self.results)


def rate(ws: Workspace, client: str, asked: Asked, progress: Progress = silent) -> dict[str, Any]:
    """Takes in what is given, else writes blind sheets, and tells what is known: `{client edits minutes sheet taken ratings notes}`.

    Raises InputError for files that cannot be read or are there already, SettingError for settings that make no sense.
    """
    from .edits import import_edits
    from .minutes import told

    ws.require_client(client)
    settings = checked(asked)
    edits = import_edits(ws, client, asked.edits, asked.mapping, progress) if asked.edits else None
    notes = edits.pop("notes") if edits else []
    taken = take_sheets(ws, client, asked.filled, asked.who) if asked.filled else None
    sheet = None
    if asked.makes_sheets:
        progress("the on-brand scorer", 0, 1)
        made = make_sheet(ws, client, asked.adapter, settings)
        files = write_sheets(made, client, asked.out, asked.raters)
        sheet = {**_about(made), "files": [str(path) for path in files]}
        progress("the on-brand scorer", 1, 1)
    return {"client": client, "edits": edits, "minutes": told(ws, client, asked.other_minutes), "sheet": sheet, "taken": taken,
            "ratings": rated(ws, client, asked.adapter), "notes": notes}


def checked(asked: Asked) -> RateSettings:
    """The settings. Raises InputError where words contradict each other or a number makes no sense."""
    settings, _ = resolve(RateSettings, ("option", asked.options))
    other = asked.other_minutes
    wrong = {"--other-minutes": other is not None and not 0 <= other < 10_000, "--set briefs": settings.briefs < 1,
             "--set repeats": not 0 <= settings.repeats <= 1}
    for where, is_wrong in wrong.items():
        if is_wrong:
            raise InputError(where, "a number that makes no sense", "minutes, a count of briefs, or a share from 0 to 1", "Leave it out.")
    if (asked.out or asked.raters) and not asked.makes_sheets:
        raise InputError("adtune rate", "--out or --raters beside what is taken in", "one of them at a time", "Make the sheets first.")
    return settings


def _about(sheet: Sheet) -> dict[str, Any]:
    """What may be said of a sheet to somebody who rates it: no arms."""
    return {"id": sheet.id, "adapter": sheet.adapter, "items": len(sheet.items),
            "briefs": len({one.brief for one in sheet.items}), "repeated": sum(one.repeats is not None for one in sheet.items)}


def rated(ws: Workspace, client: str, adapter: str | None = None) -> dict[str, Any] | None:
    """What the raters of the newest rated sheet said (of that adapter); None where nobody rated."""
    from ..rate.rates import results

    sheet = newest_rated(ws, client, adapter)
    if sheet is None:
        return None
    found = results(sheet.items, ws.ratings(client, sheet.id), sheet.scores)
    return {"sheet": sheet.id, "adapter": sheet.adapter, **found} if found["rated"] else None


class Sitting:
    """One rater before the terminal: the drafts of a sheet in the rater's own order, without those that are rated already. Answers are kept
    at once."""

    def __init__(self, ws: Workspace, client: str, asked: Asked, progress: Progress = silent):
        from ..rate.blind import order
        from ..rate.rates import in_force

        ws.require_client(client)
        progress("the on-brand scorer", 0, 1)
        self.ws, self.client, self.who = ws, client, who_answers(asked.who)
        self.sheet = make_sheet(ws, client, asked.adapter, checked(asked))
        held = in_force(ws.ratings(client, self.sheet.id))
        self.items: list[Item] = [one for one in order(self.sheet.items, self.who, self.sheet.seed) if (one.code, self.who) not in held]
        self.done = len(self.sheet.items) - len(self.items)
        self.answered: list[Item] = []

    def answer(self, item: Item, on_brand: bool) -> None:
        self.ws.rate(self.client, [Rating(self.sheet.id, item.code, self.who, on_brand)])
        self.answered.append(item)

    def undo(self) -> Item | None:
        """Takes the last answer of this sitting back; gives its item."""
        if not self.answered:
            return None
        item = self.answered.pop()
        self.ws.rate(self.client, [Rating(self.sheet.id, item.code, self.who, None)])
        return item
