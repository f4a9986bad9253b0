"""Encodings: proven ones are read, likely ones are confirmed by the text and noted, all others are refused."""

from __future__ import annotations

import json

import pytest

from adtune.archive import read_archive

ENGLISH = "The client’s house voice is calm — never loud. “We make coffee that keeps,” she said, and the café agreed."
GERMAN = "Für die Größe der Bäume müssen wir höher klettern, sagte die Köchin, während sie süße Äpfel schälte."
POLISH = "Zażółć gęślą jaźń, powiedział król, który mieszkał w dużym pałacu nad rzeką i lubił świeże bułki z masłem."
RUSSIAN = "Мы варим кофе для тех, кто ценит тишину и долгие разговоры за большим столом у окна."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".json", ".md"])
def test_proven_encodings(encoding, suffix, tmp_path):
    path = tmp_path / f"piece{suffix}"
    whole = {".csv": f'text\n"{ENGLISH}"\n', ".jsonl": json.dumps({"text": ENGLISH}, ensure_ascii=False),
             ".json": json.dumps([{"text": ENGLISH}], ensure_ascii=False)}.get(suffix, ENGLISH)
    path.write_bytes(whole.encode(encoding))
    reading = read_archive(path, "acme")
    assert ([asset.text for asset in reading.assets], reading.notes) == ([ENGLISH], ())


@pytest.mark.parametrize(("text", "encoding"), [(ENGLISH, "cp1252"), (GERMAN, "cp1252"), (POLISH, "cp1250"), (RUSSIAN, "cp1251"),
                                                (RUSSIAN, "koi8_r"), (ENGLISH, "mac_roman")])
@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_code_pages_that_the_text_confirms(text, encoding, suffix, tmp_path):
    path = tmp_path / f"piece{suffix}"
    path.write_bytes((f'title,text\n{text[:12].replace(",", "")},"{text}"\n' if suffix == ".csv" else text).encode(encoding))
    reading = read_archive(path, "acme")
    assert [asset.text for asset in reading.assets] == [text]
    assert f"read as {encoding}" in reading.notes[0]


@pytest.mark.parametrize("raw", [b"caf\xe9", bytes(range(0x80, 0x100)), b"a\0b\0c\0 and more text", "日本語".encode("iso2022_jp"),
                                 b"\xff\xfeodd", b"\xd8\xd9\xda some words \xe1\xe2", bytes(range(256)) * 20, b"\x89PNG text"])
def test_what_cannot_be_vouched_for_is_refused(raw, tmp_path):
    path = tmp_path / "piece.txt"
    path.write_bytes(raw)
    reading = read_archive(path, "acme")
    assert reading.assets == ()
    assert reading.rejected[0].where == "piece.txt"
    assert reading.rejected[0].reason.startswith("encoding not recognised")


@pytest.mark.parametrize(("suffix", "line"), [(".jsonl", b'{"text": "%s"}\n'), (".csv", b"%s,x\n")])
def test_a_broken_line_of_a_utf8_file_loses_itself_only(suffix, line, tmp_path):
    path = tmp_path / f"rows{suffix}"
    rows = [ENGLISH.replace(",", "").encode(), "Größe".encode("latin-1"), b"plain"]
    path.write_bytes((b"text,title\n" if suffix == ".csv" else b'{"text": "first"}\n') + b"".join(line % row for row in rows))
    reading = read_archive(path, "acme")
    assert [asset.text for asset in reading.assets][-2:] == [ENGLISH.replace(",", ""), "plain"]
    assert [(gone.where, gone.reason[:23]) for gone in reading.rejected] == [("line 3", "encoding not recognised")]


def test_a_line_in_iso_2022_is_not_taken_for_ascii(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"title,text\nOne," + b"first " * 20 + b"\nTwo," + "日本語".encode("iso2022_jp") + b"\n")
    reading = read_archive(path, "acme")
    assert ([asset.title for asset in reading.assets], [gone.where for gone in reading.rejected]) == (["One"], ["line 3"])


def test_ascii_rows_of_a_doubtful_file_are_kept(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "plain"}\n{"text": "caf\xe9"}\n')
    reading = read_archive(path, "acme")
    assert ([asset.text for asset in reading.assets], [gone.where for gone in reading.rejected]) == (["plain"], ["line 2"])
