"""`adtune tune`: a dataset and a base become an adapter, in a run that can be stopped, killed and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..durable import os_error, remove_tree, replace_file
from ..errors import AdtuneError, InputError, Interrupted, SettingError
from ..progress import Progress, silent
from ..records import Dataset
from ..settings import TuneSettings, resolve
from .curation import load_dataset, read_dataset, withdrawn_items
from .estimating import check_room, estimate_tuning, kept_estimate, told

if TYPE_CHECKING:
    from ..engine.bases import Base
    from ..tune.session import Tuned
    from ..workspace import Workspace



def newest_plan(ws: Workspace, client: str, dataset_hash: str) -> dict[str, Any] | None:
    """The newest plan that `advise` made for exactly this dataset, or None."""
    for row in ws.listing("plan", client):
        record = ws.record(row["id"])["record"]
        if record["dataset"] == dataset_hash:
            return record
    return None


def _new_run(ws: Workspace, client: str, options: Mapping[str, Any], recipe: tuple[str, Mapping[str, Any]],
             progress: Progress) -> tuple[str, dict[str, Any]]:
    """Create a run with every setting resolved and where it came from."""
    from ..engine.base_places import base_place

    dataset_id, dataset = load_dataset(ws, client, progress)
    plan = newest_plan(ws, client, dataset.hash)
    if plan and (options.get("base") or recipe[1].get("base")) not in (None, plan["base"]):
        plan = None  # it was measured on another base
    settings, origins = resolve(TuneSettings, ("plan", plan["settings"] if plan else {}), recipe, ("option", options))
    if settings.method == "auto":
        method = plan["method"] if plan and plan["method"] in ("lora", "prefix", "full") else "lora"
        settings = TuneSettings(**{**asdict(settings), "method": method})
        origins["method"] = "plan" if plan and plan["method"] == method else "default"
    _check_method(settings.method)
    base_place(settings.base)
    from ..tune.brand_peak import check_peak  # brings torch, which no refusal above has to wait for

    _check_form(settings)
    check_peak(settings)
    record = {"client": client, "dataset": dataset_id, "dataset_hash": dataset.hash, "settings": asdict(settings), "origins": origins,
              "options": {k: v for k, v in options.items() if v is not None}, "base_hash": None}
    return ws.create_run(client, record), record


def _newer_pieces(ws: Workspace, client: str, dataset: str) -> list[str]:
    """A note where pieces came in since the dataset was made: nothing learns from them."""
    made = ws.record(dataset)["record"]
    more = ws.count_assets(client) - made["read"] if "archive" in made else 0   # examples that were handed in are of no archive
    if more <= 0:
        return []
    came = f"{more:,} pieces came in since {dataset} was made, and are" if more > 1 else f"A piece came in since {dataset} was made, and is"
    return [f"{came} not in it: `adtune curate {client}` makes a new one."]


def _check_method(method: str) -> None:
    """Raises SettingError for the one method that drafting has not; a word that is no method was refused by its range."""
    if method == "head":
        raise SettingError("--method head", "a drafting task, which has no head to train", "auto, lora, prefix or full",
                           "Method head belongs to the task response, and to pictures, which a later release brings.")


def _check_form(settings: TuneSettings) -> None:
    """Raises SettingError for a device that is not here and a form of the base that the method can't be trained on."""
    from ..engine.devices import choose
    from ..engine.quantised import check_quantise

    choose(settings.device)
    check_quantise(settings.quantise, settings.method)


def _unfinished(ws: Workspace, row: Mapping[str, Any]) -> bool:
    """Whether `--resume last` may take a run of texts: what a signal or a kill ended, and what failed at its first checkpoint or later.

    One that failed before would only fail again; one whose first checkpoint is cut short is what a full disk leaves.
    """
    if row["settings"].get("task") == "response" or row["state"] == "done":
        return False
    crashed = row["state"] == "interrupted" and (row["outcome"] or {}).get("error")  # the state that earlier versions gave to a crash
    if row["state"] == "failed" or crashed:
        return (ws.run_dir(row["id"]) / "checkpoints").is_dir()
    return True


def _find_run(ws: Workspace, client: str, resume: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The run to go on with; None where `last` finds none. Raises InputError, SettingError where options disagree."""
    if resume == "last":
        row = next((r for r in ws.runs(client) if _unfinished(ws, r)), None)
        if row is None:
            return None
    else:
        row = ws.run(ws.find(resume))
        if row["client"] != client:
            raise InputError(f"--resume {resume}", f"a run of the client {row['client']}", f"a run of {client}", "See `adtune ls`.")
        if row["state"] == "done":
            raise InputError(f"--resume {resume}", "a finished run", "an unfinished run", "Start a new one without --resume.")
    record = row["settings"]
    gone = withdrawn_items(ws, read_dataset(ws, record["dataset"]))
    if gone:
        raise InputError(f"--resume {resume}", f"a run on {len(gone)} pieces that are withdrawn since it was started",
                         "pieces that may be used", "Start a new run without --resume: it curates them away.")
    newest = ws.newest("dataset", client)
    if resume == "last" and newest is not None and newest != record["dataset"]:
        raise InputError("the dataset on resume", f"{newest}, curated since the run was started",
                         f"{record['dataset']}, as the run was started",
                         f"To go on with the run's own dataset say --resume {row['id']}; for the new one start without --resume.")
    for name, value in options.items():
        kept = record["settings"].get(name)
        if value is not None and not (name == "method" and value == "auto") and kept != value:
            raise SettingError(f"--resume {resume}", f"{name} = {value}", f"{name} = {kept}, as the run was started",
                               "Leave the option out, or start a new run without --resume.")
    return row["id"], record


def tune(ws: Workspace, client: str, options: Mapping[str, Any], resume: str | None = None, progress: Progress = silent,
         stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Fine-tune and publish the adapter; gives the contract's object, with `stopped: interrupted` where a signal ended it.

    `options` are TuneSettings by name, None meaning "not said", and `recipe`, the path of another tool's recipe, which they overrule.
    Raises SettingError for what a setting cannot be before anything is loaded, and AdtuneError of many kinds; the run is then marked
    failed, as by a crash.
    """
    ws.require_client(client)
    recipe, notes, options = _with_recipe(options)
    asked = {**recipe[1], **{name: value for name, value in options.items() if value is not None}}
    resolve(TuneSettings, recipe, ("option", options))  # refuses unknown settings and impossible values before torch loads
    _check_method(asked.get("method", "auto"))
    if "base" in asked:
        from ..engine.base_places import base_place

        base_place(asked["base"])   # before an archive is curated for it
    found = _find_run(ws, client, resume, asked) if resume else None
    run, record = found or _new_run(ws, client, options, recipe, progress)
    notes = [*notes, *_newer_pieces(ws, client, record["dataset"])]
    with ws.lock(run):
        ws.update_run(run, "running")
        try:
            answer = _execute(ws, run, record, progress, stop)
        except Interrupted:
            answer = _interrupted(ws, run, record)
        except BaseException as error:
            # a signal ends a run where it is; whatever else does, a defect of ours too, would come again from the same place
            ws.update_run(run, "failed" if isinstance(error, Exception) else "interrupted", {"error": str(error)[:500]})
            raise
        if notes:
            answer["notes"] = [*answer.get("notes", [answer["note"]] if "note" in answer else []), *notes]
        ws.update_run(run, "interrupted" if answer["stopped"] == "interrupted" else "done", answer)
        if answer["stopped"] != "interrupted":
            from ..tune.brand_peak import FOLDER

            remove_tree(ws.run_dir(run) / FOLDER)  # the states that the voice was asked of
    return answer


def _with_recipe(options: Mapping[str, Any]) -> tuple[tuple[str, Mapping[str, Any]], list[str], dict[str, Any]]:
    """(the layer of settings that a recipe gives, a note for each of its keys that is no setting, the options without the recipe)."""
    from .recipe import read_recipe, recipe_notes

    others = {name: value for name, value in options.items() if name != "recipe"}
    if options.get("recipe") is None:
        return ("recipe", {}), [], others
    path = Path(options["recipe"])
    settings, left = read_recipe(path)
    return (f"recipe {path.name}", settings), recipe_notes(path, left), others


def _execute(ws: Workspace, run: str, record: dict[str, Any], progress: Progress, stop: Callable[[], bool]) -> dict[str, Any]:
    from ..engine.bases import load_base
    from ..engine.devices import Form, choose
    from ..engine.servable import servable
    from ..tune.prepared import prepare
    from ..tune.session import run_session
    from ..voice.general import load_general

    settings = TuneSettings(**{"mask_single": False, **record["settings"]})  # a run from before there was a mask goes on without
    device = choose(settings.device)
    form = Form(settings.device, settings.quantise, settings.method == "full" or settings.precision == "fp32")
    if settings.precision == "auto" and device.kind != "cpu":
        settings = replace(settings, precision="bf16" if device.bf16 else "fp32")
    folder = ws.run_dir(run)
    progress("load the base", 0, 1)
    base = load_base(settings.base, form=form)
    with _disk(folder):
        _pin_base(folder / "base.sha256", base.hash, settings.base, "weights")
        _pin_base(folder / "rendering.sha256", base.renderer.golden(), settings.base, "chat template and tokenizer")
    refused = [f"{one.engine}: {one.reason}" for one in servable(settings.method, settings, base) if one.servable is False]
    progress("load the base", 1, 1, "; ".join(refused))
    dataset = read_dataset(ws, record["dataset"])
    if dataset.hash != record["dataset_hash"]:
        raise InputError(f"dataset {record['dataset']}", f"hash {dataset.hash[:12]}…",
                         f"hash {record['dataset_hash'][:12]}…, as the run was started", "Start a new run without --resume.")
    prepared = prepare(base, dataset, load_general(), settings)  # refuses settings that the base's context cannot hold
    check_room(base, settings, folder)
    with _disk(folder):
        progress("estimate", 0, 1)
        progress("estimate", 0, 0, told(estimate_tuning(base, prepared, settings, folder)))
        tuned = run_session(base, prepared, settings, folder, progress, stop)
        try:
            return _publish(ws, run, record, base, dataset, tuned)
        finally:
            tuned.method.detach()


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Turn what a failing disk raises, in a library too, into a WorkspaceError."""
    from ..workspace.faults import disk_error

    try:
        yield
    except (AdtuneError, Interrupted):
        raise
    except Exception as error:
        failed = os_error(error)
        if failed is None:
            raise
        raise disk_error(failed, folder) from error


def _pin_base(pin: Path, found: str, name: str, what: str) -> None:
    """Bind a run to `what` its base is, by hash. Raises InputError where it changed between two parts of the run."""
    if pin.is_file() and pin.read_text() != found:
        raise InputError(f"--base {name}", f"{what} {found[:12]}…", f"{what} {pin.read_text()[:12]}…, as the run was started",
                         "Put the base back, or start a new run without --resume.")
    if not pin.is_file():  # once and whole: a run killed here must still be able to go on
        replace_file(pin, found.encode())


def _publish(ws: Workspace, run: str, record: dict[str, Any], base: Base, dataset: Dataset, tuned: Tuned) -> dict[str, Any]:
    """Publish the adapter at its best state and give the contract's object."""
    import tempfile

    from ..engine.servable import servable
    from ..tune.card import adapter_card, framework_versions

    outcome, method, settings = tuned.outcome, tuned.method, TuneSettings(**record["settings"])
    answer = {
        "run": run, "adapter": None, "base": base.name, "method": record["settings"]["method"],
        "trainable_parameters": method.count, "total_parameters": base.parameters, "trained_tokens": outcome.trained_tokens,
        "tokens_per_second": outcome.tokens_per_second, "lost_tokens": tuned.ledger.lost_tokens,
        "masked_tokens": tuned.ledger.masked_tokens,
        "evaluations": [asdict(e) for e in outcome.evaluations],
        "best": {"step": outcome.best.step, "epoch": outcome.best.epoch, "validation_loss": outcome.best.validation_loss},
        "stopped": str(outcome.stopped), "seconds": outcome.seconds, "peak_memory_bytes": outcome.peak_memory_bytes,
        "rate": tuned.decided.rate, "replay": tuned.decided.replay, "probe": tuned.decided.probe, "dial": asdict(tuned.dial),
        "peaks": asdict(tuned.peaks) if tuned.peaks else None,
        "windows": tuned.ledger.windows, "read_tokens": tuned.ledger.read_tokens,
        "token_fertility": base.renderer.fertility([i.example.text for i in dataset.split("train")]),
    }
    answer |= {"servable": [asdict(one) for one in servable(settings.method, settings, base)], "licence": base.licence,
               "estimate": kept_estimate(ws.run_dir(run))}
    said = [*([STARTER_NOTE] if base.starter else []), *(f"A checkpoint was passed over: {line}" for line in outcome.problems),
            *([UNTAUGHT] if outcome.best.step == 0 else []),
            *([f"The lowest validation loss decided: {tuned.peaks.reason}."] if tuned.peaks and tuned.peaks.reason else [])]
    if said:
        answer |= {"note": said[0]} if len(said) == 1 else {"notes": said}
    pieces = {split: len(dataset.split(split)) for split in ("train", "validation", "test")}
    about = {**answer, "client": record["client"], "dataset": record["dataset"], "dataset_hash": dataset.hash, "base_hash": base.hash,
             "revision": base.revision, "base_licence": base.licence, "starter": base.starter, "pieces": pieces,
             "settings": record["settings"], "origins": record["origins"], "context_tokens": method.context_tokens,
             "base_place": base.place, "base_form": base.form, "rendering": base.renderer.describe(), "frameworks": framework_versions()}
    about.pop("adapter")
    with tempfile.TemporaryDirectory(dir=ws.run_dir(run)) as aside:
        method.save(Path(aside))
        files: dict[str, bytes | Path] = {p.name: p for p in sorted(Path(aside).iterdir())}
        files["README.md"] = adapter_card(about).encode()
        if base.renderer.template:
            files["chat_template.jinja"] = base.renderer.template.source.encode()
        files["run.json"] = json.dumps({"losses": outcome.losses, "record": about}, sort_keys=True).encode()
        answer["adapter"] = ws.publish("adapter", record["client"], files, about, [record["dataset"]])
    return answer


STARTER_NOTE = "Tuned on a starter base: for learning, tests and offline use, not for publishable copy."
UNTAUGHT = ("Nothing was learned: the lowest validation loss is that of step 0, so the adapter answers as it did before training. "
            "Lower the learning rate, or collect more pieces.")


def _interrupted(ws: Workspace, run: str, record: dict[str, Any]) -> dict[str, Any]:
    """The contract's object for a run that a signal ended: what its last checkpoint holds."""
    from ..engine.checkpoint import load_latest

    found = load_latest(ws.run_dir(run) / "checkpoints") if (ws.run_dir(run) / "checkpoints").is_dir() else None
    meta = found[2] if found else {}
    evaluations = meta.get("evaluations", [])
    best = min(evaluations, key=lambda e: e["validation_loss"]) if evaluations else None
    return {
        "run": run, "adapter": None, "base": record["settings"]["base"], "method": record["settings"]["method"],
        "trainable_parameters": None, "total_parameters": None, "trained_tokens": meta.get("trained"),
        "tokens_per_second": None, "lost_tokens": None, "masked_tokens": None, "evaluations": evaluations,
        "best": {k: best[k] for k in ("step", "epoch", "validation_loss")} if best else None, "stopped": "interrupted",
        "seconds": meta.get("seconds"), "peak_memory_bytes": None, "rate": None, "replay": None, "probe": None, "dial": None, "peaks": None,
        "servable": None, "licence": None, "estimate": kept_estimate(ws.run_dir(run)),
    }
