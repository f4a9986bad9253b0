"""The client's brand guide: a short text that goes in front of prompts, so only its beginning counts."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from ..errors import InputError

GUIDE_WORDS = 350
SUFFIXES = (".md", ".txt", ".docx")
_SENTENCE_END = re.compile(r"(?<=[.!?…。])[\"'”’)\]*_]*\s+")


def read_guide(path: Path) -> tuple[str, bool]:
    """The first 350 words at most of a brand guide (.md, .txt or .docx), and whether some were cut off.

    Paragraphs are taken whole from the start; the one that no longer fits is cut at the end of a sentence. Raises InputError for
    another kind of file, one that cannot be read, and one without words.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise _refused(path, f"the file type '{suffix or path.name}'")
    if not path.is_file():
        raise _refused(path, "no such file")
    text = _docx_text(path) if suffix == ".docx" else _plain_text(path)
    if not text.split():
        raise _refused(path, "no words")
    return first_words(text, GUIDE_WORDS)


def first_words(text: str, limit: int) -> tuple[str, bool]:
    """The first paragraphs of `text` within `limit` words, and whether anything was left out."""
    taken: list[str] = []
    left = limit
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        words = len(paragraph.split())
        if words > left:
            taken.append(_first_sentences(paragraph, left, must=not taken))
            return "\n\n".join(part for part in taken if part), True
        taken.append(paragraph.strip())
        left -= words
    return "\n\n".join(taken), False


def _first_sentences(paragraph: str, limit: int, must: bool) -> str:
    """The sentences, or lines of a list, that fit; where none does and something `must` stand there, the first words."""
    end = 0
    for stop in [*(match.end() for match in _SENTENCE_END.finditer(paragraph)), *(match.end() for match in re.finditer(r"\n", paragraph))]:
        if stop > end and len(paragraph[:stop].split()) <= limit:
            end = stop
    return paragraph[:end].strip() if end or not must else " ".join(paragraph.split()[:limit])


def _plain_text(path: Path) -> str:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace").replace("\r\n", "\n")
    if b"\0" in data:
        raise _refused(path, "binary data")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n")


def _docx_text(path: Path) -> str:
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    try:
        blocks = list(Document(str(path)).iter_inner_content())
    except (PackageNotFoundError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise _refused(path, "a file that is no Word document") from error
    texts = [_table_text(block) if isinstance(block, Table) else block.text for block in blocks]
    return "\n\n".join(text.strip() for text in texts if text.strip())


def _table_text(table: Any) -> str:
    return "\n".join(" | ".join(cell.text.strip() for cell in row.cells) for row in table.rows)


def _refused(path: Path, found: str) -> InputError:
    return InputError(path.name, found, f"a brand guide as {', '.join(SUFFIXES)}",
                      "Save the guide as text or as a Word document and give that file.")
