"""E-mail: a message (.eml) or a mailbox of them (.mbox). The HTML part is preferred, as newsletters put little into the other.

What every newsletter has around its copy - the line that opens it in a browser, how to leave the list, padding that nobody sees -
is left out and told; attachments are told too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from . import mail_parts
from .columns import Columns
from .encodings import Encoding
from .files import ClientFile
from .html import page
from .parts import Mark, Note
from .rows import Fault, Row, Unreadable

MESSAGE_BYTES = 40_000_000
FOOT_BLOCKS, FOOT_WORDS = 8, 60    # a mail's last blocks, and how long one of them may be, to be its footer
HEAD_BLOCKS = 4
_LEAVE = re.compile(
    r"unsubscrib|opt[ -]?out|(?:manage|update|change)\s+(?:your\s+)?(?:e-?mail\s+|subscription\s+)?(?:preferences|settings|subscription)|"
    r"(?:you(?:['’]re| are) receiving|you received|was sent to|why did i get) this|abmelde|abbestell|austragen|"
    r"desinscri|désinscri|désabonn|darse de baja|cancelar (?:la |su )?suscripci|disiscriv|cancella(?:ti| iscrizione)|afmelden|uitschrijven|"
    r"cancelar (?:a )?inscri|avregistrera|afmeld|wypisz|zrezygnuj|отписаться|add us to your address book", re.IGNORECASE)
_BROWSER = re.compile(
    r"(?:view|read|open|see|display)\b.{0,50}\b(?:browser|online version|web ?version|as (?:a )?web ?page)|"
    r"trouble (?:viewing|reading) this|\b(?:view|read|see) (?:(?:this|the) )?(?:(?:e-?mail|message|newsletter|it) )?online\b|im browser|"
    r"online-?version|webversion|dans (?:votre|le) navigateur|version en ligne|en (?:el|su|tu) navegador|nel (?:tuo )?browser|"
    r"in (?:je|uw) browser|no (?:seu )?navegador", re.IGNORECASE)
_PADDING = re.compile("[\u00ad\u034f\u061c\u115f\u17b4\u17b5\u180e\u200b-\u200f\u2007\u2060-\u2064\u2800\ufeff]+|\\s+")
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]|[\u200c\u200d](?=[\\s\u200c\u200d\u00a0]|$)")
_LINK = re.compile(r"\s*[<(\[]?https?://\S{60,}[>)\]]?|\s*[<(\[]https?://\S+[>)\]]")


def read_mail(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault | Note]:
    """Raises Unreadable where it is no mail, is encrypted or too long."""
    with file.open() as stream:
        raw = stream.read(MESSAGE_BYTES + 1)
    if len(raw) > MESSAGE_BYTES:
        raise Unreadable(f"the mail is larger than {MESSAGE_BYTES // 1_000_000} MB")
    message = mail_parts.parsed(raw)
    values, left_out = _values(message)
    yield Row(None, values, document=True)
    hanging = mail_parts.attachments(message)
    if hanging:
        yield Note(f"{len(hanging)} attachment{'s are' if len(hanging) > 1 else ' is'} not read: {', '.join(hanging[:5])}"
                   + (f" and {len(hanging) - 5} more" if len(hanging) > 5 else ""))
    if left_out:
        yield Note("the lines about the browser and the list were left out")


def read_mailbox(file: ClientFile, encoding: Encoding, columns: Columns) -> Iterator[Row | Fault | Mark | Note]:
    """Every message has the line on which it starts. Raises Unreadable where the file starts with none."""
    hanging = trimmed = 0
    for number, (line, raw) in enumerate(_messages(file)):
        if number < file.skip:
            continue
        yield Mark(number, line)
        if raw is None:
            yield Fault(line, f"the mail is larger than {MESSAGE_BYTES // 1_000_000} MB")
            continue
        try:
            message = mail_parts.parsed(raw)
            values, left_out = _values(message)
        except Unreadable as error:
            yield Fault(line, str(error))
            continue
        hanging, trimmed = hanging + bool(mail_parts.attachments(message)), trimmed + left_out
        yield Row(line, values, document=True)
    if hanging:
        yield Note(f"the attachments of {hanging} mail{'s' if hanging > 1 else ''} are not read")
    if trimmed:
        yield Note(f"the lines about the browser and the list were left out of {trimmed} mail{'s' if trimmed > 1 else ''}")


def _messages(file: ClientFile) -> Iterator[tuple[int, bytes | None]]:
    """(line of its `From ` line, message); None where it is too long. `From ` starts one behind a blank line only; `>From ` is text."""
    with file.open() as stream:
        number, start, blank, size = 0, 0, True, 0
        lines: list[bytes] = []
        while line := stream.readline(1 << 20):
            number += 1
            if blank and line.startswith(b"From "):
                if start:
                    yield start, b"".join(lines) if size <= MESSAGE_BYTES else None
                start, lines, size = number, [], 0
            elif not start:
                if line.strip():
                    raise Unreadable("not a mailbox: it does not start with a `From ` line", number)
            else:
                size += len(line)
                if size <= MESSAGE_BYTES:
                    lines.append(re.sub(rb"\A>(>*From )", rb"\1", line))
            blank = not line.strip()
        if start:
            yield start, b"".join(lines) if size <= MESSAGE_BYTES else None


def _values(message: Any) -> tuple[dict[str, Any], bool]:
    """The fields, and whether lines about the browser and the list were left out."""
    if message.get_content_type() == "multipart/encrypted" or message.get_content_type() == "application/pkcs7-mime":
        raise Unreadable("the mail is encrypted")
    html, plain = mail_parts.body(message)
    fields: dict[str, Any] = {}
    if html is not None:
        fields = page(mail_parts.content(html), titled=False)
    if not (fields.get("text") or "").strip():
        fields = {"text": _LINK.sub("", mail_parts.content(plain))} if plain is not None else {"text": ""}
    text, left_out = _copy(fields["text"])
    subject = mail_parts.header(message, "Subject")
    text = text.removeprefix(f"# {subject}\n\n") if subject else text
    return {"title": subject or fields.get("title"), "text": text, "author": mail_parts.sender(message) or None,
            "date": _date(mail_parts.header(message, "Date")), "type": "e-mail", "language": fields.get("language"),
            "id": mail_parts.header(message, "Message-ID").strip("<>") or None}, left_out


def _copy(text: str) -> tuple[str, bool]:
    """The text without invisible padding and without what is about the mail and not in it."""
    blocks = [_INVISIBLE.sub("", block) for block in text.split("\n\n") if _PADDING.sub("", block)]
    head = [at for at, block in enumerate(blocks[:HEAD_BLOCKS]) if _about(block, _BROWSER) or _about(block, _LEAVE)]
    kept = [block for at, block in enumerate(blocks) if at not in head]
    foot = next((at for at in range(max(1, len(kept) - FOOT_BLOCKS), len(kept)) if _is_foot(kept[at:])), len(kept))
    return "\n\n".join(kept[:foot]), foot < len(blocks)


def _is_foot(blocks: list[str]) -> bool:
    """Short blocks to the end, the first of which says how to leave the list."""
    words = [len(block.split()) for block in blocks]
    short = max(words) <= FOOT_WORDS and sum(words) <= 3 * FOOT_WORDS
    return short and (_LEAVE.search(blocks[0]) is not None or _about(blocks[0], _BROWSER))


def _about(block: str, words: re.Pattern[str]) -> bool:
    return len(block.split()) <= FOOT_WORDS // 3 and words.search(block) is not None


def _date(written: str) -> str | None:
    """The day at the sender's; as it stands where it is no date."""
    if not written:
        return None
    try:
        return parsedate_to_datetime(written).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return written
