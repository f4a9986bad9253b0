"""Every format of the READERS table gives the same piece, and each format's own promises about places and mark-up."""

from __future__ import annotations

import gzip
from pathlib import Path

import docx
import making
import pytest

from adtune.archive import READERS, read_archive
from adtune.errors import InputError

# where a single piece without text is rejected: a format without lines, or a file without a piece, has its name only
ROW_LINES = {".jsonl": "line 1", ".ndjson": "line 1", ".json": "line 1", ".csv": "line 2", ".tsv": "line 2", ".md": "line 1",
             ".markdown": "line 1", ".xlsx": "line 2", ".xlsm": "line 2", ".ods": "line 2", ".xml": "line 4", ".rss": "line 3",
             ".atom": "line 2", ".mbox": "line 1", ".parquet": "line 1", ".zip": "piece.zip/piece.md, line 1"}
TITLE, BODY = "A calm morning", "The kettle hums before the street wakes.\n\nWe like it that way, and so do you."


def make(folder: Path, suffix: str, text: str | None = BODY, name: str = "piece") -> Path:
    """A file of the format with one piece; without a text where `text` is None."""
    path = folder / f"{name}{suffix}"
    path.write_bytes(making.piece(suffix, TITLE, text or ""))
    return path


@pytest.mark.parametrize("suffix", READERS)
def test_a_reader_reads_a_piece(suffix, tmp_path):
    reading = read_archive(make(tmp_path, suffix), "acme")
    assert [(asset.text, asset.client, asset.source.file) for asset in reading.assets] == [
        (BODY, "acme", "piece.zip/piece.md" if suffix == ".zip" else f"piece{suffix}")]
    assert reading.assets[0].title == (None if suffix == ".txt" else TITLE)
    assert (reading.rejected, reading.read, reading.notes) == ((), 1, ())


@pytest.mark.parametrize("suffix", READERS)
def test_a_title_alone_is_rejected(suffix, tmp_path):
    reading = read_archive(make(tmp_path, suffix, text=None), "acme")
    assert (reading.assets, reading.read) == ((), 1)
    assert reading.rejected[0].where == ROW_LINES.get(suffix, f"piece{suffix}")
    assert any(word in reading.rejected[0].reason for word in ("empty", "no pieces"))


@pytest.mark.parametrize("suffix", READERS)
def test_an_empty_a_cut_and_a_binary_file_are_rejected_with_a_reason(suffix, tmp_path):
    path = make(tmp_path, suffix)
    whole = path.read_bytes()
    for raw in (b"", whole[:len(whole) // 2], bytes(range(256)) * 40):
        path.write_bytes(raw)
        reading = read_archive(path, "acme")
        assert reading.read == len(reading.assets) + len(reading.rejected) == 1
        assert all(gone.reason and gone.where.startswith(("piece", "line")) for gone in reading.rejected)
        assert reading.rejected or (raw and whole.startswith(raw)), "what is empty or binary is no piece"


@pytest.mark.parametrize("suffix", [suffix for suffix, reader in READERS.items() if reader.text])
def test_text_formats_may_be_gzipped(suffix, tmp_path):
    plain = make(tmp_path, suffix)
    packed = tmp_path / f"packed{suffix}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_archive(packed, "acme").assets[0].id == read_archive(plain, "acme").assets[0].id


def test_a_folder_is_read_in_order_with_hidden_files_left_out(tmp_path):
    inner = tmp_path / "b"
    inner.mkdir()
    make(inner, ".txt", name="one")
    make(tmp_path, ".txt", "Another text for the folder.", name="a")
    make(tmp_path, ".txt", name=".hidden")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    reading = read_archive(tmp_path, "acme")
    assert [asset.source.file for asset in reading.assets] == ["a.txt", "b/one.txt"]
    assert [(gone.where, gone.reason.split(" ")[0]) for gone in reading.rejected] == [("link.txt", "a"), ("logo.png", "the")]


def test_a_place_names_the_file_in_a_folder_only(tmp_path):
    """The contract: `where` is `line N` where one file was imported."""
    files = {"a.jsonl": '{"text": "kept"}\n{bad\n', "b.csv": 'id,title,text\n1,One,"open\n', "c.json": "\n\nwords\n", "d.txt": " \n",
             "e.md": "\n---\ntitle: x\nstatus: [odd\n---\nBody\n", "f.tsv": 'id\t"tex\n'}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    alone = {name: [gone.where for gone in read_archive(tmp_path / name, "acme").rejected] for name in files}
    assert alone == {"a.jsonl": ["line 2"], "b.csv": ["line 2"], "c.json": ["line 3"], "d.txt": ["d.txt"], "e.md": ["line 5"],
                     "f.tsv": ["line 1"]}
    assert [gone.where for gone in read_archive(tmp_path, "acme").rejected] == [
        "a.jsonl, line 2", "b.csv, line 2", "c.json, line 3", "d.txt", "e.md, line 5", "f.tsv, line 1"]


def test_csv_rows_have_the_line_on_which_they_start(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('id,title,text\n1,One,"first line\nsecond, line\nthird"\n\n2,Two,\n3,Three,"He said ""yes"" twice"\n', encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [(a.source.line, a.source.id, a.text) for a in reading.assets] == [
        (2, "1", "first line\nsecond, line\nthird"), (7, "3", 'He said "yes" twice')]
    assert [(gone.where, gone.reason) for gone in reading.rejected] == [("line 6", "the text ('text') is empty")]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(mark, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f'Headline{mark}Body\nOne{mark}"A text, with; marks | and\ttabs"\nTwo{mark}plain\n', encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [(a.title, a.text) for a in reading.assets] == [("One", "A text, with; marks | and\ttabs"), ("Two", "plain")]


def test_a_table_without_text_names_its_columns_and_the_way_out(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("Kopfzeile;Treść\nEins;Ein Satz\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"Kopfzeile, Treść.*--map text=COLUMN"):
        read_archive(path, "acme")
    assert read_archive(path, "acme", {"text": "treść", "title": "Kopfzeile"}).assets[0].title == "Eins"
    (tmp_path / "good.txt").write_text("A good text.", encoding="utf-8")
    folder = read_archive(tmp_path, "acme")
    assert (len(folder.assets), [gone.where for gone in folder.rejected]) == (1, ["rows.csv"])


@pytest.mark.parametrize("broken", ['3,Three,"never closed\n', '3,Three,"said "so" loudly"\n', "3,Three\n", "3,Three,text,more\n",
                                    "3,Thr\0ee,text\n"])
def test_a_broken_csv_row_loses_itself_only(broken, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f'id,title,text\n1,One,first\n2,Two,"second"\n{broken}4,Four,"fourth"\n5,Five,fifth\n', encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [asset.source.id for asset in reading.assets] == ["1", "2", "4", "5"]
    assert [gone.where for gone in reading.rejected] == ["line 4"]


def test_two_columns_cannot_tell_prose_from_rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('title,text\nOne,first\nTwo,"open\nHello, world\nand, so on\n', encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [asset.text for asset in reading.assets] == ["first"]
    assert "lines 3 to 5" in reading.rejected[0].reason


@pytest.mark.parametrize("shape", ['[\n%s,\n%s\n]', '{"pieces": [\n%s,\n%s\n]}', '{"meta": {"n": 2},\n "items": [%s,\n%s]}', "\n%s\n%s\n"])
def test_json_shapes_and_their_lines(shape, tmp_path):
    path = tmp_path / "pieces.json"
    path.write_text(shape % ('{"text": "first"}', '{"body": "second"}'), encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [(asset.text, asset.source.line) for asset in reading.assets] == [("first", 2), ("second", 3)]
    assert reading.rejected == ()


def test_broken_json_items_lose_themselves_only(tmp_path):
    path = tmp_path / "pieces.json"
    path.write_text('[{"text": "first"},\n{"text": oops},\n{"text": "last"},\n7,\n{"text": "cut', encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [asset.text for asset in reading.assets] == ["first", "last"]
    assert [gone.where for gone in reading.rejected] == ["line 2", "line 4", "line 5"]


def test_jsonl_faults_have_their_line(tmp_path):
    path = tmp_path / "pieces.jsonl"
    lines = ['{"text": "one"}', "", "[1]", '{"text": 5}', '{"title": "alone"}', '{"text": "a\\ud800b"}', "[" * 100_000, "{bad"]
    path.write_text("\n".join(lines), encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [gone.where for gone in reading.rejected] == [f"line {number}" for number in range(3, 9)]
    words = ["a list", "a number", "--map text=COLUMN", "broken characters", "too deeply", "not JSON"]
    assert all(word in gone.reason for word, gone in zip(words, reading.rejected, strict=True))


def test_front_matter_gives_the_fields(tmp_path):
    path = tmp_path / "post.md"
    path.write_text("---\nTitle: Rates, told plainly\ndate: 2024-05-31\ntags: [saving, basics]\nstatus: wip\nslug: rates\n"
                    "key_facts:\n- one\n- two\ncategory: no\n---\n\n# Rates, told plainly\n\nThe **body** stays.\n", encoding="utf-8")
    asset, = read_archive(path, "acme").assets
    assert (asset.title, asset.date, asset.category, asset.approval) == ("Rates, told plainly", "2024-05-31", "no", "draft")
    assert (asset.facts, asset.source.id, asset.source.line, asset.text) == (("one", "two"), "rates", 1, "The **body** stays.")


def test_markdown_without_front_matter(tmp_path):
    path = tmp_path / "post.md"
    path.write_text("# A heading #\n\nBody.\n\n---\n\nMore.\n", encoding="utf-8")
    asset, = read_archive(path, "acme").assets
    assert (asset.title, asset.text) == ("A heading", "Body.\n\n---\n\nMore.")
    path.write_text("---\ntitle: [open\n---\nBody\n", encoding="utf-8")
    gone, = read_archive(path, "acme").rejected
    assert "front matter is not YAML" in gone.reason and gone.where == "line 3"


def test_html_becomes_light_markdown_without_what_is_no_copy(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("""<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]>
        <html lang="en"><head><title>Site</title><meta name="author" content="Ann Lee"><style>p{}</style></head><body>
        <nav>Menu</nav><article><header><h1>The <em>title</em></h1></header><p>One <b>bold </b>word&x;<br>next line.</p>
        <script>alert("boo")</script><h2>Part</h2><ul><li>first<li><p>second</p></ul><table><tr><td>a<td>b</table>
        <p hidden>secret</p><div style="display: none">secret</div></article><footer>Foot</footer></body></html>""", encoding="utf-8")
    asset, = read_archive(path, "acme").assets
    assert (asset.title, asset.author, asset.source.line) == ("The title", "Ann Lee", None)
    assert asset.text.replace("&x;", "") == "One **bold** word\nnext line.\n\n## Part\n\n- first\n- second\n\na | b"
    for word in ("alert", "secret", "Menu", "Foot", "root:"):
        assert word not in asset.text


def test_word_keeps_headings_lists_bold_tables_and_inserted_text(tmp_path):
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = docx.Document()
    document.add_heading("The title", 0)
    document.add_heading("Part", 2)
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Bullet")
    paragraph = document.add_paragraph("Some ")
    paragraph.add_run("bold ").bold = True
    paragraph.add_run("words")
    run = '<w:r><w:t xml:space="preserve"> {}</w:t></w:r>'
    paragraph._p.append(parse_xml(f'<w:ins {nsdecls("w")}>{run.format("inserted")}</w:ins>'))
    paragraph._p.append(parse_xml(f'<w:del {nsdecls("w")}>{run.format("deleted")}</w:del>'))
    table = document.add_table(2, 2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells), "abcd", strict=True):
        cell.text = text
    document.save(str(tmp_path / "doc.docx"))
    asset, = read_archive(tmp_path / "doc.docx", "acme").assets
    assert (asset.title, asset.author) == ("The title", None)
    assert asset.text == "## Part\n\n- first\n- second\n\nSome **bold** words inserted\n\na | b\nc | d"
