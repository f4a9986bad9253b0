"""Malformed and hostile files over all formats, from a seed: first those that are hostile on purpose, then good ones that were damaged."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "archive"))
import making  # noqa: E402 - the makers of good files are those of the tests

TEXT = "The client’s voice is calm — never loud. We brew “slowly”, said the café on the corner, and we mean it.\n"
PACKED = (".docx", ".xlsx", ".ods", ".zip")
SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".md", ".txt", ".html", ".docx", ".jsonl.gz", ".csv.gz", ".xlsx", ".ods", ".pdf", ".xml",
            ".rss", ".atom", ".eml", ".mbox", ".mhtml", ".parquet", ".zip")


def good(suffix: str) -> bytes:
    """A file of the format with many good pieces, or one where it holds one."""
    kind = suffix.removesuffix(".gz")
    rows = [{"id": n, "title": f"Piece {n}", "text": TEXT * 3, "date": "2024-05-31"} for n in range(40)]
    mark = "\t" if kind == ".tsv" else ","
    table = mark.join(rows[0]) + "\n" + "".join(mark.join(f'"{value}"' for value in row.values()) + "\n" for row in rows)
    made: dict[str, Callable[[], bytes | str]] = {
        ".jsonl": lambda: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        ".json": lambda: json.dumps({"pieces": rows}, indent=1),
        ".csv": lambda: table.replace("“slowly”", '""slowly""'), ".tsv": lambda: table,
        ".xlsx": lambda: making.xlsx({"Copy": [list(rows[0]), *(list(row.values()) for row in rows)], "Lists": [["a"], [1]]}, "B2:B4"),
        ".ods": lambda: making.ods([["title", "text"], *([row["title"], row["text"]] for row in rows)]),
        ".pdf": lambda: making.pdf([making.typeset("\n\n".join([TEXT * 3] * 4))] * 5, "Piece", picture=True),
        ".xml": lambda: making.wxr([{"title": row["title"], "content:encoded": f"<p>{row['text']}</p>", "wp:status": "publish",
                                     "wp:post_type": "post", "categories": [("category", "A")]} for row in rows]),
        ".rss": lambda: making.rss([{"title": row["title"], "description": row["text"], "category": "A"} for row in rows]),
        ".mbox": lambda: making.mbox([making.mail(row["title"], row["text"], f"<p>{row['text']}</p>", ["a.pdf"]) for row in rows[:8]]),
        ".eml": lambda: making.mail("Piece", TEXT, f"<html><body><p>{TEXT}</p><p>Unsubscribe</p></body></html>", ["a.pdf"]).as_bytes(),
        ".zip": lambda: making.zipped({"a.md": f"# A\n\n{TEXT}", "b.docx": making.docx("B", TEXT), "c/rows.csv": table,
                                       "d.html": making.html("D", TEXT)})}
    raw = made[kind]() if kind in made else making.piece(kind, "Piece", TEXT * 5)
    raw = raw.encode("utf-8") if isinstance(raw, str) else raw
    return gzip.compress(raw, mtime=0) if suffix.endswith(".gz") else raw


def truncated(raw: bytes, rng: random.Random) -> bytes:
    return raw[:rng.randrange(1, len(raw))]


def flipped(raw: bytes, rng: random.Random) -> bytes:
    out = bytearray(raw)
    for _ in range(rng.randrange(1, 40)):
        out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def spliced(raw: bytes, rng: random.Random) -> bytes:
    """Bytes that break quotes, brackets, tags and encodings, put in anywhere."""
    bits = [b'"', b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"<script>", b"{", b"]", b"\r", b"\x1b$B", b"\xe9", b"---\n", b"\\", b"]]>",
            b"\x1a", b"&x;", b"\nFrom x\n", b"endobj", b"--x--y\n", b"=?utf-8?b?", b"<!--", b"PK\x03\x04"]
    for _ in range(rng.randrange(1, 12)):
        place = rng.randrange(len(raw) + 1)
        raw = raw[:place] + rng.choice(bits) + raw[place:]
    return raw


def mixed(raw: bytes, rng: random.Random) -> bytes:
    """UTF-8, then a part in other encodings."""
    return raw + TEXT.encode("cp1252") + TEXT.encode("utf-16-le") + "Größe\n".encode("latin-1")


def noise(raw: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(5000)


def other_type(raw: bytes, rng: random.Random) -> bytes:
    return good(rng.choice(SUFFIXES))


def within(raw: bytes, rng: random.Random) -> bytes:
    """One member of a zip damaged and packed again, so that the damage reaches its parser; other files are repeated in themselves."""
    if not raw.startswith(b"PK"):
        place = rng.randrange(len(raw))
        return raw[:place] + raw[place // 2:]
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([name for name, data in entries.items() if data])
    entries[name] = rng.choice((truncated, flipped, spliced))(entries[name], rng)
    return making.zipped(entries)


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "truncated": truncated, "flipped": flipped, "spliced": spliced, "mixed": mixed, "noise": noise, "other type": other_type,
    "within": within}


def malformed(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """(suffix, bytes) without an end: hostile ones, then every damage of every format, again and again."""
    yield from texts()
    yield from packages()
    yield from documents()
    while True:
        for damage in DAMAGE.values():
            for suffix in SUFFIXES:
                yield suffix, damage(good(suffix), rng)


def texts() -> Iterator[tuple[str, bytes]]:
    """Hostile text, tables and JSON."""
    long = b"word " * 5_000_000
    yield from ((suffix, b"") for suffix in SUFFIXES)
    yield from ((suffix, bytes(3000)) for suffix in SUFFIXES)
    yield from ((suffix, long) for suffix in (".txt", ".csv", ".html", ".md"))
    yield ".jsonl", b'{"text": "' + long + b'"}\n{"text": "after it"}\n'
    yield ".json", b'[{"text": "' + long + b'"}]'
    yield ".csv", b"id,title,text\n1,one," + long + b"\n2,two,after it\n"
    yield ".csv", b"text," + b",".join(b"c%d" % n for n in range(100_000)) + b"\nwords" + b"," * 100_000 + b"\n"
    yield ".jsonl", json.dumps({f"c{n}": n for n in range(100_000)} | {"text": "words"}).encode()
    yield ".csv", b'id,title,text\n' + b'1,"one,two\n' * 20_000
    yield ".csv", b'title,text\n' + b'one,"two\n' * 20_001
    yield ".csv", b'"' * 200_001
    yield ".json", b"[" * 200_000
    yield ".json", b'{"a":' * 200_000
    yield ".json", b'[{"text": "a' * 20_000
    yield ".json", b'[' + b'{"text": x}, ' * 20_000
    yield ".jsonl", (b'{"text": ' + b"[" * 100_000 + b"\n") * 3
    yield ".jsonl", b'{"text": "lone \\ud800 surrogate"}\n{"text": ' + b"9" * 10_000 + b"}\n{\"text\": NaN}\nnull\n"
    yield ".jsonl", b'\xed\xa0\x80\n{"text": "\xed\xa0\x80"}\n'
    yield ".md", b"---\na: &a [x]\n" + b"".join(b"b%d: &b%d [%s]\n" % (n, n, b",".join([b"*a"] * 50)) for n in range(800)) + b"---\nx\n"
    yield ".md", b"---\n" + b"[" * 50_000 + b"\n---\nx\n"
    yield ".md", b"+++\na = " + b"[" * 50_000 + b"\n+++\nx\n"
    yield ".md", b"# " + b" " * 2_000_000 + b"x"
    yield ".html", b"<div>" * 100_000
    yield ".html", b"<b><p>" * 20_000 + b"text"
    yield ".html", b"<span>" * 200 + b"<span>x</span>" * 50_000
    yield ".html", b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]><p>&b;" * 2000
    yield ".html", b"<table>" * 3000 + b"<tr><td>x"
    yield ".jsonl.gz", gzip.compress(b"a" * 60_000_000)
    yield ".csv.gz", good(".csv")


def packages() -> Iterator[tuple[str, bytes]]:
    """Hostile zips and Office files."""
    document = good(".docx")
    nested = document
    for _ in range(6):
        nested = making.zipped({"inner.zip": nested})
    for suffix in (".docx", ".zip"):
        yield suffix, making.zipped({"inner.docx": making.zipped({"inner.docx": document})})
        yield suffix, making.zipped({"word/document.xml": b" " * 150_000_000})
        yield suffix, making.zipped({f"{n}.xml": b"" for n in range(3000)})
        yield suffix, overlapped(making.zipped({"a.txt": b"word " * 300_000}), 1500)
        yield suffix, document[:-22] + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0, 0)
    yield ".zip", nested
    yield ".zip", making.zipped({f"{n}.zip": making.zipped({"a.txt": b"0" * 1_000_000}) for n in range(16)})
    yield ".zip", making.zipped({f"{n}.txt": b"0" * 1_000_000 for n in range(300)})
    yield ".zip", making.zipped({"../../etc/x.md": "x", "a.md": "x"})
    yield ".docx", making.zipped({"[Content_Types].xml": b"<a>" * 90_000})
    w = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    tables = b"<w:tbl><w:tr><w:tc>" * 80 + b"<w:p><w:r><w:t>x</w:t></w:r></w:p>"
    yield ".docx", member(document, "word/document.xml", w + tables)
    yield ".docx", member(document, "word/document.xml", w + b"<w:p>" * 100_000)
    laughs = b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 20 if n else b"ha") for n in range(12))
    yield ".docx", member(document, "word/document.xml", b"<!DOCTYPE x [" + laughs + b"]>" + w + b"&a11;</w:body></w:document>")
    book, name = good(".xlsx"), "xl/worksheets/sheet1.xml"
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
    corners = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    nowhere = b'<row r="1"><c r="A1" t="s"><v>99999999</v></c><c r="ZZZZ9"><v>1</v></c><c r="0"><v>1</v></c></row>'
    yield from ((".xlsx", member(book, name, sheet % cells)) for cells in (corners, nowhere))
    yield ".xlsx", member(book, name, sheet % (b'<row r="99999999999999999999"><c r="A1"><v>1</v></c></row>' * 1000))
    yield ".xlsx", member(book, name, sheet % (b"<row>" * 100_000))
    yield ".xlsx", member(book, name, b" " * 29_000_000)
    once = b'office:value-type="string"'
    for repeat in (b"1000000", b"99999999999999999999"):
        cell = once + b' table:number-columns-repeated="' + repeat + b'"'
        yield ".ods", member(good(".ods"), "content.xml", lambda raw, cell=cell: raw.replace(once, cell))
    for repeat in (b"5000", b"24000", b"1000000"):
        row = b'<table:table-row table:number-rows-repeated="' + repeat + b'">'
        yield ".ods", member(good(".ods"), "content.xml", lambda raw, row=row: raw.replace(b"<table:table-row>", row))


def documents() -> Iterator[tuple[str, bytes]]:
    """Hostile PDF, XML and mail."""
    paper = good(".pdf")
    yield ".pdf", paper.replace(b"/Kids [", b"/Kids [2 0 R 2 0 R ")
    yield ".pdf", paper.replace(b"/Count 5", b"/Count 2147483647")
    yield ".pdf", paper.replace(b"/Parent 2 0 R", b"/Parent 2 0 R /Contents [" + b"6 0 R " * 100_000 + b"]")
    yield ".pdf", paper.replace(b"startxref", b"trailer << /Prev 9 /Size 99999999 /Root 1 0 R >>\nstartxref")
    yield ".pdf", making.pdf([making.typeset(TEXT)] * 3000)
    yield ".pdf", b"%PDF-1.7\n" + b"1 0 obj\n" * 200_000
    yield ".pdf", b"%PDF-1.7\n1 0 obj\n" + b"<< /A " * 100_000
    yield ".pdf", making.pdf([making.typeset(TEXT)], encrypted=True)
    laughs = '<!DOCTYPE rss [<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)) + "]>"
    for suffix in (".rss", ".xml"):
        raw = good(suffix).decode()
        yield suffix, raw.replace("<rss", laughs + "<rss").replace("<title>Piece 1", "<title>&l11;").encode()
        yield suffix, raw.replace("<rss", '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss').replace("Piece 1", "&x;").encode()
        yield suffix, raw.replace("<title>Piece 1<", "<b>" * 100_000 + "<").encode()
        yield suffix, raw.replace("<item>", "<item x='" + "y" * 12_000_000 + "'>", 1).encode()
        yield suffix, raw.replace("UTF-8", "UTF-99").encode()
        yield suffix, raw.encode("utf-16")
    posts = [{"title": "x", "content:encoded": TEXT, "wp:post_type": "post", "wp:status": "publish"}] * 3000
    yield ".xml", making.wxr(posts, end="<![CDATA[").encode()
    yield ".rss", making.rss([{"title": "x", "description": "<div>" * 3000}]).encode()
    head = b"From: a@example.com\nSubject: x\nMIME-Version: 1.0\n"
    yield ".eml", head + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)) + b"\nx"
    yield ".eml", head + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: text/plain\n\nx\n" * 50_000
    yield ".eml", head + b"X-Long: " + b"=?utf-8?b?YQ==?= " * 200_000 + b"\n\nx"
    yield ".eml", b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\nFrom: " + b"(" * 50_000 + b"\nDate: " + b"9" * 50_000 + b"\n\nx"
    yield ".eml", head + b'Content-Type: text/html; charset="\xff\xfe"\nContent-Transfer-Encoding: base64\n\n' + b"!!!!" * 10_000
    yield ".eml", head + b"Content-Type: message/rfc822\n\n" * 1 + (b"Content-Type: message/rfc822\n\n" * 2000) + b"x"
    yield ".mbox", b"From a\n\n" * 100_000
    yield ".mbox", b"From a\n" + b"x" * 50_000_000
    yield ".mhtml", head + b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n" + b"<div>" * 100_000
    yield ".mhtml", head + b"Content-Type: multipart/related; boundary=b\n\n"


def member(raw: bytes, name: str, made: bytes | Callable[[bytes], bytes]) -> bytes:
    """The zip with one member replaced, or changed."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    entries[name] = made if isinstance(made, bytes) else made(entries[name])
    return making.zipped(entries)


def overlapped(raw: bytes, times: int) -> bytes:
    """A zip of one member whose list names it so many times."""
    at = raw.rindex(b"PK\1\2")
    entry = raw[at:raw.rindex(b"PK\5\6")]
    return raw[:at] + entry * times + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, times, times, len(entry) * times, at, 0)
