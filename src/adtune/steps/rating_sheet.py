"""Blind sheets: made of an evaluation's drafts, written for raters, and read back. Which arm wrote what stays in the workspace."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..records import Rating, Source
from ..settings import RateSettings
from .sheet import Look, bare, check_name, write_sheet

if TYPE_CHECKING:
    from ..rate.blind import Item
    from ..workspace import Workspace

COLUMNS = ("item", "part", "brief", "draft", "on_brand", "grade", "note", "rater")
LOOK = Look("rating", {"brief": 30, "draft": 100, "note": 30}, {"on_brand": "yes,no", "grade": "1,2,3,4,5"})
NO_DRAFTS = {"briefs", "published"}
YES = {"yes", "y", "true", "1", "x", "on brand", "on", "ja", "oui", "si", "sí"}
NO = {"no", "n", "false", "0", "off brand", "off", "nein", "non"}
SHOWN = 3
WRONG = "!"      # no column is called so


@dataclass(frozen=True)
class Sheet:
    """A sheet with its items; `scores` are the on-brand scorer's, by item, empty where there is none."""

    id: str
    adapter: str
    seed: int
    items: tuple[Item, ...]
    scores: Mapping[str, float]


def make_sheet(ws: Workspace, client: str, adapter: str | None, settings: RateSettings) -> Sheet:
    """A sheet of the newest report (of that adapter); the one there is where it was made in the same way.

    Raises InputError where nothing was evaluated, or the report holds no drafts.
    """
    from ..rate.blind import design

    report, record = _report(ws, client, adapter)
    made = {"report": report, **asdict(settings)}
    for one in ws.listing("sheet", client):
        if {name: ws.record(one["id"])["record"].get(name) for name in made} == made:
            return read_sheet(ws, one["id"])
    held = json.loads((ws.path(report) / "drafts.json").read_text(encoding="utf-8"))
    titles = held["briefs"]
    arms = {name: texts for name, texts in held.items() if name not in NO_DRAFTS and len(texts) == len(titles)
            and all(isinstance(text, str) for text in texts)}
    if not titles or len(arms) < 2:
        raise InputError(f"report {report}", f"drafts of {len(arms)} arms to {len(titles)} briefs", "drafts of two arms or more",
                         f"Run `adtune evaluate {client}` with drafts.")
    if settings.published:
        arms["published"] = held["published"]
    items = design(arms, titles, settings.briefs, settings.repeats, settings.seed)
    scores = _scores(ws, record["adapter"], [one.text for one in items])
    key = {"items": [asdict(one) for one in items], "scores": {one.code: score for one, score in zip(items, scores, strict=True)
                                                               if score is not None}}
    counts = {"adapter": record["adapter"], "items": len(items), "drafts": sum(one.repeats is None for one in items)}
    id = ws.publish("sheet", client, {"key.json": json.dumps(key, ensure_ascii=False).encode()}, {**made, **counts}, [report])
    return read_sheet(ws, id)


def _report(ws: Workspace, client: str, adapter: str | None) -> tuple[str, dict[str, Any]]:
    from .adapters import find_adapter

    wanted = find_adapter(ws, client, adapter)[0] if adapter else None
    for one in ws.listing("report", client):
        record = ws.record(one["id"])["record"]
        if "adapter" in record and wanted in (None, record["adapter"]) and (ws.path(one["id"], verify=False) / "drafts.json").is_file():
            return one["id"], record
    raise InputError(f"client {client}", "no evaluation whose drafts could be rated" + (f" of {adapter}" if adapter else ""),
                     "an evaluated adapter", f"Run `adtune evaluate {client}` first.")


def _scores(ws: Workspace, adapter: str, texts: list[str]) -> list[float | None]:
    from .curation import read_dataset
    from .drafting import _scores as scores_of

    return scores_of(read_dataset(ws, ws.record(adapter)["record"]["dataset"]), texts)


def read_sheet(ws: Workspace, id: str) -> Sheet:
    """The sheet of that id."""
    from ..rate.blind import Item

    record = ws.record(id)["record"]
    key = json.loads((ws.path(id) / "key.json").read_text(encoding="utf-8"))
    return Sheet(id, record["adapter"], record["seed"], tuple(Item(**one) for one in key["items"]), key["scores"])


def newest_rated(ws: Workspace, client: str, adapter: str | None = None) -> Sheet | None:
    """The newest sheet that somebody rated (of that adapter); None where there is none."""
    rated = {one.sheet for one in ws.ratings(client)}
    found = (read_sheet(ws, one["id"]) for one in ws.listing("sheet", client) if one["id"] in rated)
    return next((one for one in found if adapter in (None, one.adapter)), None)


def write_sheets(sheet: Sheet, client: str, out: Path | None, raters: Sequence[str]) -> list[Path]:
    """Writes a file for each rater, or one for whoever; without a name CSV and XLSX. Raises InputError where one is there already."""
    paths = []
    for rater in raters or ("",):
        ending = "-" + re.sub(r"[^\w-]+", "-", rater) if rater else ""
        base = out or Path(f"{client}-rating.csv")
        check_name(base)
        suffixes = (base.suffix,) if out else (".csv", ".xlsx")
        paths += [(base.with_name(f"{base.stem}{ending}{suffix}"), rater) for suffix in suffixes]
    for path, _ in paths:
        if path.exists():
            raise InputError(str(path), "a file that is there already, maybe filled in", "a new file", "Name another with --out FILE.")
    for path, rater in paths:
        write_sheet(path, COLUMNS, _rows(sheet, rater), LOOK)
    return [path for path, _ in paths]


def _rows(sheet: Sheet, rater: str) -> list[list[Any]]:
    from ..rate.blind import order, parts

    items = order(sheet.items, rater, sheet.seed)
    return [[one.code, part, one.title, one.text, None, None, None, rater or None] for one, part in zip(items, parts(items), strict=True)]


def take_sheets(ws: Workspace, client: str, paths: Sequence[Path], who: str | None) -> dict[str, Any]:
    """Takes filled sheets: `{read taken changed unchanged blank rejections[{where reason}]}`, which add up (changed is part of taken).

    A row counts by its `item`; the rater is its column `rater`, else `who`, else the file's name. Nothing is stored where no row can be
    taken. Raises InputError for that, and for a file that is no sheet.
    """
    from ..rate.rates import in_force

    known = {item.code: one["id"] for one in ws.listing("sheet", client) for item in read_sheet(ws, one["id"]).items}
    if not known:
        raise InputError(f"client {client}", "no sheet", "a sheet that was made for this client", f"Make one: adtune rate {client}")
    before = in_force(ws.ratings(client))
    counts: Counter[str] = Counter(dict.fromkeys(("read", "taken", "changed", "unchanged", "blank"), 0))
    rejections: list[dict[str, str]] = []
    taken: dict[tuple[str, str], Rating] = {}
    for path in paths:
        for where, source, values in _filled(path, len(paths) > 1):
            counts["read"] += 1
            try:
                made = _rating(values, known, who or path.stem, source)
            except ValueError as error:
                rejections.append({"where": where, "reason": str(error)})
                continue
            if made is None:
                counts["blank"] += 1
                continue
            key = made.item, made.rater
            held = taken.get(key) or before.get(key)
            same = held is not None and (held.on_brand, held.grade, held.note) == (made.on_brand, made.grade, made.note)
            counts["unchanged" if same else "taken"] += 1
            counts["changed"] += held is not None and not same
            if not same:
                taken[key] = made
    if not taken and not counts["unchanged"]:
        told = "; ".join(f"{one['where']}: {one['reason']}" for one in rejections[:SHOWN]) or "nothing was filled in"
        raise InputError(", ".join(map(str, paths)), f"no rating among {counts['read']} rows ({told})",
                         "yes or no in the column on_brand, or 1 to 5 under grade", "Fill in the sheet that `adtune rate` wrote.")
    ws.rate(client, list(taken.values()))
    return {**counts, "rejections": rejections}


def _filled(path: Path, several: bool) -> Iterator[tuple[str, Source, dict[str, str]]]:
    """(place, source, cells by squeezed name) of every row. Raises InputError for a file that is no sheet."""
    from ..archive.columns import Columns
    from ..archive.files import client_files
    from ..archive.opening import UNREADABLE, reason_of, rows_of
    from ..archive.rows import Fault

    check_name(path)
    file, *more = client_files(path)
    if more or path.is_dir():
        raise InputError(str(path), "a folder", "a filled sheet", "Name the file.")
    try:
        for row in rows_of(file, Columns({"text": "on_brand"}), lambda note: None):
            where = file.named_place(row.line, row.part) if several else file.place(row.line, row.part)
            source = Source(file.name, row.line)
            if isinstance(row, Fault):
                yield where, source, {WRONG: row.reason}
            else:
                yield where, source, {re.sub(r"[\W_]+", "", name.casefold()): bare(str(value).strip())
                                      for name, value in row.values.items() if value is not None}
    except UNREADABLE as error:
        raise InputError(str(path), reason_of(error), "a filled sheet", "Save it as CSV or XLSX again.") from error
    except InputError as error:
        raise InputError(str(path), "no column 'on_brand'", f"the columns {', '.join(COLUMNS)}",
                         "Fill in the sheet that `adtune rate` wrote, and keep its first row.") from error


def _rating(cells: Mapping[str, str], known: Mapping[str, str], who: str, source: Source) -> Rating | None:
    """A row as a rating; None where it says nothing. Raises ValueError with the reason of a rejection."""
    if WRONG in cells:
        raise ValueError(cells[WRONG])
    said, grade = cells.get("onbrand", ""), cells.get("grade", "")
    if not said and not grade:
        return None
    item = cells.get("item", "").casefold()
    if item not in known:
        raise ValueError(f"the item '{item[:20]}' stands on no sheet of this client" if item else "the item is missing")
    word = " ".join(re.sub(r"[\W_]+", " ", said.casefold()).split())
    if said and word not in YES | NO:
        raise ValueError(f"on_brand is '{said[:40]}'; expected yes or no")
    if grade and grade.removesuffix(".0") not in ("1", "2", "3", "4", "5"):
        raise ValueError(f"the grade is '{grade[:20]}'; expected 1 to 5")
    rater = " ".join(cells.get("rater", "").split()) or who
    return Rating(known[item], item, rater, word in YES if said else None, int(grade.removesuffix(".0")) if grade else None,
                  cells.get("note") or None, source)
