"""Planted copies are found, all 43 of 43, whatever was done to their case, marks and line breaks; a draft of one's own words is no copy."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pytest
from made_material import material

from adtune.evaluate.copying import memorised
from adtune.settings import EvaluateSettings
from adtune.starter import sample_pieces, sample_voices
from adtune.voice.habits import WORD
from adtune.voice.overlap import Overlap

COPIES = 43
LIMIT = EvaluateSettings.memorised_limit
DISGUISES = (str, str.upper, lambda text: re.sub(r"[,.;:](?=\s)", "", text), lambda text: text.replace(" ", "\n"),
             lambda text: text.replace("'", "’"), lambda text: " ".join(f"*{word}*" for word in text.split()),
             lambda text: " ".join(f"{word}," for word in text.split()))


def texts_of(path):
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def train():
    return texts_of(sample_pieces())[:COPIES * 2]


@pytest.fixture(scope="module")
def index(train):
    return Overlap(train)


@pytest.fixture(scope="module")
def planted(train):
    """(draft, copied words): a stretch of LIMIT to 3 LIMIT words of a training piece, disguised, within a text in another voice."""
    chance, others, made = random.Random(5), texts_of(sample_voices()), []
    for number, piece in enumerate(train[:COPIES]):
        words = list(WORD.finditer(piece))
        size = min(len(words), LIMIT + number)
        first = chance.randrange(len(words) - size + 1)
        copied = piece[words[first].start():words[first + size - 1].end()]
        half = len(others[number]) // 2
        made.append((f"{others[number][:half]}\n{DISGUISES[number % len(DISGUISES)](copied)}\n{others[number][half:]}", size))
    return made


def test_all_planted_copies_are_found_at_their_whole_length(planted, index):
    found = [index.longest_run(draft)[0] for draft, _ in planted]
    assert sum(run >= size for run, (_, size) in zip(found, planted, strict=True)) == COPIES
    assert sum(run >= LIMIT for run in found) == COPIES


def test_other_voices_on_the_same_topics_are_no_copies(index):
    assert sum(index.longest_run(text)[0] >= LIMIT for text in texts_of(sample_voices())) == 0


def test_a_copy_that_the_brief_holds_is_none_of_the_model_s(planted, index):
    draft, _ = planted[0]
    assert index.longest_run(draft, exclude=draft)[0] == 0


def test_an_evaluation_with_one_copy_among_its_drafts_names_it(planted, train):
    given = material(train_texts=tuple(train))
    tuned = given.arms["tuned"]
    copied = replace(tuned, drafts=(*tuned.drafts[:7], planted[3][0], *tuned.drafts[8:]))
    row = memorised(replace(given, arms={**given.arms, "tuned": copied}), 0)
    assert row["longest_run_words"] >= planted[3][1] and row["prompted"]["longest_run_words"] < LIMIT
    assert row["share_8gram"] > 0 and row["text"] in planted[3][0]
