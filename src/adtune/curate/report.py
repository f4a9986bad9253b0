"""The curation report: what came in, what fell out and why, the mix, the voice, what to collect next; one HTML page that adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..records import Split
from ..report.page import Link, Page
from ..report.plots import bars, lines
from .checks import CHECKS
from .dataset import REASONS, Curated, Dropped, Shown
from .decisions import LEFT_OUT, OFF_VOICE, OVER_KEEP
from .quotas import NO_KIND
from .report_house import house_blocks
from .report_pieces import Lists
from .report_voice import voice_blocks

EXPLAINED = {LEFT_OUT: "a person said no to it", **{check.name: check.meaning for check in CHECKS},
             OFF_VOICE: "too little like the voice of the gold pieces", OVER_KEEP: "a good piece beyond the number to keep"}
RULE_OF_THUMB = (200, 500)   # pieces that a voice takes, as the field says
GOLD_WANTED = 10             # gold pieces from which the voice is known well
THIN = 0.5                   # of its even share, under which a kind is thin
FILES = 12                   # files that are listed one by one
OVERRIDES = 100              # decisions that are listed one by one


def curate_report(curated: Curated, curve: Mapping[str, Any] | None = None) -> str:
    """The report as a self-contained HTML text; all texts of the archive in it are escaped.

    `curve` is the learning curve where one was measured, as `steps.curve.learning_curve` gives it.
    """
    dataset = curated.dataset
    page = Page(f"Curation of {dataset.client}", f"Dataset {dataset.hash}")
    lists = Lists(page, curated, EXPLAINED)
    page.section("At a glance", *_glance(page, curated))
    page.section("What fell out, and why", *_counts(page, curated))
    page.section("What came in", *_came_in(page, curated))
    page.section("Splits", *_splits(page, curated))
    page.section("Mix", *_mix(page, curated))
    page.section("The voice", *voice_blocks(page, curated))
    page.section("The house", *house_blocks(page, curated))
    page.section("How many are enough", *_curve(page, curated, curve))
    page.section("What to collect next", page.items(to_collect(curated)))
    if dataset.overrides:
        page.section("What persons decided", *_decisions(page, curated))
    for reason in REASONS:
        lists.section("Dropped", reason, [one for one in curated.dropped if one.reason == reason])
    for check in CHECKS:
        lists.section("To look at", check.name, [one for one in curated.shown if one.reason == check.name])
    page.section("Settings", page.table(("Setting", "Value"), [(key, str(value)) for key, value in dataset.settings.items()]))
    return page.render()


def _glance(page: Page, curated: Curated) -> list[str]:
    dataset = curated.dataset
    words = sum(len(item.example.text.split()) for item in dataset.items)
    cards = [("Read", dataset.read, "pieces of the archive"), ("Kept", len(dataset.items), f"{words:,} words"),
             ("Dropped", len(curated.dropped), "each once, for its first reason"),
             ("To look at", len({one.asset.id for one in curated.shown}), "kept pieces with a finding"),
             ("Decided by persons", len(dataset.overrides), "pieces"),
             ("Brand guide", len(dataset.guide.split()) or "none", "words" if dataset.guide else "--brand-guide FILE")]
    return [page.cards(cards), *(page.note(note, "warn") for note in curated.selection.notes)]


def _counts(page: Page, curated: Curated) -> list[str]:
    dataset = curated.dataset
    rows: list[tuple[object, int, str]] = [("kept", len(dataset.items), "trains, validates or tests")]
    rows += [(_led("Dropped", reason, dataset.dropped[reason]), dataset.dropped[reason], EXPLAINED[reason]) for reason in REASONS]
    rows.append(("read", dataset.read, "the sum of the rows above"))
    drawn = [(str(name), count) for name, count, _ in rows[:-1] if count]
    seen = Counter(one.reason for one in curated.shown)
    shown = [(_led("To look at", name, count), count, EXPLAINED[name]) for name, count in seen.most_common()]
    return [page.paragraph(f"{dataset.read} pieces were read, {len(dataset.items)} kept and {len(curated.dropped)} dropped. "
                           "A dropped piece counts once, for the first reason that holds."),
            page.table(("", "Pieces", "Meaning"), rows), bars(drawn, " pieces", title="Pieces by what became of them"),
            *([page.heading("Kept, with something to look at"), page.table(("", "Pieces", "Meaning"), shown)] if shown else [])]


def _led(what: str, reason: str, count: int) -> object:
    """The reason in words, leading to its section where it has one."""
    words = reason.replace("_", " ")
    return Link(words, f"{what}-{reason}") if count else words


def _came_in(page: Page, curated: Curated) -> list[str]:
    """Files, content types and days of what was read, each with how many pieces were kept."""
    kept = {item.asset for item in curated.dataset.items}
    assets = [piece.asset for piece in curated.pieces]
    parts = []
    for heading, values in (("File", [asset.source.file or NO_KIND for asset in assets]),
                            ("Content type", [asset.content_type or NO_KIND for asset in assets]),
                            ("Language", [asset.language or NO_KIND for asset in assets]),
                            ("Year", [(asset.date or NO_KIND)[:4] for asset in assets])):
        read = Counter(values)
        stayed = Counter(value for value, asset in zip(values, assets, strict=True) if asset.id in kept)
        names = sorted(read) if heading == "Year" else [name for name, _ in read.most_common()]
        rows = [(name, read[name], stayed[name]) for name in names[:FILES]]
        if names[FILES:]:
            rest = names[FILES:]
            rows.append((f"{len(rest)} others", sum(read[name] for name in rest), sum(stayed[name] for name in rest)))
        if len(rows) > 1 or heading == "File":
            parts.append(page.table((heading, "Read", "Kept"), rows))
    return parts


def _splits(page: Page, curated: Curated) -> list[str]:
    items = curated.dataset.items
    rows = [(str(split), len(chosen), len({item.cluster for item in chosen}), sum(len(item.example.text.split()) for item in chosen))
            for split in Split for chosen in [curated.dataset.split(split)]]
    rows.append(("all", len(items), len({item.cluster for item in items}), sum(row[3] for row in rows)))
    note = "Pieces that resemble each other form one cluster, and a cluster stands in one split."
    return [page.table(("Split", "Pieces", "Clusters", "Words"), rows), page.paragraph(note)]


def _mix(page: Page, curated: Curated) -> list[str]:
    """The mix against its target where there is one, and the categories by split."""
    parts, mix = [], curated.selection.mix
    if mix:
        drawn = [row for name, one in mix.items() for row in ((f"{name}: target", one["target"]), ("kept", one["kept"]))]
        parts += [page.table(("Kind", "Target", "Kept", "Short of it by"),
                             [(name, one["target"], one["kept"], max(0, one["target"] - one["kept"])) for name, one in mix.items()]),
                  bars(drawn, title="Kept pieces beside the target mix")]
    counts = Counter((item.category or NO_KIND, item.split) for item in curated.dataset.items)
    rows: list[Sequence[object]] = []
    for name in sorted({name for name, _ in counts}):
        of_split = [counts[name, split] for split in Split]
        rows.append((name, *of_split, sum(of_split)))
    parts.append(page.table(("Category", *(str(split) for split in Split), "Kept"), rows))
    if curated.selection.uncovered:
        parts.append(page.table(("Briefs that no kept piece resembles",), [(title,) for title in curated.selection.uncovered]))
    return parts


def _curve(page: Page, curated: Curated, curve: Mapping[str, Any] | None) -> list[str]:
    kept = len(curated.dataset.items)
    thumb = f"The rule of thumb is {RULE_OF_THUMB[0]} to {RULE_OF_THUMB[1]} pieces for a voice; {kept} are kept."
    if curve is None:
        return [page.paragraph(f"Not measured. {thumb} To measure it: adtune curate {curated.dataset.client} --curve")]
    if not curve["points"]:
        return [page.paragraph(f"Not measured: {curve.get('reason')} {thumb}")]
    share = curve.get("gain_of_100_share")
    brings = f"nats a token {_range(curve.get('gain_of_100_interval'))}".strip() + (f", {share:.1%} of the loss" if share else "")
    cards = [("Pieces needed", curve["examples_needed"], _range(curve.get("examples_needed_interval"))),
             ("What 100 more would bring", curve["gain_of_100"], brings), ("Kept now", kept, "pieces")]
    rows = [(one["pieces"], one["loss"], _range(one.get("interval")) or None) for one in curve["points"]]
    told = [curve["reason"]] if curve.get("reason") else []
    apart = (curve.get("distance") or {}).get("difference")
    if apart is not None:
        told.append(f"The base gives the archive {abs(apart):.2f} nats a token {'more' if apart > 0 else 'less'} than general text: the "
                    "further an archive is from its base, the more pieces it takes.")
    return [page.cards(cards), page.figure(lines(_drawn(curve), "pieces learned from", "held-out loss, nats a token"),
                                           "Loss on the same held-out pieces after the same number of steps on more and more of the kept "
                                           "ones."),
            page.table(("Pieces", "Held-out loss", "95 %"), rows), *map(page.paragraph, [*told, thumb])]


def _drawn(curve: Mapping[str, Any]) -> list[tuple[str, list[tuple[float, float]]]]:
    """The measured points, and the fitted power law c + a n^-b where there is one."""
    points = [(float(one["pieces"]), float(one["loss"])) for one in curve["points"]]
    power, (first, last) = curve.get("power"), (points[0][0], points[-1][0])
    if not power or last <= first:
        return [("measured", points)]
    at = [first + (last - first) * step / 24 for step in range(25)]
    return [("measured", points), ("fitted", [(pieces, power["c"] + power["a"] * pieces ** -power["b"]) for pieces in at])]


def _range(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:,.3g} to {interval[1]:,.3g}" if interval else ""


def to_collect(curated: Curated) -> list[str]:
    """What to collect next, in sentences with numbers; one that says so where nothing is missing."""
    selection, dataset = curated.selection, curated.dataset
    types = {piece.asset.content_type for piece in curated.pieces}
    told = [f"{_more(one['target'] - one['kept'], name, types)}: {one['kept']} of the {one['target']} that the mix asks for are kept."
            for name, one in (selection.mix or {}).items() if one["kept"] < one["target"]]
    if not selection.mix:
        counts = Counter(item.category or NO_KIND for item in dataset.items)
        even = len(dataset.items) / max(1, len(counts))
        told += [f"{_more(round(THIN * even) - count, name, types)}: it has {count} of {len(dataset.items)} kept pieces."
                 for name, count in sorted(counts.items()) if count < THIN * even and round(THIN * even) > count]
    if selection.uncovered:
        titles = "; ".join(selection.uncovered[:3])
        told.append(f"Pieces like {len(selection.uncovered)} of the coming briefs, which no kept piece resembles: {titles}"
                    + (" and others." if len(selection.uncovered) > 3 else "."))
    short = RULE_OF_THUMB[0] - len(dataset.items)
    if short > 0:
        told.append(f"{short} more pieces in all: {len(dataset.items)} are kept, and a voice usually takes {RULE_OF_THUMB[0]}.")
    gold = sum(piece.gold for piece in curated.pieces)
    if gold < GOLD_WANTED:
        told.append(f"{GOLD_WANTED - gold} more gold pieces: mark those that are exactly right, so that the voice is known from them.")
    untitled = sum(not item.example.brief.title for item in dataset.items)
    if untitled:
        told.append(f"Titles for {untitled} kept pieces: without one a piece teaches the voice, but not how a brief is answered.")
    return told or ["Nothing is missing by these figures."]


def _more(count: int, kind: str, types: Iterable[str | None]) -> str:
    """`12 more e-mails` for a content type that takes a plural, `12 more pieces of tax` for any other kind."""
    if kind in types and not kind.endswith(("copy", "s", "y")):
        return f"{count} more {kind}{'s' if count > 1 else ''}"
    return f"{count} more piece{'s' if count > 1 else ''} of {kind}"


def _decisions(page: Page, curated: Curated) -> list[str]:
    """The decisions that hold, and what became of their pieces."""
    names = {piece.asset.id: piece.name for piece in curated.pieces}
    gone: dict[str, Dropped | Shown] = {one.asset.id: one for one in curated.dropped}
    rows = [(names[id], says, (about or "").replace("_", " "),
             f"dropped: {gone[id].reason.replace('_', ' ')}" if id in gone else "kept") for id, says, about in curated.dataset.overrides]
    counts = Counter(says for _, says, _ in curated.dataset.overrides)
    told = ", ".join(f"{count} {says}" for says, count in counts.most_common())
    listed = [page.table(("Piece", "Decision", "Asked about", "Now"), rows[:OVERRIDES])]
    more = [page.details(f"{len(rows) - OVERRIDES} more", page.table(("Piece", "Decision", "Asked about", "Now"), rows[OVERRIDES:]))]
    return [page.paragraph(f"{told}. An answer holds for its piece and weighs on findings and scores like it."), *listed,
            *(more if rows[OVERRIDES:] else [])]
