"""What the words of an archive tell, also beyond the pieces whose neighbouring words are learned."""

from adtune.curate.checks import words
from adtune.curate.checks.words import Words
from adtune.curate.pieces import pieces_of


def test_a_piece_beyond_the_witnesses_is_known_by_one_witness_as_any_other(archive, monkeypatch):
    pieces = pieces_of([archive.asset(archive.text(seed), seed) for seed in range(30)])
    last = max(pieces, key=lambda piece: piece.content)
    likes = pieces_of([archive.asset(archive.variant(last.body, changed), 40) for changed in range(1, 10)])
    like = next(piece for piece in likes if piece.content < last.content)
    every = pieces_of([piece.asset for piece in (*pieces, like)])
    family = {piece.content: number for number, piece in enumerate(every)}
    known = Words(every, family).order_lift(last.order)
    monkeypatch.setattr(words, "WITNESSES", len(every) - 1)
    assert Words(every, family).order_lift(last.order) == known > 0.5
