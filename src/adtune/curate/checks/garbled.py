"""Texts that say nothing: letters at random, words in no order, or another language than the house's.

The sources are the archive itself (which words and pairs of words other pieces hold) and the language that the import told. What is usual
is asked of the pieces in the same language: those of a second one share few words with the rest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from math import sqrt
from statistics import median

from ...voice.dictionary import frequencies
from ..pieces import Piece
from .finding import Found, Judge, head
from .words import ENOUGH_FAMILIES, SAMPLE, Words

UNKNOWN = 0.55           # share of words known from nowhere else from which a text is gibberish, where the house's are far below
FAR_ABOVE = 4.0          # and at least so many times the house's median, which a few bad pieces do not move
ORDERED = 0.4            # of the archive's median lift of word order; shuffled pieces reach a third of it, good ones stay above half
CERTAIN = 0.85           # share from which it is gibberish anywhere
MIN_WORDS = 20           # fewer words tell nothing of their kind
ORDER_SEEN = 0.1         # median lift from which an archive shows how its words are ordered; 40 real pieces reach 0.17
ORDER_WORDS = 40         # fewer tell nothing of their order
CHANCE, SURE = 0.43, 2.5 # the error of a lift is CHANCE over the root of the words; times of it below the median from which it is no chance
ENOUGH_TOLD = 20         # pieces of known language from which the house's languages are known


def wrong_language(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """A language that under 5 % of the house's pieces are in; Asset.language says which, from the file or from the text at import."""
    told = [piece for piece in judge.house if piece.asset.language]
    if len(told) < ENOUGH_TOLD:
        return {}
    ours = ", ".join(sorted(judge.languages))
    return {piece.order: Found(f"in '{piece.asset.language}', where the house writes in '{ours}': {head(piece.body)}", 0.9)
            for piece in pieces if piece.asset.language and piece.asset.language not in judge.languages}


def gibberish(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """A share of words that no other piece of the archive holds, or that no list of the language holds, far above the house's usual.

    The list is asked where the house writes in one language that has a list: much gibberish of one kind is known to itself.
    """
    words = judge.words
    language = next(iter(judge.languages)) if len(judge.languages) == 1 else ""
    listed = words.listed(frequencies(language)) if frequencies(language) else None
    found: dict[int, Found] = {}
    for some, house in _by_language(pieces, judge, judge.house):
        if listed is not None:
            found |= _unknown(some, house, lambda order: words.unlisted_share(order, listed), f"stand in no list of words of '{language}'")
        found |= _unknown(some, house, words.unknown_share, "stand in no other piece of the archive")
    return found


def _by_language(pieces: Sequence[Piece], judge: Judge, house: Sequence[Piece]) -> list[tuple[list[Piece], list[Piece]]]:
    """(`pieces`, `house`) of each language of the house in which enough families are to tell what is usual. What is in none of them is
    compared with the one that most are in."""
    counts = Counter(piece.asset.language for piece in judge.house if piece.asset.language in judge.languages)
    most = counts.most_common(1)[0][0] if counts else None

    def of(some: Sequence[Piece]) -> dict[str | None, list[Piece]]:
        groups: dict[str | None, list[Piece]] = defaultdict(list)
        for piece in some:
            groups[piece.asset.language if piece.asset.language in counts else most].append(piece)
        return groups

    asked, usual = of(pieces), of(house)
    everything = of([piece for piece in judge.pieces if piece.plain])
    families = {language: len({judge.family[piece.content] for piece in some}) for language, some in everything.items()}
    return [(asked[language], usual[language]) for language in asked if families.get(language, 0) >= ENOUGH_FAMILIES]


def _unknown(pieces: Sequence[Piece], house: Sequence[Piece], share_of: Callable[[int], float], told: str) -> dict[int, Found]:
    if not house:
        return {}
    usual = [share_of(piece.order) for piece in house]
    limit = max(UNKNOWN, min(CERTAIN, FAR_ABOVE * median(usual)))
    found = {}
    for piece in pieces:
        share = share_of(piece.order) if len(piece.plain) >= MIN_WORDS else 0.0
        if share >= limit:
            found[piece.order] = Found(f"{share:.0%} of the words {told} (usual: {median(usual):.0%}): {head(piece.body)}",
                                       min(0.99, 0.6 + 0.4 * (share - limit) / max(1e-9, 1 - limit)))
    return found


def shuffled(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Neighbouring words that are neighbours in other pieces hardly more often than words that stand apart.

    Where the archive shows no order of its own (a median lift under ORDER_SEEN, or a quarter of its pieces without), nothing is said, nor
    where a piece has so few words that chance may have put them so.
    The confidence falls from 1 at a lift of 0 to 0.5 at ORDERED times the archive's median lift.
    """
    return {order: one for some, house in _by_language(pieces, judge, judge.usable)
            for order, one in _out_of_order(some, house, judge.words).items()}


def _out_of_order(pieces: Sequence[Piece], house: Sequence[Piece], words: Words) -> dict[int, Found]:
    lifts = sorted(words.order_lift(piece.order) for piece in house if len(piece.plain) >= ORDER_WORDS)
    usual = median(lifts) if lifts else 0.0
    if usual < ORDER_SEEN or lifts[len(lifts) // 4] < ORDERED * usual:
        return {}
    found = {}
    for piece in pieces:
        if len(piece.plain) < ORDER_WORDS:
            continue
        lift = words.order_lift(piece.order)
        if lift < ORDERED * usual and usual - lift > SURE * CHANCE / sqrt(min(len(piece.plain), SAMPLE)):
            evidence = (f"neighbouring words are neighbours in other pieces only {max(0.0, lift):.0%} more often than words drawn by "
                        f"chance (usual: {usual:.0%}): {head(piece.body)}")
            found[piece.order] = Found(evidence, 1 - 0.5 * max(0.0, lift) / (ORDERED * usual))
    return found
