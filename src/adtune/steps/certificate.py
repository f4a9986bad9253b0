"""The certificate of a takedown: one HTML page that can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def certificate_page(answer: Mapping[str, Any]) -> str:
    """The page of a takedown's answer."""
    from ..report.page import Page

    page = Page("Certificate of takedown", f"{answer['client']}, {datetime.now(UTC).date().isoformat()}")
    rows = [(one["title"] or "-", one["asset"][:12], one["source"]["file"], one["source"]["line"] or "-") for one in answer["pieces"]]
    page.section("The pieces", page.table(("Title", "Piece", "File", "Line"), rows))
    if answer["by"]:
        said = [f"Taken down by {answer['by']}" + (f": {answer['reason']}" if answer["reason"] else ".")]
        live = answer["live"] or "nothing"
        said.append(f"Live before: {answer['previous'] or 'nothing'}; live now: {live}. Withdrawn for good: "
                    f"{', '.join(answer['withdrawn']) or 'nothing, because nothing had learned from the pieces'}.")
        page.section("What was done", *(page.paragraph(line) for line in said))
        held = [(one["kind"], one["id"], one["split"], one["created"][:10]) for one in answer["held_by"]]
        page.section("What held the pieces", page.table(("Kind", "Id", "Split", "Made"), held),
                     page.paragraph("A version learned from a piece where the split is train. Datasets and reports are kept as evidence; "
                                    "no version is made from them again."))
        ids = f": {', '.join(answer['logs'][:50])}" if answer["logs"] else ""
        page.section("Served before", page.paragraph(f"{len(answer['logs'])} drafts of the log share eight words in a row with them{ids}."))
        alike = [(one["title"] or "-", one["asset"][:12], f"{one['share']:.0%}") for one in answer["alike"]]
        page.section("Other pieces with the same words", page.table(("Title", "Piece", "Share of the words"), alike))
    if answer["retune"]:
        page.section("Tuning without them", page.paragraph(f"Dataset {answer['retune']['dataset']}, job {answer['retune']['job']}."))
    if answer["check"]:
        found = answer["check"]
        row = (found["version"], found["drafts"], found["shared_runs"], found["longest_run_words"], found["passed"])
        heads = ("Version", "Drafts", "Runs of 8 words of the pieces alone", "Longest shared run, words", "Gone")
        page.section("Measured", page.table(heads, [row]),
                     page.paragraph("Drafts for the pieces' own briefs: a measurement, not a proof that no draft can ever quote."))
    return page.render()
