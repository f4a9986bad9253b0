"""The page of a dataset of campaign rows: what came in, what fell out and why, and which days teach, validate and test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.page import Page

WHY = {"open": "late outcomes may still come", "no exposure": "no exposure above zero", "no outcome": "the outcome is not told",
       "below zero": "an outcome below zero", "above the exposure": "more outcomes than exposure",
       "no date": "no date, in a table that has dates"}


def rows_report(client: str, answer: Mapping[str, Any], days: Mapping[str, tuple[str, str] | None]) -> str:
    """HTML. `days` are the first and last day of each split, None where rows have no dates."""
    page = Page(f"Campaign rows of {client}", f"{answer['outcome']} for {answer['exposure']}")
    page.section("In short", page.cards([("Rows read", f"{answer['read']:,}", ""), ("Kept", f"{answer['kept']:,}", ""),
                                         ("Held out for `evaluate`", f"{answer['splits']['test']:,}", "no training sees them")]))
    lost = [(name, WHY[name], count) for name, count in answer["dropped"].items()]
    page.section("What fell out", page.table(("Reason", "", "Rows"), lost) if lost else
                 page.paragraph("Nothing: every row that was read can be learned from."))
    spans = [(name, answer["splits"][name], *(span or ("no dates: whole ads", ""))) for name, span in days.items()]
    page.section("Splits", page.table(("Split", "Rows", "From", "To"), spans))
    page.section("Channels", page.table(("Channel", "Rows"), answer["categories"].items()))
    page.section("Identity", page.paragraph(f"sha256 {answer['hash']}"))
    return page.render()
