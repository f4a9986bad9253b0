"""What a check is, what it finds, and what it judges by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...settings import CurateSettings
from ...voice.claims import sentences
from ..house import House
from ..pieces import Piece
from ..rebrand import Change, change_of
from ..similar import Alike
from ..split import SIBLINGS
from .furniture import Span, boilerplate_parts, without_parts
from .sentences import shared_sentences
from .told import Facts
from .words import Words

FEW_GOLD = 10            # gold pieces from which they alone say what is normal
HOUSE_LANGUAGE = 0.05    # share of the house's pieces from which a language is one of the house's
_EXCERPT = 36            # characters on each side of what an excerpt shows


@dataclass(frozen=True)
class Found:
    """What a check found in a piece: in words with the place in the text, how sure it is (0 to 1), and whether the piece should go."""

    evidence: str
    confidence: float = 1.0
    drops: bool = True


@dataclass(frozen=True)
class Judge:
    """What pieces are judged by: settings, the day for usage rights (ISO), the similarities among all pieces read, those pieces, and the
    brand guide."""

    settings: CurateSettings
    today: str
    alike: Alike
    pieces: Sequence[Piece] = ()
    guide: str = ""

    @cached_property
    def house(self) -> tuple[Piece, ...]:
        """The pieces that show what is normal: the gold ones where there are enough, else all that nobody refused."""
        gold = tuple(piece for piece in self.usable if piece.gold)
        return gold if len(gold) >= FEW_GOLD else self.usable

    @cached_property
    def usable(self) -> tuple[Piece, ...]:
        """The pieces with words that nobody refused."""
        return tuple(piece for piece in self.pieces if piece.plain and not refused(piece))

    @cached_property
    def family(self) -> dict[str, int]:
        """The number of the group of similar pieces that each content belongs to: pieces of one group count once."""
        return self._grouped(min(SIBLINGS, self.settings.near_duplicate))

    @cached_property
    def twins(self) -> dict[str, int]:
        """The number of the group of near-duplicates that each content belongs to."""
        return self._grouped(self.settings.near_duplicate)

    def _grouped(self, threshold: float) -> dict[str, int]:
        groups = self.alike.groups({piece.content: None for piece in self.pieces}, threshold)
        return {content: number for number, group in enumerate(groups) for content in group}

    @cached_property
    def words(self) -> Words:
        """The vocabulary of all pieces read that have words."""
        return Words([piece for piece in self.pieces if piece.plain], self.family)

    @cached_property
    def shared(self) -> frozenset[int]:
        """The keys of the sentences that many families of pieces hold and that are not the house's own form."""
        return shared_sentences(self.pieces, self.house, self.family, self.twins)

    @cached_property
    def boilerplate(self) -> dict[int, list[Span]]:
        """Where boilerplate stands in the bodies of the pieces that hold some, by order."""
        parts = ((piece.order, boilerplate_parts(piece.body, ((start, end) for start, end, _ in piece.parts), self.shared))
                 for piece in self.pieces)
        return {order: found for order, found in parts if found}

    def stripped(self, piece: Piece, text: str | None = None) -> str:
        """The body of a piece, or `text` as what is left of it, without boilerplate."""
        if text is None or text == piece.body:
            return without_parts(piece.body, self.boilerplate.get(piece.order, []))
        return without_parts(text, boilerplate_parts(text, sentences(text), self.shared))

    @cached_property
    def facts(self) -> Facts:
        """The facts of the pieces, and which of them the guide and the house hold."""
        return Facts([piece for piece in self.pieces if piece.plain], self.family, self.guide)

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages of the house, by what the import told of each piece; none where it told nothing."""
        told = Counter(piece.asset.language for piece in self.house if piece.asset.language)
        return frozenset(code for code, count in told.items() if count >= HOUSE_LANGUAGE * told.total())

    @cached_property
    def manner(self) -> House:
        """The house's habits of spelling and form."""
        return House(self.usable, self.family, lambda piece: self.language(piece) in ("en", None))

    @cached_property
    def change(self) -> Change:
        """Whether and when the house changed its names or its style."""
        return change_of(self.usable, self.family)

    def drops_also(self, check: str) -> bool:
        """Whether the settings let a check drop that otherwise only shows."""
        return check in (name.strip() for name in self.settings.drop_also.split(","))

    def language(self, piece: Piece) -> str | None:
        """The piece's language, or the house's where the piece is too short to tell and the house has only one."""
        return piece.asset.language or (next(iter(self.languages)) if len(self.languages) == 1 else None)


Finder = Callable[[Sequence[Piece], Judge], dict[int, Found]]


@dataclass(frozen=True)
class Check:
    """One row of CHECKS. `find` takes the pieces that are still in and what they are judged by, and gives what it found by the piece's
    order. Where `shows`, no finding drops a piece; where `guesses`, none drops a gold piece, which a person has called right."""

    name: str
    find: Finder
    meaning: str
    shows: bool = False
    guesses: bool = False

    def drops(self, piece: Piece, found: Found, settings: CurateSettings) -> bool:
        return found.confidence >= settings.drop_confidence and self.may_drop(piece, found)

    def may_drop(self, piece: Piece, found: Found) -> bool:
        """Whether the piece would go if the finding were sure."""
        return found.drops and not self.shows and not (self.guesses and piece.gold)


def refused(piece: Piece) -> bool:
    """Whether a person or the client's own data says that the piece is not to be used."""
    asset = piece.asset
    return asset.approval in ("draft", "rejected") or piece.says == "drop" or bool(asset.withdrawn or asset.replaced_by)


def excerpt(text: str, start: int, end: int) -> str:
    """What stands from `start` to `end` in guillemets, on one line, with a little around it; invisible characters by number."""
    left, right = max(0, start - _EXCERPT), min(len(text), end + _EXCERPT)
    inner = text[start:end] if end - start <= 3 * _EXCERPT else text[start:start + 3 * _EXCERPT] + " …"
    parts = (text[left:start], f"»{inner}«", text[end:right])
    joined = " ".join("".join(visible(part) for part in parts).split())
    return f"{'… ' if left else ''}{joined}{' …' if right < len(text) else ''}"


def tail(text: str) -> str:
    """The last words of a text, in guillemets."""
    joined = " ".join(visible(text[-4 * _EXCERPT:]).split())
    return f"»… {joined[-2 * _EXCERPT:]}«" if len(text) > 2 * _EXCERPT else f"»{joined}«"


def head(text: str) -> str:
    """The first words of a text, in guillemets."""
    joined = " ".join(visible(text[:4 * _EXCERPT]).split())
    return f"»{joined[:2 * _EXCERPT]} …«" if len(joined) > 2 * _EXCERPT else f"»{joined}«"


def visible(text: str) -> str:
    """The text with characters that a reader can't see written as their number."""
    return INVISIBLE.sub(lambda match: f"[U+{ord(match.group()):04X}]", text)


def by_order(found: Iterable[tuple[Piece, Found | None]]) -> dict[int, Found]:
    """Findings by the order of their piece, those that are None left out."""
    return {piece.order: one for piece, one in found if one is not None}


# zero-width characters, bidi controls, and tag characters
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\U000e0000-\U000e007f]")
