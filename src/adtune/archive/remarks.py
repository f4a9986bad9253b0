"""What a person should know of a whole read rather than of one piece: fields that were HTML, broken letters, unused columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .columns import Columns, likely, listed

FILES_TOLD = 20       # files that get a note of their own
COLUMNS_TOLD = 200    # distinct unused columns that are remembered
WANTED = ("title", "category", "date", "author", "summary")   # what an unused column may be, where its name says nothing

# UTF-8 read as Windows-1252 (or Latin-1): a lead byte as a letter, and behind it a byte that continues a character, as a sign.
_FIRST = "ÃÂâÄÅÐÑ"
_HIGH = "\x80-\xbf"
_SIGNS = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_RARE = "ƒ†‡ˆ‰Š‹ŒŽ˜™š›œžŸ"   # without the signs that may well stand behind a letter: quotes, dashes, dots
_MOJIBAKE = re.compile(f"Ã[{_HIGH}{_RARE}€„‚“–—•]|Â[{_HIGH}]|â€[{_HIGH}{_SIGNS}]|â[‚„]¬?[{_HIGH}{_SIGNS}]|[ÄÅ][{_HIGH}{_RARE}]"
                       f"|(?:[ÐÑ][{_HIGH}{_SIGNS}]){{3}}")


class Remarks:
    """Counts while pieces are made; `notes` when everything is read."""

    def __init__(self, columns: Columns):
        self._columns = columns
        self._converted: dict[str, int] = {}
        self._garbled = 0
        self._sample = ""
        self._settled: set[str] = set()
        self._unused: dict[str, None] = {}
        self._fields: set[str] = set()

    def converted(self, file: str, count: int) -> None:
        if count:
            self._converted[file] = self._converted.get(file, 0) + count

    def text(self, file: str, text: str) -> None:
        """Looks for letters that were read in the wrong encoding before the file was saved."""
        if text.isascii() or not any(letter in text for letter in _FIRST):
            return
        found = _MOJIBAKE.search(text)
        if found:
            self._garbled += 1
            if not self._sample:
                start = max(text.rfind(" ", 0, found.start()), text.rfind("\n", 0, found.start())) + 1
                word = text[max(start, found.start() - 20):found.end() + 20].split(None, 1)[0]
                self._sample = f"“{word}” in {file}" + (f" for “{right}”" if (right := _mended(word)) else "")

    def row(self, values: Mapping[str, Any], fields: Iterable[str]) -> None:
        """Remembers the columns of a row that hold something and are no field."""
        fields = set(fields)
        self._fields |= fields
        for column in values:
            if column in self._settled:
                continue
            if self._columns.serves(column) and (column.strip().casefold() != "data" or "date" in fields):
                self._settled.add(column)
            elif column.strip() and values[column] not in (None, "", [], {}) and len(self._unused) < COLUMNS_TOLD:
                self._settled.add(column)
                self._unused[column] = None

    def notes(self) -> Iterator[str]:
        said = "tags became light Markdown or were left out, entities such as &amp; became characters"
        told = list(self._converted.items())
        for file, count in told[:FILES_TOLD]:
            yield f"{file}: {count:,} {'fields were' if count > 1 else 'field was'} HTML and converted: {said}"
        if rest := told[FILES_TOLD:]:
            yield f"{sum(count for _, count in rest):,} fields of {len(rest):,} more files were HTML and converted"
        if self._garbled:
            yield (f"{self._garbled:,} {'pieces look' if self._garbled > 1 else 'piece looks'} like UTF-8 that was read as Windows-1252 "
                   f"and saved again, such as {self._sample}; the text was not changed. Export the file again and open it as UTF-8 "
                   "before you save it (in Excel: Data, From Text/CSV, 65001: Unicode UTF-8), then import that")
        if self._unused:
            yield f"columns not used: {listed(self._unused)}; name them with --map, such as --map {self._example()}"

    def _example(self) -> str:
        free = [name for name in WANTED if name not in self._fields]
        for column in self._unused:
            name = likely(column)
            if name and name not in self._fields:
                return _pair(name, column)
        return _pair(free[0], next(iter(self._unused))) if free else "FIELD=COLUMN"


def _pair(name: str, column: str) -> str:
    column = listed([column])
    return f"{name}={column}" if re.fullmatch(r"[\w.-]+", column) else f'"{name}={column}"'


def _mended(word: str) -> str | None:
    """The word as it was meant, where all of it is UTF-8 read as Windows-1252."""
    raw = bytearray()
    for letter in word:
        try:
            raw += letter.encode("cp1252")
        except UnicodeEncodeError:
            if ord(letter) > 0xff:
                return None
            raw.append(ord(letter))   # bytes for which Windows-1252 has no letter
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
