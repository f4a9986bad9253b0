"""The curation report: one HTML file with every count, examples of what was dropped, and the hash of the dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from ..records import Split
from ..report.page import Page
from ..report.plots import bars
from .checks import CHECKS
from .dataset import REASONS, Curated, Dropped, Shown
from .decisions import LEFT_OUT, OFF_VOICE, OVER_KEEP

EXAMPLES = 10
_EXCERPT = 160

EXPLAINED = {LEFT_OUT: "a person said no to it", **{check.name: check.meaning for check in CHECKS},
             OFF_VOICE: "too little like the voice of the gold pieces", OVER_KEEP: "a good piece beyond the number to keep"}


def curate_report(curated: Curated) -> str:
    """The report as a self-contained HTML text; all texts of the archive in it are escaped."""
    dataset = curated.dataset
    page = Page(f"Curation of {dataset.client}", f"Dataset {dataset.hash}")
    page.section("Pieces", *_counts(page, curated))
    page.section("Splits", *_splits(page, curated))
    page.section("Categories", *_categories(page, curated))
    chosen = _choice(page, curated)
    if chosen:
        page.section("Choice", *chosen)
    examples = defaultdict(list)
    for dropped in curated.dropped:
        examples[dropped.reason].append(dropped)
    for reason in REASONS:
        if examples[reason]:
            page.section(f"Dropped: {reason.replace('_', ' ')}", *_examples(page, reason, examples[reason]))
    seen = defaultdict(list)
    for one in curated.shown:
        seen[one.reason].append(one)
    for check in CHECKS:
        if seen[check.name]:
            page.section(f"To look at: {check.name.replace('_', ' ')}", *_examples(page, check.name, seen[check.name]))
    page.section("Settings", page.table(("Setting", "Value"), [(key, str(value)) for key, value in dataset.settings.items()]))
    return page.render()


def _counts(page: Page, curated: Curated) -> list[str]:
    dataset = curated.dataset
    rows = [("kept", len(dataset.items), "trains, validates or tests")]
    rows += [(reason.replace("_", " "), dataset.dropped[reason], EXPLAINED[reason]) for reason in REASONS]
    rows.append(("read", dataset.read, "the sum of the rows above"))
    shown = [(name, float(count)) for name, count, _ in rows[:-1] if count]
    return [page.paragraph(f"{dataset.read} pieces were read, {len(dataset.items)} kept and {len(curated.dropped)} dropped. "
                           "A dropped piece counts once, for the first reason that holds."),
            page.table(("", "Pieces", "Meaning"), rows), bars(shown, " pieces")]


def _splits(page: Page, curated: Curated) -> list[str]:
    items = curated.dataset.items
    rows = [(str(split), len(chosen), len({item.cluster for item in chosen}), sum(len(item.example.text.split()) for item in chosen))
            for split in Split for chosen in [curated.dataset.split(split)]]
    rows.append(("all", len(items), len({item.cluster for item in items}), sum(row[3] for row in rows)))
    note = "Pieces that resemble each other form one cluster, and a cluster stands in one split."
    return [page.table(("Split", "Pieces", "Clusters", "Words"), rows), page.paragraph(note)]


def _categories(page: Page, curated: Curated) -> list[str]:
    counts = Counter((item.category or "none", item.split) for item in curated.dataset.items)
    names = sorted({name for name, _ in counts})
    rows: list[Sequence[object]] = []
    for name in names:
        parts = [counts[name, split] for split in Split]
        rows.append((name, *parts, sum(parts)))
    return [page.table(("Category", *(str(split) for split in Split), "Kept"), rows)]


def _choice(page: Page, curated: Curated) -> list[str]:
    """How the kept pieces were chosen, where there was a choice: the voice, the mix against its target, briefs left open, remarks."""
    selection, parts = curated.selection, []
    voice = selection.likeness or {}
    if voice.get("voice"):
        known = voice["auc_interval"]
        parts.append(page.paragraph(
            f"The voice was learned from {voice['pieces']} {voice['voice']} pieces; {voice['passed']} pieces reach the limit of "
            f"{voice['limit']:.2f}. Unseen ones of them score above pieces of other voices with a probability of {voice['auc']:.3f}"
            + (f" ({known[0]:.3f} to {known[1]:.3f})." if known else ".")))
        parts.append(page.table(("Axis", "Mean of the pieces that passed"), list(voice["axes"].items())))
    if "ask" in voice:
        rows = [(group["pieces"], "; ".join(group["typical"]), "; ".join(group["habits"])) for group in voice["ask"]]
        parts.append(page.table(("Pieces", "Most typical", "Habits"), rows))
    if selection.mix:
        parts.append(page.table(("Mix", "Target", "Kept"), [(name, one["target"], one["kept"]) for name, one in selection.mix.items()]))
    if selection.uncovered:
        parts.append(page.table(("Briefs that no kept piece resembles",), [(title,) for title in selection.uncovered]))
    return [*parts, *(page.paragraph(note) for note in selection.notes)]


def _examples(page: Page, reason: str, dropped: Sequence[Dropped | Shown]) -> list[str]:
    shown = dropped[:EXAMPLES]
    rows = [(_place(one), one.asset.title or "", one.evidence, f"{one.confidence:.2f}", _excerpt(one.asset.text)) for one in shown]
    told = f"{len(dropped)} pieces: {EXPLAINED[reason]}."
    if len(shown) < len(dropped):
        told += f" The first {len(shown)} are shown."
    return [page.paragraph(told), page.table(("Where", "Title", "Found", "Confidence", "Begins"), rows)]


def _place(dropped: Dropped | Shown) -> str:
    source = dropped.asset.source
    return f"{source.file}, line {source.line}" if source.line else source.file


def _excerpt(text: str) -> str:
    joined = " ".join(text[:4 * _EXCERPT].split())
    return joined if len(joined) <= _EXCERPT else joined[:_EXCERPT].rstrip() + " …"
