"""`adtune takedown`: a piece leaves the archive, and everything that learned from it leaves service; a certificate says what was done.

A version is withdrawn where the piece was among the pieces that it was trained on (an adapter) or that it may show (a prompt profile). What
only measured with the piece stays, and is listed. Whether its words are gone is measured on drafts: no run of eight words that stands in
the piece alone may come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import Progress, silent
from ..records import Asset, Brief, Change, Dataset, Source, Split
from .certificate import certified
from .curation import curate, read_dataset
from .pieces import find_piece, held_by

if TYPE_CHECKING:
    from ..workspace import Workspace

GRAM = 8           # words of a run that tells a piece
ALIKE = 0.2        # share of a piece's runs from which another piece is named as holding its words too
TAUGHT = ("adapter", "profile", "rules")
DRAFTS = 8         # of the check

Grams = frozenset[tuple[str, ...]]


def takedown(ws: Workspace, client: str, words: Sequence[str], by: str | None, options: Mapping[str, Any] | None = None,
             progress: Progress = silent) -> dict[str, Any]:
    """Take pieces down: `{client pieces held_by withdrawn live previous logs alike retune check certificate}`.

    Options: `reason`, `expired` (also every piece whose usage rights have ended), `retune` (curate without the pieces and queue the
    tuning). Raises InputError for an unknown piece, and where no person is named. Saying it again takes nothing down twice.
    """
    from ..serve.ladder import approver

    options = dict(options or {})
    by = approver(by, f"adtune takedown {client}")
    ws.require_client(client)
    pieces = _pieces(ws, client, words, bool(options.get("expired")))
    progress("look for the pieces", 0, 1)
    ids = {piece.id: ws.versions(client, piece.id) for piece in pieces}
    texts = [one.text for one in ws.pieces(client, [id for chain in ids.values() for id in chain]).values()]
    own = grams(texts)
    held = held_by(ws, client, [id for chain in ids.values() for id in chain]) + _handed_in(ws, client, own)
    progress("look for the pieces", 1, 1)
    _withdraw(ws, client, pieces, by, options.get("reason"))
    live, withdrawn = _out_of_service(ws, client, held, by)
    told = {"by": by, "reason": options.get("reason"), "held_by": held, "withdrawn": withdrawn, "live": live[1], "previous": live[0],
            "logs": _logs(ws, client, own), "alike": _alike(ws, client, own)}
    if options.get("retune"):
        told["retune"] = _retune(ws, client, progress)
    return _certified(ws, client, pieces, told)


def check(ws: Workspace, client: str, words: Sequence[str], adapter: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Measure that pieces taken down are gone from a version: drafts for their own briefs hold no run of eight words that stands in them
    alone. Gives the object of `takedown` with `check{version drafts shared_runs longest_run_words passed}`. Raises InputError."""
    from ..voice.overlap import Overlap
    from .drafting import draft
    from .versions import find_version

    version, record = find_version(ws, client, adapter)
    pieces = _pieces(ws, client, words, False)
    dataset = read_dataset(ws, record["dataset"])
    texts = [piece.text for piece in pieces]
    own = grams(texts) - grams([item.example.text for item in dataset.split(Split.TRAIN)])
    drafts: list[str] = []
    for piece in pieces:
        brief = Brief(piece.title, piece.category, piece.content_type)
        if brief.title:
            said = {"n": DRAFTS, "adapter": version, "format": brief.content_type, "category": brief.category}
            drafts += [one["text"] for one in draft(ws, client, brief.title, said, progress)["drafts"]]
    titles = " ".join(piece.title or "" for piece in pieces)
    shared = sum(len(grams([text]) & own) for text in drafts)
    run = Overlap(texts).summary(drafts, [titles] * len(drafts))["longest_run_words"] if drafts else None
    there = sorted({piece.id for piece in pieces} & {item.asset for item in dataset.items})
    measured = {"version": version, "drafts": len(drafts), "shared_runs": shared if drafts else None, "longest_run_words": run,
                "in_dataset": there, "passed": None if not drafts else not shared and not there}
    return _certified(ws, client, pieces, {"check": measured})


def grams(texts: Sequence[str]) -> Grams:
    """All runs of eight words of these texts."""
    from ..voice.habits import words

    found = set()
    for text in texts:
        said = words(text)
        found.update(tuple(said[at:at + GRAM]) for at in range(len(said) - GRAM + 1))
    return frozenset(found)


def _pieces(ws: Workspace, client: str, words: Sequence[str], expired: bool) -> list[Asset]:
    """The pieces that are meant, each once. Raises InputError for a word that names none of the client's."""
    from datetime import UTC, datetime

    found: dict[str, Asset] = {}
    for word in words:
        named = find_piece(ws, word if "/" in word else f"{client}/{word}")
        if named is None or named[0] != client:
            raise InputError(f"piece '{word}'", f"no piece of {client} of this id", "the id of a piece, or the id that its file gave it",
                             f"Look it up with `adtune show` of a dataset of {client}.")
        found[named[1]] = ws.asset(named[1], client)
    if expired:
        today = datetime.now(UTC).date().isoformat()
        found |= {piece.id: piece for piece in ws.assets(client)
                  if piece.rights_until and piece.rights_until < today and not piece.replaced_by and not piece.withdrawn}
    if not found:
        raise InputError(f"client {client}", "no piece to take down", "pieces by their ids, or --expired with rights that have ended",
                         "Name the pieces: adtune takedown CLIENT PIECE.")
    return list(found.values())


def _withdraw(ws: Workspace, client: str, pieces: Sequence[Asset], by: str, reason: str | None) -> None:
    from ..workspace.archive import now
    from ..workspace.versions import Revision

    changes = []
    for piece in pieces:
        if not piece.withdrawn and not piece.replaced_by:
            moment = now()
            changes.append(Revision(Change(piece.id, "withdrawn", piece.id, {"withdrawn": None}, {"withdrawn": moment}, by,
                                           Source("takedown"), reason, moment)))
    if changes:
        ws.commit_import(client, changes)


def _out_of_service(ws: Workspace, client: str, held: Sequence[Mapping[str, Any]],
                    by: str) -> tuple[tuple[str | None, str | None], list[str]]:
    """((the version that was live, the one that is), the versions that were withdrawn): what learned from a piece is never served again."""
    from ..serve.ladder import stack_of
    from ..workspace.ladder import DOWN, ROLLBACK, WITHDRAWN, Rung

    done = ws.ladder.withdrawn(client)
    taught = sorted({one["id"] for one in held if one["kind"] in TAUGHT and one["split"] == Split.TRAIN} - done)
    live = ws.ladder.live(client)
    before = live.version if live else None
    canary = ws.ladder.canary(client)
    left = [one for one in stack_of(ws.ladder.history(client), done | set(taught)) if one]
    if before in taught or (canary and canary.version in taught):
        stays = before if before not in taught else left[-1] if left else None
        step = Rung(client, DOWN, None, by, reason="takedown") if stays is None else Rung(client, ROLLBACK, stays, by, reason="takedown")
        ws.ladder.step(step)
    for version in taught:
        ws.ladder.step(Rung(client, WITHDRAWN, version, by, reason="takedown"))
    after = ws.ladder.live(client)
    return (before, after.version if after else None), taught


def _handed_in(ws: Workspace, client: str, own: Grams) -> list[dict[str, Any]]:
    """What was made from examples handed in by the API that hold the words of a piece: they have no archive to be traced to."""
    found = []
    for entry in ws.listing("examples", client):
        dataset: Dataset = read_dataset(ws, entry["id"])
        splits = {item.split for item in dataset.items if own and len(grams([item.example.text]) & own) >= ALIKE * len(own)}
        for split in splits:
            made = [entry, *ws.descendants(entry["id"])]
            common = {"split": split, "asset": None, "dataset": entry["id"]}
            found += [{**{name: one[name] for name in ("kind", "id", "created")}, **common} for one in made]
    return found


def _logs(ws: Workspace, client: str, own: Grams) -> list[str]:
    """The drafts in the client's log that hold a run of eight words of the pieces."""
    return [one["id"] for one in ws.drafts(client) if grams([one["text"]]) & own]


def _alike(ws: Workspace, client: str, own: Grams) -> list[dict[str, Any]]:
    """Pieces in force that hold a good part of the same words, for a person to look at: they stay."""
    shares = ((piece, len(grams([piece.text]) & own) / len(own)) for piece in ws.assets(client)
              if own and not piece.withdrawn and not piece.replaced_by)
    return [{"asset": piece.id, "title": piece.title, "share": round(share, 3)} for piece, share in shares if share >= ALIKE]


def _retune(ws: Workspace, client: str, progress: Progress) -> dict[str, Any]:
    """A dataset without the pieces, and the queued job that tunes on it."""
    dataset = curate(ws, client, progress=progress)["dataset"]
    job = ws.jobs.submit(client, "tune", {"options": {}})
    return {"dataset": dataset, "job": job.id}


def _certified(ws: Workspace, client: str, pieces: Sequence[Asset], told: Mapping[str, Any]) -> dict[str, Any]:
    """The answer about these pieces, what `told` leaves out being empty, with its certificate."""
    answer = {"client": client, "by": None, "reason": None,
              "pieces": [{"asset": piece.id, "title": piece.title, "source": asdict(piece.source), "rights_until": piece.rights_until}
                         for piece in pieces],
              "held_by": [], "withdrawn": [], "live": None, "previous": None, "logs": [], "alike": [], "retune": None, "check": None,
              "erased": None, **told}
    record = {"pieces": [piece.id for piece in pieces], "withdrawn": answer["withdrawn"], "passed": (answer["check"] or {}).get("passed")}
    return certified(ws, client, answer, record)
