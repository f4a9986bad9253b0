"""The chapter of a report on drafts for groups of readers that the client named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.page import Page
from ..report.words import shown
from .chapters import interval
from .groups import COUNTED

COLUMNS = ["Figure", "Group", "Tuned", "Tuned, less the others", "p, corrected", "Base", "Base, less the others"]


def groups(page: Page, result: Mapping[str, Any]) -> None:
    """Each comparison: what differs, every figure, and the words of each group."""
    given = result["measures"].get("groups")
    if not given:
        return
    parts = [page.paragraph(f"Each group got the same {given['briefs']} held-out briefs and seeds, with the group named in the title. What "
                            "differs is to be read by a person: other readers may deserve another text, or be served a worse one.")]
    for one in given["comparisons"]:
        parts += [page.heading(f"By {one['name']}: {', '.join(one['groups'])}"), page.note(said(one), "warn" if one["differs"] else ""),
                  page.table(COLUMNS, [[COUNTED[row["figure"]], row["group"], row["tuned"],
                                        interval(row["tuned_less_others"], row["tuned_interval"]), row["p"], row["base"],
                                        interval(row["base_less_others"], row["base_interval"])] for row in one["figures"]])]
        words = [[group, ", ".join(f"{row['word']} ({row['drafts']} drafts; {row['others']} of all for the others)" for row in some)]
                 for group, some in one["words"].items() if some]
        parts += [page.table(["Drafts for", "Words that they use more"], words)] if words else []
    page.section("Drafts for different groups", *parts)


def said(comparison: Mapping[str, Any]) -> str:
    """What differs between the groups of one comparison, in a sentence."""
    found = {(row["figure"], row["group"]): row for row in comparison["figures"]}
    if not comparison["differs"]:
        return f"By {comparison['name']} no figure of the tuned drafts differs by more than chance would have it."
    told = []
    for one in comparison["differs"]:
        row = found[one["figure"], one["group"]]
        told.append(f"{COUNTED[one['figure']].lower()} for {one['group']} {shown(row['tuned'])}, for the others "
                    f"{shown(row['tuned'] - row['tuned_less_others'])}")
    return f"By {comparison['name']} the tuned drafts differ: {'; '.join(told)}."
