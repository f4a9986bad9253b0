"""What a person can do about files of which nothing could be read: it follows from what was found, and is never a matter of columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InputError
from ..records import Rejected

SHOWN = 3   # reasons in the message

# What a reason says, and what helps; the first that fits counts.
_REMEDIES = (
    (r"is not read; (save it as .+)", "{} and import that."),
    (r"is not read; read are|holds no text that is read", "Save the texts as .docx, .txt, .csv or .xlsx and import that."),
    (r"unpack it first|zip bomb|gzip bomb", "Unpack it, and import the folder."),
    (r"is empty|holds no pieces|holds no files", "There is nothing in it: export or save it again, and open it before you import it."),
    (r"password|encrypted", "Save it without a password, as .docx, .xlsx or .pdf."),
    (r"recognise its text|ask for the original", "Ask for the original as .docx or .txt, or recognise the text first (OCR)."),
    (r"not XML of a kind", "Export RSS, Atom or WordPress's own export (WXR), or save the texts as .csv, .xlsx or .docx."),
    (r"several lists|holds \d+ lists", "Save the list that holds the pieces as a file of its own."),
    (r"is binary|whatever its name says|NUL characters", "It is no text: save it as .docx, .txt, .csv or .xlsx in the program it is from."),
    (r"cut short|damaged|broken|is lost|does not end|not JSON|not XML|not a feed|crash|cannot be unpacked|that can be read",
     "It is damaged or cut short: export, save or download it again, or save the texts as .docx, .txt or .csv."),
    (r"encoding not recognised", "Save it as UTF-8 (in Word or an editor: Save as, plain text, Unicode UTF-8), or as .docx."),
    (r"larger than|longer than", "Divide it into smaller files."),
)


class NothingRead(InputError):
    """Not one row or document could be read; what was wrong with each file is in the rejections."""


def nothing_read(where: str, rejected: Sequence[Rejected], count: int) -> NothingRead:
    """The error for files of which not one row could be read; `rejected` are the first of `count` rejections."""
    reasons = "; ".join(f"{one.where}: {one.reason}" for one in rejected[:SHOWN])
    more = count - min(SHOWN, len(rejected))
    told = f" ({reasons}{f'; and {more} more' if more > 0 else ''})" if reasons else ""
    return NothingRead(where, f"no piece that can be kept among {count} read{told}", "at least one piece with a text",
                       remedy(rejected[0].reason if rejected else ""))


def remedy(reason: str) -> str:
    """What to do about a file that was rejected for this reason."""
    for pattern, words in _REMEDIES:
        if found := re.search(pattern, reason):
            said = found[1] if found.groups() else ""
            return words.format(said[:1].upper() + said[1:])
    return "Mend the file, or save its texts as .docx, .txt, .csv or .jsonl."
