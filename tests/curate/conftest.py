"""Synthetic archives: prose of random words, so that pieces are unlike each other unless a test makes them alike."""

import random
from collections.abc import Callable

import pytest

from adtune.records import Asset, Source

_SYLLABLES = ("ba", "co", "di", "fu", "ga", "lo", "mi", "nu", "pe", "ra", "so", "ti")


class Archive:
    """Makes assets; every text is reproducible from its seed."""

    @staticmethod
    def text(seed: int, words: int = 60) -> str:
        draw = random.Random(seed)
        return " ".join("".join(draw.choices(_SYLLABLES, k=3)) for _ in range(words))

    @staticmethod
    def variant(text: str, changed: int) -> str:
        """The text with its last `changed` words replaced."""
        words = text.split()
        return " ".join([*words[:len(words) - changed], *(f"neu{i}{len(text)}" for i in range(changed))])

    @staticmethod
    def asset(text: str, number: int = 1, **fields: object) -> Asset:
        content = {"text": text, "title": f"Title {number}", **fields}
        return Asset(id=Asset.identity(content, number), client="acme", source=Source("pieces.csv", number + 1), **content)  # type: ignore[arg-type]

    def assets(self, count: int, first: int = 0, words: int = 60) -> list[Asset]:
        return [self.asset(self.text(n, words), n, category=f"c{n % 3}") for n in range(first, first + count)]


@pytest.fixture(scope="session")
def archive() -> Archive:
    return Archive()


@pytest.fixture(scope="session")
def jaccard() -> Callable[[str, str], float]:
    """The oracle: Jaccard similarity of the sets of 5-word shingles, by the definition."""
    def measure(one: str, other: str) -> float:
        a, b = ({tuple(words[i:i + 5]) for i in range(len(words) - 4)} for words in (one.split(), other.split()))
        return len(a & b) / len(a | b)
    return measure
