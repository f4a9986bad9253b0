"""Parsers of binary formats run in a child: it is reused, and what it dies or hangs of costs that file or part only."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import making
import pytest

from adtune.archive import child, read_archive
from adtune.archive.child import stop_children

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'


def swapped(raw: bytes, name: str, data: bytes | str) -> bytes:
    """The zip with one member replaced."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return making.zipped({entry: data if entry == name else archive.read(entry) for entry in archive.namelist()})


def crashing() -> bytes:
    """A workbook of two cells so far apart that no table of them fits into memory."""
    corners = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return swapped(making.xlsx({"S": []}), "xl/worksheets/sheet1.xml", SHEET.format(corners))


def document_bomb() -> bytes:
    paragraphs = b"<w:p><w:r><w:t>aaaaaaaaaaaaaaaa</w:t></w:r></w:p>" * 600_000
    space = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    return swapped(making.docx("T", "x"), "word/document.xml", space + paragraphs + b"</w:body></w:document>")


def workbook_bomb() -> bytes:
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(1, 20_000))
    return swapped(making.xlsx({"S": []}), "xl/worksheets/sheet1.xml", SHEET.format(rows + " " * 40_000_000))


def only_child() -> child.Child:
    one, = child._idle
    return one


def test_one_child_reads_many_files(tmp_path):
    stop_children()
    for number in range(20):
        (tmp_path / f"{number:02d}.docx").write_bytes(making.docx("T", f"Text {number}"))
    assert len(read_archive(tmp_path, "acme").assets) == 20
    first = only_child()
    assert len(read_archive(tmp_path, "acme").assets) == 20
    assert only_child() is first


def test_a_child_that_died_while_it_was_idle_costs_nothing(tmp_path):
    (tmp_path / "a.html").write_text(making.html("T", "Text"), encoding="utf-8")
    read_archive(tmp_path, "acme")
    first = only_child()
    first._process.kill()
    first._process.wait()
    assert len(read_archive(tmp_path, "acme").assets) == 1


def test_a_parser_that_crashes_is_a_rejection_and_the_next_file_is_read(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(crashing())
    (tmp_path / "b.docx").write_bytes(making.docx("T", "Text"))
    reading = read_archive(tmp_path, "acme")
    assert [asset.source.file for asset in reading.assets] == ["b.docx"]
    assert [gone.where for gone in reading.rejected] == ["a.xlsx"]
    assert "crash" in reading.rejected[0].reason or "memory" in reading.rejected[0].reason


def test_a_crash_within_a_zip_costs_that_member_only(tmp_path):
    (tmp_path / "a.zip").write_bytes(making.zipped({"a.md": "First words", "b.xlsx": crashing(), "c.md": "Last words"}))
    reading = read_archive(tmp_path / "a.zip", "acme")
    assert [(asset.source.file, asset.text) for asset in reading.assets] == [("a.zip/a.md", "First words"), ("a.zip/c.md", "Last words")]
    assert [gone.where for gone in reading.rejected] == ["a.zip/b.xlsx"]


def test_after_many_crashes_the_rest_is_lost_and_says_so(tmp_path):
    (tmp_path / "a.zip").write_bytes(making.zipped({f"{number}.xlsx": crashing() for number in range(child.DEATHS + 2)}))
    reading = read_archive(tmp_path / "a.zip", "acme")
    assert len(reading.rejected) == child.DEATHS + 1
    assert "the rest of the file is not read" in reading.rejected[-1].reason


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")
def test_a_parser_that_hangs_is_ended(tmp_path, monkeypatch):
    (tmp_path / "a.html").write_text(making.html("T", "Text"), encoding="utf-8")
    read_archive(tmp_path, "acme")
    stopped = only_child()._process
    os.kill(stopped.pid, signal.SIGSTOP)
    monkeypatch.setattr(child, "SECONDS", 0.3)
    start = time.monotonic()
    gone, = read_archive(tmp_path, "acme").rejected
    assert "took more than" in gone.reason and time.monotonic() - start < 5
    assert stopped.poll() is not None
    monkeypatch.undo()
    assert len(read_archive(tmp_path, "acme").assets) == 1


def test_the_child_is_bounded(tmp_path):
    (tmp_path / "a.html").write_text(making.html("T", "Text"), encoding="utf-8")
    read_archive(tmp_path, "acme")
    limits = Path(f"/proc/{only_child()._process.pid}/limits")
    if not limits.exists():
        pytest.skip("no /proc here to read the limits from")
    found = {line[:26].strip(): line[26:].split()[0] for line in limits.read_text().splitlines()[1:]}
    assert int(found["Max address space"]) == child.MEMORY_BYTES
    assert int(found["Max cpu time"]) <= child.SECONDS + 7 + 60 and found["Max core file size"] == "0"


def test_an_interrupt_is_the_parent_s(tmp_path):
    (tmp_path / "a.html").write_text(making.html("T", "Text"), encoding="utf-8")
    read_archive(tmp_path, "acme")
    assert os.getsid(only_child()._process.pid) != os.getsid(0)


def test_memory_beyond_the_limit_is_a_rejection(tmp_path, monkeypatch):
    stop_children()
    monkeypatch.setattr(child, "MEMORY_BYTES", 300_000_000)
    (tmp_path / "a.html").write_text("<p>x</p>" * 1_900_000, encoding="utf-8")
    gone, = read_archive(tmp_path, "acme").rejected
    stop_children()
    assert "needs more than" in gone.reason and "memory" in gone.reason


@pytest.mark.parametrize(("name", "made"), [("bomb.docx", document_bomb), ("bomb.xlsx", workbook_bomb)])
def test_a_bomb_is_refused_within_a_second_and_100_mb(name, made, tmp_path):
    stop_children()
    (tmp_path / name).write_bytes(made())
    seconds = []
    for _ in range(3):   # the fastest, as other work on the machine is no matter here; the first starts the child
        start = time.monotonic()
        gone, = read_archive(tmp_path / name, "acme").rejected
        seconds.append(time.monotonic() - start)
    assert "bomb" in gone.reason or "larger than" in gone.reason
    assert min(seconds) < 1
    status = Path(f"/proc/{only_child()._process.pid}/status")
    if status.exists():
        peak, = [int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        assert peak < 100_000   # kB


def test_a_client_s_folder_is_never_a_place_of_modules(tmp_path):
    """Someone who stands in the archive's folder runs none of its files."""
    for name in ("docx", "lxml", "python_calamine", "json", "adtune"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()\n", encoding="utf-8")
    (tmp_path / "a.docx").write_bytes(making.docx("T", "Text"))
    code = "from pathlib import Path; from adtune.archive import read_archive; print(len(read_archive(Path('a.docx'), 'x').assets))"
    source = str(Path(child.__file__).parents[2])
    out = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": source}, check=True)
    assert out.stdout.strip() == "1" and not (tmp_path / "ran").exists()


def test_the_child_sees_no_secrets_and_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    stop_children()
    (tmp_path / "a.zip").write_bytes(making.zipped({"a.md": "First words"}))
    read_archive(tmp_path, "acme")
    one = only_child()
    environment = Path(f"/proc/{one._process.pid}/environ")
    if environment.exists():
        assert b"hf_secret" not in environment.read_bytes()
    folder = Path(one._folder.name)
    assert folder.is_dir() and list(folder.rglob("*")) == []
    stop_children()
    assert not folder.exists()


def test_a_child_whose_parent_was_killed_ends_and_removes_its_folder(tmp_path):
    (tmp_path / "a.html").write_text(making.html("T", "Text"), encoding="utf-8")
    code = ("import os, signal, sys; from pathlib import Path; from adtune.archive import child, read_archive; "
            "read_archive(Path(sys.argv[1]), 'x'); "
            "print(child._idle[0]._process.pid, child._idle[0]._folder.name, flush=True); os.kill(os.getpid(), signal.SIGKILL)")
    out = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": str(Path(child.__file__).parents[2])}).stdout.split()
    deadline = time.monotonic() + 10
    while Path(out[1]).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(out[1]).exists()
