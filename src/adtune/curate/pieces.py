"""A piece as curation sees it: the body without a repeated title, its plain words, and the hash of those words."""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..records import Approval, Asset, Decision
from ..voice.claims import Part, figured
from ..voice.figures import Figure

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces: one character counts as a word
_PLAIN_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\W_{_IDEOGRAPH}]+")
_SPACED_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}]+")
_UNDERLINE = re.compile(r"\s*(=+|-+)\s*(\n|$)")


@dataclass(frozen=True)
class Piece:
    """One asset on its way through curation; `order` is its place among the assets read, `ruling` the decision of a person that holds."""

    order: int
    asset: Asset
    body: str
    ruling: Decision | None = None

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """The words of the body in one case, without punctuation and layout."""
        return plain_words(self.body)

    @cached_property
    def content(self) -> str:
        """Hex sha256 of the plain words: equal for pieces that differ in case, punctuation or layout only."""
        return hashlib.sha256(" ".join(self.plain).encode("utf-8")).hexdigest()

    @property
    def parts(self) -> Iterator[Part]:
        """The sentences of the body in order, each with its figures."""
        start = 0
        for end in self._read[0]:
            yield start, end, self._read[1].get(start, ())
            start = end

    @cached_property
    def _read(self) -> tuple[array[int], dict[int, Sequence[Figure]]]:
        """Where the sentences end, and the figures of those that have some, by start: hardly any memory, as every check asks for them."""
        parts = figured(self.body)
        return array("I", [end for _, end, _ in parts]), {start: told for start, _, told in parts if told}

    @property
    def gold(self) -> bool:
        return self.asset.approval == Approval.GOLD

    @property
    def says(self) -> str | None:
        """What a person said of the piece: keep, drop, voice or other; None where nobody did."""
        return self.ruling.says if self.ruling else None

    @property
    def wanted(self) -> bool:
        """Whether a person chose the piece for the dataset."""
        return self.gold or self.says == "keep"

    @property
    def name(self) -> str:
        """How a person finds the piece: its title, its own id, or its place in the file."""
        source = self.asset.source
        place = f"{source.file}, line {source.line}" if source.line else source.file
        return self.asset.title or source.id or place or self.asset.id[:12]


def pieces_of(assets: Sequence[Asset]) -> list[Piece]:
    return [Piece(order, asset, body_of(asset)) for order, asset in enumerate(assets)]


def body_of(asset: Asset) -> str:
    """The text of an asset without a first line that only repeats its title (`Title`, `# Title`, `**Title**`, underlined)."""
    text = asset.text.strip()
    first, _, rest = text.partition("\n")
    if not asset.title or plain_words(first) != plain_words(asset.title):
        return text
    underline = _UNDERLINE.match(rest)
    return (rest[underline.end():] if underline else rest).strip()


def plain_words(text: str) -> tuple[str, ...]:
    """Words after NFKC, case folding and removal of punctuation and invisible characters; equal words are one object in memory."""
    return tuple(map(sys.intern, _PLAIN_WORD.findall(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold())))


def word_count(text: str) -> int:
    """Words as a writer counts them: runs between spaces that hold a letter or digit; each ideograph is one."""
    return sum(any(map(str.isalnum, word)) for word in _SPACED_WORD.findall(text))


def best_of(pieces: Sequence[Piece]) -> Piece:
    """The piece that stands for its duplicates: gold over approved, then the later date, then the first in order."""
    return max(pieces, key=lambda piece: (piece.gold, piece.asset.date or "", -piece.order))
