"""Decisions as a table to fill in: what was decided and what is still asked goes out, what somebody wrote into it comes in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..records import Asset, Decision, Source
from .sheet import bare, check_name, write_sheet

if TYPE_CHECKING:
    from ..archive.rows import Row
    from ..curate.pieces import Piece
    from ..curate.review import Question
    from ..workspace import Workspace

COLUMNS = ("asset", "id", "title", "category", "decision", "note", "by", "when", "now", "about", "found", "kind", "confidence",
           "moves if kept", "moves if dropped", "text")
EXCERPT = 2000       # characters of a piece's text in the table
SHOWN = 3            # rejected rows in a message
WORDS = {"keep": "keep", "yes": "keep", "y": "keep", "kept": "keep", "drop": "drop", "no": "drop", "n": "drop", "dropped": "drop",
         "voice": "voice", "the voice": "voice", "other": "other", "other voice": "other", "another voice": "other",
         "relabel": "relabel", "other category": "relabel", "open": "open", "undo": "open", "take back": "open", "taken back": "open"}
_OURS = re.compile(r"[0-9a-f]{8,64}")

__all__ = ["check_name", "take_decisions", "write_decisions"]


def write_decisions(path: Path, pieces: Sequence[Piece], questions: Sequence[Question]) -> None:
    """Writes the decisions that hold, then the open questions with an empty column `decision`. Raises InputError."""
    rows = [_row(piece, {"decision": piece.ruling.says, "note": piece.ruling.note, "by": piece.ruling.who, "when": piece.ruling.when,
                         "about": piece.ruling.about, "kind": piece.ruling.kind}) for piece in pieces if piece.ruling]
    for question in questions:
        told = {"about": question.about, "found": question.evidence, "kind": question.kind, "confidence": round(question.confidence, 3)}
        if question.groups:
            rows += [_row(piece, {**told, "found": f"group {number} of {len(question.groups)}: {', '.join(group.habits)}"})
                     for number, group in enumerate(question.groups, start=1) for piece in group.typical if piece.ruling is None]
        else:
            rows.append(_row(question.piece, {**told, "now": "keep" if question.kept else "drop", "moves if kept": question.yes,
                                              "moves if dropped": question.no}))
    write_sheet(path, COLUMNS, rows)


def _row(piece: Piece, told: Mapping[str, Any]) -> list[Any]:
    asset = piece.asset
    cells = {"asset": asset.id, "id": asset.source.id, "title": asset.title, "category": asset.category, "text": piece.body[:EXCERPT],
             **told}
    return [cells.get(name) for name in COLUMNS]


def take_decisions(ws: Workspace, client: str, path: Path, who: str) -> dict[str, Any]:
    """Takes the decisions of a table: `{read taken unchanged blank rejections[{where reason}]}`, which add up.

    A row names its piece by `asset` (our id or its start) or `id` (that of its file); `decision` is keep, drop, voice, other, relabel or
    open; `note` and `by` are kept. With relabel the category is what `kind` says, and so it is with a no to a question about the category.
    Nothing is stored where no row can be taken. Raises InputError for that, and for a file that is no such table.
    """
    from ..archive.rows import Fault

    rejections: list[dict[str, str]] = []
    taken: list[Decision] = []
    counts: Counter[str] = Counter()
    finder = _Finder(ws, client)
    for row in _rows(path):
        counts["read"] += 1
        if isinstance(row, Fault):
            rejections.append({"where": _line(row.line), "reason": row.reason})
            continue
        try:
            made = _decision(row, finder, who, path.name)
        except _Wrong as wrong:
            rejections.append({"where": f"{_line(row.line)}, column {wrong.column}", "reason": str(wrong)})
            continue
        if made is None:
            counts["blank"] += 1
        elif finder.says(made) == (made.says if made.says != "open" else None) and (made.says != "relabel" or finder.labelled(made)):
            counts["unchanged"] += 1
        else:
            taken.append(made)
    if not taken and rejections:
        told = "; ".join(f"{one['where']}: {one['reason']}" for one in rejections[:SHOWN])
        raise InputError(str(path), f"no decision that can be taken among {counts['read']} rows ({told})",
                         "a piece and a decision in a row", "Correct the rows that are named; nothing was stored.")
    ws.decide(client, taken)
    return {"read": counts["read"], "taken": len(taken), "unchanged": counts["unchanged"], "blank": counts["blank"],
            "rejections": rejections}


class _Wrong(Exception):  # noqa: N818 - it says what is wrong with a cell
    """A cell that can't be taken; `column` is its name."""

    def __init__(self, column: str, reason: str):
        self.column = column
        super().__init__(reason)


class _Finder:
    """The client's pieces by the words that a row names them by, and what is said of them so far."""

    def __init__(self, ws: Workspace, client: str):
        from ..curate.decisions import pieces_with

        assets = ws.assets(client)
        self.client = client
        self._pieces = {piece.asset.id: piece for piece in pieces_with(assets, ws.decisions(client))}
        self._own: dict[str, list[Asset]] = {}
        for asset in assets:
            if asset.source.id is not None and asset.replaced_by is None:
                self._own.setdefault(asset.source.id, []).append(asset)

    def by_asset(self, word: str) -> Piece:
        """The piece with our id `word` or the beginning of it."""
        found = [self._pieces[word]] if word in self._pieces else [one for id, one in self._pieces.items() if id.startswith(word)]
        if not _OURS.fullmatch(word) or len(found) != 1:
            what = f"{len(found)} pieces of {self.client} begin with '{word[:60]}'" if len(found) > 1 else \
                f"{self.client} has no piece with the id '{word[:60]}'"
            raise _Wrong("asset", what)
        return found[0]

    def by_own(self, word: str) -> Piece:
        """The piece that its own file calls `word`."""
        found = self._own.get(word, [])
        if len(found) != 1:
            raise _Wrong("id", f"{len(found) or 'no'} pieces of {self.client} have the id '{word[:60]}'"
                         + ("; name the one meant by its asset id" if found else ""))
        return self._pieces[found[0].id]

    def says(self, decision: Decision) -> str | None:
        return self._pieces[decision.asset].says

    def labelled(self, decision: Decision) -> bool:
        """Whether the piece has the category that the decision gives it."""
        return self._pieces[decision.asset].asset.category == decision.kind


def _decision(row: Row, finder: _Finder, who: str, file: str) -> Decision | None:
    """A row as a decision; None where it decides nothing. Raises _Wrong."""
    cells = {re.sub(r"[\W_]+", "", name.casefold()): bare(str(value).strip()) for name, value in row.values.items() if value is not None}
    word = cells.get("decision", "")
    if not word:
        return None
    says = WORDS.get(" ".join(re.sub(r"[\W_]+", " ", word.casefold()).split()))
    if says is None:
        raise _Wrong("decision", f"'{word[:40]}' is not known; expected keep, drop, voice, other, relabel or open")
    asset, own = cells.get("asset") or cells.get("assetid"), cells.get("id")
    if not asset and not own:
        raise _Wrong("asset", "the row names no piece: neither asset nor id")
    piece = finder.by_asset(asset) if asset else finder.by_own(own or "")
    about = cells.get("about") or None
    if about == "category_labels" and word.casefold() in ("n", "no"):
        says = "relabel"
    if says == "relabel" and not cells.get("kind"):
        raise _Wrong("kind", "relabel without the category that it is")
    kind = (cells.get("kind") or "") if about or says == "relabel" else None
    return Decision(piece.asset.id, piece.content, says, cells.get("by") or who, about, kind, cells.get("note") or None,
                    Source(file, row.line, own or None))


def _rows(path: Path) -> Iterable[Any]:
    """The rows of the table. Raises InputError for a file that is none, or has no column `decision`."""
    from ..archive.columns import Columns
    from ..archive.files import client_files
    from ..archive.opening import UNREADABLE, reason_of, rows_of

    check_name(path)
    if path.is_dir():
        raise InputError(str(path), "a folder", "a table of decisions", "Name the file.")
    file, = client_files(path)
    notes: Callable[[str], None] = lambda note: None  # noqa: E731 - nobody reads what a table of decisions is encoded in
    try:
        yield from rows_of(file, Columns({"text": "decision"}), notes)
    except UNREADABLE as error:
        raise InputError(str(path), reason_of(error), "a table that can be read", "Save it as CSV or XLSX again.") from error
    except InputError as error:
        raise InputError(str(path), "no column 'decision'", "the columns asset (or id) and decision",
                         "Write the table with --decisions-out FILE and fill in its column `decision`.") from error


def _line(line: int | None) -> str:
    return "the file" if line is None else f"line {line}"
