"""/v1/adtune/jobs: the verbs that take their time, each as a job with its log; files come from and go to /v1/files."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from ..settings import resolve
from ..steps.work import OPTIONS
from .adtune import done, own, who
from .auth import Admins, Caller, Reads, Trains
from .errors import ApiError, missing
from .files import held_of
from .pages import After, IdempotencyKey, Limit, page
from .shapes import Body

if TYPE_CHECKING:
    from ..workspace.jobs import Job

router = APIRouter(prefix="/v1/adtune", tags=["adtune jobs"])
Id = Annotated[str, Field(min_length=1, max_length=200)]


class Stage(Body):
    """`options` are settings of the stage by name; `task` is by default what was imported. `evaluate` takes `adapter` too."""

    kind: Literal["curate", "advise", "tune", "evaluate"]
    task: Literal["drafting", "response"] | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class ImportOptions(Body):
    as_: Literal["content", "campaigns"] = Field("content", alias="as")
    map: dict[str, str] = Field(default_factory=dict, description="the column of a field, as `--map FIELD=COLUMN`")


class Import(Body):
    """Read an uploaded file (table, document, zip of many) into the client's archive."""

    kind: Literal["import"]
    file: Id
    options: ImportOptions = Field(default_factory=ImportOptions)


class PredictOptions(Body):
    outcome: Literal["clicks", "conversions", "value"] | None = None
    map: dict[str, str] = Field(default_factory=dict)
    adapter: Id | None = None
    level: float = Field(0.8, gt=0, lt=1, description="share that an interval should cover")


class Predict(Body):
    """Predict the response of an uploaded table's rows; the result's `out` is a file of predictions (CSV)."""

    kind: Literal["predict"]
    file: Id
    options: PredictOptions = Field(default_factory=PredictOptions)


class CompareOptions(Body):
    adapters: list[Id] = Field(min_length=2, max_length=2)
    by: Literal["loss", "on_brand", "effort", "forgetting"] = "loss"


class Compare(Body):
    """Measure two adapters on pieces that neither has seen."""

    kind: Literal["compare"]
    options: CompareOptions


class ExportOptions(Body):
    id: Id
    to: Literal["peft", "merged", "gguf", "openai", "chat", "prompt-completion", "parquet"]


class Export(Body):
    """An adapter or a dataset in the form of other tools; the result's `path` is a file, a zip of what `adtune export` writes."""

    kind: Literal["export"]
    options: ExportOptions


JobAsked = Annotated[Stage | Import | Predict | Compare | Export, Field(discriminator="kind")]


class Takedown(Body):
    """Pieces that leave the archive, by id; `expired` adds every piece whose usage rights have ended, `retune` queues tuning without."""

    pieces: list[Id] = Field(default_factory=list, max_length=10_000)
    by: str = Field(max_length=200)
    reason: str | None = Field(None, max_length=2000)
    expired: bool = False
    retune: bool = False


def _shown(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in ("id", "kind", "status", "result", "error", "tries", "created", "updated", "finished")} | {
        "options": job.payload.get("options") or {}, "file": job.payload.get("file")}


def _job(caller: Caller, id: str) -> Job:
    found = caller.service.ws.jobs.find(id, caller.client)
    if found is None:
        raise missing("job", id)
    return found


def _stage(caller: Caller, body: Stage) -> dict[str, Any]:
    """The options of a stage. Raises ApiError for one that is no setting, or that a caller may not say."""
    record, closed = OPTIONS[body.kind]
    known = {one.name for one in fields(record)} - closed | ({"adapter"} if body.kind == "evaluate" else set())
    unknown = next((name for name in body.options if name not in known), None)
    if unknown is not None:
        raise ApiError(400, f"Unknown parameter: 'options.{unknown[:60]}'.", "unknown_parameter", f"options.{unknown[:60]}")
    options = dict(body.options)
    resolve(record, ("options", {name: value for name, value in options.items() if name != "adapter"}))
    if options.get("adapter") is not None:
        options["adapter"] = own(caller, str(options["adapter"]), "adapter-", "response-")
    return options


def _submit(caller: Caller, body: JobAsked, idempotency: str | None) -> Job:
    """Queue a verb. Raises ApiError."""
    options = _stage(caller, body) if isinstance(body, Stage) else body.options.model_dump(by_alias=True, exclude_none=True)
    if isinstance(body, Compare):
        options["adapters"] = [own(caller, id, "adapter-") for id in body.options.adapters]
    elif isinstance(body, Export):
        options["id"] = own(caller, body.options.id, "adapter-", "dataset-", "examples-")
    elif isinstance(body, Predict) and body.options.adapter:
        options["adapter"] = own(caller, body.options.adapter, "response-")
    payload: dict[str, Any] = {"options": options}
    if isinstance(body, (Import, Predict)):
        payload["file"] = held_of(caller, body.file).id
    if isinstance(body, Stage) and body.task is not None:
        payload["task"] = body.task
    return caller.service.ws.jobs.submit(caller.client, body.kind, payload, idempotency)


@router.post("/jobs")
async def create(body: JobAsked, caller: Trains, idempotency: IdempotencyKey = None) -> Any:
    """Queue a verb; the same Idempotency-Key gives the same job."""
    return _shown(await done(_submit, caller, body, idempotency))


@router.post("/takedowns")
async def take_down(body: Takedown, caller: Admins, idempotency: IdempotencyKey = None) -> Any:
    """Queue a takedown: pieces leave the archive, what learned from them leaves service; the result names a certificate (an artifact)."""
    if not body.pieces and not body.expired:
        raise ApiError(400, "Missing required parameter: 'pieces', or 'expired'.", "missing_required_parameter", "pieces")
    options = {**body.model_dump(), "by": who(body.by, caller)}
    return _shown(await done(caller.service.ws.jobs.submit, caller.client, "takedown", {"options": options}, idempotency))


@router.get("/jobs")
async def jobs(caller: Reads, after: After = None, limit: Limit = 20) -> Any:
    """All jobs of the client, the newest first."""
    return page([_shown(one) for one in await done(caller.service.ws.jobs.all, caller.client)], after, limit)


@router.get("/jobs/{id}")
async def job(id: str, caller: Reads) -> Any:
    """One job, with its log."""
    held = await done(_job, caller, id)
    events = await done(caller.service.ws.jobs.events, held.id)
    return {**_shown(held), "events": [{name: getattr(one, name) for name in ("level", "message", "data", "moment")} for one in events]}


@router.post("/jobs/{id}/{what}")
async def ask(id: str, what: Literal["cancel", "pause", "resume"], caller: Trains) -> Any:
    """Cancel, pause or resume a job; one that has ended stays as it is."""
    held, table = await done(_job, caller, id), caller.service.ws.jobs
    return _shown(await done(table.resume, held.id) if what == "resume" else await done(table.ask, held.id, what))
