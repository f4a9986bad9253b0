"""Gate: 120 malformed files over all formats go through the importer without one crash or hang.

A crash is any exception that is not a message for the user (AdtuneError), the death of the process, or counts that do not add
up; a hang is a file that takes more than 30 seconds. Files are made from a seed in a folder that is removed afterwards.

    python benchmarks/gate_import.py [--seed N]
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import multiprocessing
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

FILES, LIMIT_SECONDS = 120, 30.0
TEXT = "The client’s voice is calm — never loud. We brew “slowly”, said the café on the corner, and we mean it.\n"
SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".md", ".txt", ".html", ".docx", ".jsonl.gz", ".csv.gz")


def good(suffix: str) -> bytes:
    """A file of the format with forty good pieces, or one where it holds one."""
    kind = suffix.removesuffix(".gz")
    rows = [{"id": n, "title": f"Piece {n}", "text": TEXT * 3, "date": "2024-05-31"} for n in range(40)]
    if kind == ".docx":
        import docx

        document, out = docx.Document(), io.BytesIO()
        document.add_heading("Piece", 1)
        document.add_paragraph(TEXT)
        document.save(out)
        return out.getvalue()
    mark = "\t" if kind == ".tsv" else ","
    table = mark.join(rows[0]) + "\n" + "".join(mark.join(f'"{value}"' for value in row.values()) + "\n" for row in rows)
    body = {".jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), ".json": json.dumps({"pieces": rows}, indent=1),
            ".csv": table.replace("“slowly”", '""slowly""'), ".tsv": table, ".md": f"---\ntitle: Piece\n---\n{TEXT}", ".txt": TEXT * 20,
            ".html": f"<html><head><title>Piece</title></head><body><article><p>{TEXT}</p></article></body></html>"}[kind]
    raw = body.encode("utf-8")
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
    bits = [b'"', b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"<script>", b"{", b"]", b"\r", b"\x1b$B", b"\xe9", b"---\n", b"\\", b"]]>", b"\x1a"]
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


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "truncated": truncated, "flipped": flipped, "spliced": spliced, "mixed": mixed, "noise": noise, "other type": other_type}


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def hand_made() -> Iterator[tuple[str, bytes]]:
    """(suffix, bytes) of files that are hostile on purpose."""
    long = b"word " * 5_000_000
    document = good(".docx")
    yield from ((suffix, b"") for suffix in (".jsonl", ".csv", ".json", ".txt", ".docx", ".csv.gz"))
    yield from ((suffix, bytes(3000)) for suffix in (".jsonl", ".csv", ".txt", ".html", ".md"))
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
    yield ".md", b"# " + b" " * 2_000_000 + b"x"
    yield ".html", b"<div>" * 100_000
    yield ".html", b"<b><p>" * 20_000 + b"text"
    yield ".html", b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]><p>&b;" * 2000
    yield ".html", b"<table>" * 3000 + b"<tr><td>x"
    yield ".docx", zipped({"inner.docx": zipped({"inner.docx": document})})
    yield ".docx", zipped({"word/document.xml": b" " * 150_000_000})
    yield ".docx", zipped({f"{n}.xml": b"" for n in range(3000)})
    yield ".docx", zipped({"[Content_Types].xml": b"<a>" * 90_000})
    yield ".jsonl.gz", gzip.compress(b"a" * 60_000_000)
    yield ".csv.gz", good(".csv")


def malformed(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    yield from hand_made()
    while True:
        for damage in DAMAGE.values():
            for suffix in SUFFIXES:
                yield suffix, damage(good(suffix), rng)


def worker(pipe: Connection) -> None:
    """Imports the paths that come through the pipe; answers None, or what went wrong."""
    from adtune.archive import read_archive
    from adtune.errors import AdtuneError

    while True:
        path = Path(pipe.recv())
        try:
            reading = read_archive(path, "gate")
            said = None if reading.read == len(reading.assets) + len(reading.rejected) > 0 else "the counts do not add up"
        except AdtuneError:
            said = None
        except BaseException as error:  # noqa: BLE001 - finding any exception is what the gate is for
            said = f"{type(error).__name__}: {error}"[:300]
        pipe.send(said)


@dataclass
class Tally:
    """What the gate counts."""

    files: int = 0
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0

    def __str__(self) -> str:
        return (f"malformed files: {self.files}, crashes: {len(self.crashes)}, hangs: {len(self.hangs)}, "
                f"slowest {self.slowest_seconds:.1f} s")


class Importer:
    """A process that imports, started anew after it died or hung."""

    def __init__(self) -> None:
        self.pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=worker, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run(seed: int) -> Tally:
    tally, importer = Tally(), Importer()
    with tempfile.TemporaryDirectory() as folder:
        for number, (suffix, raw) in enumerate(islice(malformed(random.Random(seed)), FILES)):
            path = Path(folder) / f"{number:03d}{suffix}"
            path.write_bytes(raw)
            tally.files += 1
            start = time.perf_counter()
            importer.pipe.send(str(path))
            said: str | None = "hang"
            if importer.pipe.poll(LIMIT_SECONDS):
                try:
                    said = importer.pipe.recv()
                    if said:
                        tally.crashes.append(f"{path.name}: {said}")
                except EOFError:
                    tally.crashes.append(f"{path.name}: the process died")
            else:
                tally.hangs.append(path.name)
            tally.slowest_seconds = max(tally.slowest_seconds, time.perf_counter() - start)
            if said == "hang" or not importer.process.is_alive():
                importer.stop()
                importer = Importer()
            path.unlink()
    importer.stop()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    tally = run(parser.parse_args().seed)
    for line in (*tally.crashes, *(f"{name}: no answer within {LIMIT_SECONDS:.0f} s" for name in tally.hangs)):
        print(line, file=sys.stderr)
    print(tally)
    return 1 if tally.crashes or tally.hangs else 0


if __name__ == "__main__":
    sys.exit(main())
