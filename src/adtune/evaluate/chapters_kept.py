"""The chapters of a report on what tuning cost: forgetting by kind, probes, the trade over the scale, and what was copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.page import Page
from ..report.plots import path
from ..report.words import percent, percents
from .arms import PROMPTED, TUNED
from .chapters import NAMES, interval
from .countable import PIECES

SHOWN_PROBES = 10


def forgetting(page: Page, result: Mapping[str, Any]) -> None:
    """Loss on general text, whole and by kind with the worst named, the client's probes, and the trade over the adapter's scale."""
    row = result["forgetting"]
    named = [("All general text", row), *((kind.capitalize(), one) for kind, one in row["kinds"].items())]
    rows = [[name, one["passages"], one["loss_before"], one["loss_after"], interval(one["delta"], one["interval"])] for name, one in named]
    worst = f" The kind that lost most is {row['worst_kind']}." if row["worst_kind"] else ""
    page.section(
        "What was forgotten",
        page.table(["Text", "Passages", "Loss before", "Loss after", "Difference"], rows),
        page.paragraph("Nats per token on general text that was never trained on. A difference above zero is skill lost; "
                       f"below zero, gained.{worst}"),
        *_probes(page, row["probes"]), *_trade(page, row["scales"]))


def _probes(page: Page, row: Mapping[str, Any]) -> list[str]:
    if not row["probes"]:
        return []
    told = [[one["prompt"], " or ".join(one["expected"]), one["before"] or "(empty)", one["after"] or "(empty)"]
            for one in row["lost"][:SHOWN_PROBES]]
    return [page.heading("The client's probes"),
            page.table(["Model", "Probes answered rightly", "Loss of the answers"],
                       [["Base", percents(row["right_before"], row["right_before_interval"]), row["loss_before"]],
                        ["Tuned", percents(row["right_after"], row["right_after_interval"]), row["loss_after"]]]),
            page.paragraph(f"{row['probes']} probes. Of those that the base answers, the tuned model lost "
                           f"{percents(row['lost_share'], row['lost_interval'])}."),
            page.table(["Probe", "Expected", "Base said", "Tuned said"], told) if told else ""]


def _trade(page: Page, rows: list[Mapping[str, Any]]) -> list[str]:
    if len(rows) < 3:
        return []
    points = [(one["forgetting"], one["gain"], f"{one['scale']:g}") for one in rows]
    table = [[f"{one['scale']:g}", percents(one["gain"], one["gain_interval"]), interval(one["forgetting"], one["forgetting_interval"])]
             for one in rows]
    return [page.heading("Gain against forgetting, by how much of the adapter is used"),
            page.figure(path(points, "nats per token lost on general text", "gain in held-out loss", "Gain against forgetting"),
                        "Each point is a share of the adapter's strength, from the base alone (0) to all of it (1). Up is better, right is "
                        "worse: a point below and to the right of another is never worth taking."),
            page.table(["Share of the adapter", "Gain in held-out loss", "Nats per token lost"], table)]


def memorised(page: Page, result: Mapping[str, Any]) -> None:
    row = result["memorised"]
    levels = [(NAMES[TUNED], row), (NAMES[PROMPTED], row["prompted"]), (NAMES[PIECES], row["pieces"])]
    rows = [[name, level["longest_run_words"], percents(level["share_8gram"], level["share_8gram_interval"])] for name, level in levels]
    run = [page.heading("The longest run in the tuned drafts"), page.quote(row["text"])] if row["text"] else []
    brand = result["on_brand"]
    own = brand["own_words_tuned"]
    told = f" On-brand without copying: {percent(own)} of the tuned drafts, of {percent(brand['tuned'])}." if own is not None else ""
    page.section(
        "What was repeated from training pieces",
        page.table(["Texts", "Longest run, words", "8-word runs shared"], rows),
        *run,
        page.paragraph("Words that stand in the brief are not counted. The client's own published answers to the same briefs show how much "
                       f"the brand repeats itself.{told}"))
