"""Reports: one self-contained HTML file with static SVG, nothing to load and nothing that runs."""

from .brand import Brand, load_brand
from .markdown import to_markdown
from .page import Link, Page
from .plots import bars, intervals, lines, path
from .words import escape, shown

__all__ = ["Brand", "Link", "Page", "bars", "escape", "intervals", "lines", "load_brand", "path", "shown", "to_markdown"]
