"""The measured chapters of a report on the arms as a whole: the arms, the loss curve, conventions, gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ..records import Interval
from ..report.page import Page
from ..report.plots import intervals, lines
from ..report.words import percent, percents, shown
from .arms import ARMS, BASE, PROMPTED, TUNED
from .context import PUBLISHED, ReportContext
from .countable import PIECES

NAMES = {BASE: "Base alone", PROMPTED: "Base, prompted", TUNED: "Tuned", PIECES: "Client's own pieces", PUBLISHED: "Published"}
CURVES = (("validation_loss", "validation pieces"), ("train_loss", "training pieces"), ("general_loss", "general text"))


def arms(page: Page, result: Mapping[str, Any]) -> None:
    """Loss, on-brand rate and editing effort of the three arms, drawn and in a table."""
    held, brand, edit = result["held_out"], result["on_brand"], result["editing"]
    loss = {name: interval(held[f"loss_{name}"], held[f"loss_{name}_interval"]) for name in ARMS}
    rate = {name: interval(brand[name], brand[f"{name}_interval"]) for name in ARMS}
    effort = {name: interval(edit[f"effort_{name}"], edit[f"effort_{name}_interval"]) for name in ARMS}
    share = {name: percents(brand[name], brand[f"{name}_interval"]) for name in ARMS}
    own = {name: percents(brand[f"own_words_{name}"], brand[f"own_words_{name}_interval"]) for name in ARMS}
    copied = {name: (result["memorised"] if name == TUNED else result["memorised"][name]) for name in ARMS}
    rows = [[NAMES[name], loss[name], share[name], own[name], percent(copied[name]["share_8gram"]), effort[name], edit[f"minutes_{name}"]]
            for name in ARMS]
    rows.append([NAMES[PIECES], "", percents(brand[PIECES], brand[f"{PIECES}_interval"]), "",
                 percent(result["memorised"][PIECES]["share_8gram"]), "", ""])
    on_brand = percents(brand["tuned_less_prompted"], brand["tuned_less_prompted_interval"])
    less_effort = _told(edit["tuned_less_prompted"], edit["tuned_less_prompted_interval"])
    page.section(
        "The three arms",
        page.table(["Arm", "Held-out loss", "Drafts on-brand", "On-brand in own words", "8-word runs copied", "Editing effort",
                    "Minutes a piece"], rows),
        page.figure(_dots(loss, "nats per token", True, "Held-out loss"), f"Held-out loss over {count(held['pieces'], 'test piece')} "
                    f"({held['tokens']:,} target tokens), with 95 % intervals."),
        page.figure(_dots(rate, "share", False, "Drafts on-brand"), "Share of drafts that the on-brand scorer takes for the client's. "
                    + _scorer(brand)),
        page.figure(_dots(effort, "index", True, "Editing effort"), "Editing effort from each draft to the text that the client published: "
                    f"0 is nothing to edit, 1 is a rewrite; {count(edit['briefs'], 'brief')}."),
        page.paragraph("Intervals of single arms may overlap although the arms differ: the arms answer the same pieces, and the paired "
                       f"comparison is sharper. Tuned less prompted: on-brand {on_brand}; effort {less_effort}."))


def curve(page: Page, context: ReportContext) -> None:
    """Losses over the run, with the kept evaluation ringed and the noise floor shaded."""
    series = [(label, [(row["step"], row[key]) for row in context.evaluations if row.get(key) is not None]) for key, label in CURVES]
    series = [(label, points) for label, points in series if points]
    best = context.best
    mark = (best["step"], best["validation_loss"], f"peak kept: step {best['step']:,}, epoch {best['epoch']:.3g}") if best else None
    floors = [row["noise_floor"] for row in context.evaluations if row.get("noise_floor") is not None and isfinite(row["noise_floor"])]
    band = (best["validation_loss"], best["validation_loss"] + floors[-1]) if best and floors else None
    peaks = context.peaks or {}
    told = ("The loss on validation pieces decides; the evaluation with the lowest is what you get." if not peaks.get("curve") else
            f"The lowest loss is at step {peaks['loss']:,}; kept is step {peaks['on_brand']:,}, whose drafts are most on-brand.")
    told += f" The voice was to decide, and could not: {peaks['reason']}." if peaks.get("reason") else ""
    told += " The shaded band is the noise floor above it: differences inside it mean nothing." if band else ""
    figures = [page.figure(lines(series, "step", "nats per token", mark=mark, band=band, title="Loss by step"), told)]
    if peaks.get("curve"):
        points = [(row["step"], row["on_brand"]) for row in peaks["curve"]]
        kept = (peaks["on_brand"], dict(points)[peaks["on_brand"]], f"peak kept: step {peaks['on_brand']:,}")
        figures.append(page.figure(
            lines([("drafts to validation briefs", points)], "step", "probability of the client's voice", mark=kept,
                  title="On-brand by step"),
            f"The on-brand scorer's mean over the drafts of each evaluation (AUC {peaks['scorer_auc']:.2f}). Among evaluations whose "
            "drafts are alike within the noise of the briefs, the one with the lowest loss is kept."))
    page.section("The training run", *figures)


def conventions(page: Page, result: Mapping[str, Any]) -> None:
    """Conventions kept, length and repetition, by arm and for the client's own pieces."""
    counted = result["measures"]
    columns = [*ARMS, PIECES]
    names = list(dict.fromkeys(name for column in columns for name in counted["conventions"][column]))
    rules = [[name, *(_rule(counted["conventions"][column].get(name)) for column in columns)] for name in names]
    rows = [*rules,
            ["Words a text, median", *(_plain(counted["length"][column]["median_words"]) for column in columns)],
            ["Empty drafts", *(counted["length"][column]["empty"] for column in columns)],
            ["4-word runs repeated within a text", *(percents(counted["repetition"][column]["share_4gram"], None) for column in columns)]]
    note = "" if names else "No conventions are declared for this client; declare them to see which arm keeps them. "
    page.section("Conventions and habits", page.table(["Measure", *(NAMES[column] for column in columns)], rows),
                 page.paragraph(f"{note}A convention's figure is the share of texts that keep it, with its 95 % interval."))


def gates(page: Page, result: Mapping[str, Any]) -> None:
    said = {True: "passed", False: "failed", None: None}
    rows = [[name.replace("_", "-"), said[gate["passed"]], _plain(gate["value"]), _plain(gate["limit"]), gate["reason"]]
            for name, gate in result["gates"].items()]
    page.section("Gates", page.table(["Gate", "Outcome", "Value", "Limit", "Reason"], rows),
                 page.paragraph("A gate that was not measured does not fail the adapter; it is not a pass either."))


def _dots(values: Mapping[str, Interval], unit: str, lower_is_better: bool, title: str) -> str:
    rows = [(NAMES[name], value.value, value.low, value.high) for name, value in values.items()]
    return intervals(rows, unit, lower_is_better, title)  # type: ignore[arg-type]


def _scorer(brand: Mapping[str, Any]) -> str:
    auc = _told(brand["scorer_auc"], brand["scorer_auc_interval"])
    trusted = any(brand[name] is not None for name in ARMS)
    others = brand["others"]
    told = "" if others is None else f" Of unseen pieces in other voices it takes {percent(others)} for the client's."
    told += "" if trusted else " It is only used from 0.75 on, and with drafts to score."
    return f"The scorer's AUC on unseen pieces: {auc}.{told}"


def interval(value: float | None, ends: Sequence[float] | None) -> Interval:
    return Interval(value, *ends) if ends else Interval(value)


def _told(value: float | None, ends: Sequence[float] | None) -> str:
    return shown(interval(value, ends))


def _rule(row: Mapping[str, Any] | None) -> str | None:
    return percents(row["rate"], row["interval"]) if row and row["rate"] is not None else None


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
