"""What is no cut: an ending that unlike pieces share, a signature, a label; a sentence that stops is one."""

from __future__ import annotations

import dataclasses
import json

from adtune.curate.checks import CHECKS, Judge
from adtune.curate.pieces import pieces_of
from adtune.curate.similar import Alike
from adtune.records import Asset, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_pieces

SETTINGS = CurateSettings(today="2025-06-01")
ROWS = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
HOUSE = [Asset(f"p{n}", "acme", row["text"], title=row["title"], language="en", source=Source("pieces.jsonl", n))
         for n, row in enumerate(ROWS[:60], 1)]
CUT_OFF = next(check for check in CHECKS if check.name == "cut_off")


def test_an_ending_that_unlike_pieces_share_and_a_signature_are_no_cuts():
    ends = ["## About this series"] * 3 + ["Belinda Stone, Head of the Reader Desk", "## Another heading", "then we came upon the river"]
    spoilt = [dataclasses.replace(one, text=f"{one.text}\n\n{ends[n]}") if n < len(ends) else one for n, one in enumerate(HOUSE)]
    pieces = pieces_of(spoilt)
    found = CUT_OFF.find(pieces, Judge(SETTINGS, SETTINGS.today, Alike({p.content: p.plain for p in pieces}, 0.5), pieces))
    assert sorted(found) == [4, 5]
