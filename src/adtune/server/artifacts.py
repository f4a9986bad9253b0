"""/v1/adtune/artifacts and /pieces: what the client has, what each thing was made from, and its report. Nothing tells where files lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from .adtune import done
from .auth import Caller, Reads
from .errors import missing
from .pages import After, Limit, page

router = APIRouter(prefix="/v1/adtune", tags=["adtune artifacts"])
Kind = Annotated[str | None, Query(max_length=40)]
PLACES = {"path", "base_place", "report", "out"}  # of records: where something lies on this machine


def _without_places(told: Any, bases: Mapping[str, str]) -> Any:
    """A record without places of this machine; a base in a folder has the name by which it is served, else the folder's."""
    if isinstance(told, Mapping):
        return {name: _base(value, bases) if name == "base" else _without_places(value, bases)
                for name, value in told.items() if name not in PLACES}
    return [_without_places(one, bases) for one in told] if isinstance(told, (list, tuple)) else told


def _base(value: Any, bases: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return _without_places(value, bases)
    named = next((name for name, base in bases.items() if base == value), None)
    return named or (Path(value).name if Path(value).is_absolute() else value)


def _listed(caller: Caller, kind: str | None) -> list[dict[str, Any]]:
    from ..steps.catalogue import ls

    return [{**one, "object": "artifact"} for one in ls(caller.service.ws, kind, caller.client)["items"]]


def _artifact(caller: Caller, id: str) -> dict[str, Any]:
    """Raises ApiError, the same for what is another's."""
    from ..steps.catalogue import show

    ws = caller.service.ws
    if not (ws.owned(id, caller.client) or any(run["id"] == id for run in ws.runs(caller.client))):
        raise missing("artifact", id)
    found: dict[str, Any] = _without_places(show(ws, id), caller.service.registry.bases)
    return found


def _page_of(caller: Caller, id: str) -> Path:
    """The report of an artifact. Raises ApiError where it has none."""
    ws = caller.service.ws
    if ws.owned(id, caller.client) is not None:
        for path in sorted(ws.path(id).iterdir()):
            if path.suffix == ".html":
                return path
    raise missing("report", id)


@router.get("/artifacts")
async def artifacts(caller: Reads, kind: Kind = None, after: After = None, limit: Limit = 100) -> Any:
    """Datasets, plans, runs, adapters, reports … of the client, the newest first."""
    return page(await done(_listed, caller, kind), after, limit)


@router.get("/artifacts/{id}")
async def artifact(id: str, caller: Reads) -> Any:
    """One record, with its lineage; of a dataset with its items, of what learned from one with the pieces."""
    return await done(_artifact, caller, id)


@router.get("/artifacts/{id}/report")
async def report(id: str, caller: Reads) -> Any:
    """The report as one HTML file to save and send; never as something that a browser runs here."""
    path = await done(_page_of, caller, id)
    return FileResponse(path, media_type="application/octet-stream", headers={"content-disposition": f'attachment; filename="{path.name}"'})


def _short(caller: Caller) -> list[dict[str, Any]]:
    fields = ("id", "title", "category", "content_type", "date", "approval", "rights_until", "language", "withdrawn", "replaced_by")
    return [{name: getattr(one, name) for name in fields} for one in caller.service.ws.assets(caller.client)]


def _piece(caller: Caller, id: str) -> dict[str, Any]:
    from ..steps.pieces import show_piece

    if not caller.service.ws.pieces(caller.client, [id]):
        raise missing("piece", id)
    return show_piece(caller.service.ws, caller.client, id)


@router.get("/pieces")
async def pieces(caller: Reads, after: After = None, limit: Limit = 100) -> Any:
    """The client's archive in the order of import, without the texts."""
    return page(await done(_short, caller), after, limit)


@router.get("/pieces/{id}")
async def piece(id: str, caller: Reads) -> Any:
    """One piece with its text, versions, history, and what holds it."""
    return await done(_piece, caller, id)
