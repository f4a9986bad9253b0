"""curate(): counts add up, representatives, keep N, the hash, refusals, speed."""

import dataclasses
import json
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adtune.curate import REASONS, Given, curate
from adtune.errors import InputError, SettingError
from adtune.records import Asset, Dataset, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_pieces

PLAIN = CurateSettings()
DAY = CurateSettings(today="2025-06-01")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=st.lists(st.tuples(st.integers(0, 14), st.sampled_from((0, 0, 2, 12, 45, 60)), st.sampled_from((None, "gold", "draft")),
                               st.sampled_from((None, "2020-01-01", "2030-01-01")), st.sampled_from(("", "<b>x</b>" * 20))), max_size=40),
       keep=st.none() | st.integers(10, 20), fresh=st.integers(0, 20))
def test_kept_and_dropped_add_up(archive, rows, keep, fresh):
    assets = [archive.asset(archive.variant(archive.text(seed), changed) + extra, n, approval=approval, rights_until=until)
              for n, (seed, changed, approval, until, extra) in enumerate(rows)] + archive.assets(fresh, 5000)
    try:
        curated = curate(assets, "acme", dataclasses.replace(DAY, keep=keep))
    except InputError as error:
        assert f"of {len(assets)} read" in error.found
        return
    dataset = curated.dataset
    assert len(dataset.items) + len(curated.dropped) == dataset.read == len(assets)
    assert sorted([item.asset for item in dataset.items] + [one.asset.id for one in curated.dropped]) == sorted(a.id for a in assets)
    assert {reason: sum(one.reason == reason for one in curated.dropped) for reason in REASONS} == dataset.dropped
    assert all(one.evidence for one in curated.dropped)
    assert len(dataset.items) <= (keep or len(assets))


def test_an_item_holds_the_brief_the_body_and_the_lineage(archive):
    rich = archive.asset(f"# Title 50\n\n{archive.text(50)}\n\nLast.", 50, summary="In short", facts=("one", "two"), category="news",
                         content_type="article", approval="gold")
    item = next(i for i in curate([*archive.assets(12), rich], "acme", PLAIN).dataset.items if i.asset == rich.id)
    assert item.example.text == f"{archive.text(50)}\n\nLast."
    assert dataclasses.astuple(item.example.brief) == ("Title 50", "news", "article", "In short", ("one", "two"))
    assert (item.source, item.category, item.approval) == (Source("pieces.csv", 51), "news", "gold")


@pytest.mark.parametrize("first", ["Title 50", "# Title 50", "**Title 50**", "title 50:", "Title 50\n========"])
def test_a_repeated_title_is_stripped(archive, first):
    asset = archive.asset(f"{first}\n\n{archive.text(50)}", 50)
    items = curate([*archive.assets(12), asset], "acme", PLAIN).dataset.items
    assert next(i for i in items if i.asset == asset.id).example.text == archive.text(50)


def test_a_first_line_that_says_more_than_the_title_stays(archive):
    asset = archive.asset(f"Title 50 and more\n\n{archive.text(50)}", 50)
    items = curate([*archive.assets(12), asset], "acme", PLAIN).dataset.items
    assert next(i for i in items if i.asset == asset.id).example.text == asset.text


@pytest.mark.parametrize("changed", [0, 3])
def test_gold_then_the_later_date_then_the_first_stands_for_duplicates(archive, changed):
    def twins(*fields):
        return [archive.asset(archive.variant(archive.text(70), changed * n), 70 + n, **row) for n, row in enumerate(fields)]

    def kept(group):
        ids = {item.asset for item in curate([*archive.assets(12), *group], "acme", PLAIN).dataset.items}
        return [n for n, asset in enumerate(group) if asset.id in ids]

    assert kept(twins({"date": "2025-01-01"}, {"approval": "gold", "date": "2020-01-01"})) == [1]
    assert kept(twins({"date": "2024-01-01"}, {"date": "2025-01-01"})) == [1]
    assert kept(twins({"date": "2024-01-01"}, {})) == [0]
    assert kept(twins({}, {})) == [0]
    assert kept(twins({"approval": "draft"}, {})) == [1]


def test_keep_takes_gold_first_and_spreads_over_categories(archive):
    assets = archive.assets(60)
    gold = [dataclasses.replace(a, approval="gold", id=f"gold{a.id}") for a in archive.assets(4, 900)]
    lopsided = [dataclasses.replace(a, category="c0" if n >= 6 else f"c{1 + n % 2}") for n, a in enumerate(assets)]
    curated = curate(lopsided + gold, "acme", CurateSettings(keep=16))
    chosen = curated.dataset.items
    assert len(chosen) == 16 and {a.id for a in gold} <= {item.asset for item in chosen}
    plain = [item.category for item in chosen if item.approval != "gold"]
    assert sorted(map(plain.count, ("c0", "c1", "c2"))) == [3, 3, 6]
    assert curated.dataset.dropped["over_keep"] == 48
    assert sum(curated.dataset.dropped.values()) == 48


def test_the_hash_is_of_the_content(archive):
    assets = archive.assets(20)
    first = curate(assets, "acme", PLAIN).dataset
    moved = [dataclasses.replace(asset, source=Source("elsewhere/other.csv", 7)) for asset in assets]
    random.Random(3).shuffle(moved)
    assert curate(moved, "acme", PLAIN).dataset.hash == first.hash
    assert [item.asset for item in first.items] == sorted(asset.id for asset in assets)
    others = [curate(assets, "acme", PLAIN, Given("Be kind.")), curate(assets, "acme", CurateSettings(min_words=21)),
              curate(assets[1:], "acme", PLAIN)]
    assert len({first.hash, *(curated.dataset.hash for curated in others)}) == 4


def test_a_setting_at_its_default_leaves_the_hash_of_earlier_datasets_as_it_was():
    rows = map(json.loads, sample_pieces().read_text(encoding="utf-8").splitlines())
    contents = [{name: value for name, value in row.items() if name in Asset.CONTENT} for row in rows]
    assets = [Asset.from_dict({"id": Asset.identity(one, 0), "client": "quillmere", "source": {"file": ""}, **one}) for one in contents]
    dataset = curate(assets, "quillmere", PLAIN).dataset
    assert len(dataset.items) == 380
    assert dataset.hash == "c800b0ca439ea4b55d00e2ace4f0f40ecb2bf260060727e73cdbb23b0de3a771"
    assert set(dataset.settings) == {"keep", "min_words", "near_duplicate", "markup_share", "today"}


def test_the_day_is_recorded_only_where_rights_end(archive):
    assets = archive.assets(12)
    limited = [*assets, archive.asset(archive.text(99), 99, rights_until="2999-01-01")]
    assert curate(assets, "acme", DAY).dataset.settings["today"] is None
    assert curate(limited, "acme", DAY).dataset.settings["today"] == "2025-06-01"
    assert len(curate(limited, "acme", PLAIN).dataset.settings["today"]) == 10


def test_a_dataset_survives_json(archive):
    dataset = curate(archive.assets(15), "acme", PLAIN, Given("Guide.")).dataset
    assert Dataset.from_dict(json.loads(json.dumps(dataclasses.asdict(dataset)))) == dataset


def test_clusters_list_relatives_and_dropped_twins(archive):
    assets = archive.assets(15)
    twin = dataclasses.replace(assets[0], id="twin")
    sibling = archive.asset(archive.variant(assets[0].text, 15), 300)
    assert list(curate([*assets, twin, sibling], "acme", PLAIN).clusters.values()) == [(assets[0].id, "twin", sibling.id)]


def test_under_ten_pieces_is_refused_with_what_was_dropped(archive):
    assets = archive.assets(9) + [archive.asset("Too short.", 50 + n) for n in range(3)]
    with pytest.raises(InputError) as caught:
        curate(assets, "acme", PLAIN)
    assert caught.value.found == "9 good pieces of 12 read (dropped: 3 too_short)"
    assert "at least 10" in caught.value.expected
    with pytest.raises(InputError, match="0 good pieces of 0 read"):
        curate([], "acme", PLAIN)


@pytest.mark.parametrize("wrong", [{"keep": 5}, {"near_duplicate": 0.0}, {"near_duplicate": 1.5}, {"today": "31.05.2025"},
                                   {"today": "2025-13-01"}])
def test_impossible_settings_are_refused(archive, wrong):
    with pytest.raises(SettingError):
        curate(archive.assets(12), "acme", CurateSettings(**wrong))


def test_other_clients_and_other_tasks_are_refused(archive):
    with pytest.raises(InputError, match="pieces of acme"):
        curate(archive.assets(12), "rival", PLAIN)
    with pytest.raises(InputError, match="not built yet"):
        curate(archive.assets(12), "acme", PLAIN, task="images")


def test_progress_is_told_in_order(archive):
    told = []
    curate(archive.assets(12), "acme", PLAIN, progress=lambda label, done, total, note="": told.append(done / total))
    assert told == sorted(told) and told[-1] == 1


def test_six_hundred_pieces_of_200_words_take_under_four_seconds(archive):
    assets = archive.assets(600, words=200)
    curate(assets[:12], "acme", PLAIN)
    began = time.process_time()
    curate(assets, "acme", PLAIN)
    assert time.process_time() - began < 4


def test_ads_are_not_too_short_for_ads_and_a_limit_that_is_given_holds(archive):
    ads = [archive.asset(archive.text(900 + n, 10), n, content_type="search ad") for n in range(30)]
    assert curate(ads, "acme", DAY).dataset.dropped["too_short"] == 0
    with pytest.raises(InputError) as caught:
        curate(ads, "acme", dataclasses.replace(DAY, min_words=21))
    assert "30 too_short" in caught.value.found and "--set min_words=" in caught.value.do
    assert curate([*archive.assets(20), ads[0]], "acme", DAY).dataset.dropped["too_short"] == 1   # one ad does not tell how long ads are
