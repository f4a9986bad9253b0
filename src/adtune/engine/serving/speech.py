"""Text from ids as they come: whole characters only, and nothing from a stop sequence on.

Byte-level tokens may end within a character, and a decoder may strip or join at the edges of what it is given. So a token's text is what it
adds to the text of the tokens shortly before it, and all pieces together are the text of all ids decoded at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

BROKEN = "\ufffd"
LONGEST_BROKEN = 16  # tokens that may wait for the end of a character; longer is no text


class Speech:
    """The text of one answer."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str] = ()):
        self._decode, self._stop = decode, tuple(stop)
        self._ids: list[int] = []
        self._anchor = self._said = 0  # the text of ids before `_said` was told; decoding begins at `_anchor`
        self._held = ""

    def feed(self, id: int) -> tuple[str, bool]:
        """(text that is certain now, whether a stop sequence was found: the text then ends before it)."""
        self._ids.append(id)
        return self._until_stop(self._new(len(self._ids) - self._said > LONGEST_BROKEN))

    def rest(self) -> tuple[str, bool]:
        """What was held back, once nothing follows."""
        text, found = self._until_stop(self._new(True))
        held, self._held = self._held, ""
        return (text, True) if found else (text + held, False)

    def _new(self, anyway: bool) -> str:
        if self._said == len(self._ids):
            return ""
        before = self._decode(self._ids[self._anchor:self._said]) if self._said > self._anchor else ""
        text = self._decode(self._ids[self._anchor:])
        if (text.endswith(BROKEN) or len(text) <= len(before)) and not anyway:
            return ""
        self._anchor, self._said = self._said, len(self._ids)
        return text[len(before):]

    def _until_stop(self, new: str) -> tuple[str, bool]:
        text = self._held + new
        places = [place for place in (text.find(stop) for stop in self._stop) if place >= 0]
        if places:
            self._held = ""
            return text[:min(places)], True
        hold = max((n for stop in self._stop for n in range(1, min(len(stop), len(text) + 1)) if text.endswith(stop[:n])), default=0)
        self._held = text[len(text) - hold:]
        return text[:len(text) - hold], False
