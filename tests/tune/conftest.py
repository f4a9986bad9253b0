"""A tiny base, a small dataset and general text for the tests of tuning."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from made_bases import make_base, pieces  # noqa: E402

from adtune.records import Dataset, Item, Source  # noqa: E402
from adtune.voice.general import General  # noqa: E402


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return make_base("qwen3", tmp_path_factory.mktemp("tune") / "tiny")


@pytest.fixture(scope="session")
def dataset():
    made = pieces(14, 8)
    items = tuple(Item(f"{n:064x}", "train" if n < 9 else "validation" if n < 12 else "test", f"c{n}", None, example, Source("made", n + 1),
                       "gold" if n in (4, 7) else None) for n, example in enumerate(made))
    return Dataset.make("acme", "Write short sentences. Be kind to roses.", items, 14, {}, {})


@pytest.fixture(scope="session")
def general():
    made = pieces(10, 8, seed=3)
    return General(tuple(made[:4]), tuple(made[4:6]), tuple(made[6:]))
