"""Which encoding a file is in: BOM, then strict UTF-8, then a legacy code page that the text itself confirms; else none.

A code page is never taken because it happens to decode. charset-normalizer names the candidates; one is taken where its
text is in a known language, nearly all its non-ASCII characters belong to that language, and no candidate that reads
differently comes near.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass

from . import language
from .files import ClientFile
from .rows import Unreadable

SAMPLE_BYTES = 32_000
CONTROL_SHARE = 0.05     # control bytes from which a file is binary, not text
FIT, LEAD = 0.97, 0.1    # share of fitting characters that the best code page needs, and its lead over the next
COHERENCE_LEAD = 0.15    # or this lead in charset-normalizer's coherence (how usual the letters are in a language)
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
MAGIC = ((b"PK\x03\x04", "a zip or Office file"), (b"%PDF", "a PDF"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"),
         (b"GIF8", "a picture"), (b"\x1f\x8b", "a gzip file"), (b"\xd0\xcf\x11\xe0", "an old Office file"))
CODE_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "iso8859_15", "mac_roman", "koi8_r", "cp932",
              "euc_jp", "gb18030", "big5", "cp949")
WIDER = {"iso8859_1": "cp1252", "ascii": "cp1252", "gbk": "gb18030", "gb2312": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
UNSURE = "encoding not recognised; save the file as UTF-8"

_MARKS = "‘’‚“”„«»‹›–—…•·€£¥¢§©®™°²³½¼¾×¿¡ªº\xa0"
_LETTERS = {
    "en": "éèêëïöüñçàâáíóôûæœ", "de": "äöüßéèà", "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíñóúü", "it": "àèéìíîòóùú", "pt": "ãõâêôáéíóúàçü",
    "nl": "ëïéèöüáó", "sv": "åäöéàü", "da": "åæøéü", "no": "åæøéòôü", "fi": "åäöšžé", "is": "áéíóúýðþæö", "ca": "àçèéíïòóúü",
    "pl": "ąćęłńóśźż", "cs": "áčďéěíňóřšťúůýž", "sk": "áäčďéíĺľňóôŕšťúýž", "hu": "áéíóöőúüű", "ro": "ăâîșțşţ", "tr": "çğıöşüâîİ",
    "hr": "čćđšž", "sl": "čšž", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "et": "äõöüšž",
}
_SCRIPTS = {
    "ru": "[ёЁ\u0410-\u044f]", "uk": "[\u0404-\u0457\u0410-\u044fґҐ]", "bg": "[\u0410-\u044f]", "sr": "[\u0402-\u045f]",
    "el": "[\u0386-\u03ce]", "ja": "[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]", "zh": "[\u3001-\u301f\u4e00-\u9fff\uff01-\uff5e]",
    "ko": "[\u3001-\u301f\uac00-\ud7a3]",
}


@dataclass(frozen=True)
class Encoding:
    """How to decode a file. `guessed` where the bytes do not prove it; `whole` where not one byte breaks it."""

    name: str
    guessed: bool = False
    whole: bool = True


@dataclass(frozen=True)
class _Lines:
    """What the lines of a file that is not UTF-8 throughout look like."""

    proven: bool       # some line is UTF-8 beyond ASCII: the file is UTF-8 with broken lines
    broken: bytes      # a sample of the lines that are not UTF-8
    context: bytes     # a sample of ASCII lines, which help to tell the language


def encoding_of(file: ClientFile) -> Encoding:
    """Raises Unreadable where the file is binary, or where no encoding can be vouched for.

    A file that is UTF-8 (or ASCII) but for some lines counts as UTF-8 with `whole` False.
    """
    with file.open() as stream:
        head = stream.read(64_000)
    for bom, name in BOMS:
        if head.startswith(bom) and name != "utf-8-sig":
            return _with_bom(file, name)
    _refuse_binary(head)
    name = "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    if _decodes(file, name):
        return Encoding(name)
    lines = _lines(file)
    if lines.proven or name == "utf-8-sig":
        return Encoding(name, whole=False)
    page = code_page(lines.broken, lines.context)
    return Encoding("utf-8", whole=False) if page is None else Encoding(page, guessed=True)


def open_text(file: ClientFile, encoding: Encoding) -> io.TextIOWrapper:
    """The file as text with its own line ends; bytes that do not decode become lone surrogates, which no piece may hold."""
    return io.TextIOWrapper(file.open(), encoding=encoding.name, errors="surrogateescape", newline="")


def head_text(head: bytes) -> str:
    """The first bytes of a file as text, good enough to tell its format by."""
    name = next((name for bom, name in BOMS if head.startswith(bom)), "utf-8" if head.isascii() else "latin-1")
    return head.decode(name, "ignore")


def declared_encoding(file: ClientFile) -> Encoding | None:
    """The code page that an HTML page names in its head, where not one byte breaks it."""
    with file.open() as stream:
        found = re.search(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", stream.read(4096), re.IGNORECASE)
    page = _known(found[1].decode("ascii", "replace")) if found else None
    return Encoding(page, guessed=True) if page and _decodes(file, page) else None


def bytes_text(raw: bytes, declared: str | None) -> str:
    """Bytes that say their own encoding, as those of a mail do: strictly by it, else as UTF-8, else by a code page that they confirm.

    Raises Unreadable where none holds.
    """
    for name in (_known(declared or ""), "utf-8-sig"):
        try:
            if name:
                return raw.decode(name)
        except UnicodeDecodeError:
            pass
    page = code_page(raw[:SAMPLE_BYTES])
    try:
        return raw.decode(page or "ascii")
    except UnicodeDecodeError:
        raise Unreadable(UNSURE) from None


def _known(name: str) -> str | None:
    """The codec of a declared name, where it is one of those in which text is written; Latin-1 is cp1252, as browsers read it."""
    try:
        codec = codecs.lookup(name.strip()).name.replace("-", "_")
    except (LookupError, ValueError):
        return None
    codec = WIDER.get(codec, codec)
    return codec if codec in (*CODE_PAGES, "utf_8", "utf_16", "iso2022_jp") else None


def code_page(broken: bytes, context: bytes = b"") -> str | None:
    """The legacy code page of these bytes, or None where the text does not confirm one."""
    from charset_normalizer import from_bytes

    sample = broken + b"\n" + context
    coherence = {page: match.coherence for match in from_bytes(sample, cp_isolation=list(CODE_PAGES), enable_fallback=False)
                 for page in (match.encoding, *match.could_be_from_charset)}
    read: dict[str, tuple[float, float, str]] = {}
    for page in (page for page in CODE_PAGES if page in coherence):
        text = sample.decode(page, "ignore")   # the sample may end within a character
        read.setdefault(text, (_fit(text), coherence[page], page))
    best = max(read.values(), key=lambda found: (found[0] >= FIT, found[1], found[0]), default=None)
    if best is None or best[0] < FIT:
        return None
    led = all(best[0] - fit >= LEAD or best[1] - coherent >= COHERENCE_LEAD for fit, coherent, page in read.values() if page != best[2])
    return best[2] if led else None


def _with_bom(file: ClientFile, name: str) -> Encoding:
    if not _decodes(file, name):
        raise Unreadable(f"encoding not recognised: it starts as {name.upper()} and then breaks; save the file as UTF-8")
    return Encoding(name)


def _refuse_binary(head: bytes) -> None:
    kind = next((kind for start, kind in MAGIC if head.startswith(start)), None)
    if kind:
        raise Unreadable(f"encoding not recognised: it is {kind}, whatever its name says")
    controls = len(head.translate(None, bytes(range(32, 256)) + b"\t\n\r\f"))
    if controls > CONTROL_SHARE * len(head):
        raise Unreadable("encoding not recognised: the file is binary; save it as UTF-8 text")


def _decodes(file: ClientFile, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    with file.open() as stream:
        try:
            while chunk := stream.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _lines(file: ClientFile) -> _Lines:
    proven, broken, context = False, bytearray(), bytearray()
    with file.open() as stream:
        while line := stream.readline(1 << 20):
            try:
                proven = proven or not line.decode("utf-8").isascii()
                if len(context) < SAMPLE_BYTES // 8:
                    context += line[:2000]
            except UnicodeDecodeError:
                if len(broken) < SAMPLE_BYTES:
                    broken += line[:SAMPLE_BYTES]
    return _Lines(proven, bytes(broken[:SAMPLE_BYTES]), bytes(context))


def _fit(text: str) -> float:
    """Share of the characters beyond ASCII that the text's own language uses; 0 where the text is too short to tell."""
    beyond = [index for index, char in enumerate(text) if ord(char) > 127]
    if language.words(text) < (8 if len(beyond) > 1 else language.MIN_WORDS):
        return 0.0
    code, probability = language.classify(text)
    if probability < language.MIN_PROBABILITY:
        return 0.0
    script = re.compile(_SCRIPTS[code]) if code in _SCRIPTS else None
    letters = set(_LETTERS.get(code, ""))

    def fits(index: int) -> bool:
        char, before = text[index], text[index - 1:index]
        if char.isupper() and before.islower():
            return False
        return char in _MARKS or bool(script.match(char) if script else char.lower() in letters)

    return sum(map(fits, beyond)) / len(beyond) if beyond else 0.0
