"""The file formats that an archive may hold: one reader each, one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .bundle import read_bundle
from .columns import Columns
from .delimited import read_delimited
from .encodings import Encoding
from .files import ClientFile
from .html import read_html
from .json_file import read_json
from .jsonl import read_jsonl
from .mail import read_mail, read_mailbox
from .markdown import read_markdown
from .parquet import read_parquet
from .parts import Mark, Note
from .pdf import read_pdf
from .plain import read_plain
from .rows import Fault, Row
from .saved_page import read_saved_page
from .word import read_docx
from .workbook import read_workbook
from .xml_file import read_xml


@dataclass(frozen=True)
class Reader:
    """How a format is read. `text` formats have an encoding and may be gzipped; `child` says that its parser runs in a child process.

    A reader of many files in one gives a Mark where each begins, and a ClientFile where that has a reader of its own.
    """

    read: Callable[[ClientFile, Encoding, Columns], Iterator[Row | Fault | Mark | Note | ClientFile]]
    text: bool = True
    child: bool = False


READERS = {
    ".jsonl": Reader(read_jsonl),
    ".ndjson": Reader(read_jsonl),
    ".json": Reader(read_json),
    ".csv": Reader(read_delimited),
    ".tsv": Reader(read_delimited),
    ".md": Reader(read_markdown),
    ".markdown": Reader(read_markdown),
    ".txt": Reader(read_plain),
    ".html": Reader(read_html, child=True),
    ".htm": Reader(read_html, child=True),
    ".mhtml": Reader(read_saved_page, text=False, child=True),
    ".mht": Reader(read_saved_page, text=False, child=True),
    ".docx": Reader(read_docx, text=False, child=True),
    ".xlsx": Reader(read_workbook, text=False, child=True),
    ".xlsm": Reader(read_workbook, text=False, child=True),
    ".ods": Reader(read_workbook, text=False, child=True),
    ".parquet": Reader(read_parquet, text=False, child=True),
    ".pdf": Reader(read_pdf, text=False, child=True),
    ".xml": Reader(read_xml, text=False, child=True),
    ".rss": Reader(read_xml, text=False, child=True),
    ".atom": Reader(read_xml, text=False, child=True),
    ".eml": Reader(read_mail, text=False, child=True),
    ".mbox": Reader(read_mailbox, text=False, child=True),
    ".zip": Reader(read_bundle, text=False, child=True),
}
INSTEAD = {".doc": ".docx", ".odt": ".docx", ".rtf": ".docx", ".pages": ".docx", ".pptx": ".pdf", ".ppt": ".pdf", ".key": ".pdf",
           ".odp": ".pdf", ".indd": ".pdf", ".xls": ".xlsx", ".xlsb": ".xlsx", ".numbers": ".xlsx or .csv", ".msg": ".eml", ".pst": ".mbox",
           ".webarchive": ".html", ".epub": ".html or .docx", ".rar": ".zip", ".7z": ".zip", ".tar": ".zip", ".tgz": ".zip"}


TEXTLESS = set(".png .jpg .jpeg .gif .webp .svg .heic .tif .tiff .bmp .ico .psd .ai .eps .mp4 .mov .avi .webm .mp3 .wav .m4a .css .js "
               ".woff .woff2 .ttf .otf".split())


def refusal(suffix: str, packed: bool) -> str | None:
    """Why a file with this suffix is not read; None where it is."""
    reader = READERS.get(suffix)
    if reader is None and suffix in TEXTLESS:
        return f"the file type '{suffix}' holds no text that is read"
    if reader is None:
        known = f"save it as {INSTEAD[suffix]}" if suffix in INSTEAD else f"read are {', '.join(READERS)}"
        return f"the file type '{suffix[:20] or 'without a suffix'}' is not read; {known}"
    if packed and not reader.text:
        return f"a gzipped '{suffix}' is not read; unpack it first"
    return None
