"""A row of a file becomes an Asset, or says why it cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ..records import Asset, Rejected, Source
from . import dates, language, normal, values
from .columns import Columns, listed
from .files import ClientFile
from .rows import Row

NEVER = {"never", "none", "unlimited", "perpetual", "forever", "n/a", "-"}   # rights that do not end

PLAIN: dict[str, Callable[[Any], Any]] = {
    "title": values.plain,
    "summary": values.plain,
    "facts": values.facts,
    "content_type": values.content_type,
    "author": values.first_of,
    "rights": values.plain,
}


class Assembler:
    """Makes the pieces of one read: counts equal ones, and notes what a kept piece had to do without."""

    def __init__(self, client: str, columns: Columns):
        self.client, self.columns = client, columns
        self.notes: list[str] = []
        self._equal: Counter[str] = Counter()

    def piece(self, file: ClientFile, row: Row) -> Asset | Rejected:
        where = file.place(row.line, row.part)
        fields = self.columns.pick(row)
        try:
            text = self._text(fields, row)
            content = {"text": text, **self._details(fields, file.named_place(row.line, row.part))}
        except ValueError as error:
            return Rejected(where, normal.printable(str(error)))
        own = fields.get("id", ("", None))[1]
        own_id = values.plain(own) if isinstance(own, (str, int, float)) and not isinstance(own, bool) else None
        stated = language.stated(fields.get("language", ("", None))[1])
        broken = [field for field, value in {**content, "id": own_id}.items() if not _storable(value)]
        if broken:
            return Rejected(where, f"the {broken[0]} holds broken characters (lone surrogates or NUL)")
        first = Asset.identity(content, 0)
        identity = Asset.identity(content, self._equal[first]) if self._equal[first] else first
        self._equal[first] += 1
        source = Source(file.part_name(row.part), row.line, own_id)
        return Asset(id=identity, client=self.client, language=stated or language.detect(text), source=source, **content)

    def _text(self, fields: dict[str, tuple[str, Any]], row: Row) -> str:
        if "text" not in fields:
            raise ValueError(f"no text; the columns are {listed(row.values) or 'none'}; --map text=COLUMN says which one holds it")
        column, value = fields["text"]
        if value is None:
            raise ValueError(f"the text ('{column}') is missing")
        if not isinstance(value, str):
            raise ValueError(f"the text ('{column}') is {values.kind_of(value)}, not a string")
        text = normal.text_of(value)
        if not text:
            raise ValueError(f"the text ('{column}') is empty")
        return text

    def _details(self, fields: dict[str, tuple[str, Any]], where: str) -> dict[str, Any]:
        """All content but the text. Raises ValueError for what decides whether a piece may be used at all."""
        out: dict[str, Any] = {}
        for field, convert in PLAIN.items():
            out[field] = self._or_note(field, convert, fields, where)
        out["facts"] = out["facts"] or ()
        out["category"] = self._or_note("category", lambda value: values.first_of(value, _is_tags(fields)), fields, where)
        out["date"] = self._or_note("date", _day, fields, where)
        for field, convert in (("approval", values.approval), ("rights_until", _end)):
            column, value = fields.get(field, (field, None))
            try:
                out[field] = convert(value)
            except ValueError as error:
                raise ValueError(f"the {field} ('{column}') {error}" if str(error).startswith("is ") else f"the {field} {error}") from None
        return out

    def _or_note(self, field: str, convert: Callable[[Any], Any], fields: dict[str, tuple[str, Any]], where: str) -> Any:
        """The field's value; where it makes no sense None, and a note."""
        if field not in fields:
            return None
        try:
            return convert(fields[field][1])
        except ValueError as error:
            self.notes.append(normal.printable(f"{where}: the {field} {error}; left out"))
            return None


def _is_tags(fields: dict[str, tuple[str, Any]]) -> bool:
    return fields["category"][0].strip().casefold() in ("tags", "categories", "topics")


def _day(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return dates.iso_day(value)
    text = values.plain(value)
    return None if text is None else dates.iso_day(text)


def _end(value: Any) -> str | None:
    if isinstance(value, str) and value.strip().casefold() in NEVER:
        return None
    return _day(value)


def _storable(value: Any) -> bool:
    return all(normal.storable(text) for text in (value if isinstance(value, tuple) else (value,)) if isinstance(text, str))
