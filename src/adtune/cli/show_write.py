"""What people see of `demo`, `draft` and `export`."""

from __future__ import annotations

from collections.abc import Callable

from . import show_archive, show_media, show_tune
from .desk import Answer
from .page import Page, plain
from .show_archive import notes
from .show_look import anything


def drafted(answer: Answer, page: Page) -> None:
    many = len(answer["drafts"]) > 1
    for number, one in enumerate(answer["drafts"], 1):
        if many:
            page.line(f"--- {number} of {len(answer['drafts'])} ---", style="bold")
        page.line(one["text"])
        page.line()
        scores = f"on-brand {plain(one['on_brand'])}, editing effort {plain(one['effort'])}"
        page.line(f"{scores}, by {one['adapter'] or 'the live version'}", style="dim")
    notes(answer, page)


def exported(answer: Answer, page: Page) -> None:
    page.line(f"Written to {answer['path']}")
    page.table(("File",), [(name,) for name in answer["files"]])
    notes(answer, page)


SHOWS: dict[str, Callable[[Answer, Page], None]] = {
    "import": show_archive.imported, "curate": show_archive.curated, "advise": show_tune.advised, "tune": show_tune.tuned,
    "evaluate": show_tune.evaluated, "draft": drafted, "export": exported}
MEDIA_SHOWS: dict[str, Callable[[Answer, Page], None]] = {
    "import": show_archive.imported_campaigns, "advise": show_media.advised, "tune": show_media.tuned, "evaluate": show_media.evaluated,
    "predict": show_media.predicted}


def demonstrated(answer: Answer, page: Page) -> None:
    """Each verb's answer under its name, then what fell short."""
    shows = MEDIA_SHOWS if answer["import"]["kind"] == "campaigns" else SHOWS
    for verb, part in answer.items():
        if verb != "misses" and isinstance(part, dict):
            page.line(f"== {verb} ==", style="bold")
            shows.get(verb, anything)(part, page)
            page.line()
    misses = answer["misses"]
    page.line("Every figure is where it should be." if not misses else "Figures that fell short:", style="bold")
    for miss in misses:
        page.line(f"  {plain(miss)}")
    notes(answer, page)
