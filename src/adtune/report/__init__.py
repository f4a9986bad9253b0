"""Reports: one self-contained HTML file with static SVG, nothing to load and nothing that runs."""

from .page import Link, Page
from .plots import bars, intervals, lines
from .words import escape, shown

__all__ = ["Link", "Page", "bars", "escape", "intervals", "lines", "shown"]
