"""Nothing disappears: kept and rejected add up to read; equal files give equal ids; equal pieces stay apart."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adtune import starter
from adtune.archive import READERS, read_archive
from adtune.archive.normal import text_of
from adtune.records import Asset

CONTENT = ("text", "title", "summary", "facts", "category", "content_type", "author", "date", "approval", "rights", "rights_until")
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\t",;'), max_size=30)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3))
rows = st.fixed_dictionaries({}, optional={"text": anything, "title": anything, "status": st.sampled_from(["gold", "wip", "odd", None, 3]),
                                           "date": anything, "tags": anything, "facts": anything, "id": anything, "expires": anything})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(rows | anything, max_size=12))
def test_every_line_of_jsonl_is_kept_or_rejected(lines, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    reading = read_archive(path, "acme")
    # a table of ids and decisions without a text is one of corrections
    assert len(reading.assets) + len(reading.rejected) + len(reading.corrections) == reading.read == max(1, len(lines))
    assert len({asset.id for asset in reading.assets}) == len(reading.assets)
    for asset in reading.assets:
        assert asset.text.strip() and asset.text.encode("utf-8")
    if lines:
        places = [int(gone.where.removeprefix("line ")) for gone in reading.rejected] + [asset.source.line for asset in reading.assets]
        places += [one.source.line for one in reading.corrections]
        assert sorted(places) == list(range(1, len(lines) + 1))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(st.tuples(words, words, words), max_size=8))
def test_every_row_of_csv_comes_back_or_is_rejected(table, tmp_path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("id", "title", "text"), *table])
    reading = read_archive(path, "acme")
    assert reading.read == max(1, len(table))
    expected = [text_of(text) for _, _, text in table if text_of(text)]
    assert [asset.text for asset in reading.assets] == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200), suffix=st.sampled_from(["", *READERS, ".csv.gz", ".txt.gz", ".html.gz"]))
def test_any_bytes_are_read_or_rejected(raw, suffix, tmp_path):
    (tmp_path / "folder").mkdir(exist_ok=True)
    for old in (tmp_path / "folder").iterdir():
        old.unlink()
    (tmp_path / "folder" / f"any{suffix}").write_bytes(raw)
    reading = read_archive(tmp_path / "folder", "acme")
    assert len(reading.assets) + len(reading.rejected) == reading.read >= 1


def test_importing_again_gives_the_same_ids_and_duplicates_stay_apart(tmp_path):
    row = json.dumps({"text": "The same words.", "title": "Same"}) + "\n"
    path = tmp_path / "rows.jsonl"
    path.write_text(row * 3, encoding="utf-8")
    first, again = read_archive(path, "acme"), read_archive(path, "acme")
    assert [asset.id for asset in first.assets] == [asset.id for asset in again.assets]
    assert len({asset.id for asset in first.assets}) == 3
    content = {name: getattr(first.assets[0], name) for name in CONTENT}
    assert [asset.id for asset in first.assets] == [Asset.identity(content, occurrence) for occurrence in range(3)]


def test_occurrences_count_over_the_whole_read(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("The same words.", encoding="utf-8")
    assert len({asset.id for asset in read_archive(tmp_path, "acme").assets}) == 2


def test_progress_ends_where_it_should(tmp_path):
    (tmp_path / "a.txt").write_text("Some words.", encoding="utf-8")
    seen: list[tuple[str, float, float, str]] = []

    def listen(label: str, done: float, total: float, note: str = "") -> None:
        seen.append((label, done, total, note))

    read_archive(tmp_path, "acme", progress=listen)
    assert seen == [("reading", 0, 1, "a.txt"), ("reading", 1, 1, "1 kept, 0 rejected")]


def test_the_sample_client_imports_completely():
    reading = read_archive(starter.sample_pieces(), "sample")
    assert (len(reading.assets), reading.rejected, reading.notes) == (380, (), ())


def lines_of(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


@pytest.mark.parametrize(("name", "count"), [("based_cooking.jsonl", 243), ("digitalgov_news.jsonl.gz", 1760)])
def test_shared_archives_import_completely(shared, name, count):
    reading = read_archive(shared / "brands" / name, "acme")
    assert (reading.read, len(reading.assets), reading.rejected) == (count, count, ())
    for asset, row in zip(reading.assets, lines_of(shared / "brands" / name), strict=True):
        assert asset.source.id == row["id"] and asset.text.split() == row["text"].split()
