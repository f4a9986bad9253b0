"""A fine-tuning job: files become examples, a run is started once and gone on with after every stop, its adapter gets an `ft:` name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from ..errors import InputError, SettingError
from ..settings import TuneSettings, resolve
from .examples_file import publish_examples
from .tuning import tune

if TYPE_CHECKING:
    from ..workspace import Workspace
    from ..workspace.jobs import Job
    from ..workspace.ladder import ModelName
    from .job_work import Work

FREE = {field.name for field in fields(TuneSettings)} - {"base", "device", "quantise", "allow_lost_tokens"}  # what a caller may set
MOST_EPOCHS = 50
SLUG = re.compile(r"[^a-z0-9]+")


def slug(text: str, most: int = 40) -> str:
    """Lower-case letters, digits and single hyphens."""
    return SLUG.sub("-", text.lower()).strip("-")[:most].strip("-")


def settings_of(payload: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(TuneSettings by name, what is not used and why) of a job's hyperparameters. Raises InputError, SettingError."""
    given = dict(payload.get("hyperparameters") or {})
    notes, chosen = [], {"base": payload["base"], "seed": payload.get("seed")}
    epochs = given.pop("n_epochs", "auto")
    if epochs not in ("auto", None):
        if isinstance(epochs, bool) or not isinstance(epochs, (int, float)) or epochs != int(epochs) or not 1 <= epochs <= MOST_EPOCHS:
            raise InputError("hyperparameters.n_epochs", str(epochs)[:40], f"auto, or a whole number from 1 to {MOST_EPOCHS}", "Change it.")
        chosen["epochs"] = int(epochs)
    for name, value in given.items():
        if name not in ("batch_size", "learning_rate_multiplier"):
            raise InputError(f"hyperparameters.{name[:40]}", "a hyperparameter that is not known",
                             "n_epochs, batch_size or learning_rate_multiplier", "Leave it out.")
        if value not in ("auto", None):
            notes.append(f"{name} is not used: the rate is found by measuring, and a batch is counted in tokens.")
    for name, value in (payload.get("adtune") or {}).items():
        if name not in FREE:
            raise InputError(f"adtune.{name}", "a setting that is not known here", f"one of {', '.join(sorted(FREE))}", "Leave it out.")
        chosen[name] = value
    resolve(TuneSettings, ("job", chosen))
    return chosen, notes


def check_request(payload: Mapping[str, Any]) -> None:
    """Raises InputError where a job's words mean nothing, before it is queued."""
    from ..engine.methods import METHODS

    chosen, _ = settings_of(payload)
    if chosen.get("method", "auto") not in ("auto", *METHODS):
        raise SettingError("adtune.method", str(chosen["method"])[:40], f"auto or one of {', '.join(sorted(METHODS))}", "Change it.")


def fine_tune(ws: Workspace, job: Job, work: Work) -> tuple[dict[str, Any], Callable[[str], ModelName]] | None:
    """Run a job to its end; gives its result and how its model is to be named, or None where it was stopped. Raises AdtuneError."""
    state = dict(job.state)
    if "run" not in state:
        dataset, notes = publish_examples(ws, job.client, _file(ws, job, "training_file"), _file(ws, job, "validation_file"))
        chosen, unused = settings_of(job.payload)
        work.tell("Files validated.")
        for note in (*notes, *unused):
            work.tell(note)
        state = {"dataset": dataset, "run": start_run(ws, job.client, dataset, chosen)}
        work.keep(state)
        work.tell("Fine-tuning started.")
    run = ws.run(state["run"])
    # done: a worker died between the end of the run and the end of the job
    answer = run["outcome"] if run["state"] == "done" else tune(ws, job.client, {}, state["run"], work.progress, work.stop)
    if answer["stopped"] == "interrupted":
        return None
    for one in answer["evaluations"]:
        told = {"step": one["step"], "train_loss": one.get("train_loss"), "valid_loss": one["validation_loss"]}
        work.tell(f"Step {one['step']}: validation loss={one['validation_loss']:.3f}", told)
    result = {name: answer[name] for name in ("run", "adapter", "method", "trained_tokens", "evaluations", "best", "stopped")}
    return result, lambda id: _name(job, answer["adapter"], id)


def start_run(ws: Workspace, client: str, dataset: str, chosen: Mapping[str, Any]) -> str:
    """A new run on a dataset that is named."""
    settings, origins = resolve(TuneSettings, ("job", chosen))
    method = "lora" if settings.method == "auto" else settings.method
    record = {"client": client, "dataset": dataset, "dataset_hash": ws.record(dataset)["record"]["hash"],
              "settings": {**asdict(settings), "method": method}, "origins": origins,
              "options": {name: value for name, value in chosen.items() if value is not None}, "base_hash": None}
    return ws.create_run(client, record)


def _file(ws: Workspace, job: Job, name: str) -> Any:
    id = job.payload.get(name)
    if not id:
        return None
    held = ws.uploads.find(id, job.client)
    if held is None:
        raise InputError(name, f"file {id}, which is gone", "a file of this client", "Hand it in again.")
    return ws.uploads.path(held), held.name


def _name(job: Job, adapter: str, id: str) -> ModelName:
    from ..workspace.ladder import ModelName

    parts = ("ft", job.payload["model"], slug(job.client) or "client", slug(job.payload.get("suffix") or ""), id.rpartition("-")[2][:8])
    return ModelName(":".join(parts), job.client, adapter)
