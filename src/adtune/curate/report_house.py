"""The house in a report: its habits of spelling and form with their rates, and whether it changed its name or style."""

from __future__ import annotations

from ..report.page import Page
from .dataset import Curated


def house_blocks(page: Page, curated: Curated) -> list[str]:
    """A row for each habit, and the change of the house, or why it was not measured."""
    judge = curated.judge
    if judge is None:
        return [page.paragraph("Not measured.")]
    house = judge.manner
    learned = f"{len(house.pieces)} {'gold pieces' if house.by_gold else 'pieces that nobody refused'}, similar ones counted once"
    if house.kept:
        rows = [(one.habit.name, one.told, f"{one.rate.value:.0%}", f"{low:.0%} to {high:.0%}", one.pieces)
                for one in house.kept for low, high in [one.rate.as_list() or (0.0, 1.0)]]
        parts = [page.paragraph(f"Habits of spelling and form that the house keeps to, learned from {learned}."),
                 page.table(("Habit", "The house has", "Pieces that keep to it", "95 %", "Pieces that show it"), rows)]
    else:
        parts = [page.paragraph(f"No habit of spelling or form is steady enough in {learned}: nothing is asked of the pieces.")]
    return [*parts, page.heading("Before and after a change of the house"), *_change(page, curated)]


def _change(page: Page, curated: Curated) -> list[str]:
    change = curated.judge.change if curated.judge else None
    if change is None or change.reason:
        return [page.paragraph(f"Not measured: {change.reason if change else 'nothing was judged'}.")]
    found = change.rebrand
    if found is None:
        return [page.paragraph("Over its dates the archive shows no point at which name or style changed and stayed changed.")]
    rows: list[tuple[object, ...]] = [("name goes", name, f"{before:.0%}", f"{after:.0%}") for name, before, after in found.gone]
    rows += [("name comes", name, f"{before:.0%}", f"{after:.0%}") for name, before, after in found.new]
    rows += [("style", name.replace("_", " "), f"{before:.3g}", f"{after:.3g}") for name, before, after in found.changed]
    chance = "; ".join(f"{what} by chance in {p:.1%} of orders" for what, p in (("style", found.p_style), ("names", found.p_names)) if p)
    return [page.paragraph(f"The house changed between {found.last} and {found.date} ({found.pieces} dated pieces; as much {chance})."),
            page.table(("", "What", "Before", "After"), rows)]
