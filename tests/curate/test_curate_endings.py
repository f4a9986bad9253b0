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


def judged(endings, gold=0):
    """The sample's house with these endings on its first pieces; the last `gold` ones are gold, one of them with the first ending."""
    spoilt = [dataclasses.replace(one, text=f"{one.text.rstrip()}{endings[n]}") if n < len(endings) else one for n, one in enumerate(HOUSE)]
    spoilt = [dataclasses.replace(one, approval="gold") if n >= len(HOUSE) - gold else one for n, one in enumerate(spoilt)]
    pieces = pieces_of(spoilt)
    return pieces, Judge(SETTINGS, SETTINGS.today, Alike({p.content: p.plain for p in pieces}, 0.5), pieces)


def test_an_ellipsis_behind_a_word_that_ends_sentences_is_a_manner_and_behind_another_a_cut():
    manner = [" That is how we count the pennies...", " It waits behind the door...", " We put it in the tin by the door...",
              " It was the best day of the week...", " It comes back to you year after year..."]
    cut = [" We keep it for the...", " You can ask for a..."]
    found = CUT_OFF.find(*judged(manner + cut))
    assert {order for order, one in found.items() if one.confidence >= 0.5} == {5, 6}


def test_what_a_house_leaves_without_a_full_stop_is_its_way_and_a_word_that_breaks_off_is_none():
    loose = ["\n\nThe photograph was taken by the same hand as last year", "\n\nWith many thanks to everybody who came along this week",
             "\n\nFirst told at the counter in the spring of that year", "\n\nWritten by hand and read aloud at the kitchen table"]
    broken = ["\n\nThe photograph was taken by a friend of ou", "\n\n- And then we all came back to the"]
    found = CUT_OFF.find(*judged(loose + broken))
    assert {order for order, one in found.items() if one.confidence >= 0.5} == {4, 5}
    assert "middle of a word" in found[4].evidence and "ends nothing" in found[5].evidence


def test_cuts_among_few_whole_pieces_are_found_by_all_of_them_together():
    texts = [" ".join(one.text.split()[:40 + 3 * n]) for n, one in enumerate(HOUSE[:12])]
    cut = [dataclasses.replace(one, text=text) for one, text in zip(HOUSE, texts, strict=False)]
    pieces = pieces_of([*cut, *HOUSE[12:]])
    found = CUT_OFF.find(pieces, Judge(SETTINGS, SETTINGS.today, Alike({p.content: p.plain for p in pieces}, 0.5), pieces))
    ended = {n for n, text in enumerate(texts) if text[-1] in ".!?:"}
    hits = {order for order, one in found.items() if one.confidence >= 0.5}
    assert hits <= set(range(12)) and len(hits - ended) >= 0.8 * (12 - len(ended))
