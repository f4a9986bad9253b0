"""What the house shows to be normal: mark-up that no gold piece has, a handle, a mailbox named as the house's own domain."""

from __future__ import annotations

import dataclasses
import json

import pytest

from adtune.curate.checks import CHECKS, Judge
from adtune.curate.pieces import pieces_of
from adtune.curate.similar import Alike
from adtune.records import Asset, Source
from adtune.settings import CurateSettings
from adtune.starter import sample_pieces

SETTINGS = CurateSettings(today="2025-06-01")
ROWS = [json.loads(line) for line in sample_pieces().read_text(encoding="utf-8").splitlines()]
HOUSE = [Asset(f"p{n}", "acme", row["text"], title=row["title"], language="en", source=Source("pieces.jsonl", n))
         for n, row in enumerate(ROWS[:40], 1)]
TAGGED = '<p class="x" style="margin:0"><span data-id="1">Money.</span></p>\n'


def found_in(check, assets):
    pieces = pieces_of(assets)
    judge = Judge(SETTINGS, SETTINGS.today, Alike({p.content: p.plain for p in pieces}, 0.5), pieces)
    return next(one for one in CHECKS if one.name == check).find(pieces, judge)


def test_a_little_markup_is_rubbish_only_where_no_gold_piece_has_any():
    marked = [dataclasses.replace(one, text=f"{one.text}\n{TAGGED}") if n in (0, 20, 21) else one for n, one in enumerate(HOUSE)]
    share = len(TAGGED) / len(marked[0].text)
    assert 0.03 < share < SETTINGS.markup_share
    assert found_in("markup", marked) == {}
    plain = [dataclasses.replace(one, approval="gold" if 5 <= n < 20 else None) for n, one in enumerate(marked)]
    assert sorted(found_in("markup", plain)) == [0, 20, 21]
    tagged = [dataclasses.replace(one, approval="gold" if n < 15 else None) for n, one in enumerate(marked)]
    assert found_in("markup", tagged) == {}


@pytest.mark.parametrize(("line", "personal"), [
    ("Write to jt.stone@somewhere.net about it.", True), ("Find us at @stone@somewhere.net any day.", False),
    ("Write to firstpenny@somewhere.net about it.", False), ("Write to stone@firstpenny.org about it.", False)])
def test_whose_address_it_is(line, personal):
    house = [dataclasses.replace(one, text=f"{one.text}\n\nRead on at https://firstpenny.org/{n}") if n < 5 else one
             for n, one in enumerate(HOUSE)]
    house[30] = dataclasses.replace(house[30], text=f"{house[30].text}\n\n{line}")
    assert (30 in found_in("personal_data", house)) == personal
