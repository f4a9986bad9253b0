"""Which format a file is in: by its suffix, unless its first bytes are certainly those of another format.

A wrong or missing suffix is told in a note. Only what cannot be anything else overrules a suffix: a signature, a root element, a
block of mail headers, a first line of JSON, a header of known columns.
"""

from __future__ import annotations

import codecs
import json
import re

from . import zips
from .columns import SYNONYMS, squeezed
from .encodings import head_text
from .files import ClientFile
from .formats import READERS, refusal
from .roots import FEEDS, root_of
from .rows import Unreadable

HEAD_BYTES = 64_000
MIN_PROSE_WORDS = 8      # from which a file without a suffix counts as text
NAMES = {".jsonl": "JSON Lines", ".json": "JSON", ".csv": "a table of text", ".txt": "plain text", ".html": "HTML", ".xml": "a feed",
         ".docx": "a Word document", ".xlsx": "an Excel workbook", ".ods": "an OpenDocument sheet", ".pdf": "a PDF", ".zip": "a zip",
         ".eml": "an e-mail", ".mbox": "a mailbox", ".mhtml": "a saved web page (MHTML)", ".parquet": "Parquet"}
SAME = {".htm": ".html", ".markdown": ".md", ".ndjson": ".jsonl", ".rss": ".xml", ".atom": ".xml", ".mht": ".mhtml", ".tsv": ".csv",
        ".xlsm": ".xlsx"}
PACKAGES = (".docx", ".xlsx", ".ods")
# what a suffix may hold without being wrong, and what its content is too free to be judged by
TOLERATED = {".json": {".jsonl"}, ".md": {".json", ".jsonl", ".csv", ".eml", ".mbox"}, ".csv": {".eml", ".mbox", ".csv"},
             ".html": {".json", ".jsonl", ".csv"}, ".eml": {".csv"}, ".mbox": {".eml", ".csv"}}
_OLE, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*): ?.*|[ \t]+\S.*")
_MAIL = {"from", "to", "subject", "date", "received", "message-id", "mime-version", "return-path", "delivered-to"}
_TEXT_NAMES = {squeezed(name) for name in SYNONYMS["text"].split()}
_COLUMN_NAMES = {squeezed(name) for names in SYNONYMS.values() for name in names.split()}


def kind_of(file: ClientFile, look_inside: bool = False) -> tuple[str, str | None]:
    """The row of READERS for a file, and what to tell where its suffix says otherwise.

    A zip is opened only where `look_inside`; else it passes for what its suffix says. Raises Unreadable where the format is not read.
    """
    if file.packed and (refused := refusal(file.suffix, packed=True)):
        raise Unreadable(refused)
    with file.open() as stream:
        head = stream.read(HEAD_BYTES)
    own = SAME.get(file.suffix, file.suffix)
    found = None if file.packed and not _is_text(head) else _found(head, own)
    if found == ".zip" and look_inside:
        found = zips.kind(file.path)
    if found == ".zip" and own in PACKAGES:
        found = own   # a broken package, which its reader says, or one that is still to be looked into
    right = found is None or found == own or found in TOLERATED.get(own, ())
    kind = file.suffix if right else found
    refused = refusal(kind, file.packed)
    if refused:
        raise Unreadable(refused if kind == file.suffix else f"it is {NAMES.get(kind, kind)} by its content; {refused}")
    return kind, None if right else f"read as {NAMES[kind]}, which its content is, whatever its name says"


def _is_text(head: bytes) -> bool:
    return not head.startswith((_ZIP, _OLE, b"%PDF", b"PAR1"))


def _found(head: bytes, own: str) -> str | None:
    """The format that the first bytes prove; None where they prove none."""
    if head.startswith(_ZIP):
        return ".zip"
    if head.startswith(b"PAR1"):
        return ".parquet"
    if b"%PDF-" in head[:1024] and own not in (".html", ".eml", ".mbox", ".mhtml"):
        return ".pdf"
    if head.startswith(_OLE) and own in READERS:
        raise Unreadable("it is protected by a password, or an old Office file; save it without a password in a new format")
    if head.startswith(b"{\\rtf"):
        return ".rtf"
    text = head_text(head)
    return _markup(text) or _mail(text) or _json(text, own) or _plain(text, head, own)


def _markup(text: str) -> str | None:
    name = root_of(text)
    return ".html" if name == "html" else ".xml" if name in FEEDS else None


def _mail(text: str) -> str | None:
    """Headers up to a blank line, at least two of which every mail has."""
    lines = text.splitlines()
    boxed = bool(lines) and re.match(r"From \S.* \d{4}$|From - ", lines[0]) is not None
    names = set()
    for line in lines[boxed:]:
        header = _HEADER.fullmatch(line)
        if not header:
            break
        if header[1]:
            names.add(header[1].lower())
    else:
        return None
    if line.strip() or len(names & _MAIL) < 2:
        return None
    if boxed:
        return ".mbox"
    related = re.search(r"^content-type:\s*multipart/related", text, re.IGNORECASE | re.MULTILINE)
    return ".mhtml" if related and ("snapshot-content-location" in names or not names & {"to", "received", "return-path"}) else ".eml"


def _json(text: str, own: str) -> str | None:
    text = text.lstrip()
    first, _, rest = text.partition("\n")
    if own == ".jsonl":
        return ".json" if first.strip() in ("[", "{", "[{") else None
    if not re.match(r'\{\s*"|\[\s*\{\s*"', text):
        return None
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return ".json" if first.strip() in ("[", "{", "[{") else None
    return ".jsonl" if isinstance(value, dict) and rest.strip() else ".json"


def _plain(text: str, head: bytes, own: str) -> str | None:
    """A table or prose, where the suffix says nothing or too little."""
    if own not in ("", ".txt", ".xls"):
        return None
    lines = [line for line in text.splitlines() if line.strip()][:3]
    lines = lines[1:] if lines and lines[0].lower().lstrip("\ufeff\"").startswith("sep=") else lines[:2]
    for mark in "\t;,|":
        if len(lines) == 2 and mark in lines[1]:
            cells = {squeezed(cell.strip('"')) for cell in lines[0].split(mark)}
            if len(cells & _COLUMN_NAMES) >= 2 and cells & _TEXT_NAMES:
                return ".csv"
    if own or b"\0" in head or len(text.split()) < MIN_PROSE_WORDS:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    return ".txt"
