"""A row of a file becomes an Asset, or says why it cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..records import Asset, Rejected, Source
from . import dates, language, markup, normal, values
from .columns import TAGS, Columns, listed, squeezed
from .files import ClientFile
from .remarks import Remarks
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
    """Makes the pieces of one read: counts equal ones, and notes what a kept piece had to do without.

    All that it keeps of a piece is the 32 bytes of its id. `splits` gives the split of a file by its name. The language of a piece is
    what its row states; to detect it takes longer than all the rest, so that is left to who stores the piece.
    """

    def __init__(self, client: str, columns: Columns, splits: Mapping[str, str] | None = None):
        self.client, self.columns, self.splits = client, columns, splits or {}
        self.notes: list[str] = []
        self.remarks = Remarks(columns)
        self._ids: set[bytes] = set()
        self._equal: Counter[bytes] = Counter()

    def saw(self, id: str) -> bool:
        """Whether the piece with this id was among those read so far."""
        return bytes.fromhex(id) in self._ids

    def piece(self, file: ClientFile, row: Row) -> Asset | Rejected:
        where = file.place(row.line, row.part)
        fields = self.columns.pick(row)
        if not row.document:
            fields, count = markup.cleaned(fields)
            self.remarks.converted(file.name, count)
        try:
            text = self._text(fields, row)
            content = {"text": text, **self._details(fields, file.named_place(row.line, row.part))}
            withdrawn = values.withdrawn(fields.get("withdrawn", ("", None))[1])
        except ValueError as error:
            return Rejected(where, normal.printable(str(error)))
        own = fields.get("id", ("", None))[1]
        own_id = values.plain(own) if isinstance(own, (str, int, float)) and not isinstance(own, bool) else None
        stated = language.stated(fields.get("language", ("", None))[1])
        broken = [field for field, value in {**content, "id": own_id}.items() if not _storable(value)]
        if broken:
            return Rejected(where, f"the {broken[0]} holds broken characters (lone surrogates or NUL)")
        self.remarks.text(file.part_name(row.part), text)
        if not row.document:
            self.remarks.row(row.values, fields)
        source = Source(file.part_name(row.part), row.line, own_id)
        return Asset(id=self._identity(content), client=self.client, language=stated, source=source, split=self.splits.get(file.name),
                     withdrawn=now() if withdrawn else None, **content)

    def changes(self, fields: dict[str, tuple[str, Any]], where: str) -> dict[str, Any]:
        """The new values of these fields. Raises ValueError for one that decides whether a piece may be used and is not understood."""
        fields, count = markup.cleaned(fields)
        self.remarks.converted(where.rpartition(", line ")[0] or where, count)
        out = self._details(fields, where)
        if "text" in fields:
            out["text"] = self._text(fields, Row(None, {}))
        broken = [field for field, value in out.items() if not _storable(value)]
        if broken:
            raise ValueError(f"the {broken[0]} holds broken characters (lone surrogates or NUL)")
        if stated := language.stated(fields.get("language", ("", None))[1]):
            out["language"] = stated
        # a date or word that made no sense was noted, and changes nothing; rights that do not end are a value
        return {field: value for field, value in out.items() if field in fields and (value not in (None, ()) or field == "rights_until")}

    def _identity(self, content: dict[str, Any]) -> str:
        first = Asset.identity(content, 0)
        key = bytes.fromhex(first)
        if key not in self._ids:
            self._ids.add(key)
            return first
        self._equal[key] += 1
        again = Asset.identity(content, self._equal[key])
        self._ids.add(bytes.fromhex(again))
        return again

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


def with_language(piece: Asset) -> Asset:
    """The piece with the language of its text, where its row states none and the text is long enough to tell."""
    return piece if piece.language else replace(piece, language=language.detect(piece.text))


def now() -> str:
    """This moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _is_tags(fields: dict[str, tuple[str, Any]]) -> bool:
    return squeezed(fields["category"][0]) in TAGS


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
