"""The evaluation report: one HTML file that an account lead can read in a minute and send to the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.page import Page
from . import background, chapters, chapters_drafts, chapters_groups, chapters_kept, findings
from .context import ReportContext
from .people import people

TONES = {"passed": "good", "failed": "bad", None: "warn"}


def evaluate_report(result: Mapping[str, Any], context: ReportContext) -> str:
    """The HTML text for a result of `measure`; the first screen says what was asked, what was found and what to do next."""
    page = Page(f"Evaluation of {context.adapter}", f"{context.client}; {context.method} on {context.base}", context.brand)
    page.section(
        "In short",
        page.note(findings.STARTER, "warn") if context.starter else "",
        page.heading("What was asked"), page.paragraph(findings.asked(context)),
        page.heading("What was found"), page.note(findings.found(result), TONES[findings.verdict(result)]),
        page.cards(findings.cards(result)),
        page.heading("What to do next"), page.items(findings.next_steps(result, context.adapter)))
    chapters.arms(page, result)
    chapters_drafts.axes(page, result)
    chapters_drafts.words(page, result)
    chapters_drafts.claims(page, result)
    chapters_drafts.drafts(page, context, result)
    people(page, result)
    chapters.curve(page, context)
    chapters_kept.forgetting(page, result)
    chapters_kept.memorised(page, result)
    chapters_groups.groups(page, result)
    chapters.conventions(page, result)
    chapters.gates(page, result)
    background.method(page)
    background.lineage(page, context)
    background.glossary(page)
    return page.render()
