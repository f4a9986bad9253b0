"""The page that a buyer reads of a response model: what it gains, whom it is compared with, seasons, channels, what is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..report import plots
from ..report.page import Page

ARMS = {"tuned": "tuned on the client's rows", "base in context": "base that reads the client's rows, untuned",
        "untuned base": "general pattern at the client's level", "own mean": "the client's own mean",
        "last 14 days": "rate of the last 14 days",
        "cell rates": "rate of each channel, campaign and product", "ridge GLM": "ridge regression on the client's rows"}


def response_report(client: str, answer: Mapping[str, Any], shape: Mapping[str, Any]) -> str:
    """HTML with static plots."""
    measures = answer["measures"]
    page = Page(f"Response model of {client}",
                f"{measures['outcome']} for {measures['exposure']}, measured on later rows that training never saw")
    held = answer["held_out"]
    page.section("In short", page.cards([
        ("Error below the best baseline", _percent(held["gain"]), f"{held['best_baseline']}; {_ends(held['gain_interval'])}"),
        ("Below the client's own mean", _percent(measures["arms"]["own mean"]["tuned_below"]),
         _ends(measures["arms"]["own mean"]["tuned_below_interval"])),
        ("80 % intervals cover, by day", _percent(measures["coverage"]["days"]["covered"]),
         f"{measures['coverage']['days']['groups']} days")]),
        page.paragraph(measures["gate"]["reason"]))
    page.section("Beside simpler ways", plots.intervals(
        [(ARMS.get(name, name), one["deviance"], *(one["interval"] or (None, None))) for name, one in measures["arms"].items()],
        "deviance a row", title="Error on later rows"),
        page.table(("Way", "Deviance a row", "Outcomes over expectation", "Tuned lies below it by", "95 % interval"),
                   [(ARMS.get(name, name), one["deviance"], one["observed_to_expected"], _percent(one["tuned_below"]),
                     _ends(one["tuned_below_interval"]))
                    for name, one in measures["arms"].items()]))
    _seasons(page, shape["season"])
    _channels(page, shape["channels"])
    _words(page, shape["words"])
    page.section("What is new here",
                 page.items(shape["new_here"] or ["Nothing departs from the general pattern by more than its interval."]))
    page.section("What is not known, and what would settle it", page.items(shape["not_known"]))
    return page.render()


def _seasons(page: Page, season: list[dict[str, Any]]) -> None:
    if not season:
        return
    blocks = []
    for one in season:
        def share(values: list[float], days: list[int] = one["days"]) -> list[tuple[float, float]]:
            return [(day / 30.42 + 1, math.exp(value)) for day, value in zip(days, values, strict=True)]

        series = [("this client", share(one["tuned"])), ("95 % interval, low", share(one["low"])), ("general pattern", share(one["base"])),
                  ("95 % interval, high", share(one["high"]))]
        blocks.append(page.figure(plots.lines(series, "month", "rate over the year's mean", title=f"Season of {one['product']}"),
                                  f"{one['product']}: highest in {one['peak']}, the general pattern (dotted) in {one['base_peak']}; "
                                  f"{one['cycles_seen']:.1f} years seen."))
    page.section("Seasons", *blocks)


def _channels(page: Page, channels: list[dict[str, Any]]) -> None:
    if not channels:
        return
    rows = [(one["channel"], math.exp(one["log_ratio"]), math.exp(one["interval"][0]), math.exp(one["interval"][1])) for one in channels]
    page.section("Channels, all else alike", plots.intervals(rows, "rate over the mean of the channels", lower_is_better=False,
                                                             title="Channels"),
                 page.table(("Channel", "Rate over the mean", "General pattern", "Probability to lie above the mean", "Rows"),
                            [(one["channel"], math.exp(one["log_ratio"]), math.exp(one["base"]), _percent(one["probability_above_mean"]),
                              one["rows"])
                             for one in channels]))


def _words(page: Page, words: list[dict[str, Any]]) -> None:
    if not words:
        return
    names = [one["word"] + (f" ({one['channel']})" if one["channel"] else "") for one in words]
    rows = [(name, math.exp(one["log_ratio"]), math.exp(one["interval"][0]), math.exp(one["interval"][1]))
            for name, one in zip(names, words, strict=True)]
    page.section("Words of names and tags, all else alike",
                 plots.intervals(rows, "rate over that of the same rows without the word", lower_is_better=False, title="Words"),
                 page.table(("Word", "Rate over the same rows without it", "General pattern", "Rows"),
                            [(name, math.exp(one["log_ratio"]), math.exp(one["base"]), one["rows"])
                             for name, one in zip(names, words, strict=True)]),
                 page.paragraph("Associations in what was delivered: a word stands for all that its ads have in common."))


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _ends(ends: list[float] | None) -> str:
    return "no interval: too few weeks" if ends is None else f"{ends[0]:.1%} to {ends[1]:.1%}"
