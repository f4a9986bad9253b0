"""The parts of a mail, and of a saved web page, which browsers write as a mail: the text, its encoding, what hangs on it."""

from __future__ import annotations

import email
import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from typing import Any

from .encodings import bytes_text
from .rows import Unreadable

PARTS = 1000
_PART = re.compile(rb"\ncontent-type:", re.IGNORECASE)
HEADER_CHARACTERS = 5000   # of which a header's start is read


def parsed(raw: bytes) -> Message:
    """Raises Unreadable where nothing in it is a header, or it has too many parts."""
    if len(_PART.findall(raw)) > PARTS:   # before it is parsed, as the parser is slow with many parts
        raise Unreadable(f"the mail has more than {PARTS} parts")
    message = email.message_from_bytes(raw)   # the old policy: it is thrice as fast, and headers are decoded here
    if not message.keys():
        raise Unreadable("not a mail: it starts with no header")
    if sum(1 for _ in message.walk()) > PARTS:
        raise Unreadable(f"the mail has more than {PARTS} parts")
    return message


def header(message: Message, name: str) -> str:
    """A header as one line; empty where it is missing or its bytes are no UTF-8."""
    return _decoded(_raw(message, name))


def sender(message: Message) -> str:
    """The name of who sent it, else the address. Parsed before it is decoded, as a name may hold a comma."""
    name, address = parseaddr(_raw(message, "From"))
    return _decoded(name) or address


def _raw(message: Message, name: str) -> str:
    found = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")[:HEADER_CHARACTERS]
    try:
        return " ".join(found.encode("utf-8", "surrogateescape").decode("utf-8").split())
    except UnicodeError:
        return ""


def _decoded(text: str) -> str:
    """Encoded words (`=?utf-8?q?...?=`) as text; as they stand where they are broken."""
    try:
        return " ".join(str(make_header(decode_header(text))).split())
    except (MessageError, ValueError, LookupError):
        return text


def content(part: Any) -> str:
    """The part's text. Raises Unreadable where its encoding cannot be vouched for."""
    raw = part.get_payload(decode=True) or b""
    return bytes_text(raw, part.get_content_charset() if isinstance(part.get_content_charset(), str) else None).replace("\r\n", "\n")


def body(message: Message) -> tuple[Any | None, Any | None]:
    """The first HTML part and the first plain part that are no attachments."""
    found: dict[str, Any] = {}
    for part in message.walk():
        if not part.is_multipart() and not attached(part):
            found.setdefault(part.get_content_type(), part)
    return found.get("text/html"), found.get("text/plain")


def attached(part: Any) -> bool:
    """Whether a part hangs on the mail: by its disposition, or a file name on what is no text; pictures within the HTML do not."""
    return part.get_content_disposition() == "attachment" or (
        part.get_content_maintype() not in ("text", "multipart", "message") and not part.get("Content-ID"))


def attachments(message: Message) -> list[str]:
    """The names of what hangs on the mail, or the types where they have none."""
    return [header_name(part) for part in message.walk() if not part.is_multipart() and attached(part)]


def header_name(part: Any) -> str:
    try:
        return (part.get_filename() or part.get_content_type())[:80]
    except (ValueError, LookupError, TypeError, AttributeError):
        return part.get_content_type()
