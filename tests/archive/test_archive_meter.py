"""How far reading has come: by bytes, within one file and over several."""

import gzip
import json

import pytest

from adtune.archive import Stream


@pytest.mark.parametrize("packed", [False, True])
def test_the_share_rises_within_one_file(packed, tmp_path):
    path = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    raw = "".join(json.dumps({"text": f"{n} " + "%x" % (n ** 97)}) + "\n" for n in range(6000)).encode()
    path.write_bytes(gzip.compress(raw) if packed else raw)
    told = []
    assert sum(1 for _ in Stream(path, "acme", progress=lambda label, done, total, note="": told.append((done, total)))) == 6000
    shares = [done / total for done, total in told]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and len(set(shares)) >= 8
    assert abs(shares[len(shares) // 2] - 0.5) < 0.2


def test_files_count_by_their_bytes(tmp_path):
    for name, count in (("a.txt", 10), ("b.txt", 990)):
        (tmp_path / name).write_text("x" * count, encoding="utf-8")
    told = []
    list(Stream(tmp_path, "acme", progress=lambda label, done, total, note="": told.append(done / total)))
    assert told == [0, 0.01, 1]
