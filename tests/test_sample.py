"""The sample client: what the demo's claims rest on must be hand-made, varied and true to its own conventions."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from adtune import starter

CATEGORIES = {"saving", "borrowing", "investing", "retirement", "protection", "taxes"}


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"[\w$%'’.-]*\w", text.lower())


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    tokens = words(text)
    return {tuple(tokens[i:i + length]) for i in range(len(tokens) - length + 1)}


@pytest.fixture(scope="module")
def pieces() -> list[dict]:
    return rows(starter.sample_pieces())


@pytest.fixture(scope="module")
def contrast() -> list[dict]:
    return rows(starter.sample_contrast())


@pytest.fixture(scope="module")
def general() -> list[dict]:
    return rows(starter.general_text())


@pytest.fixture(scope="module")
def conventions() -> list:
    from adtune.voice.conventions import load_conventions

    return list(load_conventions(starter.sample_conventions()))


def test_380_approved_pieces_in_six_categories(pieces):
    assert len(pieces) == 380
    count = Counter(piece["category"] for piece in pieces)
    assert set(count) == CATEGORIES and min(count.values()) >= 60
    assert {piece["approval"] for piece in pieces} == {"approved", "gold"}


def test_every_piece_carries_every_field(pieces):
    fields = {"id", "title", "text", "category", "content_type", "summary", "date", "author", "approval"}
    assert all(set(piece) == fields and all(piece.values()) for piece in pieces)
    assert {piece["content_type"] for piece in pieces} == {"article", "e-mail", "social post", "product copy"}
    assert all(date(2023, 1, 1) <= date.fromisoformat(piece["date"]) < date(2025, 7, 1) for piece in pieces)


def test_ids_and_titles_are_distinct(pieces, contrast, general):
    for collection in (pieces, contrast, general):
        assert len({row["id"] for row in collection}) == len(collection)
    assert len({piece["title"].lower() for piece in pieces}) == 380


def test_pieces_hold_120_to_350_words(pieces):
    assert [piece["id"] for piece in pieces if not 120 <= len(words(piece["text"])) <= 350] == []


def test_no_run_of_eight_words_stands_in_more_than_three_pieces(pieces):
    where = defaultdict(set)
    for piece in pieces:
        for run in runs(piece["text"], 8):
            where[run].add(piece["id"])
    assert {" ".join(run): sorted(ids) for run, ids in where.items() if len(ids) > 3} == {}


def test_near_duplicates_stay_under_two_percent(pieces):
    """Exact Jaccard of 3-word shingles, from 0.3 on: far stricter than the 0.8 at which curation drops a piece."""
    shingles = [(piece["id"], runs(piece["text"], 3)) for piece in pieces]
    near = {one for (a, left), (b, right) in combinations(shingles, 2) if len(left & right) > 0.3 * len(left | right) for one in (a, b)}
    assert len(near) / len(pieces) < 0.02


def test_the_guide_is_short_and_names_the_conventions():
    guide = starter.sample_guide().read_text(encoding="utf-8")
    assert 100 < len(guide.split()) <= 350
    assert guide.count("**Worked example:") == 1 and "Put plainly," in guide and '"you"' in guide


def test_the_guide_does_not_quote_the_pieces(pieces):
    guide = runs(starter.sample_guide().read_text(encoding="utf-8"), 8)
    assert [piece["id"] for piece in pieces if guide & runs(piece["text"], 8)] == []


def test_60_contrast_pieces_on_the_same_topics_in_other_voices(contrast):
    assert len(contrast) == 60
    assert {row["category"] for row in contrast} == CATEGORIES
    assert len({row["voice"] for row in contrast}) >= 5
    assert all(row["title"] and row["summary"] and len(words(row["text"])) >= 100 for row in contrast)


def test_240_general_passages_split_in_halves_by_hash(general):
    assert len(general) == 240 and Counter(row["half"] for row in general) == {"replay": 120, "measure": 120}
    for kind in {row["kind"] for row in general}:
        ids = sorted((row["id"] for row in general if row["kind"] == kind), key=lambda i: hashlib.sha256(i.encode()).hexdigest())
        assert {row["id"] for row in general if row["kind"] == kind and row["half"] == "replay"} == set(ids[:len(ids) // 2])


def test_general_text_shares_nothing_long_with_the_client(pieces, general):
    client = set().union(*(runs(piece["text"], 8) for piece in pieces))
    assert [row["id"] for row in general if client & runs(row["text"], 8)] == []


def test_every_piece_keeps_all_four_conventions(pieces, conventions):
    assert len(conventions) == 4
    broken = [(piece["id"], one) for piece in pieces for one in conventions if not one.holds(piece["text"])]
    assert broken == []


def test_other_voices_break_the_conventions(contrast, conventions):
    """Conventions that any text keeps would prove nothing: no contrast piece keeps all four."""
    assert [row["id"] for row in contrast if all(one.holds(row["text"]) for one in conventions)] == []
