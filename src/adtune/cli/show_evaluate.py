"""What people see of `evaluate`: the arms in one table, and what stands out of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.words import percent
from .desk import Answer
from .page import Page, plain, with_interval

ARMS = ("base", "prompted", "tuned")
SENTENCES = 3            # of the tuned drafts that are shown; the report has more


def arms(page: Page, answer: Answer) -> None:
    """Every measure that the arms share, a row each; what is not measured says so."""
    loss, brand, edit, measures = answer["held_out"], answer["on_brand"], answer["editing"], answer["measures"]
    rows = [("held-out loss, nats per token", *(loss[f"loss_{name}"] for name in ARMS)),
            ("on-brand rate", *_percents(brand)), ("on-brand, in own words", *(percent(brand[f"own_words_{name}"]) for name in ARMS)),
            *((f"on-brand, {axis}", *_percents(row)) for axis, row in brand["axes"].items()),
            ("rules of the format kept", *_percents(measures["format"]["kept"])),
            ("terms used rightly", *_percents(measures["terms"]["right"])),
            ("claims without support, a draft", *(measures["claims"]["per_draft"][name] for name in ARMS)),
            ("editing effort", *(edit[f"effort_{name}"] for name in ARMS)),
            ("editing minutes" + ("" if edit["calibrated"] else " (not calibrated)"), *(edit[f"minutes_{name}"] for name in ARMS))]
    page.table(("Held-out pieces", "Base", "Prompted", "Tuned"), [tuple(plain(cell) for cell in row) for row in rows])


def outstanding(page: Page, answer: Answer) -> None:
    """The kind of general text that lost most, lost probes, and the sentences of tuned drafts that cost most."""
    forgot = answer["forgetting"]
    pairs: dict[str, Any] = {}
    if forgot["worst_kind"]:
        pairs["general text that lost most"] = f"{forgot['worst_kind']}: {with_interval(forgot['worst_delta'], forgot['worst_interval'])}"
    if forgot["probes"]["probes"]:
        lost = forgot["probes"]["lost_share"]
        pairs["probes lost"] = f"{percent(lost)} of those that the base answers ({forgot['probes']['probes']} probes)"
    if pairs:
        page.pairs(pairs)
    for comparison in (answer["measures"].get("groups") or {}).get("comparisons", ()):
        from ..evaluate.chapters_groups import said

        page.line(said(comparison))
    dear = sorted(answer["on_brand"]["costly"]["tuned"], key=lambda one: -one["cost"])[:SENTENCES]
    if dear:
        rows = [(one["axis"], one["sentence"], f"{one['told']}: {one['value']} ({' to '.join(one['usual'])})") for one in dear]
        page.table(("Axis", "Dearest sentences of the tuned drafts", "Habit that they break"), rows)


def _percents(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(percent(row[name]) for name in ARMS)
