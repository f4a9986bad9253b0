"""What people see of `show`, `ls` and `doctor`."""

from __future__ import annotations

import re
from typing import Any

from .desk import Answer
from .page import Page, plain

HASH = re.compile(r"[0-9a-f]{64}")
SHORT = 100   # characters of an earlier value
STYLES = {"warn": "yellow", "stop": "bold red"}
FOLLOW = {"client": "curate {id}", "dataset": "tune {client}", "adapter": "evaluate {client}", "report": 'draft {client} "BRIEF"',
          "run": "tune {client} --resume {id}"}


def anything(answer: Answer, page: Page) -> None:
    """Any object: single values first, then each list of records as a table."""
    front = [key for key in ("kind", "id", "client") if key in answer]
    single = {key: answer[key] for key in [*front, *answer] if not isinstance(answer[key], (dict, list)) or _is_words(answer[key])}
    page.pairs({key: _cell(value, whole=True) for key, value in single.items()})
    for key, value in answer.items():
        if isinstance(value, dict) and value:
            page.line()
            anything_in(key, value, page)
        elif _is_table(value):
            page.line()
            _table(key, value, page)


def anything_in(name: str, record: Answer, page: Page) -> None:
    """A record within a record: its single values under its name, then its tables."""
    page.pairs({key: _cell(value, whole=True) for key, value in record.items() if not _is_table(value)}, title=name)
    for key, value in record.items():
        if _is_table(value):
            _table(f"{name}: {key}", value, page)


def _table(title: str, rows: list[Answer], page: Page) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    page.table([name.replace("_", " ") for name in columns], [[_cell(row.get(name)) for name in columns] for row in rows], title=title)


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and not any(isinstance(one, (dict, list)) for one in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _cell(value: Any, whole: bool = False) -> Any:
    """A value of any record as a cell: a place as people write it, a long hash by its beginning unless there is room for the `whole`."""
    if value is None:
        return "-"
    if not whole and isinstance(value, str) and HASH.fullmatch(value):
        return value[:12]
    if isinstance(value, dict) and {"file", "line", "id"} <= value.keys():
        return f"{value['file']}, line {value['line']}" if value["line"] else value["file"]
    return value


def shown(answer: Answer, page: Page) -> None:
    if answer["kind"] == "asset":
        piece(answer, page)
    else:
        anything(answer, page)


def piece(answer: Answer, page: Page) -> None:
    """A piece: its fields, its text, what happened to it, and what holds it."""
    fields = ("id", "client", "state", "title", "category", "content_type", "summary", "facts", "author", "date", "approval", "rights",
              "rights_until", "language", "split", "source", "replaced_by", "withdrawn")
    page.pairs({name: _cell(answer[name], whole=True) for name in fields if answer[name] not in (None, [], ())})
    page.line()
    page.line(answer["text"])
    if answer["history"]:
        page.line()
    for one in answer["history"]:
        why = f", because: {one['reason']}" if one["reason"] else ""
        page.line(f"{one['when'][:19]} {one['what']} by {one['who']} ({_cell(one['source'])}){why}", style="bold")
        for name, before in one["before"].items():
            page.line(f"  {name}: {_short(before)} -> {_short(one['after'].get(name))}")
    for one in answer.get("decisions", ()):
        about = f" when asked about {one['about'].replace('_', ' ')}" if one["about"] else ""
        page.line(f"{one['when'][:19]} decided in curation: {one['says']} by {one['who']} ({_cell(one['source'])}){about}"
                  + (f", because: {one['note']}" if one["note"] else ""), style="bold")
    if answer["held_by"]:
        page.line()
        page.table(("Held by", "Id", "Split", "Version"), [(one["kind"], one["id"], one["split"], one["asset"][:12])
                                                          for one in answer["held_by"]])


def _short(value: Any) -> str:
    """A value on one line, its beginning only."""
    words = " ".join(str(_cell(value)).split())
    return words if len(words) <= SHORT else f"{words[:SHORT]}…"


def after_show(answer: Answer) -> str | None:
    """The step that usually follows looking at this kind of thing."""
    form = FOLLOW.get(answer["kind"])
    if form is None or (answer["kind"] == "run" and answer["state"] == "done"):
        return None
    return form.format(id=answer["id"], client=answer["client"])


def listed(answer: Answer, page: Page) -> None:
    page.pairs({"clients": ", ".join(answer["clients"]) or "none yet"})
    if answer["items"]:
        page.table(("Kind", "Id", "Client", "Made", ""), [(one["kind"], one["id"], one["client"] or "", one["created"], one["state"] or "")
                                                         for one in answer["items"]])


def diagnosed(answer: Answer, page: Page) -> None:
    for check in answer["checks"]:
        page.line(f"{check['status']:<5} {check['check']}: {plain(check['message'])}", style=STYLES.get(check["status"]))
        if check["do"]:
            page.line(f"      {check['do']}")
