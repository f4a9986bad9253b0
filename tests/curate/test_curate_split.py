"""Splits: shares, stability while the archive grows, no cluster in two splits, none empty."""

from collections import Counter
from dataclasses import replace

import pytest

from adtune.curate import curate
from adtune.curate.split import position, splits_of
from adtune.records import Split
from adtune.settings import CurateSettings

SETTINGS = CurateSettings()


def splits(assets, settings=SETTINGS):
    return {item.asset: item.split for item in curate(assets, "acme", settings).dataset.items}


def positions(count):
    return {f"cluster {n}": position("acme", f"cluster {n}") for n in range(count)}


@pytest.mark.parametrize(("count", "held_out"), [(299, 0.2), (300, 0.1), (3000, 0.1)])
def test_shares(count, held_out):
    counts = Counter(splits_of(positions(count), count).values())
    for split in (Split.TEST, Split.VALIDATION):
        assert counts[split] / count == pytest.approx(held_out, abs=0.06)


def test_reaching_300_moves_only_into_train():
    before, after = splits_of(positions(299), 299), splits_of(positions(300), 300)
    moves = {(before[c], after[c]) for c in before if before[c] != after[c]}
    assert moves == {(Split.TEST, Split.TRAIN), (Split.VALIDATION, Split.TRAIN)}


def test_a_piece_keeps_its_split_while_the_archive_grows(archive):
    assets = archive.assets(320)
    grown = [splits(assets[:count]) for count in (40, 90, 200, 299)]
    for small, large in zip(grown, grown[1:], strict=False):
        assert small.items() <= large.items()
    final = splits(assets)
    assert all(final[asset] in (split, "train") for asset, split in grown[-1].items())


def test_siblings_imported_later_join_their_elders(archive):
    elders = archive.assets(60)
    siblings = [archive.asset(archive.variant(asset.text, 15), 1000 + n) for n, asset in enumerate(elders)]
    before, after = splits(elders), splits(elders + siblings)
    assert len(after) == 120 and before.items() <= after.items()
    assert all(after[elder.id] == after[sibling.id] for elder, sibling in zip(elders, siblings, strict=True))


def test_a_dropped_piece_still_names_its_cluster(archive):
    elders = archive.assets(30)
    drafts = [archive.asset(asset.text, n, approval="draft") for n, asset in enumerate(elders)]
    newer = [archive.asset(archive.variant(asset.text, 12), 1000 + n) for n, asset in enumerate(elders)]
    own, inherited = splits(elders), splits(drafts + newer)
    assert [own[asset.id] for asset in elders] == [inherited[asset.id] for asset in newer]


def test_no_cluster_stands_in_two_splits(archive, jaccard):
    base = archive.assets(25)
    assets = base + [archive.asset(archive.variant(asset.text, 10 + n % 9), 100 + n) for n, asset in enumerate(base)]
    items = curate(assets, "acme", SETTINGS).dataset.items
    for one in items:
        for other in items:
            if jaccard(one.example.text, other.example.text) >= 0.5:
                assert one.split == other.split and one.cluster == other.cluster


def test_growth_of_small_archives_moves_pieces_into_train_only(archive):
    for first in range(0, 4000, 100):
        assets = archive.assets(40, first, words=25)
        grown = [splits(assets[:count]) for count in (10, 12, 20, 40)]
        for small, large in zip(grown, grown[1:], strict=False):
            assert all(large[asset] in (split, "train") for asset, split in small.items())


@pytest.mark.parametrize("count", [10, 11, 13, 17, 30])
def test_no_split_is_empty_from_ten_pieces_on(archive, count):
    for first in range(0, 400, 40):
        assert set(splits(archive.assets(count, first)).values()) == {"train", "validation", "test"}


def test_fewest_clusters_give_one_to_each_split():
    for u in ((0.5, 0.6, 0.7), (0.01, 0.02, 0.03), (0.25, 0.3, 0.35), (0.1, 0.3, 0.9), (0.1, 0.5, 0.6), (0.3, 0.31, 0.9)):
        found = splits_of({str(n): value for n, value in enumerate(u)}, 30)
        assert sorted(found.values()) == ["test", "train", "validation"], u
        assert splits_of({"0": 0.1, "1": 0.3, "2": 0.9}, 30) == {"0": "test", "1": "validation", "2": "train"}


def test_an_archive_of_one_template_still_has_three_splits(archive):
    fixed = archive.text(1, 80)
    assets = [archive.asset(f"{fixed} {archive.text(100 + n, 22)}", n) for n in range(40)]
    assert set(splits(assets).values()) == {"train", "validation", "test"}


def test_clients_split_differently(archive):
    assert [position("acme", str(n)) for n in range(5)] != [position("other", str(n)) for n in range(5)]
    assert all(0 <= position("acme", str(n)) < 1 for n in range(50))


def test_files_that_bring_their_own_split_keep_it(archive):
    given = ["train"] * 30 + ["validation"] * 5 + ["test"] * 5
    assets = [replace(asset, split=split) for asset, split in zip(archive.assets(40), given, strict=True)]
    found = splits(assets)
    assert [found[asset.id] for asset in assets] == given
    # nobody brings validation: it is drawn from train, and test stays what the file holds out
    found = splits([replace(asset, split="train" if asset.split == "validation" else asset.split) for asset in assets])
    assert {split for asset, split in zip(assets, given, strict=True) if found[asset.id] == "test"} == {"test"} <= set(found.values())
    assert set(found.values()) == {"train", "validation", "test"}


def test_a_copy_of_a_held_out_piece_is_never_trained_on(archive):
    others = archive.assets(30)
    held = replace(archive.asset(archive.text(99), 99), split="test")
    copy = replace(archive.asset(archive.variant(archive.text(99), 12), 98, approval="gold"), split="train")
    found = splits([*(replace(asset, split="train") for asset in others), copy, held])
    assert found[held.id] == found[copy.id] == "test" and "train" in found.values()


def test_nothing_that_is_held_out_fills_an_empty_train_split():
    assert splits_of({"0": 0.5, "1": 0.6, "2": 0.7}, 30, {"0": "test", "1": "test", "2": "test"}) == dict.fromkeys("012", "test")
