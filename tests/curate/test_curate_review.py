"""The queue of questions: what is asked, in which order, what stands for what, and what an answer would move."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest

from adtune.curate import Curated, Given, curate
from adtune.curate.influence import Influence
from adtune.curate.review import MOST, as_row, marks_of, queue, segments, spans_of
from adtune.records import Asset, Decision, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_contrast, sample_pieces
from adtune.voice.likeness import likeness

OWN = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
OTHER = [json.loads(line) for line in sample_contrast().read_text(encoding="utf-8").splitlines()]
KEEP = CurateSettings(keep=20)


def made(row, name, **fields):
    return Asset(name, "acme", row["text"], title=row["title"], source=Source("mixed.jsonl", 2), **fields)


@pytest.fixture(scope="module")
def assets() -> list[Asset]:
    """8 gold and 32 other pieces of the sample client, one of them cut, among 20 in other voices."""
    own = [made(row, f"own-{n}", approval="gold" if n < 8 else None) for n, row in enumerate(OWN[:280:7])]
    own[20] = dataclasses.replace(own[20], text=own[20].text[:-60].rsplit(" ", 1)[0])
    return random.Random(3).sample([*own, *(made(row, f"other-{n}") for n, row in enumerate(OTHER[:20]))], 60)


@pytest.fixture(scope="module")
def curated(assets) -> Curated:
    return curate(assets, "acme", KEEP)


def test_the_queue_asks_what_matters_most_first(curated):
    asked = queue(curated, KEEP)
    assert 0 < len(asked) <= MOST and [one.value for one in asked] == sorted((one.value for one in asked), reverse=True)
    assert not any(one.piece.gold for one in asked) and len({one.piece.asset.id for one in asked}) == len(asked)
    gone = {one.asset.id: one for one in curated.dropped}
    for one in asked:
        assert one.kept == (one.piece.asset.id not in gone) and one.why and one.evidence
        assert one.about != "exact_duplicate"
        assert json.loads(json.dumps(as_row(one), allow_nan=False))["now"] == ("keep" if one.kept else "drop")
    assert "off_voice" in {one.about for one in asked}
    assert len(queue(curated, KEEP, 5)) == 5


def test_what_was_decided_is_not_asked_again(curated):
    first = queue(curated, KEEP)[0]
    ruled = Decision(first.piece.asset.id, first.piece.content, "keep", "Ann", first.about, first.kind)
    pieces = [dataclasses.replace(piece, ruling=ruled if piece is first.piece else None) for piece in curated.pieces]
    assert first.piece.asset.id not in {one.piece.asset.id for one in queue(dataclasses.replace(curated, pieces=pieces), KEEP)}


def test_one_piece_stands_for_the_findings_of_its_kind(archive):
    pieces = archive.assets(12)
    twins = [archive.asset(archive.variant(pieces[n].text, 5), 100 + n) for n in range(5)]
    made_of = curate([*pieces, *twins], "acme", CurateSettings())
    first, *rest = queue(made_of, CurateSettings())
    assert (first.about, first.kind, first.like, first.kept) == ("near_duplicate", "like", 4, False) and first.value > rest[0].value
    assert first.twin in made_of.pieces and first.marks == (" ".join(first.piece.body.split()[-6:]),)
    assert "stands for 4 more" in first.why and all(one.like == 0 for one in rest) and len(rest) == 4
    answer = Decision(first.piece.asset.id, first.piece.content, "keep", "Ann", first.about, first.kind)
    after = queue(curate([*pieces, *twins], "acme", CurateSettings(), Given(decisions=[answer])), CurateSettings())
    assert after[0].yes == 3   # beside itself: one more yes brings the others of the kind back as well
    both = [answer, Decision(after[0].piece.asset.id, after[0].piece.content, "keep", "Ann", after[0].about, after[0].kind)]
    assert len(curate([*pieces, *twins], "acme", CurateSettings(), Given(decisions=both)).dataset.items) == 17


def test_without_gold_a_person_is_asked_which_voice_it_is(assets):
    rows = [dataclasses.replace(asset, approval=None) for asset in assets]
    found = curate(rows, "acme", CurateSettings())
    asked = queue(found, CurateSettings())
    question = asked[0]
    assert question.about == "voice" and len(question.groups) > 1 and "no gold pieces" in question.why
    assert all(len(group.typical) >= 6 and group.habits for group in question.groups)
    assert [len(one["typical"]) for one in as_row(question)["groups"]] == [3] * len(question.groups)
    house = max(question.groups, key=lambda group: sum(piece.asset.id.startswith("own") for piece in group.typical))
    said = [Decision(piece.asset.id, piece.content, "voice" if group is house else "other", "Ann", "voice")
            for group in question.groups for piece in group.typical]
    chosen = curate(rows, "acme", KEEP, Given(decisions=said))
    assert chosen.selection.likeness["voice"] == "reviewed"
    kept = [item.asset for item in chosen.dataset.items]
    assert len(kept) == 20 and sum(name.startswith("own") for name in kept) >= 19
    assert not any(one.about == "voice" for one in queue(chosen, KEEP))


def test_an_answer_moves_its_neighbours_as_foretold():
    own, other = [row["text"] for row in OWN[:200:5]], [row["text"] for row in OTHER[:40]]
    texts, gold = [*own, *other[:20]], list(range(8))
    found = likeness(texts, gold, other[20:])
    influence = Influence(found, found.limit, list(range(8, len(texts))))
    asked = next(at for at, place in enumerate(influence.places) if place >= len(own))
    again = likeness(texts, gold, other[20:], against=[int(influence.places[asked])])
    told = influence.covariance[asked] * influence.weights[False] * (0.0 - influence.own[asked])
    came = (again.fit.margins - found.fit.margins)[influence.places]
    others = np.arange(len(influence.places)) != asked
    near = np.argsort(-influence.covariance[asked][others], kind="stable")[:10]
    assert told[others][near].mean() < 0 and came[others][near].mean() < came[others].mean()
    before = influence.covariance.diagonal().copy()
    influence.learn(asked)
    assert (influence.covariance.diagonal() <= before + 1e-9).all() and influence.covariance[asked, asked] < before[asked]


def test_the_evidence_is_found_in_the_text():
    text = "Call Jane\u200b now.\nThe plan is, well, the plan, and\nso on."
    assert marks_of("a name: … »Jane[U+200B]« now …") == ("Jane\u200b",)
    assert marks_of("ends with a comma: »… plan, and so on.«") == ("plan, and so on.",)
    assert [text[a:b] for a, b in spans_of(text, ("plan, and so on.", "Jane\u200b"))] == ["Jane\u200b", "plan, and\nso on."]
    assert [text[a:b] for a, b in spans_of(text, ("plan",))] == ["plan", "plan"] and spans_of(text, ("pla", "nothing", "")) == []
    parts = segments(text, ("Jane\u200b",))
    assert parts[1] == ("Jane[U+200B]", True) and [marked for _, marked in parts] == [False, True, False]
