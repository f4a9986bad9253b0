"""Texts that stop before they end, judged by how the house's pieces end."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property

from ..pieces import Piece
from .dictionary import in_a_list
from .finding import Found, Judge, by_order, tail
from .sentences import NORMAL_SHARE
from .shared import stripped

MORE = re.compile(r"(?:\[\s*(?:…|\.\.\.|more|read more|continued?|mehr|weiterlesen|lire la suite|leer más)\s*\]|"
                  r"\(\s*(?:more|continued)\s*\)|"
                  r"\b(?:read more|continue reading|read the rest|keep reading|click to continue|see more|weiterlesen|lire la suite|"
                  r"leer más|lees verder|continua a leggere)\b\s*(?:[»>→…]|\.\.\.)*)[\s.\])*_]*$", re.I)
ELLIPSIS = re.compile(r"(?:…|\.\.\.)[\"”’'*_)\]]*$")
END = re.compile(r"[.!?。！？؟।:;][\"“”’'»)\]*_`~|>]*$|[)\]\"”’»*_`|>%↩]$")
LIST_LINE = re.compile(r"^\s*(?:[-*+•‣–]|\(?(?:\d{1,3}|[a-z])[.)])\s+\S")
HEADING = re.compile(r"^\s*(?:#{1,6}\s|(?:\*\*|__)[^*_]+(?:\*\*|__)\W*$|={3,}$|-{3,}$)")
LINK_OR_TABLE = re.compile(r"^\s*\|.*\|?\s*$|https?://\S+$|www\.\S+$|\S+@\S+$|"
                           r"\b[\w-]+\.(?:com|org|net|gov|io|edu|de|fr|uk)(?:/\S*)?$")
LINE_WORDS = 4           # a last line of prose has at least so many words; a shorter one may be a signature or a caption
LABEL_WORDS, LABEL_SHARE = 12, 0.6   # a line of at most so many words, such a share of the longer ones with a capital, is a signature,
                                     # a label or a link: whoever breaks off breaks off in a sentence
ALIKE_ENDINGS = 3        # families that end in the same line: nothing is cut off at the same line by chance
SURE = {"asks for more": 0.97, "ends in the middle of a word": 0.95, "ends with a word that ends nothing elsewhere": 0.9,
        "ends with a comma": 0.9, "ends within brackets": 0.8, "announces what does not follow": 0.75, "ends with an ellipsis": 0.7,
        "ends in a list line unlike the others": 0.65,
        "ends with a heading": 0.75, "ends without a full stop": 0.6}
WEAK = ("announces what does not follow", "ends with a heading", "ends with an ellipsis", "ends in a list line unlike the others",
        "ends without a full stop")
UNENDED = ("ends with a word that ends nothing elsewhere", "ends within brackets", "ends in a list line unlike the others",
           "ends without a full stop")
WEAK_SHARE = 0.03        # of the house's pieces; what so many do is not enough to say that one of them was cut
LOOSE_SHARE = 0.05       # of the house's pieces that end in any weak way
SELDOM = 0.03            # share of a word's places at the end of a line or sentence, under which it ends nothing
SEEN = 15                # places of a word from which that share is known
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_PLACED = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)*)([\"”’'*_)\]]*(?:[.!?:…]|\n|$))?")


class Places:
    """Where words stand in an archive: how often at all, how often at the end of a line or sentence, and which word starts go on."""

    def __init__(self, judge: Judge):
        self._words = judge.words
        self._all: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        lines: dict[str, set[int]] = defaultdict(set)
        for piece in judge.pieces:
            lines[_last_line(piece.body)].add(judge.family[piece.content])
            for word, end in _PLACED.findall(piece.body):
                word = word.casefold()
                self._all[word] += 1
                self._last[word] += bool(end)
        self._usual = frozenset(line for line, families in lines.items() if len(families) >= ALIKE_ENDINGS)

    def is_usual(self, line: str) -> bool:
        """Whether several unlike pieces end in the same line, so that it is a form of the house and no cut."""
        return _last_line(line) in self._usual

    def ends_nothing(self, word: str) -> bool:
        """Whether the word is well known and hardly ever stands last but in the one ending that is asked about."""
        return self._all[word] >= SEEN and self._last[word] - 1 < SELDOM * self._all[word]

    def is_part(self, word: str) -> bool:
        """Whether no other piece holds the word, but other pieces hold one that goes on from it, and no list of words knows it."""
        return len(word) > 1 and self._spread(word) < 2 and word in self._starts and not in_a_list(word)

    def _spread(self, word: str) -> int:
        number = self._words.number.get(word)
        return 0 if number is None else int(self._words.spread[number])

    @cached_property
    def _starts(self) -> frozenset[str]:
        """Every proper start of a word that stands in two families or more."""
        return frozenset(word[:end] for word, number in self._words.number.items() if self._words.spread[number] > 1
                         for end in range(2, len(word)))


def cut_off(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """An ending that breaks off. How sure it is falls with the share of the house's other pieces that end the same way:

        confidence = sure(kind) (1 - share / limit)

    with a limit of NORMAL_SHARE, so that what a quarter of the house's pieces do is no defect, and of WEAK_SHARE for weak signs. All kinds
    without an end mark (UNENDED) count together as well, and so do all weak signs, with a limit of LOOSE_SHARE: a house in which two of
    thirty pieces that a person called right end in one weak way or another ends its pieces loosely.
    """
    places = Places(judge)
    asked = {piece.order: piece for piece in [*pieces, *judge.house]}
    kinds = {order: ending(stripped(piece.body, judge.shared), places) for order, piece in asked.items()}
    house = {piece.order for piece in judge.house}
    usual = Counter(kinds[order] for order in house)

    def look(piece: Piece) -> Found | None:
        kind, own = kinds[piece.order], piece.order in house
        if kind is None:
            return None
        others = max(1, len(house) - own)
        lone = max(0, usual[kind] - own - 1)     # one piece of the house may itself be cut
        normal = lone / others / (WEAK_SHARE if kind in WEAK else NORMAL_SHARE)
        if kind in WEAK:
            loose = max(0, sum(usual[one] for one in WEAK) - own - 1)
            normal = max(normal, loose / others / LOOSE_SHARE)
        if kind in UNENDED:
            normal = max(normal, (sum(usual[one] for one in UNENDED) - own) / others / NORMAL_SHARE)
        confidence = SURE[kind] * (1 - normal)
        return Found(f"{kind}: {tail(stripped(piece.body, judge.shared))}", confidence) if confidence > 0 else None

    return by_order((piece, look(piece)) for piece in pieces)


def ending(text: str, places: Places) -> str | None:
    """How the text breaks off (a key of SURE), or None where it ends well."""
    lines = [line for line in text.rstrip().splitlines() if line.strip()]
    if not lines:
        return None
    last = lines[-1].rstrip()
    if MORE.search(last[-80:]):
        return "asks for more"
    if places.is_usual(last):
        return None
    if ELLIPSIS.search(last):
        return "ends with an ellipsis"
    if last.endswith((":", ":**", ":*")) and not LINK_OR_TABLE.search(last):
        return "announces what does not follow"
    if HEADING.match(last):
        return "ends with a heading" if len(lines) > 2 else None
    if END.search(last) or LINK_OR_TABLE.search(last):
        return None
    return _broken(lines, last, places)


def _broken(lines: Sequence[str], last: str, places: Places) -> str | None:
    """How a last line without an end mark breaks off."""
    words = _WORD.findall(last)
    if len(words) >= LINE_WORDS and last.endswith((",", ";")):
        return "ends with a comma"
    if not words or not last.endswith(words[-1]):
        return None
    word = words[-1]
    if len(words) > 1 and word[1:] == word[1:].lower() and places.is_part(word.lower()):
        return "ends in the middle of a word"
    if len(words) >= 3 and word == word.lower() and places.ends_nothing(word):
        return "ends with a word that ends nothing elsewhere"
    if len(words) >= LINE_WORDS and (last.count("(") > last.count(")") or last.count("“") > last.count("”")):
        return "ends within brackets"
    if LIST_LINE.match(last):
        others = [line for line in lines[:-1] if LIST_LINE.match(line)][-8:]
        alike = sum(bool(END.search(line.rstrip())) for line in others)
        return "ends in a list line unlike the others" if len(others) >= 3 and alike == len(others) else None
    return "ends without a full stop" if len(words) >= LINE_WORDS and not _is_label(words) else None


def _is_label(words: Sequence[str]) -> bool:
    longer = [word for word in words if len(word) > 3]
    return len(words) <= LABEL_WORDS and sum(word[0].isupper() for word in longer) >= LABEL_SHARE * max(1, len(longer))


def _last_line(text: str) -> str:
    """The last line that holds a word, without case and marks; empty where there is none."""
    return next((plain for line in reversed(text.splitlines()) if (plain := " ".join(_WORD.findall(line.casefold())))), "")

