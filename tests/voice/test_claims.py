"""Claims: what a reader could check is found, and what brief, guide or house vouches for is not held against a draft."""

from __future__ import annotations

import pytest

from adtune.records import Brief
from adtune.voice.claims import Claims, house_claims

TEXTS = ["Save money with care, then ask Anna Field at Lantern Bank.", "The house asks for money. Save it with Anna Field.",
         "Money rests at Lantern Bank, as people know."]


@pytest.fixture(scope="module")
def claims():
    return Claims(TEXTS, "We are Quillmere, founded in 1987.")


@pytest.mark.parametrize(("draft", "brief", "loose"), [
    ("It costs $1,200 a year.", Brief("Costs"), [("money", "$1,200")]),
    ("It costs $1,200 a year.", Brief("Costs", facts=("The fee is 1200 dollars.",)), []),
    ("It pays 3.5% from 3 May 2026 on.", Brief("Rates", summary="3.50 percent"), [("date", "3 May 2026")]),
    ("You save in three steps, or five.", Brief("Steps"), []),                                    # small counts follow from the text
    ("Then ask Anna Field about it.", Brief("Ask Anna Field"), []), ("Then ask Tom Moss about it.", Brief("Ask"), [("name", "Tom Moss")]),
    ("She said: “The fee is gone from next year on.”", Brief("Fees"), [("quotation", "“The fee is gone from next year on.”")]),
    ("Quillmere has been here since 1987.", Brief("Us"), []), ("", Brief(None), []),
    ("Opens at 9 am, at 09:00 sharp.", Brief("Hours", facts=("9:00 a.m.",)), []),
])
def test_a_claim_needs_somebody_who_vouches_for_it(claims, draft, brief, loose):
    found = claims.unsupported(draft, brief, set())
    assert [(one.kind, draft[one.start:one.end]) for one in found] == loose


def test_what_many_families_tell_is_the_house_s_own(claims):
    told = [claims.of(f"Write to Lantern Bank, box {number}00.") for number in range(2, 8)]
    assert ("name", "Lantern Bank") in house_claims(zip(told, range(6), strict=True))
    assert house_claims(zip(told, [0] * 6, strict=True)) == set()          # versions of one piece vouch once
    house = house_claims(zip(told, range(6), strict=True))
    assert claims.unsupported("Then ask Lantern Bank.", Brief("Ask"), house) == []
