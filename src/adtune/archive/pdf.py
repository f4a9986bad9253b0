"""PDF: the text of all pages is one piece. Scanned pages hold no text, which is said; nothing is recognised from pictures here."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from typing import Any

from . import pdf_layout
from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .parts import Note
from .pdf_layout import HYPHEN, Line
from .rows import DOCUMENT_CHARACTERS, Fault, Row, Unreadable

PAGES = 2000              # some 7 ms each
MIN_CHARACTERS = 20       # on average a page; with fewer, a PDF that holds pictures is a scan
STRANGE_SHARE = 0.1       # of characters that are no letters of any script: the fonts do not say what they show
_NO_TITLE = re.compile(r"microsoft (?:word|powerpoint) - .*|untitled.*|unbenannt.*|(?:slide|document|dokument|layout) ?\d*|.*\.\w{2,5}",
                       re.IGNORECASE)


def read_pdf(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault | Note]:
    """Raises Unreadable where it is broken, protected or without text."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(file.path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("the PDF is protected by a password; save it without one") from None
        raise Unreadable(f"not a PDF that can be read ({error})") from None
    try:
        if len(document) > PAGES:
            raise Unreadable(f"the PDF has {len(document)} pages; at most {PAGES} are read")
        pages = [_page(document, number) for number in range(len(document))]
        about = document.get_metadata_dict()
    except pypdfium2.PdfiumError as error:
        raise Unreadable(f"the PDF is damaged ({error})") from None
    finally:
        document.close()
    _check([lines for lines, _ in pages], sum(pictures for _, pictures in pages))
    silent = [number for number, (lines, pictures) in enumerate(pages, start=1) if pictures and not lines]
    if silent:
        yield Note(f"pages that hold pictures without text were not read: {', '.join(map(str, silent[:20]))}"
                   + (f" and {len(silent) - 20} more" if len(silent) > 20 else ""))
    kept, dropped = pdf_layout.without_running_lines([lines for lines, _ in pages])
    if dropped:
        yield Note(f"{dropped} lines that run over the pages (headers, footers, page numbers) were left out")
    title = " ".join((about.get("Title") or "").split())
    title, text = pdf_layout.titled(pdf_layout.blocks(kept), None if _NO_TITLE.fullmatch(title) or not title else title)
    yield Row(None, {"title": title, "author": about.get("Author") or None, "text": text}, document=True)


def _check(pages: list[list[Line]], pictures: int) -> None:
    text = "".join(line.text for lines in pages for line in lines)
    if len(text) < MIN_CHARACTERS * len(pages) and pictures:
        raise Unreadable("the PDF holds pictures of pages, not text (a scan); recognise its text first (OCR), or ask for the original")
    if len(text) > DOCUMENT_CHARACTERS:
        raise Unreadable(f"the text is longer than {DOCUMENT_CHARACTERS // 1_000_000} MB")
    strange = sum(not char.isprintable() or "\ue000" <= char <= "\uf8ff" or char == "\ufffd" for char in text) - text.count(HYPHEN)
    if strange > STRANGE_SHARE * max(1, len(text)):
        raise Unreadable("the PDF's fonts do not say which letters they show; ask for the original, or recognise its text (OCR)")


def _page(document: Any, number: int) -> tuple[list[Line], bool]:
    """The page's lines in reading order, and whether it holds pictures."""
    from pypdfium2 import raw

    page = document[number]
    try:
        pictures = any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4))
        text = page.get_textpage()
        try:
            return _lines(text, raw), pictures
        finally:
            text.close()
    finally:
        page.close()


def _lines(text: Any, raw: Any) -> list[Line]:
    """Splits at the line ends that PDFium puts in; it joins words that a hyphen parts, and marks the hyphen."""
    lines: list[Line] = []
    run: list[tuple[int, str]] = []
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text.raw, index)
        if code in (10, 13):
            lines += _line(run, text, raw)
            run = []
        elif raw.FPDFText_IsHyphen(text.raw, index) == 1 and code in (2, 0xFFFE):
            run.append((index, HYPHEN))
        elif code:
            run.append((index, chr(code)))
    return lines + _line(run, text, raw)


def _line(run: list[tuple[int, str]], text: Any, raw: Any) -> list[Line]:
    seen = [(index, char) for index, char in run if not char.isspace()]
    if not seen:
        return []
    first, last = seen[0][0], seen[-1][0]
    (x, y), (right, end) = _origin(text, raw, first), _origin(text, raw, last)
    words = "".join(char for _, char in run).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return [Line(" ".join(words.split()), x, right, y, end, round(raw.FPDFText_GetFontSize(text.raw, seen[len(seen) // 2][0]), 1))]


def _origin(text: Any, raw: Any, index: int) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text.raw, index, x, y)
    return x.value, y.value
