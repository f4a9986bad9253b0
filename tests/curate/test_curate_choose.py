"""--keep: quality first, then coverage under quotas; the mix; the briefs; what is told."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adtune.curate import curate
from adtune.curate.choose import OFF_VOICE, OVER_KEEP, select
from adtune.curate.coverage import _demand, cover, shares_of, uncovered
from adtune.curate.pieces import pieces_of
from adtune.curate.quotas import Mix, Quotas, length_band, read_mix, share_out
from adtune.errors import SettingError
from adtune.records import Asset, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_contrast, sample_pieces

OWN = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
OTHER = [json.loads(line) for line in sample_contrast().read_text(encoding="utf-8").splitlines()]


def made(row: dict, name: str, **fields: object) -> Asset:
    return Asset(name, "acme", row["text"], title=row["title"], source=Source("mixed.jsonl"), **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def mixed() -> list[Asset]:
    """12 gold and 48 other pieces of the sample client among 40 in other voices, under the same three categories."""
    own = [made(row, f"own-{n}", category=f"c{n % 3}", approval="gold" if n < 12 else None) for n, row in enumerate(OWN[:300:5])]
    other = [made(row, f"other-{n}", category=f"c{n % 3}") for n, row in enumerate(OTHER[:40])]
    return random.Random(2).sample([*own, *other], 100)


@pytest.fixture(scope="module")
def plain(archive):
    return pieces_of(archive.assets(40))


names = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)


@settings(max_examples=100, deadline=None)
@given(names=names, data=st.data(), places=st.integers(0, 60))
def test_places_are_shared_within_bounds(names, data, places):
    weights = {name: data.draw(st.sampled_from((0.0, 1.0, 2.5, 40.0))) for name in names}
    least = {name: data.draw(st.integers(0, 5)) for name in names}
    most = {name: least[name] + data.draw(st.integers(0, 20)) for name in names}
    shares = share_out(weights, least, most, places)
    assert sum(shares.values()) == max(sum(least.values()), min(places, sum(most.values())))
    assert all(least[name] <= shares[name] <= most[name] for name in names)


def test_what_a_kind_cannot_fill_goes_to_the_others_by_weight():
    weights = {"article": 40.0, "email": 30.0, "post": 30.0}
    free = dict.fromkeys(weights, 0)
    assert share_out(weights, free, dict.fromkeys(weights, 100), 100) == {"article": 40, "email": 30, "post": 30}
    assert share_out(weights, free, {"article": 100, "email": 9, "post": 100}, 100) == {"article": 52, "email": 9, "post": 39}
    assert share_out({"a": 1.0, "b": 0.0}, {"a": 0, "b": 0}, {"a": 3, "b": 9}, 10) == {"a": 3, "b": 7}


def test_a_mix_speaks_the_words_of_the_archive(archive):
    assets = [dataclasses.replace(asset, content_type=("article", "e-mail", None)[n % 3]) for n, asset in enumerate(archive.assets(9))]
    pieces = pieces_of(assets)
    assert read_mix(None, pieces) == Mix("category", {"c0": 1.0, "c1": 1.0, "c2": 1.0})
    assert read_mix("C1=40, c2=30%", pieces).weights == {"c1": 40.0, "c2": 30.0, "c0": 30.0}
    assert read_mix("Email=1", pieces) == Mix("content_type", {"e-mail": 1.0, "article": 49.5, "none": 49.5})
    for wrong, told in (("c1=0,c2=0", "sums to nothing"), ("c1", "NAME=SHARE"), ("c1=-2", "NAME=SHARE"), ("c1=nan", "NAME=SHARE"),
                        ("c1=1,c1=2", "each name once"), ("c1=1,article=2", "categories only"), ("artikel=2", "article")):
        with pytest.raises(SettingError, match=told):
            read_mix(wrong, pieces)


def test_the_lazy_choice_is_the_greedy_choice(plain):
    quality = [60 + n for n in range(40)]
    chosen = cover(plain, quality, Quotas(plain, Mix("category", dict.fromkeys(("c0", "c1", "c2"), 1.0)), 12))
    served, weights = _demand(plain, quality, [])
    quotas, best, slow = Quotas(plain, Mix("category", dict.fromkeys(("c0", "c1", "c2"), 1.0)), 12), 0 * weights, []
    for strictness in range(3, -1, -1):
        while True:
            open_ = [n for n in range(40) if n not in slow and quotas.admits(n, strictness)] if quotas.left else []
            if not open_:
                break
            values = {n: served[n].astype(int) * quality[n] // 100 for n in open_}
            gains = {n: int((weights * (values[n] - best).clip(0)).sum()) for n in open_}
            take = min(open_, key=lambda n: (-gains[n], n))
            slow.append(take)
            quotas.take(take)
            best = best.clip(values[take])
    assert chosen == slow and len(chosen) == 12
    assert sorted(sum(plain[n].asset.category == name for n in chosen) for name in ("c0", "c1", "c2")) == [4, 4, 4]


def test_lengths_are_kept_in_proportion_where_they_can_be(archive):
    pieces = pieces_of([*archive.assets(20, words=40), *archive.assets(20, 100, words=150)])
    bands = [length_band(pieces[n]) for n in cover(pieces, [90] * 40, Quotas(pieces, read_mix(None, pieces), 10))]
    assert sorted(map(bands.count, set(bands))) == [5, 5]


def test_quality_comes_before_quotas(mixed):
    skewed = [dataclasses.replace(a, category="rare" if a.id.startswith("other") and int(a.id[6:]) < 20 else a.category) for a in mixed]
    curated = curate(skewed, "acme", CurateSettings(keep=30, mix="rare=50,c0=50"))
    kept = [item.asset for item in curated.dataset.items]
    assert len(kept) == 30 and sum(name.startswith("own") for name in kept) >= 29
    assert {f"own-{n}" for n in range(12)} <= set(kept)
    assert curated.selection.mix["rare"]["target"] == 15 and curated.selection.mix["rare"]["kept"] <= 1
    assert any("rare" in note and "went to others" in note for note in curated.selection.notes)
    assert {OFF_VOICE, OVER_KEEP} <= {one.reason for one in curated.dropped} and len(kept) + len(curated.dropped) == 100
    evidence = next(one.evidence for one in curated.dropped if one.reason == OFF_VOICE)
    assert "under the limit" in evidence and any(axis in evidence for axis in ("cadence", "vocabulary", "structure", "tone"))
    told = curated.selection.likeness
    assert told["voice"] == "gold" and told["pieces"] == 12 and 0 < told["limit"] <= 0.5 and told["auc"] > 0.9


def test_the_order_of_the_pieces_decides_nothing(mixed):
    asked = CurateSettings(keep=30, mix="c0=50")
    ids = [{pieces[order].asset.id for order in select(pieces, asked).chosen}
           for pieces in (list(pieces_of(mixed)), list(pieces_of(random.Random(4).sample(mixed, 100))))]
    assert ids[0] == ids[1] and len(ids[0]) == 30


def test_the_same_archive_in_another_order_has_the_same_dataset(mixed):
    found = [curate(assets, "acme", CurateSettings(keep=30)) for assets in (mixed, random.Random(4).sample(mixed, len(mixed)))]
    assert found[0].dataset.hash == found[1].dataset.hash
    assert {one.asset.id: one.reason for one in found[0].dropped} == {one.asset.id: one.reason for one in found[1].dropped}


def test_keep_above_what_passed_keeps_what_passed_and_says_so(mixed):
    curated = curate(mixed, "acme", CurateSettings(keep=90))
    kept = [item.asset for item in curated.dataset.items]
    assert sum(name.startswith("own") for name in kept) >= 57 and sum(name.startswith("other") for name in kept) <= 3
    assert curated.dataset.dropped[OVER_KEEP] == 0
    assert f"{len(kept)} pieces are kept of the 90 asked for: no more passed." in curated.selection.notes


def test_without_gold_the_voices_are_laid_out(mixed):
    nobody = [dataclasses.replace(asset, approval=None) for asset in mixed]
    found = select(pieces_of(nobody), CurateSettings(keep=30))
    groups = found.likeness["ask"]
    assert len(found.chosen) == 30 and found.likeness["voice"] is None and len(groups) > 1
    assert sum(group["pieces"] for group in groups) == 100 and all(len(group["typical"]) == 3 for group in groups)
    assert any("mark six or more" in note for note in found.notes)
    assert not any(reason == OFF_VOICE for reason, _ in found.dropped.values())


def test_without_keep_all_stay_and_nothing_is_measured(mixed):
    found = select(pieces_of(mixed), CurateSettings())
    assert found.chosen == frozenset(range(100))
    assert (found.dropped, found.mix, found.uncovered, found.likeness, found.notes) == ({}, None, None, None, ())
    category = pieces_of(mixed)[0].asset.category
    told = select(pieces_of(mixed), CurateSettings(mix=f"{category}=50"))
    assert told.chosen == found.chosen and any("--keep N" in note for note in told.notes) and told.mix


def test_briefs_are_served_and_those_that_nothing_resembles_are_listed():
    pieces = pieces_of([made(row, f"own-{n}", category=row["category"]) for n, row in enumerate(OWN[:120])])
    strange = "Quenching turbine blades with liquid helium"
    briefs = [OWN[3]["title"], OWN[40]["title"], strange]
    assert uncovered(briefs, pieces, pieces) == [strange]
    asked = select(pieces, CurateSettings(keep=10, briefs="\n".join([*briefs, "", briefs[0]])))
    assert asked.uncovered == (strange,) and "1 of 3 briefs resemble no kept piece." in asked.notes
    assert {3, 40} & asked.chosen
    assert shares_of([strange], pieces, pieces).max() < 5_000 <= shares_of(briefs[:1], pieces, pieces).max()


@pytest.mark.parametrize("wrong", [{"likeness": 1.5}, {"likeness": -0.1}, {"mix": "nothing=3", "keep": 12}])
def test_impossible_choices_are_refused(archive, wrong):
    with pytest.raises(SettingError):
        curate(archive.assets(12), "acme", CurateSettings(**wrong))


def test_a_second_version_waits_until_every_other_piece_has_its_place(mixed):
    own = [asset for asset in mixed if asset.id.startswith("own") and not asset.approval]
    twice = [dataclasses.replace(asset, id=f"again-{asset.id}", text=" ".join(
        word if place % 20 else f"other{place}" for place, word in enumerate(asset.text.split(" "), 1))) for asset in own]
    curated = curate([*mixed, *twice], "acme", CurateSettings(keep=80))
    kept = [item.asset for item in curated.dataset.items]
    assert len(kept) == 80 and len({name.removeprefix("again-") for name in kept if "own" in name}) >= 57
    assert any(one.evidence.startswith("another version of ") for one in curated.dropped)


def test_what_a_base_gains_in_context_joins_the_likeness(mixed):
    own = {asset.text.strip() for asset in mixed if asset.id.startswith("own")}
    asked = []

    def loss(pieces, context):
        asked.append((len(pieces), len(context)))
        return [2.0 if context and piece in own else 3.0 for piece in pieces]

    found = select(pieces_of(mixed), CurateSettings(keep=55), loss=loss)
    chosen = {mixed[order].id for order in found.chosen}
    assert sum(name.startswith("own") for name in chosen) == 55
    assert found.likeness["in_context"] >= 100 and {count for _, count in asked} == {0, 3}
