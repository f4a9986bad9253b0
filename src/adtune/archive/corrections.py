"""A corrections file: each row names a piece and says what becomes of it: another text or field, another approval, withdrawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import Rejected, Source
from . import normal, values
from .columns import PIECE_IDS, SOURCE_IDS, Columns, corrects, known_as, renewed, squeezed
from .files import ClientFile
from .pieces import Assembler
from .rows import Fault, Row

OUR_ID = re.compile(r"[0-9a-f]{8,64}")
WHO = ("by", "who", "editor", "correctedby", "changedby", "withdrawnby", "approvedby")
WHY = ("reason", "note", "comment", "why")
WITHDRAW = {"withdrawn", "withdraw"}   # words of an approval column that say more than "rejected"


@dataclass(frozen=True)
class Correction:
    """One row: `piece` is our id of the piece (or its beginning), `own` the id that its file gave it. `fields` holds what is to be
    changed; `withdrawn` is None where the row does not say."""

    where: str
    source: Source
    piece: str | None
    own: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    withdrawn: bool | None = None
    who: str | None = None
    reason: str | None = None

    @property
    def named(self) -> str:
        return self.piece or self.own or ""


def correct_in(rows: Iterable[Row | Fault], file: ClientFile, columns: Columns) -> bool:
    """Whether the file of these first rows corrects pieces rather than holds them."""
    if "text" in columns.mapping and "id" not in columns.mapping:
        return False
    read = [row for row in rows if isinstance(row, Row) and not row.document]
    words = [str(value).strip() for row in read for name, value in row.values.items() if squeezed(name) in PIECE_IDS and value]
    ours = bool(words) and all(OUR_ID.fullmatch(word) for word in words)
    return bool(read) and corrects(dict.fromkeys(name for row in read for name in row.values), file.name, ours)


def correction_of(file: ClientFile, row: Row, desk: Assembler) -> Correction | Rejected:
    """A row as a correction; Rejected where it names no piece, says nothing, or says it in words that nobody knows."""
    where, place = file.place(row.line, row.part), file.named_place(row.line, row.part)
    there = {squeezed(name): value for name, value in reversed(row.values.items()) if value not in (None, "", [])}
    try:
        piece, own = _first(there, PIECE_IDS), _first(there, SOURCE_IDS)
        picked = desk.columns.pick(Row(row.line, _renewed(row.values)))
        own = own or values.plain(picked.pop("id", ("", None))[1])
        if piece and not OUR_ID.fullmatch(piece):   # a column `asset` may hold the id of the client's own system
            piece, own = None, own or piece
        if not piece and not own:
            raise ValueError("the row names no piece: it has neither the id of one nor the id of its file")
        withdrawn = values.withdrawn(picked.pop("withdrawn", ("", None))[1])
        word = picked.get("approval", ("", None))[1]
        if isinstance(word, str) and word.strip().casefold() in WITHDRAW:
            withdrawn = True
            del picked["approval"]
        fields = desk.changes({name: pair for name, pair in picked.items() if pair[1] not in (None, "", [])}, place)
    except ValueError as error:
        return Rejected(where, normal.printable(str(error)))
    if not fields and withdrawn is None:
        return Rejected(where, f"nothing to correct: no new value for '{normal.printable((piece or own or '')[:60])}'")
    source = Source(file.part_name(row.part), row.line, own)
    return Correction(where, source, piece, own, fields, withdrawn, _first(there, WHO), _first(there, WHY))


def _renewed(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with `new text` in the place of `text`, which then only tells what there was."""
    new = {field: value for name, value in row.items() if (field := renewed(name)) and value not in (None, "")}
    old = {known_as(name) for name in row if known_as(name) in {renewed(other) for other in row}}
    told = {*WHO, *WHY}   # `by` is who corrects, not who wrote
    kept = [name for name in row if renewed(name) is None and known_as(name) not in old and squeezed(name) not in told]
    return {**{name: row[name] for name in kept}, **new}


def _first(there: Mapping[str, Any], names: Iterable[str]) -> str | None:
    return next((found for name in names if (found := values.plain(there.get(name)))), None)
