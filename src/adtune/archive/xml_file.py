"""XML: which kind it is stands in its root; RSS, Atom and WordPress exports (WXR) are read."""

from __future__ import annotations

from collections.abc import Iterator

from .columns import Columns
from .encodings import Encoding, head_text
from .feed import read_feed
from .files import ClientFile
from .parts import Note
from .roots import FEEDS, root_of
from .rows import Fault, Row, Unreadable
from .wordpress import NAMESPACE, read_wxr

HEAD_BYTES = 64_000


def read_xml(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault | Note]:
    """Raises Unreadable where the root is of no kind that is read."""
    with file.open() as stream:
        head = head_text(stream.read(HEAD_BYTES))
    root = root_of(head)
    if root not in FEEDS:
        found = f"its root is <{root[:40]}>" if root else "it has no root element"
        raise Unreadable(f"not XML of a kind that is read ({found}); read are RSS, Atom and WordPress exports")
    return read_wxr(file) if NAMESPACE in head else read_feed(file)
