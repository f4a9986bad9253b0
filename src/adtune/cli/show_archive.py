"""What people see of `import` and `curate`."""

from __future__ import annotations

from collections import Counter

from .desk import Answer
from .page import Page, with_interval

REJECTIONS_SHOWN = 20


def notes(answer: Answer, page: Page) -> None:
    """Remarks that a step gave with its answer."""
    said = answer.get("notes") or answer.get("note") or ()
    for note in [said] if isinstance(said, str) else said:
        page.line(f"Note: {note}", style="yellow")


def imported(answer: Answer, page: Page) -> None:
    page.line(f"{answer['kept']:,} of {answer['read']:,} pieces kept for {answer['client']}, {answer['added']:,} of them new.")
    changed = [f"{answer[name]:,} {name}" for name in ("corrected", "withdrawn", "restored") if answer.get(name)]
    if changed:
        page.line(f"Pieces that were there: {', '.join(changed)}. `adtune show {answer['client']}/ID` tells their history.")
    if answer["rejections"]:
        page.table(("Rejected", "Why"), [(one["where"], one["reason"]) for one in answer["rejections"]])
    notes(answer, page)


def imported_campaigns(answer: Answer, page: Page) -> None:
    """Rows of campaign files, and the columns that no model may read."""
    page.line(f"{answer['kept']:,} of {answer['read']:,} rows kept for {answer['client']}, {answer['added']:,} of them new.")
    if answer["corrected"]:
        page.line(f"{answer['corrected']:,} rows have other numbers or inputs than before (late conversions, corrections): these hold.")
    if answer["platforms"]:
        page.line(f"Read as exports of {', '.join(answer['platforms'])}.")
    channels(answer["channels"], page)
    if answer["rejections"]:
        page.table(("Rejected", "Why"), [(one["where"], one["reason"]) for one in answer["rejections"][:REJECTIONS_SHOWN]])
        more = len(answer["rejections"]) - REJECTIONS_SHOWN
        if more > 0:
            page.line(f"and {more:,} more; --json lists them all.")
    if answer["refused"]:
        page.table(("Column that no model may read", "Why"), [(one["column"], one["reason"]) for one in answer["refused"]])
    notes(answer, page)


def channels(found: list[Answer], page: Page) -> None:
    """The archive's sums, to hold against the platforms' own."""
    names = ("channel", "rows", "first", "last", "currency", "spend", "impressions", "clicks", "conversions", "value")
    if found:
        page.table([name.capitalize() for name in names], [[_cell(one[name]) for name in names] for one in found])


def _cell(value: object) -> object:
    return "-" if value is None else f"{value:,}" if isinstance(value, (int, float)) else value


def curated(answer: Answer, page: Page) -> None:
    splits, what = answer["splits"], "rows" if answer.get("task") == "response" else "pieces"
    page.line(f"{answer['kept']:,} of {answer['read']:,} {what} kept: {splits['train']:,} to train, {splits['validation']:,} to validate, "
              f"{splits['test']:,} to test.")
    dropped = {reason.replace("_", " "): count for reason, count in answer["dropped"].items() if count}
    if dropped:
        page.table(("Dropped", what.capitalize()), dropped.items())
    seen = Counter(one["reason"].replace("_", " ") for one in answer.get("findings", ()))
    if seen:
        page.table(("Kept, but to look at (in the report)", "Pieces"), seen.items())
    page.table(("Category", what.capitalize()), answer["categories"].items())
    if answer.get("mix"):
        page.table(("Mix", "Target", "Kept"), [(name, one["target"], one["kept"]) for name, one in answer["mix"].items()])
    if answer.get("uncovered"):
        page.table(("Briefs that no kept piece resembles",), [(title,) for title in answer["uncovered"]])
    decided(answer, page)
    if answer.get("curve"):
        curve(answer["curve"], page)
    page.pairs({"dataset": answer["dataset"], "report": answer["report"],
                **({"draft of a brand guide": answer["guide_draft"]} if answer.get("guide_draft") else {})})
    notes(answer, page)


def decided(answer: Answer, page: Page) -> None:
    """What persons decided, and what this sitting or table changed."""
    held = ", ".join(f"{count:,} {says}" for says, count in (answer.get("decisions") or {}).items() if count)
    if held:
        page.line(f"Decisions that hold: {held}.")
    sitting, taken = answer.get("review"), answer.get("taken")
    if sitting:
        page.line(f"{sitting['answered']} of {sitting['asked']} questions answered by {sitting['by']}: {sitting['joined']} pieces joined "
                  f"the dataset, {sitting['left']} left it.")
    if taken:
        page.line(f"Table of decisions: {taken['read']} rows, {taken['taken']} taken, {taken['unchanged']} unchanged, "
                  f"{taken['blank']} without a decision.")
        if taken["rejections"]:
            page.table(("Rejected", "Why"), [(one["where"], one["reason"]) for one in taken["rejections"]])


def curve(learned: Answer, page: Page) -> None:
    """A learning curve: the losses, how many pieces are enough, and what more would bring."""
    if not learned["points"]:
        return
    rows = [(one["pieces"], with_interval(one["loss"], one["interval"])) for one in learned["points"]]
    page.table(("Pieces trained on", "Held-out loss"), rows)
    low, high = learned["rule_of_thumb"]
    gain = f"{with_interval(learned['gain_of_100'], learned['gain_of_100_interval'])} nats a token ({learned['gain_of_100_share']:.1%})"
    page.pairs({"examples needed": with_interval(learned["examples_needed"], learned["examples_needed_interval"]),
                "100 more would bring": gain, "rule of thumb": f"{low} to {high}"})
