"""How much an editor has to do from a draft to the final text, read off the two texts.

The idea is the compression distance of arXiv 2412.17321 (LZ77: what it costs to write the final text when the draft can be
copied from), which follows real editing time better than edit distance by letters: a moved paragraph is one copy, not a
deletion and an insertion. Here the text is written greedily in phrases, each either one new token or a copy of a stretch
that stands in the draft or was already written, and phrases are counted.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]|\n+")
SHORTEST_COPY = 3  # a shorter stretch ("of the") is typed, not copied; counting it as a copy would flatter unrelated drafts
_START, _END, _BETWEEN = ("start",), ("end",), ("between",)  # tuples cannot be tokens of a text


def effort(draft: str, final: str) -> float:
    """The editing-effort index from `draft` to `final`: 0 when nothing is to do, near 1 when the draft is of no use.

    (phrases of the final text given the draft - 1) / (phrases of the final text alone - 1). What was cut at either end of the
    draft counts, because both texts are read with a mark at their start and end. Differences in spaces alone count nothing.
    Linear in the words of the two texts.
    """
    if _tokens(draft) == _tokens(final):
        return 0.0
    target = [_START, *_tokens(final), _END]
    given = _phrases(target, [_START, *_tokens(draft), _END, _BETWEEN])
    alone = _phrases(target, [])
    return (given - 1) / (alone - 1)


def _tokens(text: str) -> list[Hashable]:
    """Words, punctuation marks and line breaks, the outer white space left out."""
    return ["\n" if token[0] == "\n" else token for token in TOKEN.findall(text.strip())]


def _phrases(target: Sequence[Hashable], known: Sequence[Hashable]) -> int:
    """The number of phrases in which `target` is written when `known` and what is already written can be copied."""
    memory = _Stretches()
    for token in known:
        memory.add(token)
    place = count = 0
    while place < len(target):
        length = memory.longest(target, place)
        step = length if length >= SHORTEST_COPY else 1
        for token in target[place:place + step]:
            memory.add(token)
        place, count = place + step, count + 1
    return count


class _Stretches:
    """All stretches of a growing token sequence as a suffix automaton (Blumer et al. 1985): linear to build and to ask."""

    def __init__(self) -> None:
        self.next: list[dict[Hashable, int]] = [{}]
        self.link, self.length, self.last = [-1], [0], 0

    def longest(self, target: Sequence[Hashable], place: int) -> int:
        """The length of the longest stretch of `target` from `place` on that stands in the sequence."""
        state, end = 0, place
        while end < len(target) and target[end] in self.next[state]:
            state = self.next[state][target[end]]
            end += 1
        return end - place

    def add(self, token: Hashable) -> None:
        """Lengthen the sequence by one token."""
        new = self._state({}, self.length[self.last] + 1)
        state = self.last
        while state != -1 and token not in self.next[state]:
            self.next[state][token] = new
            state = self.link[state]
        self.link[new] = 0 if state == -1 else self._target(state, token)
        self.last = new

    def _target(self, state: int, token: Hashable) -> int:
        """The state that `token` leads to from `state`, split off where it also stands for longer stretches."""
        old = self.next[state][token]
        if self.length[state] + 1 == self.length[old]:
            return old
        split = self._state(dict(self.next[old]), self.length[state] + 1)
        self.link[split], self.link[old] = self.link[old], split
        while state != -1 and self.next[state].get(token) == old:
            self.next[state][token] = split
            state = self.link[state]
        return split

    def _state(self, following: dict[Hashable, int], length: int) -> int:
        self.next.append(following)
        self.link.append(0)
        self.length.append(length)
        return len(self.next) - 1
