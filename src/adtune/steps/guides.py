"""Brand guides: what a person hands in is read as an archive's documents are and cut to what matters; without one a draft is made."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..durable import write_synced
from ..errors import InputError
from ..records import Split

if TYPE_CHECKING:
    from ..curate import Curated

SUFFIXES = (".md", ".markdown", ".txt", ".docx", ".pdf", ".html", ".htm")
DRAFT = "guide_draft.md"
SHOWN = 6                # headings left out that a note names


def read_brand_guide(path: Path) -> tuple[str, list[str]]:
    """The guide within the words that a prompt has for it, and what is to be told.

    Documents go through the archive's readers, those with a parser that a file could attack in its child process. Raises InputError for
    another kind of file, one that cannot be read, and one without words.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise _refused(path, f"the file type '{suffix or path.name}'")
    if not path.is_file():
        raise _refused(path, "no such file")
    text, notes = _plain(path) if suffix in (".md", ".markdown", ".txt") else _document(path)
    if not any(map(str.isalnum, text)):
        raise _refused(path, "no words")
    from ..curate import fit_guide

    cut = fit_guide(text)
    if cut.words < cut.of:
        told = f"{path.name} has {cut.of:,} words; the {cut.words} of them that say most about how to write are used"
        if cut.left_out:
            more = len(cut.left_out) - SHOWN
            told += f". Nothing is used of: {', '.join(cut.left_out[:SHOWN])}" + (f" and {more} more" if more > 0 else "")
        notes.append(told + ".")
    return cut.text, notes


def draft_of(curated: Curated) -> str:
    """A draft guide from the pieces of the training split that show the house; empty where a guide was given or nothing shows.

    Held-out pieces give no word of it, so that a guide made of it tells nothing of them.
    """
    judge = curated.judge
    if curated.dataset.guide or judge is None:
        return ""
    from ..curate.guide import GUIDE_WORDS
    from ..voice.draft_guide import HouseText, draft_guide

    house, training = judge.manner, {item.asset for item in curated.dataset.split(Split.TRAIN)}
    taken = [(piece, shown) for piece, shown in zip(house.pieces, house.shown, strict=True) if piece.asset.id in training]
    return draft_guide(HouseText(curated.dataset.client, [piece.body for piece, _ in taken], [shown for _, shown in taken], house.kept,
                                 [piece.asset.content_type or piece.asset.category for piece, _ in taken], house.by_gold), GUIDE_WORDS)


def house_told(curated: Curated) -> dict[str, Any]:
    """The keys `house` and `rebrand` of the JSON of `adtune curate`: null where not measured; a rebrand without a date is none."""
    from ..curate.rebrand import Rebrand

    judge = curated.judge
    if judge is None:
        return {"house": None, "rebrand": None}
    habits = [{"habit": one.habit.name, "choice": one.choice, "rate": one.rate.value, "interval": one.rate.as_list(), "pieces": one.pieces}
              for one in judge.manner.kept]
    change = judge.change
    if change.reason:
        return {"house": habits, "rebrand": None}
    found = asdict(change.rebrand) if change.rebrand else dict.fromkeys(field.name for field in fields(Rebrand))
    for name, first in (("changed", "habit"), ("gone", "name"), ("new", "name")):
        found[name] = [dict(zip((first, "before", "after"), row, strict=True)) for row in found[name] or ()]
    return {"house": habits, "rebrand": found}


def rebrand_notes(curated: Curated) -> list[str]:
    """That the house changed, and what became of the pieces from before."""
    change = curated.judge.change.rebrand if curated.judge else None
    if change is None:
        return []
    kept = sum(one.reason == "before_rebrand" for one in curated.shown)
    return [f"The house changed between {change.last} and {change.date}: {change.told}. {kept:,} kept pieces lie before; --set "
            "drop_also=before_rebrand leaves them out."]


def write_draft(draft: str | None, out: Path) -> None:
    """The draft guide at the path `draft` as a new file of the user's. Raises InputError where there is none, and where `out` is there."""
    if draft is None:
        raise InputError("--draft-guide", "a dataset with a brand guide, or without a piece to learn from", "an archive without a guide",
                         "Leave --draft-guide out: `adtune show DATASET` shows the guide in use.")
    refuse_existing(out)
    try:
        write_synced(out, Path(draft).read_bytes())
    except OSError as error:
        raise InputError("--draft-guide", f"{out}: {error.strerror}", "a file that can be written", "Name another file.") from error


def refuse_existing(out: Path) -> None:
    """Raises InputError where a draft would overwrite a file, which a person may have edited."""
    if out.exists():
        raise InputError("--draft-guide", f"{out}, which is there", "a new file", "Name another file, so that no edit is lost.")


def _plain(path: Path) -> tuple[str, list[str]]:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace").replace("\r\n", "\n"), []
    if b"\0" in data:
        raise _refused(path, "binary data")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n"), []


def _document(path: Path) -> tuple[str, list[str]]:
    """The texts of a document under their titles, as the archive's readers see them."""
    from ..archive import read_archive

    reading = read_archive(path, "guide")
    if not reading.assets:
        raise _refused(path, reading.rejected[0].reason if reading.rejected else "no words")
    parts = [f"# {one.title}\n\n{one.text}" if one.title and not one.text.lstrip("# *").startswith(one.title) else one.text
             for one in reading.assets]
    return "\n\n".join(parts), [f"{one.where}: {one.reason}" for one in reading.rejected]


def _refused(path: Path, found: str) -> InputError:
    return InputError(path.name, found, f"a brand guide as {', '.join(SUFFIXES)}",
                      "Save the guide as text, a Word document or a PDF with text, and give that file.")
