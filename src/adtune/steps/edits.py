"""`adtune rate --edits`: logged edits come in, each kept or rejected with its place and reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, did_you_mean
from ..progress import Progress, silent
from ..records import Edit, Source
from .edit_files import FORMS, Found, documents, pairs_of, table, times_of

if TYPE_CHECKING:
    from ..archive.files import ClientFile
    from ..workspace import Workspace

TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".xlsx", ".xlsm", ".ods", ".parquet"}
SHOWN = 3            # rejections in a message
DRAFT_ID = re.compile(r"draft-[0-9a-f]{12}")   # of a draft that `adtune draft` wrote and logged


def import_edits(ws: Workspace, client: str, path: Path, mapping: Mapping[str, str] | None = None,
                 progress: Progress = silent) -> dict[str, Any]:
    """Takes a log of edits: `{read kept added corrected untimed rejected rejections[{where reason}] notes}`; read = kept + rejected.

    `path` is a table, or a folder (or zip) of Word, Google Docs, HTML, Markdown and text files with both versions of each piece, which are
    matched by their names. A later edit of the same draft, text, editor and day holds over an earlier one. Raises InputError where nothing
    can be kept; then nothing is stored.
    """
    from ..rate.logs import FIELDS

    ws.require_client(client)
    mapping = dict(mapping or {})
    for name in mapping:
        if name not in FIELDS:
            raise InputError("--map", f"the field '{name}'", f"a field of an edit: {', '.join(FIELDS)}", did_you_mean(name, FIELDS))
    notes: list[str] = []
    progress("reading", 0, 1)
    found = list(_found(path, mapping, notes.append))
    made, rejections = _made(ws, client, found)
    _misplaced(ws.edits(client), made, rejections)
    rejected = [{"where": found[at].where, "reason": reason} for at, reason in sorted(rejections.items())]
    kept = [edit for at, edit in sorted(made.items()) if at not in rejections]
    if not kept:
        raise _nothing(path, len(found), rejected)
    pairs = {one.pair for one in ws.edits(client)}
    ids = {one.id for one in ws.edits(client)}
    added = ws.log_edits(client, kept)
    progress("reading", 1, 1)
    return {"read": len(found), "kept": len(kept), "added": added,
            "corrected": sum(one.pair in pairs and one.id not in ids for one in kept),
            "untimed": sum(one.minutes is None for one in kept), "rejected": len(rejected), "rejections": rejected, "notes": notes}


def _found(path: Path, mapping: Mapping[str, str], note: Any) -> Iterator[Found]:
    """All edits of the path. Raises InputError for a table that is none."""
    from ..archive.files import client_files

    files = client_files(path)
    tables = [file for file in files if file.suffix in TABLES and not file.refusal]
    if len(files) == 1 and tables:
        yield from table(files[0], mapping, note, strict=True)
        return
    times: list[tuple[ClientFile, list[Any]]] = []
    for file in tables:
        rows = times_of(file, mapping, note)
        if rows is None:
            yield from table(file, mapping, note, strict=False)
        else:
            times.append((file, rows))
    yield from pairs_of(list(documents([file for file in files if file not in tables], note)), times, mapping)


def _made(ws: Workspace, client: str, found: list[Found]) -> tuple[dict[int, Edit], dict[int, str]]:
    """(the edits by their number, why the others are none)."""
    made: dict[int, Edit] = {}
    rejections: dict[int, str] = {}
    first: dict[str, str] = {}
    for at, one in enumerate(found):
        try:
            if one.wrong:
                raise ValueError(one.wrong)
            edit = Edit.make(_content(_with_draft(ws, client, one.values)), one.source)
            if edit.id in first:
                raise ValueError(f"the same edit as {first[edit.id]}")
        except ValueError as error:
            rejections[at] = str(error)
            continue
        first[edit.id] = one.where
        made[at] = edit
    return made, rejections


def _with_draft(ws: Workspace, client: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values with the text, adapter and brief of a draft of ours, where `draft` holds its id. Raises ValueError for an unknown one."""
    said = values.get("draft")
    if not isinstance(said, str) or not DRAFT_ID.fullmatch(said.strip()):
        return values
    try:
        draft = ws.draft(said.strip())
    except InputError as error:
        raise ValueError(f"{error.found}: '{said.strip()}'") from None
    if draft["client"] != client:
        raise ValueError(f"no draft of this id: '{said.strip()}'")
    ours = {"arm": "tuned" if draft["adapter"] else "prompted", "adapter": draft["adapter"], "brief": draft["brief"].get("title")}
    return {**{name: value for name, value in ours.items() if value}, **values, "draft": draft["text"]}


def _content(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an Edit. Raises ValueError with the reason of a rejection."""
    from ..archive.dates import iso_day
    from ..archive.normal import line_of, storable, text_of
    from ..rate import logs

    texts = {}
    for name, what in (("draft", "the draft"), ("final", "the final text")):
        value = values.get(name)
        if value is None or not isinstance(value, str):
            raise ValueError(f"{what} is missing" if value is None else f"{what} is not words")
        texts[name] = text_of(value)
        if not texts[name] or not storable(texts[name]):
            raise ValueError(f"{what} {'is empty' if not texts[name] else 'holds characters that cannot be stored'}")
    day = values.get("date")
    said = {name: line_of(str(values[name])) or None for name in ("editor", "adapter", "brief") if name in values}
    if not all(storable(word) for word in said.values() if word):
        raise ValueError("the row holds characters that cannot be stored")
    return {**texts, "minutes": logs.minutes(values.get("minutes")), "rounds": logs.rounds(values.get("rounds")),
            "client_rounds": logs.rounds(values.get("client_rounds"), "client rounds"), "arm": logs.arm(values.get("arm")),
            "date": None if day is None else iso_day(day if isinstance(day, (int, float)) else line_of(str(day))),
            "withdrawn": logs.withdrawn(values.get("withdrawn")), "editor": None, "adapter": None, "brief": None, **said}


def _misplaced(stored: list[Edit], made: Mapping[int, Edit], rejections: dict[int, str]) -> None:
    """Rejects final texts that belong to another draft, of this log or of those that are stored."""
    from ..rate.matching import misplaced

    places = sorted(made)
    ids = {made[at].id for at in places}
    edits = [*(made[at] for at in places), *(one for one in stored if one.id not in ids and not one.withdrawn)]
    found = misplaced([one.draft for one in edits], [one.final for one in edits], [one.brief for one in edits])
    for number, (other, own, theirs) in found.items():
        if number >= len(places) or edits[number].withdrawn:
            continue
        told = (f"the final text belongs to another draft: {theirs:.2f} like that of {_named(edits[other].source)}, {own:.2f} like its own"
                if other is not None else
                f"the final text has far less in common with its draft than texts on other briefs have ({own:.2f}; at least {theirs:.2f})")
        rejections[places[number]] = told


def _named(source: Source) -> str:
    return source.file if source.line is None else f"{source.file}, line {source.line}"


def _nothing(path: Path, read: int, rejected: list[dict[str, str]]) -> InputError:
    told = "; ".join(f"{one['where']}: {one['reason']}" for one in rejected[:SHOWN])
    more = f"; and {len(rejected) - SHOWN} more" if len(rejected) > SHOWN else ""
    return InputError(str(path), f"no edit that can be kept among {read} read{f' ({told}{more})' if told else ''}", FORMS,
                      "Mend the file, or say which column is what: --map final=COLUMN.")
