"""Where answers for people are written: lines, pairs and tables on stdout, and the next step as the last line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

UNPRINTABLE = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")  # controls but for tab and newline; half characters
NOT_MEASURED = "not measured"
ROWS = 25                                    # rows of a long list that are shown; --json gives all of them
WIDTH_OF_A_FILE = 140


def plain(value: Any) -> str:
    """A value as text: None is `not measured`, numbers are rounded, control characters of foreign texts are taken out."""
    if value is None:
        return NOT_MEASURED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(one)}" for key, one in value.items())
    return UNPRINTABLE.sub("\ufffd", str(value))


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """A score beside its interval."""
    return plain(value) if interval is None else f"{plain(value)} [{plain(interval[0])}, {plain(interval[1])}]"


def size(count: float | None) -> str:
    """Bytes as people say them."""
    if count is None:
        return NOT_MEASURED
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _reader_gone() -> NoReturn:
    """Passes on that nobody reads our output any more (`adtune ls | head`), which main takes for a good end."""
    raise BrokenPipeError


class Page:
    """A sheet on stdout; foreign text is never read as mark-up."""

    def __init__(self) -> None:
        from rich.console import Console

        width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
        self.console = Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False)
        self.console.on_broken_pipe = _reader_gone  # type: ignore[method-assign]  # rich would exit with 1

    def line(self, text: str = "", style: str | None = None) -> None:
        self.console.print(plain(text), style=style, soft_wrap=True)

    def pairs(self, rows: Mapping[str, Any], title: str | None = None) -> None:
        """Names on the left, values on the right. In a file no value is folded, so that a path can be found and copied."""
        from rich.table import Table

        table = Table(title=title, show_header=False, box=None, title_justify="left", pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        shown = [(plain(name), plain(value)) for name, value in rows.items()]
        for row in shown:
            table.add_row(*row)
        longest = [max((len(line) for row in shown for line in row[side].splitlines()), default=0) for side in (0, 1)]
        before = self.console.width
        if not sys.stdout.isatty():
            self.console.width = max(before, sum(longest) + 4)
        self.console.print(table)
        self.console.width = before

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
        """A table; a long one is cut, with the number of rows that are not shown."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        rows = list(rows)
        table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for number, name in enumerate(columns):
            figures = any(isinstance(row[number], (int, float)) and not isinstance(row[number], bool) for row in rows)
            table.add_column(name, justify="right" if figures else "left", overflow="fold")
        for row in rows[:ROWS]:
            table.add_row(*(plain(cell) for cell in row))
        self.console.print(table)
        if len(rows) > ROWS:
            self.line(f"... and {len(rows) - ROWS:,} more (all with --json)")

    def next(self, command: str) -> None:
        self.line(f"Next: {command}", style="bold")
