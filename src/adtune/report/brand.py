"""Whose report it is: an agency's name and logo in place of ours. The logo is embedded, so that the file still loads nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

LARGEST = 500_000        # bytes of a logo
_BEGINS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF87a": "image/gif", b"GIF89a": "image/gif"}


@dataclass(frozen=True)
class Brand:
    """The name on a report and its logo as a data address; both may be missing."""

    agency: str | None = None
    logo: str | None = None


def load_brand(agency: str | None, logo: str | None) -> Brand:
    """The brand of the settings. Raises InputError for a logo that cannot be read, is no picture or is larger than LARGEST bytes."""
    if logo is None:
        return Brand(agency)
    where = f"--set logo={logo}"
    try:
        content = Path(logo).expanduser().read_bytes()
    except OSError as error:
        found = (error.strerror or "an unreadable file").lower()
        raise InputError(where, found, "a picture", "Give the path of a readable file.") from error
    if len(content) > LARGEST:
        raise InputError(where, f"{len(content):,} bytes", f"at most {LARGEST:,} bytes", "Scale the picture down.")
    kind = _kind(content)
    if kind is None:
        raise InputError(where, "no picture that we know", "a PNG, JPEG, GIF, WebP or SVG file", "Save the logo in one of these formats.")
    return Brand(agency, f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}")


def _kind(content: bytes) -> str | None:
    """The type of a picture by its content; as the picture of a page an SVG runs nothing and loads nothing."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if b"<svg" in content[:1000] and content.lstrip()[:1] == b"<":
        return "image/svg+xml"
    return next((kind for begin, kind in _BEGINS.items() if content.startswith(begin)), None)
