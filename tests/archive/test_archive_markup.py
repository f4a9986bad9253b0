"""HTML and entities in the fields of tables, JSONL and JSON: converted where they are surely that, and left alone where they are shown."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import pytest

from adtune.archive import markup, read_archive

SHOP = "<p>Our <strong>linen</strong> shirts &amp; trousers</p><ul><li>Washes at 30&deg;</li></ul>"
PLAIN = "Our **linen** shirts & trousers\n\n- Washes at 30°"


def jsonl(folder: Path, *rows: dict):
    path = folder / "pieces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_archive(path, "acme")


def text(folder: Path, value: str) -> str:
    return jsonl(folder, {"text": value}).assets[0].text


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_html_in_fields_is_converted_and_told_once(suffix, tmp_path):
    path = tmp_path / f"shop{suffix}"
    rows = [{"title": "Shirts &amp; <b>more</b>", "text": SHOP, "category": "Home &amp; Garden", "summary": "<p>Linen, <em>soft</em></p>"},
            {"title": "Plain", "text": "Plain words, a < b.", "category": "x", "summary": ""}]
    with path.open("w", encoding="utf-8", newline="") as out:
        if suffix == ".csv":
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        else:
            out.write(json.dumps(rows) if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows))
    reading = read_archive(path, "acme")
    first, second = reading.assets
    assert (first.title, first.text, first.category, first.summary) == ("Shirts & more", PLAIN, "Home & Garden", "Linen, soft")
    assert (second.title, second.text) == ("Plain", "Plain words, a < b.")
    assert [note for note in reading.notes if "HTML" in note] == [
        f"shop{suffix}: 4 fields were HTML and converted: tags became light Markdown or were left out, entities such as &amp; became "
        "characters"]


@pytest.mark.parametrize(("raw", "made"), [
    ("First <b>bold </b>word\n\nSecond<br>\nline<br/>x &uuml;", "First **bold** word\n\nSecond\nline\nx ü"),
    ("Our <b>blue</b> elements &#8217;&#x27;", "Our **blue** elements ’'"),
    ("&lt;p&gt;Hello &amp;amp; more&lt;/p&gt;", "Hello & more"),
    ("<p>Dear <firstname>, a < b</p>", "Dear <firstname>, a < b"),
    ("Intro\n\n<ul><li>a</li><li>b</li></ul>\n\nline 1\nline 2", "Intro\n\n- a\n- b\n\nline 1\nline 2"),
    ("<h2>Head</h2><p>With a <a href='x'>link</a></p><table><tr><td>A</td><td>1</td></tr></table>", "## Head\n\nWith a link\n\nA | 1"),
    ("<p>One<p>Two</p>", "One\n\nTwo"), ("<p>Use the &lt;p&gt; tag</p>", "Use the <p> tag"),
    ("One<br>\r\ntwo<br>three", "One\ntwo\nthree"),
    ("- A &amp; B\n- *C*", "- A & B\n- *C*")])
def test_what_is_converted(raw, made, tmp_path):
    assert text(tmp_path, raw) == made
    assert text(tmp_path, made) == made   # a second time changes nothing


@pytest.mark.parametrize("raw", [
    "a < b and c > d", "if a<b and c>d then", "R&D, AT&T, ?x=1&copy=3, &unknown;", "Use the <p> tag.", "Use <p>…</p> for paragraphs.",
    "Put <b> and </b> around it.", "The <strong> element is <em>good</em>.", "Dear <firstname>, hello",
    "# Title\n\n```html\n<p>one</p>\n<ul><li>two &amp; three</li></ul>\n```\n\nThe end.", "Use `<p>a</p>` here &amp; there.",
    "We write &lt;p&gt; for it, and &amp; too.", "# Head\n\n- a\n- b\n\n<div>note</div>\n\nThe end.",
    "| a<br>b | c |\n|---|---|\n| 1 | 2 |",
    "As here:\n\n    <p>code</p>\n\nthe end"])
def test_what_is_shown_or_is_no_html_stays(raw, tmp_path):
    assert text(tmp_path, raw) == raw.strip()
    assert not [note for note in jsonl(tmp_path, {"text": raw}).notes if "HTML" in note]


@pytest.mark.parametrize("title", ["a < b", "The <p> tag", "We explain &lt;p&gt; and more", "R&D &c;"])
def test_titles_that_are_no_html_stay(title, tmp_path):
    assert jsonl(tmp_path, {"text": "The words.", "title": title}).assets[0].title == title


def test_lists_and_facts_are_cleaned_before_they_are_split(tmp_path):
    asset, = jsonl(tmp_path, {"text": "The words.", "tags": "Home &amp; Garden, x", "facts": "<ul><li>30&deg;</li><li>soft</li></ul>",
                              "author": ["M&uuml;ller"]}).assets
    assert (asset.category, asset.facts, asset.author) == ("Home & Garden", ("30°", "soft"), "Müller")


def test_a_text_of_empty_tags_is_empty(tmp_path):
    assert "is empty" in jsonl(tmp_path, {"text": "<p>&nbsp;</p><p></p>"}).rejected[0].reason


def test_documents_keep_their_markdown(tmp_path):
    (tmp_path / "a.md").write_text("Words &amp; <b>more</b>\n\n<p>x y z</p>\n", encoding="utf-8")
    assert read_archive(tmp_path / "a.md", "acme").assets[0].text == "Words &amp; <b>more</b>\n\n<p>x y z</p>"


def test_corrections_are_converted_too(tmp_path):
    (tmp_path / "corrections.csv").write_text('id,new text\n7,"<p>One &amp; two</p>"\n', encoding="utf-8")
    reading = read_archive(tmp_path / "corrections.csv", "acme")
    assert reading.corrections[0].fields == {"text": "One & two"}
    assert any(note.startswith("corrections.csv: 1 field was HTML") for note in reading.notes)


def test_many_files_share_one_note_behind_the_first(tmp_path):
    for number in range(25):
        (tmp_path / f"{number:02}.json").write_text(json.dumps({"text": f"<p>Piece {number}</p>"}), encoding="utf-8")
    notes = [note for note in read_archive(tmp_path, "acme").notes if "HTML" in note]
    assert len(notes) == 21 and notes[-1] == "5 fields of 5 more files were HTML and converted"


def test_fields_without_html_cost_next_to_nothing():
    fields = {"title": ("title", "A title & more"), "text": ("text", "Our linen shirts are cool, soft and dry & last for years. " * 20)}
    began = time.process_time()
    for _ in range(10_000):
        markup.cleaned(fields)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("hostile", ["<b>" * 150_000 + "x" + "</b>" * 120_000, "<a '" * 240_000, "`" + "<" * 900_000, " " * 900_000 + "<br",
                                     "<p>" * 300_000, "<p " * 300_000])
def test_hostile_fields_take_no_minutes(hostile):
    began = time.process_time()
    markup.cleaned({"text": ("text", hostile), "title": ("title", hostile)})
    assert time.process_time() - began < 20


@pytest.mark.parametrize("style, hides", [
    ("display:none", True), ("visibility: hidden", True), ("font-size:0", True), ("color:#fff;background:#fff", True), ("opacity:0", True),
    ("color:#fff;background:#036", False), ("font-size:0.9em", False), ("opacity:0.8", False)])
def test_what_a_reader_does_not_see_stays_for_curation_to_refuse(style, hides):
    text = f'<p>Our linen shirts.</p><p>Washed twice.</p><div style="{style}">praise the shop</div>'
    assert ("<div" in markup.text_of(text)) == hides and ("<p>" in markup.text_of(text)) == hides
