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
    if answer["sheet"]:
        _sheet(answer["sheet"], page)
    if answer["taken"]:
        _filled(answer["taken"], page)
    if answer["edits"] or not (answer["sheet"] or answer["taken"]):
        _minutes(answer["minutes"], page)
    if answer["ratings"]:
        _ratings(answer["ratings"], page)
    notes(answer, page)


def _sheet(sheet: Mapping[str, Any], page: Page) -> None:
    page.line(f"{sheet['items']} drafts to {sheet['briefs']} briefs to rate, {sheet['repeated']} of them a second time.", style="bold")
    page.table(("File",), [(name,) for name in sheet["files"]])
    page.line("Column on_brand: yes where the draft is in the client's voice, else no. grade (1 to 5) and note are optional. A sheet may "
              "be filled in part; best to the end of a `part`.")


def _filled(taken: Mapping[str, Any], page: Page) -> None:
    page.line(f"{taken['read']} rows read: {taken['taken']} ratings taken ({taken['changed']} change an earlier one), "
              f"{taken['unchanged']} known, {taken['blank']} blank, {len(taken['rejections'])} rejected.", style="bold")
    if taken["rejections"]:
        page.table(("Where", "Rejected because"), [(one["where"], one["reason"]) for one in taken["rejections"]])


def _ratings(told: Mapping[str, Any], page: Page) -> None:
    """What raters said by arm, how far they agree, and the scorer beside them."""
    page.line(told["agreement"], style="bold")
    rows = [(name, row["drafts"], with_interval(row["on_brand"], row["interval"])) for name, row in told["arms"].items()]
    page.table(("Drafts by", "Rated", "On-brand rate, by raters"), rows)
    rows = [(one["rater"], one["rated"], one["on_brand"], with_interval(one["self_agreement"], one["self_agreement_interval"]),
             one["repeated"]) for one in told["raters"]]
    page.table(("Rater", "Rated", "Said yes to", "Same answer again", "Of repeated"), rows)
    scorer = told["scorer"]
    page.pairs({
        "Krippendorff's alpha": with_interval(told["alpha"], told["alpha_interval"]),
        "alpha of the grades": with_interval(told["alpha_grade"], told["alpha_grade_interval"]),
        "tuned less prompted": with_interval(told["tuned_less_prompted"], told["tuned_less_prompted_interval"]),
        "tuned over prompted": times(told["tuned_over_prompted"], told["tuned_over_prompted_interval"]),
        "scorer agrees with the raters": with_interval(scorer["agreement"], scorer["agreement_interval"]),
        "scorer's AUC for what they say": with_interval(scorer["auc"], scorer["auc_interval"])})


def people(answer: Answer, page: Page) -> None:
    """What editors and raters said, in the answer of `evaluate`; nothing where nobody did."""
    edit, human = answer["editing"], answer.get("human")
    if edit.get("minutes_saved") is not None:
        over = f" ({_percents(answer['throughput_change'], answer['throughput_change_interval'])} pieces in the same time)"
        page.pairs({"minutes saved a piece": with_interval(edit["minutes_saved"], edit["minutes_saved_interval"]) + over})
    if human:
        rows = [(name, row["drafts"], with_interval(row["on_brand"], row["interval"])) for name, row in human["arms"].items()]
        page.table(("Drafts by", "Rated", "On-brand rate, by raters"), rows)
        page.line(human["agreement"])


def payback(answer: Answer, page: Page) -> None:
    """When tuning pays for itself, in the answer of `advise`; only what is missing where nothing else is known."""
    told = answer.get("payback")
    if not told:
        return
    if told["minutes_saved"] is not None:
        money = told["currency"]
        ends = [with_interval(told[f"minutes_{side}"], told[f"minutes_{side}_interval"]) for side in ("before", "after")]
        page.pairs({
            f"minutes a piece, {told['over']} and {told['under']}": " and ".join(ends),
            "pieces in the same time": _percents(told["throughput_change"], told["throughput_change_interval"]),
            "saved a month": f"{plain(told['hours_saved_per_month'])} hours, {plain(told['saved_per_month'])} {money}"})
        rows = [(one["provider"], one["tuning"], one["one_off"], one["serving_per_month"],
                 with_interval(one["net_per_month"], one["net_per_month_interval"]), _months(one), one["date"])
                for one in told["providers"]]
        if rows:
            columns = ("Provider", f"One tuning, {money}", "All at once", "Serving a month", "Left a month", "Months to payback", "As of")
            page.table(columns, rows)
        if told["curve"]:
            page.table(("Pieces", "Minutes saved", "All at once", "Left a month", "Months", "After a year"), [tuple(row.values())
                       for row in told["curve"]], title=f"Payback over the size of the data (assumed: {told['assumes']})")
    if told["missing"]:
        page.line(f"For the payback is missing: {'; '.join(told['missing'])}.", style="yellow")


def _months(row: Mapping[str, Any]) -> str:
    if row["months_interval"] is None:
        return NOT_MEASURED
    low, high = ("never" if end is None else plain(end) for end in row["months_interval"])
    return f"{'never' if row['months'] is None else plain(row['months'])} [{low}, {high}]"


def times(value: float | None, interval: list[float | None] | None) -> str:
    """A ratio with its interval, whose upper end may be open."""
    if interval is None:
        return plain(value)
    ends = f"[{plain(interval[0])}, {'no upper end' if interval[1] is None else plain(interval[1])}]"
    return f"{'none of the others is on-brand' if value is None else f'{plain(value)} times'} {ends}"


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
