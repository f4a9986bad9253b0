"""The files of an edit log: tables of edits, documents in two versions matched by their names, and tables of the minutes they took."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..rate.logs import DOCUMENT, FIELDS, names_of, picked, squeezed
from ..records import Source

if TYPE_CHECKING:
    from ..archive.files import ClientFile
    from ..archive.rows import Fault, Row

Note = Callable[[str], None]
DRAFTS = {"draft", "drafts", "before", "original", "originals", "raw", "ai", "generated", "entwurf"}
FINALS = {"final", "finals", "after", "edited", "published", "approved", "clean", "endfassung"}
_VERSION = re.compile(r"v(?:ersion)?(\d{1,3})")
FORMS = "a table with the columns draft, final, minutes and editor, or a folder with the drafts and the final texts"
UNNAMED = ("its name does not say whether it is a draft or a final text: end it with 'draft' or 'final', or put both in folders of these "
           "names")
_COPY = re.compile(r"^copy of |\s*\(\d+\)$|\s*- google docs$", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """One edit, or one document, as a file holds it: its fields as they stand, and its place in words; `wrong` is why it is none."""

    where: str
    source: Source
    values: Mapping[str, Any] = field(default_factory=dict)
    wrong: str | None = None


def table(file: ClientFile, mapping: Mapping[str, str], note: Note, strict: bool) -> Iterator[Found]:
    """The edits of a table. Raises InputError where it has no column of final texts and is `strict`; else that is a rejection."""
    try:
        rows = _rows(file, "final", mapping, note)
        for row in rows:
            yield _found(file, row, mapping)
    except InputError as error:
        if strict:
            raise
        yield Found(file.name, Source(file.name), wrong=error.found)


def _found(file: ClientFile, row: Row | Fault, mapping: Mapping[str, str]) -> Found:
    from ..archive.rows import Fault

    where, source = file.place(row.line, row.part), Source(file.part_name(row.part), row.line)
    return Found(where, source, wrong=row.reason) if isinstance(row, Fault) else Found(where, source, picked(row.values, mapping))


def _rows(file: ClientFile, field: str, mapping: Mapping[str, str], note: Note) -> Iterator[Row | Fault]:
    """The rows of a table that has a column for `field`, under whatever name. Raises InputError where it has none or cannot be read."""
    from ..archive.columns import Columns
    from ..archive.opening import UNREADABLE, reason_of, rows_of

    wrong: InputError | None = None
    for name in [mapping[field]] if field in mapping else FIELDS[field].split():
        try:
            rows = rows_of(file, Columns({"text": name}), note)
            first = next(rows, None)
        except InputError as error:
            wrong = error
            continue
        except UNREADABLE as error:
            raise InputError(file.name, reason_of(error), FORMS, "Save the file again, or name another.") from error
        return _from(first, rows)
    what = f"no column '{mapping[field]}'" if field in mapping else f"no column '{field}'"
    raise InputError(file.name, what, FORMS, f"Say which column it is: --map {field}=COLUMN.") from wrong


def _from(first: Row | Fault | None, rest: Iterator[Row | Fault]) -> Iterator[Row | Fault]:
    if first is not None:
        yield first
        yield from rest


def times_of(file: ClientFile, mapping: Mapping[str, str], note: Note) -> list[Row | Fault] | None:
    """The rows of a table that names documents and their minutes; None where it is no such table."""
    from ..archive.rows import Row

    try:
        rows = list(_rows(file, "minutes", mapping, note))
    except InputError:
        return None
    first = next((row for row in rows if isinstance(row, Row)), None)
    there = {squeezed(name) for name in first.values} if first else set()
    return rows if there & set(DOCUMENT) and not there & set(names_of("final", mapping)) else None


def documents(files: Iterable[ClientFile], note: Note) -> Iterator[Found]:
    """Every document of the files with its text under `text`; whatever is none is a rejection."""
    from ..archive.columns import Columns
    from ..archive.opening import UNREADABLE, reason_of, rows_of
    from ..archive.rows import Fault

    for file in files:
        try:
            for row in rows_of(file, Columns({}), note):
                name = file.part_name(row.part)
                if isinstance(row, Fault) or not row.document:
                    yield Found(name, Source(name), wrong=row.reason if isinstance(row, Fault) else "rows, not one document")
                else:
                    text = str(row.values.get("text") or "")
                    title = str(row.values.get("title") or "").strip()
                    yield Found(name, Source(name), {"text": f"{title}\n\n{text}" if title and not text.startswith(title) else text})
        except UNREADABLE as error:
            yield Found(file.name, Source(file.name), wrong=reason_of(error))
        except InputError as error:
            yield Found(file.name, Source(file.name), wrong=f"found {error.found}; expected {error.expected}")


def role_of(name: str) -> tuple[str, int | None]:
    """(what both versions of a document have in common, 0 for a draft, 1 for a final text, 1 + N for version N; None where the name
    does not say).

    `Autumn sale - draft.docx`, `drafts/Autumn sale.docx` and `Autumn sale v1.docx` are drafts of `Autumn sale`.
    """
    *folders, last = name.split("/")
    stem = last.rpartition(".")[0] or last
    tokens = re.findall(r"[^\W_]+", _COPY.sub("", stem).casefold())
    role = version = None
    while len(tokens) > 1:
        ends = [_said(tokens[-1:]), _said(tokens[:1])]
        number = _VERSION.fullmatch(tokens[-1])
        if number and version is None:
            version, tokens = 1 + int(number[1]), tokens[:-1]
        elif role is None and ends != [None, None]:
            role, tokens = (ends[0], tokens[:-1]) if ends[0] is not None else (ends[1], tokens[1:])
        else:
            break
    kept = []
    for folder in folders:
        said = _said(re.findall(r"[^\W_]+", folder.casefold()))
        if role is None and said is not None:
            role = said
        else:
            kept.append(folder.casefold())
    return "/".join([*kept, " ".join(tokens)]), version if role is None else role


def _said(words: Sequence[str]) -> int | None:
    """0 where the words say draft, 1 where they say final."""
    return 0 if DRAFTS & set(words) else 1 if FINALS & set(words) else None


def pairs_of(found: Sequence[Found], times: Sequence[tuple[ClientFile, list[Row | Fault]]], mapping: Mapping[str, str]) -> Iterator[Found]:
    """Drafts with their final texts, and what the tables of times say of them; whatever stands alone is a rejection."""
    versions: dict[str, dict[int, Found]] = {}
    for one in found:
        key, role = role_of(one.where)
        if one.wrong or role is None:
            yield one if one.wrong else Found(one.where, one.source, wrong=UNNAMED)
        elif role in versions.setdefault(key, {}):
            yield Found(one.where, one.source, wrong=f"the same version of the same document as {versions[key][role].where}")
        else:
            versions[key][role] = one
    pairs: dict[str, tuple[Found, Found]] = {}
    for key, of in versions.items():
        numbered = sorted(role for role in of if role > 1)
        first, last = (0 if 0 in of else numbered[0] if numbered else None), (1 if 1 in of else numbered[-1] if numbered else None)
        used = {first, last} if first is not None and last is not None and first != last else set()
        if used:
            pairs[key] = (of[first], of[last])   # type: ignore[index]
        for role, one in of.items():
            if role not in used:
                what = "a version between the draft and the final text" if used else \
                    f"there is no {'final text' if role != 1 else 'draft'} of the same name"
                yield Found(one.where, one.source, wrong=what)
    said: dict[str, dict[str, Any]] = {}
    for file, rows in times:
        yield from _timed(file, rows, pairs, said, mapping)
    for key, (draft, final) in pairs.items():
        yield Found(final.where, final.source, {"brief": key.rpartition("/")[2], **said.get(key, {}), "draft": draft.values["text"],
                                                "final": final.values["text"]})


def _timed(file: ClientFile, rows: Sequence[Row | Fault], pairs: Mapping[str, Any], said: dict[str, dict[str, Any]],
           mapping: Mapping[str, str]) -> Iterator[Found]:
    """Puts what a table of times says under the pair that it names; gives the rows that name none."""
    short = {key.rpartition("/")[2]: key for key in pairs}
    for row in rows:
        one = _found(file, row, mapping)
        if one.wrong:
            yield one
            continue
        name = next((str(value) for column in DOCUMENT for head, value in row.values.items()   # type: ignore[union-attr]
                     if squeezed(head) == column and value), "")
        key, _ = role_of(name if "." in name else f"{name}.docx")
        key = key if key in pairs else short.get(key, "")
        if not key or key in said:
            reason = f"a second row about '{name[:60]}'" if key else f"no document in two versions is called '{name[:60]}'"
            yield Found(one.where, one.source, wrong=reason)
        else:
            said[key] = {field: value for field, value in one.values.items() if field not in ("draft", "final", "brief")}
