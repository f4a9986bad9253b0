"""Files that are not what their names say: each becomes a rejection with a reason, none an exception."""

from __future__ import annotations

import gzip
import io
import json
import os
import time
import tracemalloc
import zipfile
from pathlib import Path

import docx
import making
import pytest

from adtune.archive import read_archive, rows
from adtune.archive.columns import Columns
from adtune.archive.files import ClientFile
from adtune.archive.opening import read_here
from adtune.archive.rows import LINE_CHARACTERS, Unreadable
from adtune.errors import InputError


def reason(path: Path) -> str:
    reading = read_archive(path, "acme")
    assert (reading.assets, reading.read) == ((), 1)
    return reading.rejected[0].reason


def test_a_missing_path_names_its_nearest_sibling(tmp_path):
    (tmp_path / "archive.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"Did you mean 'archive\.jsonl'"):
        read_archive(tmp_path / "archiv.jsonl", "acme")
    with pytest.raises(InputError):
        read_archive(tmp_path / ("x" * 5000), "acme")


def test_empty_file_folder_and_blank_file(tmp_path):
    assert "no files" in reason(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"")
    assert "empty" in reason(tmp_path / "a.csv")
    (tmp_path / "b.jsonl").write_bytes(b"\n  \n")
    assert "no pieces" in reason(tmp_path / "b.jsonl")
    (tmp_path / "c.json").write_bytes(b"[]")
    assert "no pieces" in reason(tmp_path / "c.json")


def test_unknown_types_say_what_to_save_instead(tmp_path):
    for name, word in (("a.doc", ".docx"), ("b.xls", ".xlsx"), ("c", "read are"), ("d.docx.gz", "unpack"), ("e.pptx", ".pdf")):
        (tmp_path / name).write_bytes(b"x")
        assert word in reason(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    assert "regular" in reason(tmp_path / "pipe.txt")


def test_cut_and_damaged_gzip(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(b"".join(b'{"text": "%d"}\n' % n for n in range(5000)))
    path.write_bytes(whole[:len(whole) // 2])
    assert "cut short" in reason(path)
    path.write_bytes(whole[:200] + b"\xff\xff\xff" + whole[203:])
    assert "damaged" in reason(path)
    path.write_bytes(b'{"text": "not gzip"}')
    assert "damaged" in reason(path)


def test_a_gzip_bomb_is_cut_off(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"a" * 5_000_000))
    assert "bomb" in reason(path)


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def test_documents_that_are_no_documents(tmp_path):
    path = tmp_path / "a.docx"
    path.write_bytes(b"plain words")
    assert "not a zip" in reason(path)
    inner = io.BytesIO()
    docx.Document().save(inner)
    path.write_bytes(inner.getvalue()[:-600])
    assert "cut short" in reason(path)
    assert "not a Word document" in reason(zipped(path, {"inner.docx": inner.getvalue()}))
    assert "not a Word document" in reason(zipped(path, {"[Content_Types].xml": b"<broken"}))
    assert "points out" in reason(zipped(path, {"../x.xml": b""}))


def test_zip_bombs_are_refused_before_they_are_opened(tmp_path):
    path = tmp_path / "a.docx"
    assert "bomb" in reason(zipped(path, {"word/document.xml": b" " * 20_000_000}))
    assert "entries" in reason(zipped(path, {f"{n}.xml": b"" for n in range(2001)}))


def test_a_bomb_of_zips_is_refused_at_once_and_in_little_memory(tmp_path):
    """300 zips of 55 KB in one, each growing to 49 MB: 15 GB in all, of which no member is too large by itself."""
    inner = making.zipped({f"{n}.txt": b" " * 980_000 for n in range(50)})
    (tmp_path / "a.zip").write_bytes(making.zipped({"a.md": "First words", **{f"b{n:03}.zip": inner for n in range(300)}}))
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(Unreadable, match="with the zips within it, expands to more than 200 MB"):
        list(read_here(ClientFile(tmp_path / "a.zip", "a.zip"), Columns({}), print))  # in this process, so that it can be measured
    spent, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 1 and peak < 20_000_000
    assert "with the zips within it" in reason(tmp_path / "a.zip")


def test_the_entries_of_zips_in_a_zip_are_counted_together(tmp_path):
    inner = making.zipped({f"{n}.txt": "x" for n in range(700)})
    assert "holds 2103 entries" in reason(zipped(tmp_path / "a.zip", {f"{n}.zip": inner for n in range(3)}))


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_line_beyond_bounds_loses_itself_only(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr("adtune.archive.lines.LINE_CHARACTERS", 1000)
    path = tmp_path / f"a{suffix}"
    lines = ["one", "x" * 5000, "three"]
    lines = [json.dumps({"text": line}) for line in lines] if suffix == ".jsonl" else ["text", *lines]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    reading = read_archive(path, "acme")
    assert [asset.text for asset in reading.assets] == ["one", "three"]
    assert "longer than" in reading.rejected[0].reason and reading.rejected[0].where == ("line 2" if suffix == ".jsonl" else "line 3")
    assert LINE_CHARACTERS == 20_000_000


def test_a_document_beyond_bounds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("adtune.archive.plain.DOCUMENT_CHARACTERS", 1000)
    (tmp_path / "a.txt").write_text("word " * 300, encoding="utf-8")
    assert "larger than" in reason(tmp_path / "a.txt")
    assert rows.DOCUMENT_CHARACTERS == 20_000_000


def test_deep_html_is_refused_or_read_without_a_crash(tmp_path):
    (tmp_path / "a.html").write_text("<div>" * 50_000 + "deep" + "</div>" * 50_000, encoding="utf-8")
    assert "deep" in reason(tmp_path / "a.html")


def test_yaml_that_grows_does_no_harm(tmp_path):
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    (tmp_path / "a.md").write_text(f"---\nl0: &l0 [x]\n{layers}title: *l29\n---\nThe body.\n", encoding="utf-8")
    reading = read_archive(tmp_path / "a.md", "acme")
    assert (reading.assets[0].text, reading.assets[0].title) == ("The body.", None)


def test_messages_that_quote_broken_bytes_can_be_printed(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = ['{"text": "one", "date": "2024\\ud8005"}', '{"b\\ud800d": 1}', '{"text": "x", "status": "\\u0000\\ud800"}']
    path.write_text("\n".join(lines), encoding="utf-8")
    reading = read_archive(path, "acme")
    assert (len(reading.assets), len(reading.rejected), len(reading.notes)) == (1, 2, 1)
    for message in (*reading.notes, *(gone.reason for gone in reading.rejected)):
        assert message.isprintable()
