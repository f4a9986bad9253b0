"""`adtune import`: a client's files become assets in the workspace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, did_you_mean
from ..progress import Progress, silent
from ..records import Asset, Rejected

if TYPE_CHECKING:
    from ..archive import Correction, Stream
    from ..workspace import Workspace
    from ..workspace.spool import Spool

KINDS = {"content": True, "images": False, "campaigns": True, "creatives": False}
REASONS_SHOWN = 3
BATCH = 1000   # pieces in memory at a time
STORING = "storing"  # label of the part that is one transaction: what it tells must not write to the workspace


def import_archive(ws: Workspace, path: Path, client: str, kind: str = "content", mapping: dict[str, str] | None = None,
                   progress: Progress = silent) -> dict[str, Any]:
    """Read the file or folder `path` into the archive of `client`, who is created where new.

    `mapping` gives the column of a field. Gives the JSON object of `adtune import`; kept + rejected = read, `added` counts the pieces
    that were new, `corrected withdrawn restored` those that the files changed. Memory does not grow with the files, and one
    transaction stores everything. Raises InputError for an unknown or unbuilt kind, a path that cannot be read, and an archive of
    which nothing can be kept (then nothing is stored and no client is created).
    """
    _check_kind(kind)
    if kind == "campaigns":
        from .campaigns import import_campaigns

        return import_campaigns(ws, path, client, mapping, progress=progress)
    ws.check_client(client)
    from ..archive import Stream

    stream = Stream(Path(path), client, mapping, progress)
    with ws.spool() as new, ws.spool() as again:
        intake = Intake(ws, client, new, again)
        results = iter(stream)
        while batch := list(islice(results, BATCH)):
            intake.take(batch)
        kept = stream.kept - intake.turned_away
        if not kept:  # before the client is created
            raise _nothing_kept(path, stream, intake)
        intake.compare(stream, progress)
        added = ws.commit_import(client, _told(iter(new), new.count, progress), intake.splits)
    notes = [*stream.notes, *intake.notes()]
    rejections = [{"where": one.where, "reason": one.reason} for one in intake.rejected]
    return {"client": client, "kind": kind, "archive": ws.archive_hash(client), "read": stream.kept + stream.rejected, "kept": kept,
            "added": added, **{name: intake.reviser.counts[name] for name in ("corrected", "withdrawn", "restored")},
            "rejected": len(rejections), "rejections": rejections, "notes": notes,
            "guides": [{"text": text, "pieces": count} for text, count in stream.guides.items()]}


class Intake:
    """Sorts what is read: what is to be stored waits in `new`; pieces under a source id that is known in `again`, until all are read."""

    def __init__(self, ws: Workspace, client: str, new: Spool, again: Spool):
        from .revising import Reviser

        self.ws, self.client, self.new, self.again = ws, client, new, again
        self.reviser = Reviser(ws, client)
        self.rejected: list[Rejected] = []
        self.splits: list[tuple[str, str]] = []
        self.turned_away = 0     # corrections that name no piece
        self._stored = client in ws.clients()   # a new client's pieces need not be looked up
        self._rivals: list[str] = []   # for each piece of `again` the stored piece with its source id
        self._shared_ids = self._strangers = 0

    def take(self, batch: Sequence[Asset | Rejected | Correction]) -> None:
        """Some results in their order."""
        pieces = [one for one in batch if isinstance(one, Asset)] if self._stored else []
        known = self.ws.known_assets(self.client, [piece.id for piece in pieces])
        named = [piece.source.id for piece in pieces if piece.id not in known and piece.source.id is not None]
        held = self.ws.assets_in_force(self.client, named) if named else {}
        for one in batch:
            if isinstance(one, Rejected):
                self.rejected.append(one)
            elif not isinstance(one, Asset):
                self._correct(one)
            elif one.id in known:
                self._known(one, known[one.id])
            else:
                self._unknown(one, held.get(one.source.id or "", []))

    def compare(self, stream: Stream, progress: Progress) -> None:
        """Takes the pieces of `again` for new versions or for pieces of their own; asked for when everything is read."""
        pairs, done = zip(self.again, self._rivals, strict=True), 0
        while batch := list(islice(pairs, BATCH)):
            progress("comparing", done, self.again.count)
            self.reviser.look_up([rival for _, rival in batch])
            for piece, rival in batch:
                shared = stream.saw(rival)   # the file holds both: its ids are not unique
                made = piece if shared else self.reviser.renewed(rival, piece)
                self._shared_ids += shared
                self._strangers += made is piece and not shared
                if made is not None:
                    self.new.add(_named(piece) if made is piece else made)
                if piece.split and made is not piece:
                    self.splits.append((made.change.becomes if made else rival, piece.split))
            done += len(batch)

    def notes(self) -> Iterator[str]:
        """What a person should know of ids that are not unique."""
        if self._strangers:
            yield (f"{self._strangers} pieces have the id of another piece of {self.client}, from another file and with other words; they "
                   "were added. To change a piece, import a file of corrections with its asset id")
        if self._shared_ids:
            yield f"{self._shared_ids} pieces share their id with another piece of their file; they were added, and no piece was replaced"

    def _known(self, piece: Asset, state: Asset) -> None:
        """A piece that is stored: its split is noted where it had none, and a row may withdraw it."""
        if piece.split and state.split is None:
            self.splits.append((piece.id, piece.split))
        if piece.withdrawn and not state.withdrawn and state.replaced_by is None:
            made = self.reviser.withdrawn(piece.id, piece.source)
            if made:
                self.new.add(made)

    def _unknown(self, piece: Asset, held: Sequence[Asset]) -> None:
        if len(held) == 1:
            self.again.add(piece)
            self._rivals.append(held[0].id)
        else:
            self._shared_ids += bool(held)
            self.new.add(_named(piece))

    def _correct(self, correction: Correction) -> None:
        made = self.reviser.corrected(correction)
        if isinstance(made, Rejected):
            self.rejected.append(made)
            self.turned_away += 1
        else:
            for one in made:
                self.new.add(one)


def _named(piece: Asset) -> Asset:
    """The piece with its language, which takes most of the time of an import: so only of pieces that are new."""
    from ..archive import with_language

    return with_language(piece)


def _told(items: Iterator[Any], total: int, progress: Progress) -> Iterator[Any]:
    for number, item in enumerate(items):
        if number % BATCH == 0:
            progress(STORING, number, total)
        yield item


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError("--as", f"the kind '{kind}'", f"one of {', '.join(KINDS)}", did_you_mean(kind, KINDS))
    if not KINDS[kind]:
        raise InputError("--as", f"the kind '{kind}', which is not built yet", "the kind content",
                         "Import texts for now; other kinds come with a later release.")


def _nothing_kept(path: Path, stream: Stream, intake: Intake) -> InputError:
    rejected = intake.rejected
    reasons = "; ".join(f"{one.where}: {one.reason}" for one in rejected[:REASONS_SHOWN])
    more = len(rejected) - REASONS_SHOWN
    told = f" ({reasons}{f'; and {more} more' if more > 0 else ''})" if reasons else ""
    read = stream.kept + stream.rejected
    if intake.turned_away:
        return InputError(str(path), f"no correction of a piece that is there among {read} read{told}", "the id of a piece of the client",
                          "Correct the ids; a table that is no corrections file needs a column of text: --map text=COLUMN.")
    return InputError(str(path), f"no piece that can be kept among {read} read{told}", "at least one piece with a text",
                      "Mend the file, or say which column holds the text: --map text=COLUMN.")
