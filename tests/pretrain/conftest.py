"""A made corpus of a few hundred short documents in groups, and settings small enough for a test."""

import json
import random

import pytest
import torch

from adtune.settings import PretrainSettings

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
WORDS = "river stone bridge market harbour letter winter signal copper engine garden lamp quiet narrow early warm".split()


def documents(count=420, seed=0):
    """Books of three chapters; each chapter names its book, so that a leak can be seen in the text."""
    rng = random.Random(seed)
    return [{"title": f"Book {n // 3} - chapter {n % 3}", "source": "gutenberg" if n % 2 else "wiki2021",
             "text": f"[book{n // 3}] " + " ".join(rng.choices(WORDS, k=rng.randint(15, 40)))} for n in range(count)]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "made.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in documents()) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def settings():
    return PretrainSettings(size="tiny", minutes=0.0199, vocabulary=400, context=64, row_tokens=32, batch_tokens=128, warmup_steps=3,
                            token_limit=100_000, evaluate_minutes=0.005)
