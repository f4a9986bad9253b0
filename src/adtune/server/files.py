"""/v1/files: training files of the client's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import FileResponse

from .auth import Reads, Writes, threaded
from .errors import ApiError, api_error, missing
from .models import seconds_of
from .pages import After, Limit, page

if TYPE_CHECKING:
    from ..workspace.uploads import Upload

router = APIRouter(tags=["files"])
PURPOSES = ("fine-tune", "user_data")  # files of fine-tuning jobs, and everything else
CHUNK = 1 << 20
LONGEST_NAME = 255


def shown(held: Upload) -> dict[str, Any]:
    """A file as OpenAI's clients read it."""
    return {"id": held.id, "object": "file", "bytes": held.bytes, "created_at": seconds_of(held.created), "filename": held.name,
            "purpose": held.purpose, "status": "processed", "expires_at": None, "status_details": None}


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk


def held_of(caller: Any, id: str) -> Upload:
    """The caller's file. Raises ApiError."""
    found: Upload | None = caller.service.ws.uploads.find(id, caller.client)
    if found is None:
        raise missing("File object", id)
    return found


@router.post("/v1/files")
async def upload(caller: Writes, file: Annotated[UploadFile, File()], purpose: Annotated[str, Form()]) -> Any:
    """Hand in a file. Its lines are checked by the job that uses it."""
    if purpose not in PURPOSES:
        raise ApiError(400, f"Invalid value for 'purpose': only {' and '.join(map(repr, PURPOSES))} are kept here.", "invalid_value",
                       "purpose")
    name = "".join(letter for letter in (file.filename or "file") if letter.isprintable())[:LONGEST_NAME] or "file"
    try:
        return shown(await threaded(caller.service.ws.uploads.add, caller.client, name, purpose, _chunks(file.file)))
    except Exception as error:
        raise api_error(error) from error


@router.get("/v1/files")
async def files(caller: Reads, after: After = None, limit: Limit = 10_000, order: str = "desc", purpose: str | None = None) -> Any:
    """The client's files."""
    held = await threaded(caller.service.ws.uploads.all, caller.client)
    rows = [shown(one) for one in (held if order != "asc" else held[::-1]) if purpose in (None, one.purpose)]
    return page(rows, after, limit)


@router.get("/v1/files/{id}")
async def one(id: str, caller: Reads) -> Any:
    """One file."""
    return shown(await threaded(held_of, caller, id))


@router.get("/v1/files/{id}/content")
async def content(id: str, caller: Reads) -> Any:
    """The file as it was handed in; never as something that a browser runs."""
    held = await threaded(held_of, caller, id)
    return FileResponse(caller.service.ws.uploads.path(held), media_type="application/octet-stream",
                        headers={"content-disposition": "attachment"})


@router.delete("/v1/files/{id}")
async def delete(id: str, caller: Writes) -> Any:
    """Take a file away; what was made of it stays."""
    held = await threaded(held_of, caller, id)
    await threaded(caller.service.ws.uploads.remove, held)
    return {"id": id, "object": "file", "deleted": True}
