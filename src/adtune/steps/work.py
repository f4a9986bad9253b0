"""The table of kinds of jobs: a job's kind -> the function that does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import AdtuneError, BusyError, DiskFullError, InputError, Interrupted, WorkspaceError
from ..settings import AdviseSettings, CurateSettings, EvaluateSettings, TuneSettings
from .job_work import Work
from .verb_work import VERBS, verb_job

if TYPE_CHECKING:
    from ..workspace import Workspace
    from ..workspace.jobs import Job

MAY_PASS = (BusyError, DiskFullError, WorkspaceError)  # what another try may find mended


def fine_tune_job(ws: Workspace, job: Job, work: Work) -> None:
    """A fine-tuning job of OpenAI's API: its model answers to its name in the same moment as the job has succeeded."""
    from .fine_tuning import fine_tune

    done = fine_tune(ws, job, work)
    if done is None:
        ws.jobs.stop(job)
        return
    result, named = done
    name = named(job.id)
    work.tell(f"New fine-tuned model created: {name.name}")
    ws.jobs.succeed(job, {**result, "fine_tuned_model": name.name}, name)


KINDS: dict[str, Callable[[Any, Any, Any], None]] = {"fine_tune": fine_tune_job, **dict.fromkeys(VERBS, verb_job)}
OPTIONS = {  # what a caller may say by API: settings of the stage that name no file and no base
    "curate": (CurateSettings, {"in_context"}), "advise": (AdviseSettings, set()), "evaluate": (EvaluateSettings, set()),
    "tune": (TuneSettings, {"base", "device", "quantise", "allow_lost_tokens"})}


def do(ws: Workspace, job: Job, stop: Callable[[], bool]) -> None:
    """Do a claimed job to whatever end it comes: succeeded, failed for good, stopped, or queued for another try. Raises Stale."""
    work = Work(ws, job, stop)
    try:
        KINDS[job.kind](ws, job, work)
    except Interrupted:
        ws.jobs.stop(job)
    except MAY_PASS as error:
        ws.jobs.retry(job, f"{error.found}; {error.do}")
    except AdtuneError as error:
        work.tell(str(error))
        ws.jobs.fail(job, {"code": "invalid_training_file" if _about_a_file(error) else "job_failed", "message": str(error),
                           "param": "training_file" if _about_a_file(error) else None})


def _about_a_file(error: AdtuneError) -> bool:
    return isinstance(error, InputError) and error.where.startswith("file ")
