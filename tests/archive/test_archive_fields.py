"""Fields: the names they go by, the words they may hold, and what happens to values that make no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adtune.archive import read_archive
from adtune.archive.columns import SYNONYMS
from adtune.archive.dates import iso_day
from adtune.errors import InputError
from adtune.records import Approval, ContentType

VALUES = {"title": "A title", "category": "saving", "content_type": "article", "author": "Ann", "date": "2024-05-31", "approval": "gold",
          "rights": "CC BY", "rights_until": "2030-01-01", "language": "de", "summary": "Short.", "facts": ["one"], "id": "7"}


def read(folder: Path, *rows: dict, mapping: dict[str, str] | None = None):
    path = folder / "pieces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_archive(path, "acme", mapping)


@pytest.mark.parametrize("name", SYNONYMS["text"].split())
def test_names_of_the_text(name, tmp_path):
    assert read(tmp_path, {name.upper(): "The words."}).assets[0].text == "The words."


@pytest.mark.parametrize(("field", "name"), [(field, name) for field in VALUES for name in SYNONYMS[field].split()])
def test_names_of_the_other_fields(field, name, tmp_path):
    asset, = read(tmp_path, {"text": "The words.", name.replace("_", " ").title(): VALUES[field]}).assets
    found = asset.source.id if field == "id" else getattr(asset, field)
    assert found == (("one",) if field == "facts" else VALUES[field])


@pytest.mark.parametrize(("word", "kind"), [
    ("blog post", ContentType.ARTICLE), ("Article", ContentType.ARTICLE), ("Email", ContentType.EMAIL), ("newsletter", ContentType.EMAIL),
    ("e-mail", ContentType.EMAIL), ("tweet", ContentType.SOCIAL), ("LinkedIn post", ContentType.SOCIAL),
    ("facebook_post", ContentType.SOCIAL),    ("ad", ContentType.SEARCH_AD), ("Google Ad", ContentType.SEARCH_AD),
    ("product description", ContentType.PRODUCT),
    ("white paper", "white paper")])
def test_content_types(word, kind, tmp_path):
    assert read(tmp_path, {"text": "The words.", "type": word}).assets[0].content_type == kind


@pytest.mark.parametrize(("word", "kind"), [
    ("Final", Approval.APPROVED), ("published", Approval.APPROVED), ("live", Approval.APPROVED), ("WIP", Approval.DRAFT),
    ("exemplary", Approval.GOLD), ("rejected", Approval.REJECTED), ("", None)])
def test_approvals(word, kind, tmp_path):
    assert read(tmp_path, {"text": "The words.", "status": word}).assets[0].approval == kind


def test_an_unknown_approval_is_rejected_by_name(tmp_path):
    reading = read(tmp_path, {"text": "The words.", "status": "Legal hold"})
    assert reading.assets == ()
    assert "'Legal hold' is not known; expected gold, approved, draft or rejected" in reading.rejected[0].reason


@pytest.mark.parametrize("value", [
    "2024-05-31", "2024/5/31", "2024-05-31T23:30:00Z", "31.05.2024", "31/05/2024", "05/31/2024", "31 May 2024", "31st of May 2024",
    "May 31, 2024", "Fri, 31 May 2024 10:00:00 +0000", "31-May-2024", "20240531", 20240531, 1717149600, 1717149600000])
def test_dates(value):
    assert iso_day(value) == "2024-05-31"


@pytest.mark.parametrize("value", [
    "31. Mai 2024", "Freitag, den 31. Mai 2024 um 10:00", "vendredi 31 mai 2024", "31 de mayo de 2024", "sexta-feira, 31 de maio de 2024",
    "31 maggio 2024", "31 mei 2024", "31 maja 2024", "31 мая 2024 г.", "2024年5月31日", "2024년 5월 31일", "2024. május 31.",
    "2024. 5. 31.", "31. toukokuuta 2024", "31 Mayıs 2024", "31 de maig de 2024", "May 31, 2024 10:00 AM"])
def test_dates_in_other_languages(value):
    assert iso_day(value) == "2024-05-31"


def test_no_month_has_two_meanings():
    from adtune.archive import months

    words = [(word, number) for number, names in enumerate(months._NAMES) for word in set(names.split())]
    assert len(dict(words)) == len(words)


@pytest.mark.parametrize("value", ["2023-02-29", "31.06.2024", "03/04/2024", "soon", "2024", "1 listopada 2024", "31 Floreal 2024",
                                   "12/31/24", 12])
def test_impossible_and_ambiguous_dates_are_left_out_with_a_note(value, tmp_path):
    reading = read(tmp_path, {"text": "The words.", "date": value})
    assert reading.assets[0].date is None
    assert reading.notes[0].startswith("pieces.jsonl, line 1: the date ")


def test_rights_without_a_readable_end_are_not_taken_as_endless(tmp_path):
    reading = read(tmp_path, {"text": "One.", "rights_until": "some day"}, {"text": "Two.", "rights_until": "never"})
    assert [asset.text for asset in reading.assets] == ["Two."]
    assert "rights_until 'some day' is not a date" in reading.rejected[0].reason


@pytest.mark.parametrize("facts", [["one", "two"], "one; two", "- one\n- two\n", "1. one\r\n2. two"])
def test_facts(facts, tmp_path):
    assert read(tmp_path, {"text": "The words.", "facts": facts}).assets[0].facts == ("one", "two")


def test_first_tag_stands_in_for_a_missing_category(tmp_path):
    rows = [{"text": "a", "category": None, "tags": ["x", "y"]}, {"text": "b", "tags": "x, y"},
            {"text": "c", "category": "u, v", "tags": "x"}]
    assert [asset.category for asset in read(tmp_path, *rows).assets] == ["x", "x", "u, v"]


def test_odd_optional_values_are_noted_not_fatal(tmp_path):
    reading = read(tmp_path, {"text": "The words.", "title": {"rendered": "x"}, "author": ["Ann", "Bob"], "id": 12})
    asset, = reading.assets
    assert (asset.title, asset.author, asset.source.id) == (None, "Ann", "12")
    assert reading.notes == ("pieces.jsonl, line 1: the title is an object, not words; left out",)


def test_mapping_overrides_and_leaves_the_column_to_its_field(tmp_path):
    asset, = read(tmp_path, {"text": "internal", "Name": "The words."}, mapping={"text": "name"}).assets
    assert (asset.text, asset.title) == ("The words.", None)


@pytest.mark.parametrize(("mapping", "message"), [
    ({"titel": "x"}, "the field 'titel'.*Did you mean 'title'"), ({"title": "headlin"}, "no column 'headlin'.*Did you mean 'headlines'")])
def test_a_mapping_to_nothing_is_an_error(mapping, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read(tmp_path, {"text": "The words.", "headlines": "x"}, mapping=mapping)


def test_text_is_normalised_and_otherwise_kept(tmp_path):
    raw = "\ufeff\r\nCafe\u0301  two \t\r\n    indented\r\rlast\u200b\n"
    assert read(tmp_path, {"text": raw}).assets[0].text == "Café  two\n    indented\n\nlast"


def test_language(tmp_path):
    english = "We open at nine and close when the last guest has finished the last cup of coffee and the last slice of cake. " * 2
    german = "Wir öffnen um neun und schließen, wenn der letzte Gast seine letzte Tasse Kaffee und sein letztes Stück Kuchen genossen hat."
    rows = [{"text": english}, {"text": german}, {"text": "Too short"}, {"text": english, "lang": "en-GB"},
            {"text": "Kurz", "language": "German"}]
    assert [asset.language for asset in read(tmp_path, *rows).assets] == ["en", "de", None, "en", "de"]
