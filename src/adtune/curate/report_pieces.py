"""The lists of a report: under each reason ten examples, and every piece one click away, within a size that can be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..report.page import Page
from .checks.finding import visible
from .dataset import Curated, Dropped, Shown

EXAMPLES = 10
EXCERPT = 160                  # characters of an example's text
LONGEST, SHORTEST = 500, 60    # characters of a text in a full list
ROOM = 3_600_000               # bytes for the full lists; the file stays under 5 MB
ROW = 420                      # bytes of a row beside its text: place, title, evidence, mark-up
MOST_ROWS = 8_000              # pieces in full lists; those beyond stand in dropped.jsonl and findings.jsonl only
_HEAD = ("Where", "Title", "Found", "Confidence", "Begins")
_FOUND = 200                   # characters of an evidence in a full list


class Lists:
    """Writes the sections of pieces; what a text may take depends on how many pieces there are to list."""

    def __init__(self, page: Page, curated: Curated, explained: Mapping[str, str]):
        self.page, self.explained = page, explained
        rows = len(curated.dropped) + len(curated.shown)
        self.length = max(SHORTEST, min(LONGEST, int((ROOM / max(1, min(rows, MOST_ROWS)) - ROW) / 1.15)))
        self.left = MOST_ROWS

    def section(self, what: str, reason: str, found: Sequence[Dropped | Shown]) -> None:
        """A section about one reason, where any piece has it."""
        if not found:
            return
        page, count = self.page, len(found)
        told = f"{count} piece{'s' if count > 1 else ''}: {self.explained[reason]}."
        if count > EXAMPLES:
            told += f" The first {EXAMPLES} are shown; the line below opens them all."
        blocks = [page.paragraph(told), page.table(_HEAD, [_row(one, EXCERPT) for one in found[:EXAMPLES]])]
        if count > EXAMPLES or max(len(one.asset.text) for one in found) > EXCERPT:
            blocks.append(self._all(what, found))
        page.section(f"{what}: {reason.replace('_', ' ')}", *blocks, name=f"{what}-{reason}")

    def _all(self, what: str, found: Sequence[Dropped | Shown]) -> str:
        listed = found[:self.left]
        self.left -= len(listed)
        words = "all of them" if len(listed) == len(found) else f"the first {len(listed)}"
        notes = [f"Texts are shortened to {self.length} characters."] if any(len(one.asset.text) > self.length for one in listed) else []
        if len(listed) < len(found):
            place = "dropped.jsonl" if what == "Dropped" else "findings.jsonl"
            notes.append(f"The other {len(found) - len(listed)} stand in {place} beside this file.")
        rows = [_row(one, self.length) for one in listed]
        return self.page.details(f"Open {words} ({len(listed)})", *map(self.page.paragraph, notes), self.page.table(_HEAD, rows))


def _row(one: Dropped | Shown, length: int) -> tuple[str, str, str, str, str]:
    evidence = one.evidence if length == EXCERPT or len(one.evidence) <= _FOUND else one.evidence[:_FOUND].rstrip() + " …"
    return place_of(one), (one.asset.title or "")[:_FOUND], evidence, f"{one.confidence:.2f}", shortened(one.asset.text, length)


def place_of(one: Dropped | Shown) -> str:
    """The file and line that the piece came from."""
    source = one.asset.source
    return f"{source.file}, line {source.line}" if source.line else source.file


def shortened(text: str, length: int) -> str:
    """The beginning of a text on one line, invisible characters by number, cut at a space."""
    joined = " ".join(visible(text[:4 * length]).split())
    if len(joined) <= length:
        return joined
    return re.sub(r"\s+\S*$", "", joined[:length + 1])[:length].rstrip() + " …"
