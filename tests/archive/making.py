"""Makes files of every format that an archive may hold, for the tests and for `benchmarks/gate_import.py`. Nothing here imports adtune."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from html import escape
from typing import Any
from xml.sax.saxutils import escape as xml

WXR_NAMES = ('xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
             'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/"')
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def zipped(entries: dict[str, bytes | str]) -> bytes:
    """A zip with these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def html(title: str, text: str) -> str:
    return f"<html><head><title>{escape(title)}</title></head><body>{_paragraphs(text)}</body></html>"


def docx(title: str, text: str) -> bytes:
    import docx as word

    document, out = word.Document(), io.BytesIO()
    document.core_properties.title = title
    for part in text.split("\n\n"):
        document.add_paragraph(part)
    document.save(out)
    return out.getvalue()


def xlsx(sheets: dict[str, Sequence[Sequence[Any]]], merged: str = "", hidden: Sequence[str] = ()) -> bytes:
    """A workbook. A cell is text, a number, ("date", serial number) or None; `merged` is a range of the first sheet."""
    entries: dict[str, str] = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.'
        'openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/'
        'workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r" Type="{_LINKS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_SHEETS}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'}
    listed, links = "", f'<Relationship Id="s" Type="{_LINKS}/styles" Target="styles.xml"/>'
    for number, (name, rows) in enumerate(sheets.items(), start=1):
        state = ' state="hidden"' if name in hidden else ""
        listed += f'<sheet name="{xml(name)}" sheetId="{number}"{state} r:id="r{number}"/>'
        links += f'<Relationship Id="r{number}" Type="{_LINKS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        body = "".join(f'<row r="{at}">{"".join(_cell(f"{chr(65 + column)}{at}", cell) for column, cell in enumerate(row))}</row>'
                       for at, row in enumerate(rows, start=1))
        join = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged and number == 1 else ""
        entries[f"xl/worksheets/sheet{number}.xml"] = f'<worksheet xmlns="{_SHEETS}"><sheetData>{body}</sheetData>{join}</worksheet>'
    entries["xl/workbook.xml"] = f'<workbook xmlns="{_SHEETS}" xmlns:r="{_LINKS}"><sheets>{listed}</sheets></workbook>'
    entries["xl/_rels/workbook.xml.rels"] = f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'
    return zipped(entries)


def _cell(place: str, cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, tuple):
        return f'<c r="{place}" s="1"><v>{cell[1]}</v></c>'
    if isinstance(cell, (int, float)):
        return f'<c r="{place}"><v>{cell}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{xml(cell)}</t></is></c>'


def ods(rows: Sequence[Sequence[str]]) -> bytes:
    name = "urn:oasis:names:tc:opendocument:xmlns"
    def made(cell: str) -> str:
        lines = "".join(f"<text:p>{xml(line)}</text:p>" for line in cell.split("\n"))
        return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'

    body = "".join(f"<table:table-row>{''.join(map(made, row))}</table:table-row>" for row in rows)
    content = (f'<office:document-content xmlns:office="{name}:office:1.0" xmlns:table="{name}:table:1.0" xmlns:text="{name}:text:1.0">'
               f'<office:body><office:spreadsheet><table:table table:name="Sheet1">{body}</table:table></office:spreadsheet></office:body>'
               "</office:document-content>")
    manifest = (f'<manifest:manifest xmlns:manifest="{name}:manifest:1.0"><manifest:file-entry manifest:full-path="content.xml" '
                'manifest:media-type="text/xml"/></manifest:manifest>')
    return zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content, "META-INF/manifest.xml": manifest})


Placed = tuple[float, float, float, str]   # x, y, size of the type, text


def pdf(pages: Sequence[Sequence[Placed]], title: str | None = None, picture: bool = False, encrypted: bool = False) -> bytes:
    """A PDF of lines of Helvetica; with a `picture` on every page; `encrypted` under a password that nobody knows."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
             b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
             b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
             b"\nstream\n0\nendstream"]
    for number, lines in enumerate(pages):
        body = b"q 100 0 0 100 50 50 cm /I1 Do Q\n" if picture else b""
        for x, y, size, text in lines:
            raw = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
            body += f"BT /F1 {size} Tf 1 0 0 1 {x} {y} Tm (".encode() + raw + b") Tj ET\n"
        parts.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> /XObject << /I1 4 0 R >> "
                     f">> /Contents {6 + 2 * number} 0 R >>".encode())
        parts.append(f"<< /Length {len(body)} >>\nstream\n".encode() + body + b"\nendstream")
    info = f"/Info {len(parts) + 1} 0 R " if title else ""
    parts += [b"<< /Title (" + title.encode("cp1252") + b") >>"] if title else []
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + part + b"\nendobj\n"
    lock = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O ({'o' * 32}) /U ({'u' * 32}) /P -4 >> /ID [(a) (a)] " if encrypted else ""
    table = f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n" + "".join(f"{place:010d} 00000 n \n" for place in places)
    return out + f"{table}trailer\n<< /Size {len(parts) + 1} /Root 1 0 R {info}{lock}>>\nstartxref\n{len(out)}\n%%EOF\n".encode()


def typeset(text: str, width: int = 90, top: float = 780) -> list[Placed]:
    """Paragraphs of type as lines of at most `width` characters, with a wider gap between paragraphs."""
    lines: list[Placed] = []
    for paragraph in filter(None, text.split("\n\n")):
        words = paragraph.split()
        while words:
            line = words.pop(0)
            while words and len(line) + len(words[0]) < width:
                line += f" {words.pop(0)}"
            lines.append((72, top, 11, line))
            top -= 14
        top -= 12
    return lines


def rss(items: Sequence[dict[str, str]], end: str = "</channel></rss>") -> str:
    made = ("".join(f"<{name}>{xml(value)}</{name.split()[0]}>" for name, value in item.items()) for item in items)
    body = "".join(f"\n<item>{item}</item>" for item in made)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Blog</title><language>en-GB</language>{body}{end}\n')


def atom(title: str, text: str) -> str:
    return ('<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><entry>'
            f'<title>{xml(title)}</title><id>tag:x,1</id><updated>2024-05-31T10:00:00Z</updated>'
            f'<content type="html">{xml(_paragraphs(text))}'
            "</content></entry></feed>\n")


def wxr(items: Sequence[dict[str, Any]], end: str = "</channel></rss>") -> str:
    """A WordPress export; `categories` is a list of (domain, name), all other keys are elements."""
    body = ""
    for item in items:
        terms = [f'<category domain="{domain}" nicename="x"><![CDATA[{name}]]></category>' for domain, name in item.get("categories", ())]
        fields = [f"<{name}><![CDATA[{value}]]></{name}>" for name, value in item.items() if name != "categories"]
        body += f"\n<item>{''.join(fields + terms)}</item>"
    author = "<wp:author><wp:author_login>ann</wp:author_login><wp:author_display_name>Ann Lee</wp:author_display_name></wp:author>"
    return (f'<?xml version="1.0" encoding="UTF-8" ?>\n<!-- generator="WordPress/6.5" -->\n<rss version="2.0" {WXR_NAMES}><channel>'
            f"<title>Blog</title><wp:wxr_version>1.2</wp:wxr_version>{author}{body}{end}\n")


def mail(title: str, text: str | None, html: str | None = None, attachments: Sequence[str] = ()) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann Lee <ann@example.com>", "list@example.com", title
    message["Date"], message["Message-ID"] = "Fri, 31 May 2024 23:30:00 -0500", "<one@example.com>"
    message.set_content(text or "")
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name in attachments:
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename=name)
    return message


def mbox(messages: Sequence[EmailMessage]) -> bytes:
    return b"".join(b"From ann@example.com Fri May 31 10:00:00 2024\n" + message.as_bytes().replace(b"\nFrom ", b"\n>From ") + b"\n"
                    for message in messages)


def mhtml(title: str, text: str) -> bytes:
    """A page as Chromium saves it, with a frame that is no piece."""
    page = f"<!DOCTYPE html>{html(title, text)}".encode()
    return (b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.com/page\r\nSubject: Tab title\r\n"
            b"Date: Fri, 31 May 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; type=\"text/html\"; "
            b"boundary=\"x--y\"\r\n\r\n\r\n--x--y\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
            b"Content-Location: https://example.com/page\r\n\r\n" + _base64(page) + b"\r\n--x--y\r\nContent-Type: text/html\r\n"
            b"Content-Location: cid:frame\r\n\r\n<p>An advert in a frame.</p>\r\n--x--y--\r\n")


def piece(suffix: str, title: str, text: str) -> bytes:
    """A file of the format with one piece of this title and text (paragraphs with a blank line between)."""
    return PIECES[suffix](title, text)


def _base64(raw: bytes) -> bytes:
    import base64

    return base64.encodebytes(raw)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n") if part)


def _table(mark: str) -> Callable[[str, str], bytes]:
    def made(title: str, text: str) -> bytes:
        cells = [f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in (title, text)]
        return f"title{mark}text\n{mark.join(cells)}\n".encode()

    return made


def _json(title: str, text: str) -> bytes:
    return json.dumps({"title": title, "text": text}, ensure_ascii=False).encode() + b"\n"


def _workbook(title: str, text: str) -> bytes:
    return xlsx({"Sheet1": [["title", "text"], [title, text]]})


def _feed(title: str, text: str) -> bytes:
    return rss([{"title": title, "content:encoded": _paragraphs(text)}]).encode()


def _parquet(title: str, text: str) -> bytes:
    import pyarrow
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"title": [title], "text": [text]}), out)
    return out.getvalue()


PIECES: dict[str, Callable[[str, str], bytes]] = {
    ".jsonl": _json, ".ndjson": _json, ".json": _json, ".csv": _table(","), ".tsv": _table("\t"),
    ".md": lambda title, text: f"---\ntitle: {json.dumps(title)}\n---\n{text}\n".encode(),
    ".markdown": lambda title, text: f"# {title}\n\n{text}\n".encode(),
    ".txt": lambda title, text: f"{text} \n".encode(),
    ".html": lambda title, text: html(title, text).encode(), ".htm": lambda title, text: html(title, text).encode(),
    ".mhtml": mhtml, ".mht": mhtml, ".docx": docx, ".xlsx": _workbook, ".xlsm": _workbook,
    ".ods": lambda title, text: ods([["title", "text"], [title, text]]),
    ".pdf": lambda title, text: pdf([typeset(text)], title),
    ".xml": lambda title, text: wxr([{"title": title, "content:encoded": _paragraphs(text), "wp:status": "publish",
                                      "wp:post_type": "post"}]).encode(),
    ".rss": _feed, ".atom": lambda title, text: atom(title, text).encode(),
    ".eml": lambda title, text: mail(title, text).as_bytes(), ".mbox": lambda title, text: mbox([mail(title, text)]),
    ".parquet": _parquet, ".zip": lambda title, text: zipped({"piece.md": f"# {title}\n\n{text}\n"}),
}
