"""The root element of mark-up, told without a parser: by what stands before it and its name."""

from __future__ import annotations

import re

FEEDS = ("rss", "feed", "rdf:rdf")
_BEFORE = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+(?!html)[^>\[]*(?:\[[^\]]*\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ROOT = re.compile(r"<(?:!DOCTYPE\s+)?([A-Za-z][\w:.-]*)", re.IGNORECASE)


def root_of(text: str) -> str:
    """The lower-case name of the root element (of HTML: `html`, also by its doctype); empty where the text starts with none."""
    text, at = text.lstrip("\ufeff\xef\xbb\xbf"), 0
    while before := _BEFORE.match(text, at):
        at = before.end()
    root = _ROOT.match(text, at)
    return root[1].lower() if root else ""
