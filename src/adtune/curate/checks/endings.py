"""Texts that stop before they end, judged by how the house's pieces end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..pieces import Piece
from .finding import Found, Judge, by_order, tail
from .last_words import WORD, Places, chances
from .sentences import NORMAL_SHARE

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
SURE = {"asks for more": 0.97, "ends with a comma": 0.9, "ends within brackets": 0.8, "announces what does not follow": 0.75,
        "ends with a heading": 0.75}
ELLIPTIC, LISTED, UNSTOPPED = "ends with an ellipsis", "ends in a list line unlike the others", "ends without a full stop"
WITHIN, NOTHING = "ends in the middle of a word", "ends with a word that ends nothing elsewhere"
UNENDED = (WITHIN, NOTHING, LISTED, UNSTOPPED)      # judged by the last word, as ELLIPTIC is
WEAK = ("announces what does not follow", "ends with a heading", ELLIPTIC, LISTED, UNSTOPPED)
WEAK_SHARE = 0.03        # of the house's pieces; what so many do is not enough to say that one of them was cut
LOOSE_SHARE = 0.05       # of the house's pieces that end in any weak way
TELLING = 20.0           # times likelier under a cut, from which a last word tells even of a list line or a label that it was cut
LIKELIER = 3.0           # times likelier, from which a word is said to end nothing elsewhere
TOLD = 0.1               # a last word that tells of a cut with no more than this chance tells nothing
UNLIKE = 2.0             # times likelier is a cut where all other list lines end with a mark


@dataclass(frozen=True)
class Ending:
    """How a text breaks off; `ratio` says how many times likelier its last word stands there by a cut, None where that is not asked."""

    kind: str
    ratio: float | None = None


def cut_off(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """An ending that breaks off.

    Where a last word is all there is to go by (no end mark, or an ellipsis) the confidence is the chance that it was cut, from the word,
    from all such endings and from the house's own (`last_words.chances`). Elsewhere it falls with the share of the house's other pieces
    that end the same way:

        confidence = sure(kind) (1 - share / limit)

    with a limit of NORMAL_SHARE, so that what a quarter of the house's pieces do is no defect, and of WEAK_SHARE for weak signs. All weak
    signs count together as well, with a limit of LOOSE_SHARE: a house in which two of thirty pieces that a person called right end in one
    weak way or another ends its pieces loosely.
    """
    places = Places(judge)
    asked = {piece.order: piece for piece in [*pieces, *judge.house]}
    texts = {order: judge.stripped(piece) for order, piece in asked.items()}
    endings = {order: one for order, text in texts.items() if (one := ending(text, places))}
    house = frozenset(piece.order for piece in judge.house)
    doubt = not all(piece.gold for piece in judge.house)     # one piece of a house that nobody called right may itself be cut
    usual = Counter(endings[order].kind for order in house if order in endings)
    worded: dict[int, float] = {}
    for kinds in (UNENDED, (ELLIPTIC,)):
        ratios = {order: one.ratio for order, one in endings.items() if one.ratio is not None and one.kind in kinds}
        worded |= chances(ratios, house, len(asked))

    def look(piece: Piece) -> Found | None:
        if piece.order not in endings:
            return None
        kind, own = endings[piece.order].kind, piece.order in house
        if piece.order in worded:
            confidence, least = round(worded[piece.order], 3), TOLD
        else:
            others = max(1, len(house) - own)
            lone = max(0, usual[kind] - own - doubt)
            normal = lone / others / (WEAK_SHARE if kind in WEAK else NORMAL_SHARE)
            if kind in WEAK:
                loose = max(0, sum(usual[one] for one in WEAK) - own - 1)
                normal = max(normal, loose / others / LOOSE_SHARE)
            confidence, least = SURE[kind] * (1 - normal), 0.0
        return Found(f"{kind}: {tail(texts[piece.order])}", confidence) if confidence > least else None

    return by_order((piece, look(piece)) for piece in pieces)


def ending(text: str, places: Places) -> Ending | None:
    """How the text breaks off, or None where it ends well."""
    lines = [line for line in text.rstrip().splitlines() if line.strip()]
    if not lines:
        return None
    last = lines[-1].rstrip()
    if MORE.search(last[-80:]):
        return Ending("asks for more")
    if places.is_usual(last):
        return None
    if dots := ELLIPSIS.search(last):
        words = WORD.findall(last[:dots.start()])
        return Ending(ELLIPTIC, places.ratio(words[-1].casefold(), whole=True) if words else 1.0)
    if last.endswith((":", ":**", ":*")) and not LINK_OR_TABLE.search(last):
        return Ending("announces what does not follow")
    if HEADING.match(last):
        return Ending("ends with a heading") if len(lines) > 2 else None
    if END.search(last) or LINK_OR_TABLE.search(last):
        return None
    return _broken(lines, last, places)


def _broken(lines: Sequence[str], last: str, places: Places) -> Ending | None:
    """How a last line without an end mark breaks off."""
    words = WORD.findall(last)
    if len(words) >= LINE_WORDS and last.endswith((",", ";")):
        return Ending("ends with a comma")
    if not words or not last.endswith(words[-1]):
        return None
    word = words[-1]
    ratio = places.ratio(word.casefold())
    if len(words) > 1 and word[1:] == word[1:].lower() and places.is_part(word.lower()):
        return Ending(WITHIN, max(ratio, TELLING))
    if len(words) > 1 and word == word.lower() and ratio >= TELLING and places.goes_on(word):
        return Ending(WITHIN, ratio)
    if len(words) >= 3 and word == word.lower() and ratio >= LIKELIER and not places.goes_on(word):
        return Ending(NOTHING, ratio)
    if len(words) >= LINE_WORDS and (last.count("(") > last.count(")") or last.count("“") > last.count("”")):
        return Ending("ends within brackets")
    if LIST_LINE.match(last):
        others = [line for line in lines[:-1] if LIST_LINE.match(line)][-8:]
        alike = sum(bool(END.search(line.rstrip())) for line in others)
        return Ending(LISTED, UNLIKE * ratio) if len(others) >= 3 and alike == len(others) else None
    return Ending(UNSTOPPED, ratio) if len(words) >= LINE_WORDS and not _is_label(words) else None


def _is_label(words: Sequence[str]) -> bool:
    longer = [word for word in words if len(word) > 3]
    return len(words) <= LABEL_WORDS and sum(word[0].isupper() for word in longer) >= LABEL_SHARE * max(1, len(longer))
