"""Lines of a text file with their numbers, in bounded memory however long a line is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .encodings import UNSURE, Encoding, open_text
from .files import ClientFile
from .normal import storable
from .rows import LINE_CHARACTERS, Unreadable

TOO_LONG = f"the line is longer than {LINE_CHARACTERS // 1_000_000} MB"
NUL = "the line holds NUL characters"
_ISO_2022 = re.compile("\x1b[$(]")   # other scripts hidden in ASCII bytes


def numbered(file: ClientFile, encoding: Encoding) -> Iterator[tuple[int, str, str | None]]:
    """(1-based number, line with its end, what is wrong with it or None); of a line that is too long only the start."""
    with open_text(file, encoding) as stream:
        number = 0
        while line := stream.readline(LINE_CHARACTERS):
            number += 1
            fault = None
            if len(line) == LINE_CHARACTERS and not line.endswith(("\n", "\r")):
                fault = TOO_LONG
                while (rest := stream.readline(1 << 20)) and not rest.endswith(("\n", "\r")):
                    pass
            elif "\0" in line:
                fault = NUL
            elif _ISO_2022.search(line) or (not encoding.whole and not storable(line)):
                fault = UNSURE
            yield number, line, fault


def whole_text(file: ClientFile, encoding: Encoding, limit: int) -> str:
    """The file's text with line feeds only. Raises Unreadable where it is longer than `limit` characters or not text."""
    with open_text(file, encoding) as stream:
        text = stream.read(limit + 1)
    if len(text) > limit:
        raise Unreadable(f"the file is larger than {limit // 1_000_000} MB")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def document_text(file: ClientFile, encoding: Encoding, limit: int) -> str:
    """`whole_text` where one wrong byte makes the whole piece doubtful."""
    text = whole_text(file, encoding, limit)
    if "\0" in text:
        raise Unreadable("encoding not recognised: the file holds NUL characters; save it as UTF-8 text")
    if _ISO_2022.search(text) or not storable(text):
        raise Unreadable(UNSURE)
    return text
