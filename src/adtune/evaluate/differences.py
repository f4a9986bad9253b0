"""A draft beside the published text: which words an editor would take out and put in, and which claims nobody vouches for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from ..voice.effort import SHORTEST_COPY

CUT, NEW, CLAIM = "cut", "new", "claim"
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]|\s+")

Part = tuple[str, str]   # text and its mark, "" for none


def differences(draft: str, final: str, claims: Sequence[tuple[int, int]] = ()) -> tuple[list[Part], list[Part]]:
    """(the draft, the final text) in marked parts: words that only the draft has are cut, those that only the final has are new.

    Case counts, spaces do not; fewer than SHORTEST_COPY words and marks in common are no common ground, as for the editing effort.
    `claims` are places of the draft to mark as well: that mark wins.
    """
    left, right = _TOKEN.findall(draft), _TOKEN.findall(final)
    words = [[place for place, token in enumerate(side) if not token.isspace()] for side in (left, right)]
    matcher = SequenceMatcher(None, [left[place] for place in words[0]], [right[place] for place in words[1]], autojunk=False)
    same: tuple[set[int], set[int]] = (set(), set())
    for block in matcher.get_matching_blocks():
        if block.size < min(SHORTEST_COPY, len(words[0]), len(words[1])):
            continue
        same[0].update(words[0][block.a:block.a + block.size])
        same[1].update(words[1][block.b:block.b + block.size])
    return _parts(left, same[0], CUT, claims), _parts(right, same[1], NEW, ())


def _parts(tokens: Sequence[str], same: set[int], mark: str, claims: Sequence[tuple[int, int]]) -> list[Part]:
    """Tokens joined while their mark stays the same; a space between two marked words is marked with them."""
    marks, at = [], 0
    for place, token in enumerate(tokens):
        inside = any(start < at + len(token) and end > at for start, end in claims)
        marks.append(CLAIM if inside else None if token.isspace() else "" if place in same else mark)
        at += len(token)
    parts: list[Part] = []
    for place, token in enumerate(tokens):
        given = marks[place]
        if given is None:
            ahead = next((one for one in marks[place + 1:place + 2] if one is not None), "")
            given = parts[-1][1] if parts and parts[-1][1] == ahead and "\n" not in token else ""
        if parts and parts[-1][1] == given:
            parts[-1] = (parts[-1][0] + token, given)
        else:
            parts.append((token, given))
    return parts
