"""/v1/adtune: versions and the ladder, the client's own log and usage, edits that come back, and jobs for the verbs."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from ..settings import resolve
from ..steps.returning import edits_back
from ..steps.serving import UnknownModel
from ..steps.work import OPTIONS
from .auth import Admins, Caller, Reads, Serves, Trains, Writes, threaded
from .errors import ApiError, api_error, missing, unknown_model
from .pages import After, IdempotencyKey, Limit, page
from .shapes import Body

if TYPE_CHECKING:
    from ..workspace.jobs import Job

router = APIRouter(prefix="/v1/adtune", tags=["adtune"])


async def _done(work: Any, *words: Any) -> Any:
    """The result of blocking work. Raises ApiError."""
    try:
        return await threaded(work, *words)
    except Exception as error:
        raise api_error(error) from error


def _who(name: str, caller: Caller) -> str:
    """The person and the key that said it. Raises ApiError for no name."""
    if not name.strip():
        raise ApiError(400, "Invalid value for 'by': say who answers for it.", "invalid_value", "by")
    return f"{name.strip()} (key {caller.key.id})"


class Live(Body):
    """Which version is to answer."""

    version: str = Field(max_length=200)
    by: str = Field(max_length=200)
    share: float | None = Field(None, gt=0, lt=1)
    reason: str | None = Field(None, max_length=2000)


class Back(Body):
    """Who goes back, and why."""

    by: str = Field(max_length=200)
    reason: str | None = Field(None, max_length=2000)


class Edit(Body):
    """One draft and what became of it; `draft` is its text, `draft_id` its id in the client's log."""

    final: str = Field(max_length=1_000_000)
    draft: str | None = Field(None, max_length=1_000_000)
    draft_id: str | None = Field(None, max_length=100)
    minutes: float | None = Field(None, ge=0)
    editor: str | None = Field(None, max_length=200)
    rounds: int | None = Field(None, ge=0)
    client_rounds: int | None = Field(None, ge=0)
    date: str | None = Field(None, max_length=40)
    brief: str | None = Field(None, max_length=100_000)


class Edits(Body):
    edits: list[Edit] = Field(min_length=1, max_length=1000)


class JobAsked(Body):
    """A verb as a job; `options` are settings of its stage by name."""

    kind: Literal["curate", "advise", "tune", "evaluate"]
    options: dict[str, Any] = Field(default_factory=dict)


class Wish(Body):
    """Whether the client may be learned from."""

    learn: bool


@router.get("/versions")
async def versions(caller: Reads) -> Any:
    """The client's versions, which one is live, and every step of the ladder."""
    from ..steps.ladder import versions as told

    return await _done(told, caller.service.ws, caller.client)


@router.post("/live")
async def live(body: Live, caller: Admins) -> Any:
    """Make a version live, on passed gates; `passed` is false where a gate says no, and nothing has changed."""
    from ..steps.ladder import go_live

    ws = caller.service.ws
    named = await threaded(ws.ladder.named, caller.client, body.version)
    id = named.version if named else body.version
    if await threaded(ws.owned, id, caller.client) is None:
        raise unknown_model(body.version)
    return await _done(go_live, ws, id, _who(body.by, caller), body.share, body.reason)


@router.post("/rollback")
async def back(body: Back, caller: Admins) -> Any:
    """Go back to the version that was live before."""
    from ..steps.ladder import rollback

    return await _done(rollback, caller.service.ws, caller.client, _who(body.by, caller), body.reason)


@router.get("/usage")
async def usage(caller: Reads) -> Any:
    """What the client used this month, and may use."""
    from ..steps.keys import used

    return {"client": caller.client, **await _done(used, caller.service.ws, caller.client)}


@router.put("/wishes")
async def wishes(body: Wish, caller: Admins) -> Any:
    """Whether what comes back by this interface may be learned from."""
    allowed = await _done(caller.service.ws.keys.allow, caller.client, {"learn": body.learn})
    return {"client": caller.client, "learn": allowed.learn}


@router.get("/drafts")
async def drafts(caller: Reads, after: After = None, limit: Limit = 100) -> Any:
    """The client's own log: who was served what, the newest first."""
    return page((await _done(caller.service.ws.drafts, caller.client))[::-1], after, limit)


@router.get("/drafts/{id}")
async def draft(id: str, caller: Reads) -> Any:
    """One entry of the client's log."""
    found = next((one for one in await _done(caller.service.ws.drafts, caller.client) if one["id"] == id), None)
    if found is None:
        raise missing("draft", id)
    return found


@router.post("/edits")
async def edits(body: Edits, caller: Writes) -> Any:
    """What writers made of drafts: minutes are learned from them by `adtune rate`. Each row is kept or rejected with its reason."""
    return await _done(edits_back, caller.service.ws, caller.client, [one.model_dump(exclude_none=True) for one in body.edits])


def _shown(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in ("id", "kind", "status", "result", "error", "tries", "created", "updated", "finished")} | {
        "options": job.payload.get("options") or {}}


def _job(caller: Caller, id: str) -> Job:
    found = caller.service.ws.jobs.find(id, caller.client)
    if found is None:
        raise missing("job", id)
    return found


def _submit(caller: Caller, body: JobAsked, idempotency: str | None) -> Job:
    """Queue a verb. Raises ApiError for an option that is no setting, or that a caller may not say."""
    record, closed = OPTIONS[body.kind]
    known = {one.name for one in fields(record)} - closed | ({"adapter"} if body.kind == "evaluate" else set())
    unknown = next((name for name in body.options if name not in known), None)
    if unknown is not None:
        raise ApiError(400, f"Unknown parameter: 'options.{unknown[:60]}'.", "unknown_parameter", f"options.{unknown[:60]}")
    options = dict(body.options)
    resolve(record, ("options", {name: value for name, value in options.items() if name != "adapter"}))
    if options.get("adapter") is not None:
        target = caller.service.registry.find(caller.client, str(options["adapter"]))
        if target is None or target.kind != "adapter":
            raise UnknownModel(str(options["adapter"]))
        options["adapter"] = target.id
    return caller.service.ws.jobs.submit(caller.client, body.kind, {"options": options}, idempotency)


@router.post("/jobs")
async def create(body: JobAsked, caller: Trains, idempotency: IdempotencyKey = None) -> Any:
    """Queue curate, advise, tune or evaluate of the client's archive; the same Idempotency-Key gives the same job."""
    return _shown(await _done(_submit, caller, body, idempotency))


@router.get("/jobs")
async def jobs(caller: Reads, after: After = None, limit: Limit = 20) -> Any:
    """All jobs of the client, the newest first."""
    return page([_shown(one) for one in await _done(caller.service.ws.jobs.all, caller.client)], after, limit)


@router.get("/jobs/{id}")
async def job(id: str, caller: Reads) -> Any:
    """One job, with its log."""
    held = await _done(_job, caller, id)
    events = await _done(caller.service.ws.jobs.events, held.id)
    return {**_shown(held), "events": [{name: getattr(one, name) for name in ("level", "message", "data", "moment")} for one in events]}


@router.post("/jobs/{id}/{what}")
async def ask(id: str, what: Literal["cancel", "pause", "resume"], caller: Trains) -> Any:
    """Cancel, pause or resume a job; one that has ended stays as it is."""
    held, table = await _done(_job, caller, id), caller.service.ws.jobs
    return _shown(await _done(table.resume, held.id) if what == "resume" else await _done(table.ask, held.id, what))


class Check(Body):
    """Texts to score against the client's voice."""

    texts: list[str] = Field(min_length=1, max_length=400)
    model: str = "live"


@router.post("/on_brand")
async def on_brand(body: Check, caller: Serves) -> Any:
    """How like the client's voice each text is: a probability, null where the version has too few pieces to tell by."""
    target = await _done(caller.service.target, caller.client, body.model)
    if target.kind == "base":
        raise unknown_model(body.model)
    return {"model": body.model, "version": target.id, "on_brand": (await _done(caller.service.checks, target)).scores(body.texts)}
