"""Kinds are told by content where the suffix is wrong or missing; zips give their members; what was written comes back."""

from __future__ import annotations

import json
import zipfile

import making
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adtune.archive import READERS, read_archive
from adtune.archive.normal import text_of

TITLE, TEXT = "A calm morning", "The kettle hums before the street wakes.\n\nWe like it that way, and so do you."
UNTITLED = {".txt"}


def read(folder, name, raw):
    path = folder / name
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode("utf-8"))
    return read_archive(path, "acme")


@pytest.mark.parametrize(("name", "held"), [
    ("a.docx", ".html"), ("a.txt", ".html"), ("a.csv", ".html"), ("a.doc", ".html"), ("a.xls", ".html"), ("a.php", ".html"), ("a", ".html"),
    ("a.txt", ".jsonl"), ("a", ".jsonl"), ("a.csv", ".xlsx"), ("a.xls", ".xlsx"), ("a.docx", ".xlsx"), ("a", ".xlsx"), ("a.xlsx", ".docx"),
    ("a.pdf", ".docx"), ("a.zip", ".docx"), ("a.doc", ".docx"), ("a.txt", ".pdf"), ("a.docx", ".pdf"), ("a", ".pdf"), ("a.docx", ".zip"),
    ("a.html", ".mhtml"), ("a.doc", ".mhtml"), ("a.txt", ".eml"), ("a", ".eml"), ("a.eml", ".mbox"), ("a", ".mbox"), ("a.html", ".rss"),
    ("a.txt", ".xml"), ("a.json", ".csv"), ("a.txt", ".csv"), ("a.txt", ".tsv"), ("a.xlsx", ".ods"), ("a.md", ".docx")])
def test_content_overrules_a_wrong_name_and_is_told(name, held, tmp_path):
    raw = making.piece(held, TITLE, TEXT)
    if held == ".jsonl":
        raw += b'{"text": "another"}\n'
    if name == "a.docx" and held == ".zip" or name == "a.json":
        assert read(tmp_path, name, raw).assets == ()   # a package that is none, and JSON that is none, are broken
        return
    reading = read(tmp_path, name, raw)
    assert (reading.assets[0].title, reading.assets[0].text) == (TITLE, TEXT)
    assert len(reading.notes) == 1 and reading.notes[0].startswith(f"{name}: read as ")


@pytest.mark.parametrize(("name", "text"), [
    ("a.txt", "From: the desk of Ann\n\nSubject matter is hard."), ("a.md", '{"text": "a template"}\n'), ("a.txt", "{a brace} and more"),
    ("a.md", "<div>A block of HTML</div>\n\nand text"), ("a.txt", "title, text and tone\nwhat they are, and why"),
    ("a.txt", "[1] a note\n[2] more"), ("a.txt", "<b>Bold</b> start"), ("a.txt", "Note: one\nTo: whom it may concern\n\nBody")])
def test_prose_that_looks_like_something_else_stays_prose(name, text, tmp_path):
    reading = read(tmp_path, name, text)
    assert (reading.assets[0].text, reading.notes) == (text_of(text), ())


def test_a_file_without_a_suffix(tmp_path):
    reading = read(tmp_path, "notes", "A few words of prose that stand in a file without a suffix.")
    assert len(reading.assets) == 1 and "read as plain text" in reading.notes[0]
    assert "not read" in read(tmp_path, "data", b"\x00\x01\x02 binary \xff" * 20).rejected[0].reason
    assert "not read" in read(tmp_path, "run", "x = 1").rejected[0].reason


def test_protected_and_old_office_files_say_so(tmp_path):
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600
    assert "password" in read(tmp_path, "a.docx", old).rejected[0].reason
    assert "save it as .docx" in read(tmp_path, "a.doc", old).rejected[0].reason
    assert "save it as .xlsx" in read(tmp_path, "a.xls", old).rejected[0].reason
    assert "save it as .docx" in read(tmp_path, "a.txt", b"{\\rtf1\\ansi words}").rejected[0].reason


def test_a_zip_gives_its_members_with_their_places(tmp_path):
    raw = making.zipped({
        "Title.html": making.html(TITLE, TEXT), "images/image1.png": b"\x89PNG\r\n", "sub/x.docx": making.docx("D", "A text"),
        "t.csv": "Kopf,Zahl\na,1\n", "inner.zip": making.zipped({"a.txt": "x"}), "hidden.dat": making.zipped({"a.txt": "x"}),
        "rows.jsonl": '{"text": "a"}\n{bad\n',
        "__MACOSX/x.txt": "x", ".DS_Store": "x", "p.html": making.html("P", "A page"), "p_files/f.html": "<p>frame</p>", "empty.md": ""})
    reading = read(tmp_path, "a.zip", raw)
    assert [(a.source.file, a.source.line, a.title) for a in reading.assets] == [
        ("a.zip/Title.html", None, TITLE), ("a.zip/hidden.dat/a.txt", 1, None), ("a.zip/inner.zip/a.txt", 1, None),
        ("a.zip/p.html", None, "P"), ("a.zip/rows.jsonl", 1, None), ("a.zip/sub/x.docx", None, "D")]
    assert [(gone.where, gone.reason.split(" ")[0]) for gone in reading.rejected] == [
        ("a.zip/empty.md", "the"), ("a.zip/images/image1.png", "the"), ("a.zip/p_files", "its"), ("a.zip/rows.jsonl, line 2", "not"),
        ("a.zip/t.csv", "found")]


def test_a_zip_in_a_zip_is_read_and_what_is_nested_deeper_refused_with_its_place(tmp_path):
    deep = making.zipped({"deep.md": "Too deep"})
    inner = making.zipped({"b.md": "Inner words", "rows.jsonl": '{"text": "a row"}\n{bad\n', "third.zip": deep, "third.bin": deep,
                           "x.docx": making.docx("D", "A text"), "x.7z": "7z", "empty.zip": making.zipped({})})
    reading = read(tmp_path, "a.zip", making.zipped({
        "a.md": "Outer words", "inner.zip": inner, "z.md": "Last words", "cut.zip": inner[:-40], "empty.zip": making.zipped({})}))
    assert [(a.source.file, a.source.line, a.text) for a in reading.assets] == [
        ("a.zip/a.md", 1, "Outer words"), ("a.zip/inner.zip/b.md", 1, "Inner words"), ("a.zip/inner.zip/rows.jsonl", 1, "a row"),
        ("a.zip/inner.zip/x.docx", None, "A text"), ("a.zip/z.md", 1, "Last words")]
    found = {gone.where: gone.reason for gone in reading.rejected}
    for name in ("third.zip", "third.bin", "empty.zip"):
        assert "a zip within a zip within a zip" in found.pop(f"a.zip/inner.zip/{name}")
    assert "an archive within an archive" in found.pop("a.zip/inner.zip/x.7z")
    assert "cut short" in found.pop("a.zip/cut.zip") and "no pieces" in found.pop("a.zip/empty.zip")
    assert set(found) == {"a.zip/inner.zip/rows.jsonl, line 2"} and len(reading.rejected) == 7


@pytest.mark.parametrize("name", ["../x.md", "/etc/x.md", "a/../../x.md", "C:/x.md", "..\\x.md", "a/..\\..\\x.md"])
def test_a_zip_that_points_out_of_itself_is_refused(name, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    gone, = read(inner, "a.zip", making.zipped({"good.md": "Some text", name: "evil"})).rejected
    assert "points out of it" in gone.reason
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "inner"]


def test_no_name_in_a_zip_is_ever_a_path(tmp_path):
    """200 names: whatever is not refused is read as what it holds, and nothing is written anywhere but in the child's own folder."""
    inner = tmp_path / "inner"
    inner.mkdir()
    steps = ["..", ".", "...", "....", "..\\", "%2e%2e", "..%2f", "\u2025", "..;", " .."]
    roots = ["", "/", "//", "\\", "\\\\host\\", "C:", "C:\\", "file:///", "~/", "$HOME/"]
    names = [f"{root}{step}/{end}" for root in roots for step in steps for end in ("evil.md", "a/../../evil.md")]
    assert len(names) == 200
    read_archive(tmp_path, "acme")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    for number, name in enumerate(names):
        path = inner / "a.zip"
        path.write_bytes(making.zipped({name: f"Some text {number}"}))
        reading = read_archive(path, "acme")
        assert reading.read == 1 and (reading.rejected or reading.assets[0].text == f"Some text {number}")
        assert ".." not in name.replace("\\", "/").split("/") or reading.rejected
        path.unlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert not list(tmp_path.parent.rglob("evil.md"))


def test_links_and_locked_members_of_a_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("locked.md", "secret")
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    entry = raw.rindex(b"PK\x01\x02")
    raw[entry + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(raw))
    assert [gone.reason for gone in read_archive(tmp_path / "a.zip", "acme").rejected] == [
        "a link, not a file", "the member is protected by a password"]


def test_a_zip_that_lies_about_its_members_is_cut_off(tmp_path):
    raw = bytearray(making.zipped({"a.md": "words " * 50_000}))
    at = raw.rindex(b"PK\x01\x02") + 24
    raw[at:at + 4] = (100).to_bytes(4, "little")   # the declared size
    gone, = read(tmp_path, "a.zip", bytes(raw)).rejected
    assert "cannot be unpacked" in gone.reason


words = st.text(st.characters(categories=["L", "N", "P", "S"]) | st.sampled_from("éß–“”…🙂שלוםعربي日本"), min_size=1, max_size=12)
plain = st.lists(st.lists(words.filter(lambda word: word[0].isalnum() and word == text_of(word)), min_size=1, max_size=12).map(" ".join),
                 min_size=1, max_size=4).map("\n\n".join)
# marks that mean something in light Markdown, HTML or a mail are not part of the promise for documents
calm = plain.map(lambda text: "".join(char for char in text if char.isalnum() or char in " \n.,!?;:'\"()&<>🙂–“”…")).filter(
    lambda text: text == text_of(text) and all(part.strip() == part and part[:1].isalnum() for part in text.split("\n\n")))
rows = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\r\t\",;\ufeff"), min_size=1, max_size=80)
ROWS = (".jsonl", ".json", ".csv", ".tsv", ".txt")
DOCUMENTS = (".md", ".html", ".docx", ".xlsx", ".ods", ".rss", ".atom", ".xml", ".mhtml", ".zip")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=rows, suffix=st.sampled_from(ROWS))
def test_any_text_comes_back_from_a_row_format(text, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    if suffix in (".jsonl", ".json"):
        path.write_text(json.dumps({"text": text}), encoding="utf-8")
    else:
        path.write_bytes(making.piece(suffix, "t", text) if suffix != ".txt" else text.encode())
    reading = read_archive(path, "acme")
    expected = text_of(text)
    if suffix == ".txt" and reading.notes:   # it happens to be a table or JSON
        return
    assert [asset.text for asset in reading.assets] == ([expected] if expected else [])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=calm, suffix=st.sampled_from(DOCUMENTS))
def test_prose_comes_back_from_every_document(text, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(making.piece(suffix, "t", text))
    assert [asset.text for asset in read_archive(path, "acme").assets] == [text]


def test_every_reader_s_piece_comes_back(tmp_path):
    for suffix in READERS:
        asset, = read(tmp_path, f"a{suffix}", making.piece(suffix, TITLE, TEXT)).assets
        assert (asset.title, asset.text) == (None if suffix in UNTITLED else TITLE, TEXT)
