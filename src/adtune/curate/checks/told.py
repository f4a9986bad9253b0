"""Facts in a piece that its brief does not hold: whoever trains on them learns to invent. What a fact is, `voice/claims.py` says.

`stripped` takes out the sentences that hold other facts, where a whole piece is left: a list goes with what announces it, a sentence that
leans on one that went goes too, and what would then open, end or shrink wrongly stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...records import Brief
from ...voice.claims import Claim, Claims, house_claims, is_held, sentences
from ..pieces import Piece, word_count

LEFT = 0.5               # share of the words that must be left of a whole piece
KEEP, STRIP = "keep", "strip"            # values of the setting unbriefed_facts
_LIST = re.compile(r"^\s*(?:[-*+•‣–]|\(?(?:\d{1,3}|[a-z])[.)])\s+\S", re.M)
_HEADING = re.compile(r"^\s*(?:#{1,6}\s+\S.*|(?:\*\*|__)[^*_\n]+(?:\*\*|__)\W*)$")
# how a sentence begins that needs the one before it
_LEANS = re.compile(r"[\"“'(*_]*(?:This|That|These|Those|It|He|She|They|His|Her|Hers|Its|Their|So|Then|But|And|Or|Nor|Yet|Both|Neither|"
                    r"Either|Such|Instead|Afterwards?|Later|However|Therefore|Thus|Hence|Otherwise|Meanwhile|Here|There|Not|Only|Still|"
                    r"Also|Again|Next|Besides|Moreover|The (?:first|second|third|last|latter|former|other|same|rest|result|sum|total|"
                    r"difference)|By then|At that|In (?:that|this)|From (?:that|there)|After (?:that|this)|With (?:that|this)|Which|Who|"
                    r"Das|Dies\w*|Er|Sie|Es|Dann|Aber|Und|Il|Elle|Cela|Mais|Et|Puis)\b")


@dataclass(frozen=True)
class Stripped:
    """What stripping did: a text for each piece that changed, the sentences taken out of them, and the pieces left as they were."""

    texts: Mapping[int, str]
    sentences: int
    left: int


@dataclass(frozen=True)
class FactsTold:
    """Facts of the pieces kept: how many, how many that neither brief, guide nor house hold, and in how many pieces; where they were
    stripped, the sentences that went, the pieces that changed, and those left as they were, since they would not have stayed whole."""

    pieces: int
    facts: int
    unbriefed: int
    pieces_with_unbriefed: int
    stripped_sentences: int | None = None
    stripped_pieces: int | None = None
    left_whole: int | None = None

    @property
    def note(self) -> str | None:
        """What was stripped, in words; None where nothing was to be."""
        if self.stripped_sentences is None:
            return None
        return (f"{self.stripped_sentences} sentences with facts that no brief holds were taken out of {self.stripped_pieces} pieces; "
                f"{self.left_whole} pieces would not have stayed whole and are as they were.")


class Facts:
    """The facts of pieces: how many (`counts`, by order), those that neither brief nor guide hold (`loose`), and which are the house's."""

    def __init__(self, pieces: Sequence[Piece], family: Mapping[str, int], guide: str = ""):
        self._claims = Claims([piece.body for piece in pieces], guide)
        found = {piece.order: self._claims.of(piece.body, piece.parts) for piece in pieces}
        self.counts: dict[int, int] = {order: len(facts) for order, facts in found.items()}
        self.loose: dict[int, list[Claim]] = {}
        for piece in pieces:
            held = self._claims.told_by(piece.asset)
            self.loose[piece.order] = [fact for fact in found[piece.order] if not is_held(fact, held)]
        self._house = house_claims((found[piece.order], family[piece.content]) for piece in pieces)

    def unbriefed(self, piece: Piece) -> list[Claim]:
        """The facts of a piece that neither its brief, the guide nor the house holds."""
        return [fact for fact in self.loose.get(piece.order, ()) if not is_held(fact, self._house)]

    def invented(self, text: str, brief: Brief) -> list[Claim]:
        """The facts of a draft that neither its brief, the guide nor the house holds."""
        return self._claims.unsupported(text, brief, self._house)


def strip(pieces: Sequence[Piece], facts: Facts, least: int) -> Stripped:
    """The bodies of the pieces without the sentences whose facts nothing holds; `least` is the number of words that a piece must keep."""
    texts, taken, left = {}, 0, 0
    for piece in pieces:
        found = facts.unbriefed(piece)
        changed, count = without(piece.body, [(fact.start, fact.end) for fact in found], least) if found else (None, 0)
        if changed is None:
            left += bool(found)
        else:
            texts[piece.order] = changed
            taken += count
    return Stripped(texts, taken, left)


def without(text: str, spans: Sequence[tuple[int, int]], least: int) -> tuple[str | None, int]:
    """The text without the sentences in which the spans lie, and how many went; None where no whole piece would be left."""
    blocks = [(match.start(), match.end()) for match in re.finditer(r"\S.*?(?=\n\s*\n|\Z)", text, re.S)]
    cuts: list[tuple[int, int]] = []
    count = 0
    for start, end in blocks:
        block = text[start:end]
        inside = [(a - start, b - start) for a, b in spans if a < end and b > start]
        if not inside:
            continue
        parts = [(a, b) for a, b in sentences(block) if block[a:b].strip()]
        if _LIST.search(block) or "|" in block or all(_HEADING.match(line) for line in block.splitlines() if line.strip()):
            gone = parts
        else:
            gone = _leaning(block, parts, inside)
        count += len(gone)
        cuts += [(start + a, start + b) for a, b in gone]
    kept, after = _joined(text, blocks, cuts)
    whole = kept and word_count(after) >= max(least, LEFT * word_count(text)) and _same_end(text, after) and not _LEANS.match(after)
    return (after, count) if whole and after != text else (None, 0)


def _leaning(block: str, parts: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The sentences of a paragraph that hold a span, and those after them that lean on them."""
    gone: list[tuple[int, int]] = []
    for a, b in parts:
        held = any(start < b and end > a for start, end in spans)
        leans = bool(gone) and gone[-1][1] == a and _LEANS.match(block[a:b].strip())
        if held or leans:
            gone.append((a, b))
    return gone


def _joined(text: str, blocks: Sequence[tuple[int, int]], cuts: Sequence[tuple[int, int]]) -> tuple[bool, str]:
    """The blocks that are left, without headings and announcements of what went; whether each still stands by itself."""
    left: list[str] = []
    lost = False
    for start, end in blocks:
        block = text[start:end]
        for a, b in reversed([(a - start, b - start) for a, b in cuts if start <= a < end]):
            block = block[:a] + block[b:]
        block = block.strip()
        gone = block != text[start:end].strip()
        if not block:
            lost = True
            while left and (left[-1].endswith(":") and "\n" not in left[-1] or _HEADING.match(left[-1])):
                left.pop()
            continue
        if lost and left and _LEANS.match(block) and not gone:
            return False, ""
        left.append(block)
        lost = False
    return bool(left), "\n\n".join(left)


def _same_end(text: str, after: str) -> bool:
    """Whether the text still ends with its own last sentence, and nothing announces what is gone."""
    last = [text[a:b].strip() for a, b in sentences(text) if text[a:b].strip()]
    return bool(last) and after.endswith(last[-1]) and not re.search(r":\s*\n\n(?![-*+•\d])", after)
