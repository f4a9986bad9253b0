"""Overlap: every planted copy is found at its full length, and nothing is found where nothing was copied."""

import random

import pytest

from adtune.voice.overlap import Overlap


def text_of(chance: random.Random, length: int, prefix: str) -> list[str]:
    return [f"{prefix}{chance.randrange(100_000)}" for _ in range(length)]


def brute_force(training: list[list[str]], draft: list[str]) -> int:
    best = 0
    for piece in training:
        for start in range(len(piece)):
            for place in range(len(draft)):
                length = 0
                while start + length < len(piece) and place + length < len(draft) and piece[start + length] == draft[place + length]:
                    length += 1
                best = max(best, length)
    return best


def test_43_planted_copies_are_found_in_43():
    chance = random.Random(0)
    training = [text_of(chance, 150, "old") for _ in range(60)]
    overlap = Overlap([" ".join(piece) for piece in training])
    for number in range(43):
        length = 5 + number
        piece = training[chance.randrange(60)]
        start = chance.randrange(150 - length)
        copy = piece[start:start + length]
        before = chance.randrange(50)
        fresh = text_of(chance, 100, "new")
        draft = " ".join([*fresh[:before], *copy, *fresh[before:]])
        assert overlap.longest_run(draft) == (length, " ".join(copy))
        assert overlap.share_8gram(draft) == pytest.approx(max(0, length - 7) / (100 + length - 7))


def test_longest_run_equals_brute_force_on_repetitive_texts():
    chance = random.Random(1)
    for _ in range(60):
        training = [chance.choices("abc", k=chance.randrange(1, 25)) for _ in range(4)]
        draft = chance.choices("abcd", k=25)
        found, run = Overlap([" ".join(piece) for piece in training]).longest_run(" ".join(draft))
        assert found == brute_force(training, draft) == len(run.split())


def test_case_punctuation_and_layout_do_not_hide_a_copy():
    overlap = Overlap(["Don't wait: your first ten dollars move today, and the rest can follow."])
    found, run = overlap.longest_run("So: DON’T wait,\nyour first **ten** dollars move today! Fine.")
    assert found == 8 and run == "DON’T wait,\nyour first **ten** dollars move today"


def test_no_run_crosses_from_one_piece_to_the_next():
    assert Overlap(["one two three", "four five six"]).longest_run("one two three four five six")[0] == 3


def test_what_stands_in_the_brief_is_not_counted():
    fact = "the yearly fee of the plain card is nine dollars"
    overlap = Overlap([f"Remember that {fact} and not a cent more."])
    draft = f"Good to know: {fact} and not a surprise."
    assert overlap.longest_run(draft)[0] == 13
    assert overlap.longest_run(draft, exclude=f"Facts: {fact}.") == (3, "and not a")
    assert overlap.share_8gram(draft) > 0.5
    assert overlap.share_8gram(draft, exclude=fact) is None
    assert overlap.longest_run(draft, exclude="the yearly fee")[0] == 13


def test_summary_pools_texts_and_knows_what_was_not_measured():
    overlap = Overlap(["a b c d e f g h i j", "k l m"])
    found = overlap.summary(["x a b c d e f g h y", "q r s t u v w x y z"], [""] * 2)
    assert found == {"longest_run_words": 8, "longest_run": "a b c d e f g h", "share_8gram": pytest.approx(1 / 6)}
    assert overlap.summary([]) == {"longest_run_words": None, "longest_run": None, "share_8gram": None}
    assert overlap.summary(["k l"]) == {"longest_run_words": 2, "longest_run": "k l", "share_8gram": None}
    assert Overlap([]).summary(["a b c d e f g h"]) == {"longest_run_words": 0, "longest_run": "", "share_8gram": 0.0}
