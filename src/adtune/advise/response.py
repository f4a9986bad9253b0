"""Advice on campaign rows: are there enough, does a season repeat, what explains the variance, and would a rule do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..records import Finding, Verdict

ENOUGH_ROWS, ENOUGH_OUTCOMES, ENOUGH_DAYS = 60, 10, 14
TEACHES = 100      # rows from which fine-tuning was measured to teach something
MARGIN = 0.02      # share of deviance under which two ways count as equal
SURE_ROWS, SURE_OUTCOMES = 300, 100  # with so many and nothing learned, there is little to learn


@dataclass(frozen=True)
class RowFacts:
    """What the rows hold. `shares` is how much of the between-row variance of the rate, beyond counting noise, weekday, season, channel,
    campaign and cell explain, each alone; `days` is None for rows without dates; `deviance` of each way on validation rows, with `noise`
    the standard error of the difference between the base that reads the rows and the best rule."""

    rows: int
    outcomes: float
    days: int | None
    cycles: float
    shares: Mapping[str, float]
    deviance: Mapping[str, float]
    noise: float | None


def explained(groups: np.ndarray, outcome: np.ndarray, exposure: np.ndarray) -> float:
    """Share, 0 to 1, of the Pearson chi-square that a rate for each group takes off, less what chance takes off."""
    rate = outcome.sum() / max(exposure.sum(), 1e-12)
    index = np.unique(groups.astype(str), return_inverse=True)[1]
    hit, due = np.bincount(index, outcome), np.bincount(index, exposure * rate)
    total = float((((outcome - exposure * rate) ** 2) / np.maximum(exposure * rate, 1e-9)).sum())
    between = float((((hit - due) ** 2) / np.maximum(due, 1e-9)).sum())
    many, cells = len(outcome), len(hit)
    chance = total * (cells - 1) / max(many - 1, 1)
    return float(np.clip((between - chance) / max(total - chance, 1e-9), 0, 1))


def judge_rows(facts: RowFacts) -> tuple[Verdict, str]:
    """(verdict, reason). Rules where a rate for each cell is as good, collect where too little is there to tell, else tune."""
    few_days = facts.days is not None and facts.days < ENOUGH_DAYS
    if facts.rows < ENOUGH_ROWS or facts.outcomes < ENOUGH_OUTCOMES or few_days or not facts.deviance:
        days = "no dates" if facts.days is None else f"{facts.days} days"
        return Verdict.COLLECT, (f"{facts.rows} usable rows, {facts.outcomes:.0f} outcomes, {days}: at least {ENOUGH_ROWS} "
                                 f"rows, {ENOUGH_OUTCOMES} outcomes and {ENOUGH_DAYS} days are needed, so spread that later ones can be "
                                 "held out.")
    model, rule = facts.deviance["base that reads the rows"], min(facts.deviance["cell rates"], facts.deviance["own mean"])
    gain = 1 - model / max(rule, 1e-12)
    if gain > MARGIN and (facts.noise is None or (rule - model) > facts.noise):
        return Verdict.LORA, (f"On later rows the base that reads this client's rows lies {gain:.0%} below the best rule: fine-tuning has "
                              "something to learn from.")
    alike = gain > -MARGIN or (facts.noise is not None and model - rule < 2 * facts.noise)
    if (facts.rows < SURE_ROWS or facts.outcomes < SURE_OUTCOMES) and alike:
        return Verdict.COLLECT, (f"With {facts.rows} rows and {facts.outcomes:.0f} outcomes no way is better than another by more than the "
                                 f"noise: collect more, to about {SURE_ROWS} rows and {SURE_OUTCOMES} outcomes.")
    return Verdict.RULES, "A rate for each cell predicts later rows as well as the model does: the rule is enough."


def row_findings(facts: RowFacts) -> list[Finding]:
    """One line for each check."""
    few = facts.rows < TEACHES
    found = [Finding("rows", "stop" if facts.rows < ENOUGH_ROWS else "warn" if few else "ok", f"{facts.rows:,} usable rows",
                     f"{TEACHES} rows teach something, {SURE_ROWS} most of a level and its channels." if few else ""),
             Finding("outcomes", "stop" if facts.outcomes < ENOUGH_OUTCOMES else "warn" if facts.outcomes < 100 else "ok",
                     f"{facts.outcomes:,.0f} outcomes", "Take an outcome that happens more often." if facts.outcomes < 100 else ""),
             Finding("repetition", "warn" if facts.cycles < 2 else "ok", f"{facts.cycles:.1f} yearly cycles",
                     "A season that was seen once cannot be told from a trend: import a second year." if facts.cycles < 2 else "")]
    for name, share in facts.shares.items():
        found.append(Finding(f"variance by {name}", "ok", f"{share:.0%} of the variance beyond counting noise"))
    if facts.deviance:
        told = ", ".join(f"{name} {value:.3f}" for name, value in facts.deviance.items())
        found.append(Finding("rule baseline", "ok", f"deviance a row on later rows: {told}"))
    else:
        found.append(Finding("rule baseline", "not measured", "too few rows to hold later ones out"))
    return found
