"""The verbs as jobs: what each does with a job's options and file; files come from the client's uploads and go back to them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from ..errors import AdtuneError, InputError
from .job_work import Work

if TYPE_CHECKING:
    from ..workspace import Workspace
    from ..workspace.jobs import Job

Options = dict[str, Any]
RESULT = "result"     # purpose of a file that a job made
LONGEST_STEM, LONGEST_SUFFIX = 80, 16
CHUNK = 1 << 20


def _curate(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    from .curation import curate

    return curate(ws, job.client, job.payload.get("task"), None, options, work.progress)


def _advise(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    if _of_rows(ws, job, options):
        from .response_advice import advise_response

        return advise_response(ws, job.client, options, work.progress)
    from .advice import advise

    return advise(ws, job.client, options, work.progress, work.stop)


def _evaluate(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    rows, adapter = _of_rows(ws, job, options), options.pop("adapter", None)
    if rows:
        from .response_evaluation import evaluate_response

        return evaluate_response(ws, job.client, adapter, work.progress)
    from .evaluation import evaluate

    return evaluate(ws, job.client, adapter, options, work.progress)


def _tune(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    if _of_rows(ws, job, options):  # seconds: a second try begins anew, and ends in the same adapter
        from .response import tune_response

        return tune_response(ws, job.client, options, None, work.progress, work.stop)
    from .curation import load_dataset
    from .fine_tuning import start_run
    from .tuning import tune

    state = dict(job.state)
    if "run" not in state:
        dataset, _ = load_dataset(ws, job.client, work.progress)
        state = {"run": start_run(ws, job.client, dataset, options)}
        work.keep(state)
    run = ws.run(state["run"])
    return run["outcome"] if run["state"] == "done" else tune(ws, job.client, {}, state["run"], work.progress, work.stop)


def _of_rows(ws: Workspace, job: Job, options: Mapping[str, Any]) -> bool:
    from .response import means_response

    return means_response(ws, job.client, job.payload.get("task"), options.get("adapter"))


def _import(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    from .archive import STORING, import_archive

    def heard(label: str, done: float, total: float, note: str = "") -> None:
        if label != STORING:  # a line in the job's log would wait for the transaction that it tells of
            work.progress(label, done, total, note)

    with _handed_in(ws, job) as path:
        return import_archive(ws, path, job.client, options.get("as") or "content", options.get("map"), heard)


def _predict(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    from .predicting import predict

    with _handed_in(ws, job) as path:
        out = path.with_name("predictions.csv")
        answer = predict(ws, job.client, path, {**options, "out": str(out)}, work.progress)
        return {**answer, "rows": len(answer["rows"]), "out": _handed_out(ws, job, out)}


def _compare(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    from .comparison import compare

    one, other = options.pop("adapters")
    return compare(ws, job.client, (one, other), options, work.progress)


def _export(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    from .exporting import export

    with TemporaryDirectory(dir=ws.root) as folder, _nameless(folder):
        answer = export(ws, options["id"], options["to"], Path(folder) / "out", work.progress)
        packed = Path(folder) / f"{options['id']}-{options['to']}.zip"
        with ZipFile(packed, "w", ZIP_DEFLATED, compresslevel=1) as pack:
            for name in answer["files"]:
                pack.write(Path(folder) / "out" / name, name)
        return {**answer, "path": _handed_out(ws, job, packed)}


def _takedown(ws: Workspace, job: Job, work: Work, options: Options) -> dict[str, Any]:
    from .takedown import takedown

    words, by = options.pop("pieces"), options.pop("by")
    answer = takedown(ws, job.client, words, by, options, work.progress)
    return {**answer, "certificate": answer["certificate"]["id"]}


VERBS: dict[str, Callable[[Any, Any, Any, Options], dict[str, Any]]] = {
    "import": _import, "curate": _curate, "advise": _advise, "tune": _tune, "evaluate": _evaluate, "compare": _compare,
    "predict": _predict, "export": _export, "takedown": _takedown}


def verb_job(ws: Workspace, job: Job, work: Work) -> None:
    """A verb of the command line for the client, with the options and the file of the payload."""
    answer = VERBS[job.kind](ws, job, work, dict(job.payload.get("options") or {}))
    if answer.get("stopped") == "interrupted":
        ws.jobs.stop(job)
    else:
        ws.jobs.succeed(job, {name: value for name, value in answer.items() if name != "report"})


@contextmanager
def _handed_in(ws: Workspace, job: Job) -> Iterator[Path]:
    """The job's file under the client's own word for it, in a folder of its own: its kind is told by its name too, its pieces by both.
    Raises InputError where it was deleted."""
    held = ws.uploads.find(str(job.payload.get("file")), job.client)
    if held is None:
        raise InputError(f"file {job.payload.get('file')}", "a file that is not there any more", "a file of the client's",
                         "Upload it again.")
    with TemporaryDirectory(dir=ws.root) as folder, _nameless(folder):
        path = Path(folder) / safe_name(held.name)
        shutil.copyfile(ws.uploads.path(held), path)
        yield path


def safe_name(name: str) -> str:
    """A client's word for a file as the name of one: no folder, no letter that a file system gives a meaning, and not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = Path("".join(letter if letter.isalnum() or letter in "-_ ." else "_" for letter in last).strip(" ."))
    return (_cut(plain.stem, LONGEST_STEM) or "file") + _cut(plain.suffix, LONGEST_SUFFIX)


def _cut(text: str, most: int) -> str:
    """The first `most` bytes of a text, whole letters alone."""
    return text.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")


@contextmanager
def _nameless(folder: str) -> Iterator[None]:
    """Errors leave out where on this machine a file lay."""
    try:
        yield
    except AdtuneError as error:
        parts = (str(part).replace(f"{folder}/", "") for part in (error.where, error.found, error.expected, error.do))
        raise type(error)(*parts) from error


def _handed_out(ws: Workspace, job: Job, path: Path) -> str:
    """The id of a file for the client to fetch, with the bytes of `path`; a job that is done anew hands out the same file."""
    with path.open("rb") as made:
        return ws.uploads.add(job.client, path.name, RESULT, iter(lambda: made.read(CHUNK), b""), once=job.id).id
