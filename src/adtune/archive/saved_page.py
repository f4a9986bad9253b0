"""Web pages that a browser saved as one file (MHTML): the page itself; its frames, styles and pictures are parts of it, not pieces."""

from __future__ import annotations

from collections.abc import Iterator

from . import mail_parts
from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .html import page
from .rows import Fault, Row, Unreadable

PAGE_BYTES = 60_000_000   # pictures included


def read_saved_page(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault]:
    """Raises Unreadable where it holds no HTML."""
    with file.open() as stream:
        raw = stream.read(PAGE_BYTES + 1)
    if len(raw) > PAGE_BYTES:
        raise Unreadable(f"the saved page is larger than {PAGE_BYTES // 1_000_000} MB")
    message = mail_parts.parsed(raw)
    address = mail_parts.header(message, "Snapshot-Content-Location")
    pages = [part for part in message.walk() if part.get_content_type() == "text/html"]
    root = next((part for part in pages if address and mail_parts.header(part, "Content-Location") == address), pages[0] if pages else None)
    if root is None:
        raise Unreadable("the saved page holds no HTML; it may be cut short")
    values = page(mail_parts.content(root))
    subject = mail_parts.header(message, "Subject")
    yield Row(None, {**values, "title": values.get("title") or subject or None,
                     "id": address or mail_parts.header(root, "Content-Location") or None}, document=True)
