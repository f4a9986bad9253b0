"""What people said of the drafts: minutes from logged edits and blind ratings, beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import Interval
from ..report.page import Page
from ..report.plots import intervals
from ..report.words import between, percent, percents, shown

MINUTES = tuple(form.format(name) for name in ("base", "prompted", "tuned") for form in (
    "minutes_{}", "minutes_{}_interval", "minutes_{}_source", "under_two_minutes_{}", "rounds_{}", "client_rounds_{}"))
EDITING = (*MINUTES, "minutes_today", "minutes_today_interval", "minutes_saved", "minutes_saved_interval", "minutes_reason", "timed_edits")
THROUGHPUT = ("throughput_change", "throughput_change_interval", "throughput_over")
COLUMNS = ["Drafts by", "Minutes a piece", "Under 2 minutes", "Rounds", "With the client", "From"]
NAMES = {"base": "Base alone", "prompted": "Base, prompted", "tuned": "Tuned", "today": "The team's way of today", "published":
         "Client's own pieces"}


@dataclass(frozen=True)
class People:
    """`editing` and `throughput` hold the keys of EDITING (with `calibrated`) and THROUGHPUT, `human` what raters said, None where
    nobody did; whoever knows the log and the ratings makes it."""

    editing: Mapping[str, Any] = field(default_factory=dict)
    throughput: Mapping[str, Any] = field(default_factory=dict)
    human: Mapping[str, Any] | None = None


NOBODY = People()


def with_people(result: dict[str, Any], people: People) -> dict[str, Any]:
    """The result of `measure` with what people said; all keys are there, null where nothing was said."""
    editing = {**result["editing"], **dict.fromkeys(EDITING), **people.editing}
    return {**result, "editing": editing, **dict.fromkeys(THROUGHPUT), **people.throughput, "human": people.human}


def people(page: Page, result: Mapping[str, Any]) -> None:
    """The chapter: minutes by arm, how many more pieces get done, what raters said, and how far they agree."""
    edit, human = result["editing"], result.get("human")
    if not edit.get("timed_edits") and human is None:
        return
    parts = [*(_minutes(page, result) if edit.get("timed_edits") else ()), *(_raters(page, human) if human else ())]
    page.section("What editors and raters said", *parts)


def _minutes(page: Page, result: Mapping[str, Any]) -> list[str]:
    edit = result["editing"]
    told = [name for name in ("today", "base", "prompted", "tuned") if edit.get(f"minutes_{name}") is not None]
    source = {"predicted": "predicted from the effort of these drafts"}
    rows = [[NAMES[name], _interval(edit[f"minutes_{name}"], edit[f"minutes_{name}_interval"]),
             percent(edit.get(f"under_two_minutes_{name}")), edit.get(f"rounds_{name}"), edit.get(f"client_rounds_{name}"),
             source.get(edit.get(f"minutes_{name}_source"), "logged edits")] for name in told]
    saved, change = edit["minutes_saved"], result["throughput_change"]
    words = f"{edit['timed_edits']} edits with their minutes are logged."
    if saved is not None:
        words += f" Tuning saves {between(saved, *(edit['minutes_saved_interval'] or (None, None)))} minutes a piece."
    if change is not None:
        more = percents(change, result["throughput_change_interval"])
        words += (f" With the other minutes of a piece, the same people finish {more} more pieces than with "
                  f"{NAMES[result['throughput_over']].lower()}.")
    if edit["minutes_reason"]:
        words += f" What is missing: {edit['minutes_reason']}."
    return [page.heading("Minutes of editing"), *([page.table(COLUMNS, rows)] if rows else []),
            page.paragraph(words)]


def _raters(page: Page, human: Mapping[str, Any]) -> list[str]:
    rates = {name: Interval(row["on_brand"], *(row["interval"] or (None, None))) for name, row in human["arms"].items()}
    rows = [[NAMES.get(name, name), row["drafts"], percents(row["on_brand"], row["interval"])] for name, row in human["arms"].items()]
    known = [(NAMES.get(name, name), one.value, one.low, one.high) for name, one in rates.items() if one.value is not None]
    scorer = human["scorer"]
    less = percents(human["tuned_less_prompted"], human["tuned_less_prompted_interval"])
    count = len(human["raters"])
    words = (f"{count} rater{'s' if count > 1 else ''} judged the drafts without knowing who wrote them. {human['agreement']} "
             f"Krippendorff's alpha: {_told(human, 'alpha')}. Tuned less prompted: {less}; tuned over prompted: {_times(human)}.")
    if scorer["drafts"]:
        words += (f" The on-brand scorer agrees with most raters on {percents(scorer['agreement'], scorer['agreement_interval'])} of "
                  f"{scorer['drafts']} drafts; its AUC for what they say is {_told(scorer, 'auc')}.")
    plot = [page.figure(intervals(known, "share", False, "On-brand, by raters"), "Share of drafts that raters took for the client's, with "
                        "95 % intervals; arms answer the same briefs.")] if known else []
    return [page.heading("Blind ratings"), page.table(["Drafts by", "Rated", "On-brand, by raters"], rows), *plot, page.paragraph(words)]


def _times(human: Mapping[str, Any]) -> str:
    value, ends = human["tuned_over_prompted"], human["tuned_over_prompted_interval"]
    if ends is None:
        return shown(value)
    upper = "without upper end" if ends[1] is None else f"to {shown(ends[1])}"
    return f"{'none of the prompted drafts is on-brand' if value is None else f'{shown(value)} times'} ({shown(ends[0])} {upper})"


def _told(row: Mapping[str, Any], key: str) -> str:
    return between(row[key], *(row[f"{key}_interval"] or (None, None)))


def _interval(value: float | None, ends: list[float] | None) -> Interval:
    return Interval(value, *(ends or (None, None)))
