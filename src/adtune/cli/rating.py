"""`adtune rate --terminal`: one draft after the other, with keys; who wrote it is not shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .keys import QUIT, Keys, Lines, answers
from .page import Page, plain

if TYPE_CHECKING:
    from ..rate.blind import Item
    from ..steps.rating import Sitting

WIDTH = 100
WORDS = {"y": "yes", "n": "no", "s": "skip", "u": "undo", "q": QUIT}
ASKS = "Is it the client's voice?  [y]es  [n]o  [s]kip  [u]ndo  [q]uit"


def run(sitting: Sitting) -> None:
    """Asks until all drafts are judged or skipped or the person quits."""
    page, at, items = Page(), 0, sitting.items
    if not items:
        page.line(f"{sitting.who} has judged every draft of this sheet.")
    with answers() as source:
        while at < len(items):
            _show(page, items[at], sitting.done + at + 1, len(sitting.sheet.items))
            word = _read(page, source)
            if word == QUIT:
                break
            if word == "undo":
                item = sitting.undo()
                page.line(f"Taken back: {item.title}." if item else "There is no answer to take back.", style="yellow")
                at = items.index(item) if item else at
                continue
            if word != "skip":
                sitting.answer(items[at], word == "yes")
            at += 1
    done = len(sitting.answered)
    page.line(f"{done} drafts judged under the name {sitting.who}; {len(items) - done} are left.", style="bold")


def _show(page: Page, item: Item, number: int, total: int) -> None:
    from rich.text import Text

    page.line()
    page.line(f"--- {number} of {total} ---", style="bold")
    page.line(f"Brief: {item.title}", style="bold underline")
    console = page.console
    for line in Text(plain(item.text)).wrap(console, min(console.width, WIDTH)):
        console.print(line)
    page.line(ASKS, style="bold")
    sys.stdout.flush()


def _read(page: Page, source: Keys | Lines) -> str:
    while True:
        word = source.read(WORDS)
        if word:
            page.line(f"> {word}")
            return word
        page.line(f"Answer with one of: {', '.join(WORDS)}.")
        sys.stdout.flush()
