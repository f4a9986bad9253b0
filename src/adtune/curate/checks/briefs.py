"""Briefs that tell too little to write the piece from: what a model learns from them is to make things up.

What a brief tells is measured in bits over the words of title, summary and facts:

    bits = sum over distinct stems s of log2((1 + N) / (1 + n_s))

with N families of similar pieces, n_s of which hold the stem. Words that name the thing and not what is in it ("Newsletter 12",
"IMG_2041", "final version"), and figures, count nothing. One bit halves the pieces that may be meant: under one, 0 to 1.3 % of the titles
of seven archives lie, and all of forty titles that people give to files. A brief that asks for several unlike texts is thin as well, and so
is one whose text is longer for it than any other's of the house, by Tukey's outer fence over the logarithms (Exploratory Data Analysis,
1977).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import exp, log, log2

from ..pieces import Piece, plain_words
from .finding import Found, Judge
from .words import ENOUGH_FAMILIES

LEAST_BITS = 1.0
STEM = 6                 # letters of a word that count: plurals and endings then seldom part two words
LONG_WORDS = 300         # words of a text from which its length beside its brief is looked at
FENCE = 3.0              # interquartile ranges above the upper quartile
NOTHING, SAME, LONG, UNTITLED = 0.8, 0.6, 0.5, 1.0
# words that say what kind of thing a piece is, or how far it has come, in the titles that people give to files and forms
LABELS = frozenset(plain_words("""
    update updates news newsletter untitled title headline document doc docs draft drafts final version revision rev copy new old test
    tests post posts article articles content contents piece pieces text texts page pages blog entry email e mail mailing message
    letter item file files img image photo picture scan temp tmp misc miscellaneous other various general info information
    announcement announcements notice note notes weekly monthly daily quarterly annual home homepage main default sample example
    template placeholder lorem ipsum dolor part number no nr issue edition campaign ad ads advert advertisement social caption press
    release story feature column web website site internal external edit edited review reviewed approved wip todo tbd tba na none null
    unknown blank empty name my our your the a an of for and or to in on by with from at is it v vs jan feb mar apr may jun jul aug
    sep sept oct nov dec january february march april june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday week month quarter year day date docx pdf txt md html htm jpg jpeg png xlsx csv pptx q1 q2 q3 q4
    entwurf neu neue datei dokument seite beitrag artikel titel ohne kopie aktuelles nouveau sans titre brouillon copie nuevo
    documento articulo borrador copia"""))
_PARTS = re.compile(r"(?<=[a-z])(?=[A-Z\d])|(?<=[A-Za-z])(?=\d)|[_.]")


def thin_briefs(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Pieces whose brief tells next to nothing, is the same for unlike texts, or is short for a text as long as that.

    Pieces without a title train without a brief: the first of them is shown, with how many there are.
    """
    found: dict[int, Found] = {}
    untitled = sorted((piece for piece in pieces if not piece.asset.title and piece.plain), key=lambda one: (one.content, one.order))
    if untitled:
        told_once = f"{len(untitled)} of {len(pieces)} pieces have no title: they train as plain text, without a brief"
        found[untitled[0].order] = Found(told_once, UNTITLED)
    titled = [piece for piece in pieces if piece.asset.title and piece.plain]
    if judge.words.families < ENOUGH_FAMILIES:
        return found
    spread = _spread(judge)
    told = {piece.order: _brief_words(piece) for piece in titled}
    asks: dict[tuple[tuple[str, ...], str | None, str | None], dict[int, Piece]] = defaultdict(dict)
    for piece in sorted(titled, key=lambda one: (one.content, one.order)):
        key = (told[piece.order], piece.asset.category, piece.asset.content_type)
        asks[key].setdefault(judge.family[piece.content], piece)
    limit = _longest(titled, told)
    for piece in titled:
        words = told[piece.order]
        bits = _bits(words, spread, judge.words.families)
        same = asks[words, piece.asset.category, piece.asset.content_type]
        other = next((one for family, one in same.items() if family != judge.family[piece.content]), None)
        longer = len(piece.plain) / max(1, len(words))
        if bits < LEAST_BITS:
            found[piece.order] = Found(f"the brief »{piece.asset.title}« says next to nothing of the piece: {bits:.1f} bits", NOTHING)
        elif other:
            found[piece.order] = Found(f"the brief »{piece.asset.title}« stands for {len(same)} unlike texts, also that of {_place(other)}",
                                       SAME)
        elif longer > limit and len(piece.plain) >= LONG_WORDS:
            found[piece.order] = Found(f"a brief of {len(words)} words for a text of {len(piece.plain)}; the house's own have up to "
                                       f"{limit:.0f} words for each of the brief's", LONG)
    return {order: found[order] for order in sorted(found)}


def _spread(judge: Judge) -> Counter[str]:
    """In how many families of pieces each stem stands."""
    members: dict[int, list[Piece]] = defaultdict(list)
    for piece in judge.pieces:
        members[judge.family[piece.content]].append(piece)
    spread: Counter[str] = Counter()
    for family in members.values():     # one at a time: the stems of all together would be the archive once more
        spread.update({word[:STEM] for piece in family for word in piece.plain})
    return spread


def _brief_words(piece: Piece) -> tuple[str, ...]:
    """The words of title, summary and facts; those of a file's name parted."""
    asset = piece.asset
    return plain_words(_PARTS.sub(" ", " ".join(part for part in (asset.title, asset.summary, *asset.facts) if part)))


def _bits(words: Sequence[str], spread: Counter[str], families: int) -> float:
    stems = {word[:STEM] for word in words if word not in LABELS and not word.isdigit()}
    return sum(log2((1 + families) / (1 + min(families, spread.get(stem, 0)))) for stem in stems)


def _longest(titled: Sequence[Piece], told: dict[int, tuple[str, ...]]) -> float:
    """Words of a text for each word of its brief, beyond which it lies outside the house's outer fence."""
    ratios = sorted(log(len(piece.plain) / max(1, len(told[piece.order]))) for piece in titled)
    if not ratios:
        return 0.0
    low, high = (ratios[int(share * (len(ratios) - 1))] for share in (0.25, 0.75))
    return exp(high + FENCE * (high - low))


def _place(piece: Piece) -> str:
    source = piece.asset.source
    return f"{source.file}, line {source.line}" if source.line else source.file or piece.asset.id[:12]
