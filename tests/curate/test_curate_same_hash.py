"""The same archive and settings give the same dataset and the same reasons in any process, whatever its hash seed and its threads."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import json
from adtune.curate import curate
from adtune.records import Asset, Source, hash_of
from adtune.settings import CurateSettings
from adtune.starter import sample_contrast, sample_pieces

rows = [[json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in (sample_pieces(), sample_contrast())]
own = [Asset(f"own-{n}", "acme", row["text"], title=row["title"], category=row["category"], date=row["date"], language="en",
             approval="gold" if n < 12 else None, source=Source("mixed.jsonl", n)) for n, row in enumerate(rows[0][:240:5])]
other = [Asset(f"other-{n}", "acme", row["text"], title=row["title"], category="saving", language="en", source=Source("mixed.jsonl", 99))
         for n, row in enumerate(rows[1][:40])]
twins = [Asset(f"twin-{n}", "acme", one.text.replace(" the ", " that ", 2), title=one.title, source=one.source)
         for n, one in enumerate(own[20:30])]
found = curate([*own, *other, *twins], "acme", CurateSettings(keep=30, today="2025-06-01"))
print(found.dataset.hash, hash_of([[one.asset.id, one.reason, one.evidence, one.confidence] for one in found.dropped]),
      hash_of([[one.asset.id, one.reason, one.evidence, one.confidence] for one in found.shown]))
"""


def test_hash_seeds_and_threads_decide_nothing():
    told = []
    for seed, threads in (("1", "1"), ("77", "2")):
        named = {name: threads for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True,
                              env={**os.environ, "PYTHONHASHSEED": seed, **named})
        assert done.returncode == 0, done.stderr[-2000:]
        told.append(done.stdout.split())
    assert told[0] == told[1] and len(told[0]) == 3
