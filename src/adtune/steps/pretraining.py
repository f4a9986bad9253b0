"""`adtune pretrain text`: a starter base from a corpus, in one call that can be stopped and continued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, Interrupted, did_you_mean
from ..progress import Progress, silent
from ..settings import PretrainSettings, resolve

if TYPE_CHECKING:
    from ..pretrain.documents import Document
    from ..workspace import Workspace

OPTIONS = ("corpus", "out", "resume")
EVALUATIONS = 8  # at least, however short the run


def pretrain_text(workspace: Workspace | None, options: dict[str, Any], progress: Progress = silent,
                  stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Pre-train a text starter.

    Options: corpus (paths of .jsonl, .jsonl.zst or .txt files), out (folder of the finished base), resume, and any PretrainSettings.
    Raises InputError for a corpus that cannot be read, is too small, or shares runs of words with a client's archive in the workspace;
    SettingError for impossible settings; Interrupted after a checkpoint when stopped.
    """
    from ..pretrain.contamination import refuse_shared, shared_runs
    from ..pretrain.documents import HoldOut, read_documents
    from ..pretrain.mixture import enough
    from ..pretrain.prepare import prepare
    from ..pretrain.publish import check_out, finish
    from ..pretrain.text import PretrainRun, check_settings, run
    from ..pretrain.watch import Watch

    paths = _paths(options.get("corpus") or ())
    settings, _ = resolve(PretrainSettings, ("--set", {k: v for k, v in options.items() if k not in OPTIONS}))
    check_settings(settings)
    settings = replace(settings, evaluate_minutes=min(settings.evaluate_minutes, settings.minutes / EVALUATIONS))
    out = Path(options.get("out") or "starter-text")
    check_out(out)
    work = out.with_name(out.name + ".work")
    clients = {client: [piece.text for piece in workspace.assets(client)] for client in workspace.clients()} if workspace else {}
    if any(clients.values()):
        refuse_shared(shared_runs(_watched(read_documents(paths, HoldOut()), paths, progress, stop), clients))
    prepared = prepare(paths, settings, work, progress, stop)
    plain, briefs = prepared.rows(settings)
    one = PretrainRun(settings, plain, briefs, work, prepared.bound)
    parameters = sum(p.numel() for p in one.model.parameters())
    enough(prepared.plain, None, parameters, settings.batch_tokens, 0)
    resumed = bool(options.get("resume")) and one.restore()
    watch = Watch(prepared.tokenizer, prepared.plain, progress)
    run(one, watch.evaluate, watch.tell, stop)
    figures = finish(one, prepared, out, progress)
    told = enough(prepared.plain, None, parameters, settings.batch_tokens, one.tokens)
    return {"base": str(out), "parameters": figures["parameters"], "tokens": figures["tokens"], "seconds": figures["seconds"],
            "bits_per_byte": figures["bits_per_byte"]["value"], "bits_per_byte_interval": figures["bits_per_byte"]["interval"],
            "modern_bits_per_byte": figures["modern"]["value"],
            "by_source": {source: found["value"] for source, found in figures["by_source"].items()},
            "own_title_better": figures["title"]["own_better"]["value"], "drafts_that_end": figures["drafts"]["ended"],
            "size": settings.size, "steps": figures["steps"], "resumed": resumed, "constant": figures["constant"],
            "report": str(out / "report.html"), "notes": [*told, *one.problems]}


def _watched(documents: Iterator[Document], paths: list[Path], progress: Progress, stop: Callable[[], bool]) -> Iterator[Document]:
    """The documents as they come, with a bar over the files and an ear for a stop."""
    for count, document in enumerate(documents):
        if count % 500 == 0:
            file = next((n for n, path in enumerate(paths) if document.place.startswith(str(path))), 0)
            progress("compare with the archives", file, len(paths), f"{count:,} documents")
            if stop():
                raise Interrupted("stopped before anything was made", "adtune pretrain text")
        yield document


def _paths(given: Any) -> list[Path]:
    paths = [Path(path) for path in given]
    for path in paths:
        if not path.is_file():
            raise InputError("--corpus", f"no file {path}", "files of text", did_you_mean(path.name, _siblings(path)))
    if not paths:
        raise InputError("--corpus", "no files", "one file of text or more", "Give --corpus FILE, more than once for several.")
    return paths


def _siblings(path: Path) -> list[str]:
    return [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
