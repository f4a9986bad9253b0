"""Texts that say nothing: letters at random, words in no order, or another language than the house's.

The sources are the archive itself (which words and pairs of words other pieces hold) and the language that the import told.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from ..pieces import Piece
from .finding import Found, Judge, head
from .words import ENOUGH_FAMILIES

UNKNOWN = 0.55           # share of words known from nowhere else from which a text is gibberish, where the house's are far below
FAR_ABOVE = 2.0          # and at least so many times the house's 95 % quantile
ORDERED = 0.4            # of the house's median lift of word order; shuffled pieces reach a third of it, good ones stay above half
MIN_WORDS = 20           # fewer words tell nothing of their kind
ORDER_WORDS = 40         # fewer tell nothing of their order
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
    """A share of words that no other piece of the archive holds, far above what is usual in the house."""
    words = judge.words
    if words.families < ENOUGH_FAMILIES:
        return {}
    usual = sorted(words.unknown_share(piece.order) for piece in judge.house)
    limit = max(UNKNOWN, FAR_ABOVE * usual[int(0.95 * (len(usual) - 1))]) if usual else 1.0
    found = {}
    for piece in pieces:
        share = words.unknown_share(piece.order)
        if share >= limit and len(piece.plain) >= MIN_WORDS:
            evidence = f"{share:.0%} of the words stand in no other piece of the archive (usual: {median(usual):.0%}): {head(piece.body)}"
            found[piece.order] = Found(evidence, min(0.99, 0.6 + 0.4 * (share - limit) / max(1e-9, 1 - limit)))
    return found


def shuffled(pieces: Sequence[Piece], judge: Judge) -> dict[int, Found]:
    """Neighbouring words that are neighbours in other pieces hardly more often than words that stand apart.

    The confidence falls from 1 at a lift of 0 to 0.5 at ORDERED times the house's median lift.
    """
    words = judge.words
    if words.families < ENOUGH_FAMILIES:
        return {}
    usual = median(words.order_lift(piece.order) for piece in judge.house) if judge.house else 0.0
    found = {}
    for piece in pieces:
        if len(piece.plain) < ORDER_WORDS or usual <= 0:
            continue
        lift = words.order_lift(piece.order)
        if lift < ORDERED * usual:
            evidence = (f"neighbouring words are neighbours in other pieces only {max(0.0, lift):.0%} more often than words drawn by "
                        f"chance (usual: {usual:.0%}): {head(piece.body)}")
            found[piece.order] = Found(evidence, 1 - 0.5 * max(0.0, lift) / (ORDERED * usual))
    return found
