"""Where the files that ship with adtune lie: the starter bases, the general text and the sample client.

Paths only: nothing is read here, and a base that was left out of an installation is for the caller to miss.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def _file(*parts: str) -> Path:
    return Path(str(resources.files(__name__).joinpath(*parts)))


def base_path(kind: str) -> Path:
    """Folder of the starter base of this kind: text, vision, response or creative."""
    return _file(kind)


def general_text() -> Path:
    """JSONL of `{id, kind, title, text, half}`, 240 passages of our own general text.

    `half` is `replay` (rehearsed in training, contrast for the scorer) or `measure` (only ever measures forgetting). Within
    each kind the passages are ordered by the sha256 of their id, and the first half of that order is `replay`.
    """
    return _file("general.jsonl")


def price_table() -> Path:
    """CSV of what tuning and serving cost by provider: assumptions with their date, to be replaced by your own prices."""
    return _file("prices.csv")


def sample_pieces() -> Path:
    """JSONL of the sample client's 380 approved pieces."""
    return _file("sample", "pieces.jsonl")


def sample_contrast() -> Path:
    """JSONL of 60 pieces on the sample client's topics in other voices."""
    return _file("sample", "contrast.jsonl")


def sample_guide() -> Path:
    """The sample client's brand guide, Markdown, at most 350 words."""
    return _file("sample", "guide.md")


def sample_conventions() -> Path:
    """The sample client's four countable conventions, JSON."""
    return _file("sample", "conventions.json")


def sample_voices() -> Path:
    """JSONL of `{id, title, text, category, voice}`: 240 pieces on the sample client's topics, 30 in each of eight other voices."""
    return _file("sample", "voices.jsonl")


def sample_foreign() -> Path:
    """JSONL of `{id, title, text, category, language}`: four short pieces each in German, French and Spanish."""
    return _file("sample", "foreign.jsonl")


def sample_planted() -> Path:
    """JSON of the phrases that the messy archive is made with: swaps, names, boilerplate, instructions, control tokens, and more."""
    return _file("sample", "planted.json")
