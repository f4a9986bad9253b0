"""`adtune curate`: the archive becomes a dataset, published with its report."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, did_you_mean
from ..progress import Progress, silent
from ..records import Dataset, Decision, Item, Split, canonical_json
from ..settings import CurateSettings, resolve
from .guides import DRAFT, draft_of, house_told, read_brand_guide, rebrand_notes

if TYPE_CHECKING:
    from ..curate import Curated, Dropped, Shown
    from ..voice.in_context import Loss
    from ..workspace import Workspace

TASKS = {"drafting": True, "creative": False, "images": False, "response": False}
NO_CATEGORY = "none"


def curate(ws: Workspace, client: str, task: str | None = None, brand_guide: Path | None = None,
           overrides: Mapping[str, Any] | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Make a dataset of the client's archive and publish it as an artifact with dataset.json, dropped.jsonl,
    findings.jsonl and report.html.

    A brand guide given once is kept: without `brand_guide` the newest dataset's guide is taken. `overrides` are fields of
    CurateSettings, `keep` among them. Gives the JSON object of `adtune curate`. Raises InputError for an unknown client or task, an
    unreadable guide and fewer than 10 good pieces, SettingError for impossible settings.
    """
    curated, _, notes = make(ws, client, task, brand_guide, overrides, progress)
    return published(ws, client, curated, notes)


def make(ws: Workspace, client: str, task: str | None, brand_guide: Path | None, overrides: Mapping[str, Any] | None,
         progress: Progress = silent) -> tuple[Curated, CurateSettings, list[str]]:
    """The dataset, not yet published, with the settings and with what is to be told. Raises as `curate` does."""
    ws.require_client(client)
    task = check_task(task)
    settings, _ = resolve(CurateSettings, ("--set", dict(overrides or {})))
    from ..curate import Given
    from ..curate import curate as made

    guide, notes = _guide(ws, client, brand_guide)
    given = Given(guide, ws.decisions(client), _loss(ws, settings, progress))
    return made(ws.assets(client), client, settings, given, progress, task=task), settings, notes


def _loss(ws: Workspace, settings: CurateSettings, progress: Progress) -> Loss | None:
    """The base that the likeness asks, where the settings name one and a choice is to be made."""
    if not settings.in_context or settings.keep is None:
        return None
    from .base_loss import MEASURED, KeptLoss

    return KeptLoss(settings.in_context, ws.root / MEASURED, progress)


def published(ws: Workspace, client: str, curated: Curated, notes: Sequence[str], curve: dict[str, Any] | None = None) -> dict[str, Any]:
    """Publishes a dataset and gives the JSON object of `adtune curate`, of which the parts about review are null."""
    id = _publish(ws, client, curated, curve)
    findings = [_row(one) for one in curated.shown]
    draft = ws.path(id, verify=False) / DRAFT
    return {"dataset": id, **_summary(curated.dataset), "report": str(ws.path(id, verify=False) / "report.html"),
            "notes": [*notes, *curated.selection.notes, *_stripped(curated), *_unfollowed(curated), *rebrand_notes(curated)],
            "findings": findings, **_choice(curated), "decisions": _decided(curated.dataset), "queue": None, "review": None, "taken": None,
            "curve": curve, "guide_draft": str(draft) if draft.exists() else None}


def read_briefs(path: Path) -> str:
    """The titles of a file of briefs, a line each: a text file holds one a line, a CSV file has a column `title`.

    Raises InputError for a file that cannot be read or names no brief.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("--briefs", f"{path.name}: {error}", "a UTF-8 file of titles", "Give one title a line.") from error
    if path.suffix.lower() == ".csv":
        rows = list(csv.DictReader(lines))
        lines = [value or "" for row in rows for name, value in row.items() if name and name.strip().lower() == "title"]
    titles = [title for line in lines if (title := " ".join(line.split()))]
    if not titles:
        raise InputError("--briefs", f"{path.name} without a title", "titles of briefs", "Write one a line, or a CSV column `title`.")
    return "\n".join(titles)


def check_task(task: str | None) -> str:
    """`task`, or drafting where none is named. Raises InputError where it is unknown or not built yet."""
    if task is None:
        return "drafting"
    if task not in TASKS:
        raise InputError("--task", f"the task '{task}'", f"one of {', '.join(TASKS)}", did_you_mean(task, TASKS))
    if not TASKS[task]:
        raise InputError("--task", f"the task '{task}', which is not built yet", "the task drafting", "Leave --task out for now.")
    return task


def read_dataset(ws: Workspace, id: str) -> Dataset:
    """The dataset of a published artifact, its hashes checked. Raises IntegrityError."""
    return Dataset.from_dict(json.loads((ws.path(id) / "dataset.json").read_text(encoding="utf-8")))


def load_dataset(ws: Workspace, client: str, progress: Progress = silent) -> tuple[str, Dataset]:
    """The client's newest dataset with its artifact id. The archive is curated first where there is none, with the defaults, and where
    the newest holds pieces that were withdrawn since, with its settings: nothing is to learn from those."""
    ws.require_client(client)
    id = ws.newest("dataset", client)
    if id is not None and not withdrawn_items(ws, dataset := read_dataset(ws, id)):
        return id, dataset
    id = curate(ws, client, overrides=with_last_settings(ws, client, {})[0], progress=progress)["dataset"]
    return id, read_dataset(ws, id)


def withdrawn_items(ws: Workspace, dataset: Dataset) -> list[Item]:
    """The items of a dataset whose pieces were withdrawn, in whatever version."""
    gone = {version for piece in ws.withdrawn(dataset.client) for version in ws.versions(dataset.client, piece.id)}
    return [item for item in dataset.items if item.asset in gone]


def with_last_settings(ws: Workspace, client: str, overrides: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings of the client's newest dataset, but for its day, where none are given; and what to say of that."""
    given = {name: value for name, value in overrides.items() if value is not None}
    newest = None if given else ws.newest("dataset", client)
    if newest is None:
        return given, []
    known = {one.name: one.default for one in fields(CurateSettings) if one.name != "today"}
    last = {name: value for name, value in read_dataset(ws, newest).settings.items() if name in known and value != known[name]}
    told = ", ".join(f"{name} {str(value).partition(chr(10))[0][:40]}" for name, value in last.items())
    return last, [f"The settings of {newest} hold: {told}."] if told else []


def _guide(ws: Workspace, client: str, given: Path | None) -> tuple[str, list[str]]:
    if given is not None:
        return read_brand_guide(Path(given))
    newest = ws.newest("dataset", client)
    return (read_dataset(ws, newest).guide if newest else ""), []


def _publish(ws: Workspace, client: str, curated: Curated, curve: dict[str, Any] | None) -> str:
    from ..curate import curate_report

    shown_curve = curve if curve and curve["points"] else None
    files = {"dataset.json": canonical_json(asdict(curated.dataset)).encode(), "report.html": curate_report(curated, shown_curve).encode(),
             "dropped.jsonl": _lines(curated.dropped), "findings.jsonl": _lines(curated.shown)}
    if draft := draft_of(curated):
        files[DRAFT] = draft.encode()
    dataset = curated.dataset
    record = {**_summary(dataset), "task": dataset.task, "settings": dataset.settings, "guide_words": len(dataset.guide.split()),
              "archive": ws.archive_hash(client), **_choice(curated), **({"curve": curve} if curve else {})}
    # Counts and curve belong to the files, so they are part of the identity: a grown archive may leave the items as they were.
    shown = dict(sorted(Counter(one.reason for one in curated.shown).items()))
    counted = [dataset.hash, dataset.read, dataset.dropped, *([shown] if shown else []), *([curve] if curve else [])]
    return ws.publish("dataset", client, files, record, identity=canonical_json(counted))


def _choice(curated: Curated) -> dict[str, Any]:
    """The target mix with what was kept, the briefs that no kept piece resembles, the likeness, and the facts that no brief holds; null
    where not asked or measured."""
    chosen = curated.selection
    return {"mix": chosen.mix, "uncovered": None if chosen.uncovered is None else list(chosen.uncovered), "likeness": chosen.likeness,
            "facts": asdict(curated.facts) if curated.facts else None, **house_told(curated)}


def _stripped(curated: Curated) -> list[str]:
    return [curated.facts.note] if curated.facts and curated.facts.note else []


def _decided(dataset: Dataset) -> dict[str, int]:
    """How many pieces of the archive a person's decision holds for, by what it says."""
    counts = Counter(says for _, says, _ in dataset.overrides)
    return {says: counts[says] for says in Decision.SAYS if says != "open"}


def _unfollowed(curated: Curated) -> list[str]:
    """Pieces that a person kept and that are left out all the same."""
    said = {id for id, says, _ in curated.dataset.overrides if says == "keep"}
    counts = Counter(one.reason for one in curated.dropped if one.asset.id in said)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    return [f"Pieces that a person kept are left out all the same: {told}."] if told else []


def _lines(found: Sequence[Dropped | Shown]) -> bytes:
    return "".join(f"{canonical_json(_row(one))}\n" for one in found).encode()


def _row(one: Dropped | Shown) -> dict[str, Any]:
    return {"asset": one.asset.id, "reason": one.reason, "evidence": one.evidence, "confidence": round(one.confidence, 3),
            "source": asdict(one.asset.source)}


def _summary(dataset: Dataset) -> dict[str, Any]:
    categories = Counter(item.category or NO_CATEGORY for item in dataset.items)
    return {"hash": dataset.hash, "read": dataset.read, "kept": len(dataset.items), "dropped": dataset.dropped,
            "splits": {str(split): len(dataset.split(split)) for split in Split}, "categories": dict(sorted(categories.items()))}
