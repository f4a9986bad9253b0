"""Which column of a file is which field: by the names that people use, or as `--map FIELD=COLUMN` says."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ..errors import InputError, did_you_mean
from .column_words import ROMANCE, TAGS, WORDS
from .dates import iso_day
from .normal import line_of, printable
from .rows import Row

__all__ = ["SYNONYMS", "TAGS", "Columns", "corrects", "known_as", "likely", "listed", "renewed", "squeezed"]

# The field's names in files, best first; case, spaces and punctuation do not count. Those of other languages follow the English ones.
SYNONYMS = {
    "text": "text body content copy article post body_text full_text article_text ad_copy",
    "title": "title headline subject name",
    "category": "category section topic categories topics tags",
    "content_type": "content_type type format",
    "author": "author by byline writer authors",
    "date": "date published created published_at published_on publish_date publication_date date_published created_at pub_date",
    "approval": "approval status approved state approval_status",
    "rights": "rights licence license usage_rights copyright",
    "rights_until": "rights_until expires expiry rights_expire rights_expiry usage_rights_until expiry_date",
    "language": "language lang locale",
    "summary": "summary dek abstract description standfirst excerpt",
    "facts": "facts key_facts sources source_facts",
    "id": "id slug url guid uuid permalink url_or_path",
    "withdrawn": "withdrawn",
}
SYNONYMS = {field: f"{names} {WORDS[field]}" if field in WORDS else names for field, names in SYNONYMS.items()}
SHOWN = 12  # column names in a message

# Tables without a column of text that are read all the same (shapes.py), by names without case, spaces and punctuation.
SHAPED = ({"instruction", "output"}, {"prompt", "completion"}, {"chosen", "rejected"}, {"messages"}, {"conversations"})
PIECE_IDS = ("asset", "assetid", "piece", "pieceid")      # columns that may hold our own id of a piece
SOURCE_IDS = ("sourceid", "externalid")                   # and the file's own id, beside the synonyms of `id`
NEW = ("new", "corrected")                                # in front of a field's name: what it is to become


@lru_cache(maxsize=4096)   # the same few names in every row
def squeezed(name: str) -> str:
    """A column name without case, spaces and punctuation; with them where nothing else is left."""
    return re.sub(r"[\W_]+", "", name.casefold()) or name.strip()


_KNOWN = {field: tuple(squeezed(name) for name in names.split()) for field, names in SYNONYMS.items()}
_FIELDS = {name: field for field, names in reversed(_KNOWN.items()) for name in names}


def known_as(column: str) -> str | None:
    """The field that a column of this name is, where no --map says otherwise."""
    return _FIELDS.get(squeezed(column))


def likely(column: str) -> str | None:
    """The field whose names this column's name resembles; for an example, never to read it by."""
    near = difflib.get_close_matches(squeezed(column), _FIELDS, n=1, cutoff=0.8)
    return _FIELDS[near[0]] if near else None


def renewed(column: str) -> str | None:
    """The field that `new text` or `corrected_title` gives a new value; None for any other column."""
    name = squeezed(column)
    found = next((_FIELDS[name[len(mark):]] for mark in NEW if name.startswith(mark) and name[len(mark):] in _FIELDS), None)
    return None if found in ("id", "withdrawn") else found


def corrects(columns: Iterable[str], file: str, ours: bool = True) -> bool:
    """Whether rows with these columns correct pieces rather than hold them: they name a piece by its id, and either that is our own
    id, or there is a new value, or the file says so by its name, or there is an approval or a withdrawal and no text. `ours` tells whether
    what a column such as `asset` holds looks like an id of ours."""
    names = {squeezed(column): column for column in columns}
    own = any(name in names for name in PIECE_IDS)
    if not own and not any(name in names for name in (*SOURCE_IDS, *_KNOWN["id"])):
        return False
    fields = {_FIELDS.get(name) for name in names}
    says = (own and ours) or any(map(renewed, names.values())) or "correction" in file.rpartition("/")[2].casefold()
    return says or bool("text" not in fields and fields & {"approval", "withdrawn"})


class Columns:
    """Picks fields out of rows, and remembers which mapped columns no row had."""

    kind = "content"

    def __init__(self, mapping: Mapping[str, str]):
        for field in mapping:
            if field not in SYNONYMS:
                raise InputError("--map", f"the field '{field}'", "a field of a piece", did_you_mean(field, SYNONYMS))
        self.mapping = dict(mapping)
        self._mapped = {field: (squeezed(column), column) for field, column in mapping.items()}
        self._names = {field: self._names_of(field) for field in SYNONYMS}
        self._served = {name for names in self._names.values() for name in names}
        self._missing = dict(self._mapped)
        self._seen: dict[str, None] = {}

    def _names_of(self, field: str) -> tuple[str, ...]:
        """A mapped field has its column and no other; a column that is mapped serves no second field by its name."""
        if field in self._mapped:
            return (self._mapped[field][0],)
        taken = {name for name, _ in self._mapped.values()}
        return tuple(name for name in _KNOWN[field] if name not in taken)

    def serves(self, column: str) -> bool:
        """Whether a column of this name is one of a field's, be it a second choice."""
        return squeezed(column) in self._served

    def begins(self, cells: list[str]) -> bool:
        """Whether a table's header may be this row: of pieces the first one always is."""
        return True

    def pick(self, row: Row) -> dict[str, tuple[str, Any]]:
        """Field to (column, value), with the first of the field's columns that holds something, else the first there is."""
        there: dict[str, tuple[str, Any]] = {}
        for column, value in row.values.items():
            there.setdefault(squeezed(column), (column, value))
        self._note(there)
        out = {}
        for field, names in self._names.items():
            if field == "text" and row.document:
                names = ("text",)
            found = [there[name] for name in names if name in there]
            if found:
                out[field] = next((pair for pair in found if not _blank(pair[1])), found[0])
        if "date" in out and "date" not in self._mapped and _is_data(out["date"], there):
            del out["date"]
        return out

    def _note(self, there: Mapping[str, tuple[str, Any]]) -> None:
        if self._missing:
            self._missing = {field: pair for field, pair in self._missing.items() if pair[0] not in there}
            for column, _ in there.values():
                if len(self._seen) < 200:
                    self._seen.setdefault(printable(column))

    def require_text(self, name: str, header: Iterable[str]) -> None:
        """Raises InputError where a table with this header has no column for the text."""
        header = [printable(column) for column in header if column.strip()]
        there = {squeezed(column) for column in header}
        if there & set(self._names["text"]):
            return
        if "text" not in self._mapped and (corrects(header, name) or any(shape <= there for shape in SHAPED)):
            return
        if "text" in self._mapped:
            column = self._mapped["text"][1]
            raise InputError(name, f"no column '{column}'", "the column that --map text names", did_you_mean(column, header[:200]))
        if header and header[0].startswith(("<", "{\\rtf")):   # a document under the name of a table
            raise InputError(name, f"'{header[0][:40]}' where a table has the names of its columns", "a table, as its name says",
                             "Save it as .csv or .xlsx in the program that made it, or name it by what it is (.xml, .html, .txt).")
        raise InputError(name, f"the columns {listed(header)}", "a column of text (text, body, content, copy, article or post)",
                         "Say which column holds the text: --map text=COLUMN")

    def require_mapped(self, name: str) -> None:
        """Raises InputError where rows were read and a mapped column was in none of them."""
        if not self._seen:
            return
        for field, (_, column) in self._missing.items():
            raise InputError(f"--map {field}={column}", f"no column '{column}' in {name}", f"one of the columns {listed(self._seen)}",
                             did_you_mean(column, self._seen))


def _is_data(date: tuple[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether a column `data` holds no date: it is one in Italian and Portuguese, and anything elsewhere."""
    column, value = date
    if column.strip().casefold() != "data" or ROMANCE & there.keys():
        return False
    try:
        return not isinstance(value, (str, int, float)) or isinstance(value, bool) or iso_day(value) is None
    except ValueError:
        return True


def listed(columns: Iterable[str]) -> str:
    """The first column names, for a message."""
    columns = [printable(line_of(column[:60])) for column in columns]
    rest = len(columns) - SHOWN
    return ", ".join(columns[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _blank(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())
