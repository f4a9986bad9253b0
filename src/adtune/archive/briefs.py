"""What a person asked for, as the fields of a brief: the inverse of `voice.prompt.brief_text`, and its like for free prompts."""

from __future__ import annotations

import re
from typing import Any

from ..records import ContentType
from .values import BULLET

_LABELS = re.compile(r"\[([^\[\]]+)\](?: \[([^\[\]]+)\])?")
_HEADING = re.compile(r"^#{1,6}\s+")


def brief_fields(prompt: str) -> dict[str, Any]:
    """The fields of a brief: those of a brief that adtune rendered, exactly; of any other prompt the first line as title and each
    further line as a fact. Nothing is left out but blank lines and list marks; an empty prompt has no fields."""
    lines = [line.strip() for line in prompt.replace("\r", "\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        return {}
    ours = _rendered(lines)
    if ours is not None:
        return ours
    title, *rest = lines
    return {"title": _HEADING.sub("", title), "facts": [BULLET.sub("", line) for line in rest]}


def _rendered(lines: list[str]) -> dict[str, Any] | None:
    """The fields of `# title`, `[category] [content type]`, `> summary`, `- fact` in this order; None for any other form."""
    if not lines[0].startswith("# "):
        return None
    fields: dict[str, Any] = {"title": lines[0][2:]}
    rest = lines[1:]
    if rest and (labels := _LABELS.fullmatch(rest[0])):
        one, other = labels.groups()
        alone_is_type = other is None and one in {str(kind) for kind in ContentType}
        fields |= {"content_type": one} if alone_is_type else {"category": one, "content_type": other}
        rest = rest[1:]
    if rest and rest[0].startswith("> "):
        fields["summary"] = rest[0][2:]
        rest = rest[1:]
    if not all(line.startswith("- ") for line in rest):
        return None
    return {**fields, "facts": [line[2:] for line in rest]}
