"""Editing effort: nothing to do is 0, nothing of use is near 1, and more editing is more effort."""

import random
import time

import pytest

from adtune.voice.effort import effort

DRAFT = """The tap drips all night, and the meter runs. You hear it from the hall and turn over.

A plumber costs about ninety dollars for an hour. Most of that hour is the drive.

Buy a washer first. It fits in a pocket, and the shop will match the old one for you."""
OTHER = """Quarterly shipments rose in both northern ports despite bad weather, said Olsen, who runs a rope factory near Bergen.
His orders doubled since spring; workers now share three looms, sing loudly, eat herring, nap, then start again before dawn."""


def scrambled(text: str, share: float, seed: int = 0) -> str:
    chance = random.Random(seed)
    return " ".join(f"new{chance.randrange(10_000)}" if chance.random() < share else word for word in text.split(" "))


def test_identity_is_zero_and_white_space_counts_nothing():
    assert effort(DRAFT, DRAFT) == 0
    assert effort(DRAFT, "\n" + DRAFT.replace(" ", "  ") + "\n") == 0


def test_unrelated_is_near_one():
    assert 0.95 < effort(OTHER, DRAFT) <= 1
    assert effort("", DRAFT) == 1


def test_effort_grows_with_the_edits():
    text = " ".join([DRAFT, OTHER])
    measured = [sum(effort(text, scrambled(text, share, seed)) for seed in range(5)) / 5 for share in (0, 0.02, 0.1, 0.3, 0.6, 1)]
    assert measured == sorted(measured) and len(set(measured)) == len(measured)
    assert measured[1] < 0.08 and measured[-1] > 0.8


def test_a_moved_paragraph_is_cheaper_than_a_rewritten_one():
    first, second, third = DRAFT.split("\n\n")
    moved = effort(DRAFT, "\n\n".join([second, first, third]))
    rewritten = effort(DRAFT, "\n\n".join([scrambled(first, 1), second, third]))
    assert 0 < moved < 0.15 < rewritten < 0.6


def test_cutting_counts_at_either_end_and_in_the_middle():
    first, second, third = DRAFT.split("\n\n")
    for final in (f"{first}\n\n{second}", f"{second}\n\n{third}", f"{first}\n\n{third}"):
        assert 0 < effort(DRAFT, final) < 0.15


@pytest.mark.parametrize(("draft", "final", "expected"), [("", "", 0), (" \n", "", 0), (DRAFT, "", 1), ("", "Go.", 1), ("Go", "Stop", 1)])
def test_empty_and_tiny_texts(draft, final, expected):
    assert effort(draft, final) == expected


def test_long_repetitive_texts_stay_linear():
    start = time.process_time()
    value = effort("very " * 8_000, "very " * 8_000 + "good")
    assert value <= 1 and time.process_time() - start < 2
