"""What people see of `rate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.words import percent
from .desk import Answer
from .page import NOT_MEASURED, Page, plain, with_interval
from .show_archive import notes


def rated(answer: Answer, page: Page) -> None:
    if answer["edits"]:
        _taken(answer["edits"], page)
    _minutes(answer["minutes"], page)
    notes(answer, page)


def _taken(edits: Mapping[str, Any], page: Page) -> None:
    untimed = f" ({edits['untimed']} without minutes)" if edits["untimed"] else ""
    page.line(f"{edits['read']} edits read: {edits['kept']} kept{untimed}, {edits['rejected']} rejected; {edits['added']} new, of which "
              f"{edits['corrected']} correct an earlier one.", style="bold")
    if edits["rejections"]:
        page.table(("Where", "Rejected because"), [(one["where"], one["reason"]) for one in edits["rejections"]])


def _minutes(told: Mapping[str, Any], page: Page) -> None:
    """The log by arm, what is saved, and how far predictions are off."""
    if not told["edits"]:
        page.line("No edits are logged.")
        return
    if not told["calibrated"]:
        page.line(f"Not calibrated: {told['reason']}. Until then the effort index says how far drafts are from what was published.",
                  style="yellow")
    rows = [(name, row["edits"], with_interval(row["effort"], row["effort_interval"]), with_interval(row["minutes"], row["interval"]),
             with_interval(row["under_two_minutes"], row["under_two_minutes_interval"]), row["rounds"], row["client_rounds"])
            for name, row in told["arms"].items()]
    page.table(("Drafts by", "Edits", "Effort index", "Minutes a piece", "Share under 2 minutes", "Rounds", "With the client"), rows)
    pairs = {}
    if told["saved"] is not None:
        pairs[f"minutes saved a piece, {told['under']} instead of {told['over']}"] = with_interval(told["saved"], told["saved_interval"])
        pairs["pieces in the same time"] = _percents(told["throughput_change"], told["throughput_change_interval"])
    error = told["error"]["edits"]
    if error:
        pairs["error of a predicted edit, median"] = (f"{percent(error['median_error'])}; of the editor's own median "
                                                      f"{percent(error['median_error_of_medians'])}")
        pairs["edits within their 95 % interval"] = percent(error["inside_interval"])
    if pairs:
        page.pairs(pairs)


def _percents(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return f"{NOT_MEASURED} (--other-minutes)"
    ends = f" [{plain(100 * interval[0])}, {plain(100 * interval[1])}]" if interval else ""
    return f"{'+' if value >= 0 else ''}{plain(round(100 * value, 1))} %{ends}"
