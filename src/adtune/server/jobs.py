"""/v1/fine_tuning/jobs: OpenAI's fine-tuning API over the job table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from ..records import hash_of
from ..steps.fine_tuning import check_request
from .auth import Caller, Reads, Trains, threaded
from .errors import ApiError, api_error, missing, unknown_model
from .models import seconds_of
from .pages import After, IdempotencyKey, Limit, page
from .shapes import JobRequest

if TYPE_CHECKING:
    from ..workspace.jobs import Job, JobEvent

router = APIRouter(tags=["fine-tuning"])
KIND = "fine_tune"
AGAIN_SECONDS = 600  # within which an SDK's repeated request is the same request


def shown(job: Job) -> dict[str, Any]:
    """A job as OpenAI's clients read it."""
    asked, result = job.payload, job.result or {}
    given = {name: "auto" for name in ("n_epochs", "batch_size", "learning_rate_multiplier")} | (asked.get("hyperparameters") or {})
    status = "validating_files" if job.status == "running" and "run" not in job.state else job.status
    return {"id": job.id, "object": "fine_tuning.job", "created_at": seconds_of(job.created), "model": asked["model"],
            "organization_id": job.client, "training_file": asked["training_file"], "validation_file": asked.get("validation_file"),
            "status": status, "seed": asked.get("seed") or 0, "result_files": [], "hyperparameters": given, "error": job.error,
            "fine_tuned_model": result.get("fine_tuned_model"), "finished_at": seconds_of(job.finished) if job.finished else None,
            "trained_tokens": result.get("trained_tokens"), "estimated_finish": None, "integrations": [], "metadata": asked.get("metadata"),
            "method": {"type": "supervised", "supervised": {"hyperparameters": given}}, "user_provided_suffix": asked.get("suffix")}


def job_of(caller: Caller, id: str) -> Job:
    """The caller's job. Raises ApiError."""
    found = caller.service.ws.jobs.find(id, caller.client)
    if found is None or found.kind != KIND:
        raise missing("fine-tuning job", id)
    return found


def _payload(body: JobRequest, caller: Caller) -> dict[str, Any]:
    """What the job is given, checked as far as that is quick. Raises ApiError, InputError."""
    base = caller.service.registry.bases.get(body.model)
    if base is None:
        raise unknown_model(body.model)
    if body.method is not None and body.method.type != "supervised":
        raise ApiError(400, f"Unsupported method '{body.method.type[:40]}': only 'supervised' is built.", "unsupported_parameter", "method")
    for name in ("training_file", "validation_file"):
        id = getattr(body, name)
        if id is not None and caller.service.ws.uploads.find(id, caller.client) is None:
            raise ApiError(400, f"Invalid {name}: no such file: {id[:100]}", "file_not_found", name)
    newer = body.method.supervised.hyperparameters if body.method and body.method.supervised else None
    payload = {"model": body.model, "base": base, "training_file": body.training_file, "validation_file": body.validation_file,
               "suffix": body.suffix, "seed": body.seed, "metadata": body.metadata, "hyperparameters": newer or body.hyperparameters or {},
               "adtune": body.adtune or {}}
    check_request(payload)
    return payload


def _submit(caller: Caller, payload: dict[str, Any], idempotency: str | None, repeated: bool) -> Job:
    """A new job; the one of before where the caller's SDK asks again because it heard no answer."""
    jobs = caller.service.ws.jobs
    payload = {**payload, "request": hash_of([payload, caller.key.id])}
    if repeated:
        since = (datetime.now(UTC) - timedelta(seconds=AGAIN_SECONDS)).isoformat()
        before = next((one for one in jobs.all(caller.client, KIND) if one.created > since and one.payload == payload), None)
        if before is not None:
            return before
    return jobs.submit(caller.client, KIND, payload, idempotency)


@router.post("/v1/fine_tuning/jobs")
async def create(body: JobRequest, caller: Trains, request: Request, idempotency: IdempotencyKey = None) -> Any:
    """Queue a job. The SDK repeats a request that it heard nothing of, and gets the same job."""
    repeated = request.headers.get("x-stainless-retry-count", "0") not in ("0", "")
    try:
        payload = await threaded(_payload, body, caller)
        return shown(await threaded(_submit, caller, payload, idempotency, repeated))
    except Exception as error:
        raise api_error(error) from error


@router.get("/v1/fine_tuning/jobs")
async def jobs(caller: Reads, request: Request, after: After = None, limit: Limit = 20) -> Any:
    """The client's jobs, the newest first; `metadata[k]=v` keeps those that say so."""
    wanted = {name[9:-1]: value for name, value in request.query_params.items() if name.startswith("metadata[") and name.endswith("]")}
    held = await threaded(caller.service.ws.jobs.all, caller.client, KIND)
    return page([shown(one) for one in held if wanted.items() <= (one.payload.get("metadata") or {}).items()], after, limit)


@router.get("/v1/fine_tuning/jobs/{id}")
async def one(id: str, caller: Reads) -> Any:
    """One job."""
    return shown(await threaded(job_of, caller, id))


async def _ask(id: str, caller: Caller, what: str) -> Any:
    job = await threaded(job_of, caller, id)
    table = caller.service.ws.jobs
    change = table.resume if what == "resume" else table.ask
    words = (job.id, caller.client) if what == "resume" else (job.id, what, caller.client)
    after = await threaded(change, *words)
    if what == "resume" and after.status in ("succeeded", "failed", "cancelled"):
        raise ApiError(400, f"This job has ended as {after.status}.", "invalid_value", "id")
    return shown(after)


@router.post("/v1/fine_tuning/jobs/{id}/cancel")
async def cancel(id: str, caller: Trains) -> Any:
    """Stop a job for good; one that has ended stays as it is."""
    return await _ask(id, caller, "cancel")


@router.post("/v1/fine_tuning/jobs/{id}/pause")
async def pause(id: str, caller: Trains) -> Any:
    """Stop a job at its next checkpoint, until it is resumed."""
    return await _ask(id, caller, "pause")


@router.post("/v1/fine_tuning/jobs/{id}/resume")
async def resume(id: str, caller: Trains) -> Any:
    """Go on with a paused job."""
    return await _ask(id, caller, "resume")


def _event(one: JobEvent) -> dict[str, Any]:
    return {"id": f"ftevent-{one.seq}", "object": "fine_tuning.job.event", "created_at": seconds_of(one.moment), "level": one.level,
            "message": one.message, "type": "metrics" if one.data else "message", "data": one.data or {}}


@router.get("/v1/fine_tuning/jobs/{id}/events")
async def events(id: str, caller: Reads, after: After = None, limit: Limit = 20) -> Any:
    """The job's log, the newest line first."""
    job = await threaded(job_of, caller, id)
    return page([_event(one) for one in (await threaded(caller.service.ws.jobs.events, job.id))[::-1]], after, limit)


@router.get("/v1/fine_tuning/jobs/{id}/checkpoints")
async def checkpoints(id: str, caller: Reads, after: After = None, limit: Limit = 10) -> Any:
    """The point that was kept: the one of lowest validation loss."""
    job = await threaded(job_of, caller, id)
    result = job.result or {}
    if not result.get("best"):
        return page([], after, limit)
    best = next(one for one in result["evaluations"] if one["step"] == result["best"]["step"])
    metrics = {"step": best["step"], "train_loss": best.get("train_loss"), "valid_loss": best["validation_loss"],
               "full_valid_loss": best["validation_loss"]}
    row = {"id": f"ftckpt-{job.id.removeprefix('job-')}", "object": "fine_tuning.job.checkpoint", "metrics": metrics,
           "created_at": seconds_of(job.finished or ""), "fine_tuned_model_checkpoint": result["fine_tuned_model"],
           "fine_tuning_job_id": job.id, "step_number": best["step"]}
    return page([row], after, limit)
