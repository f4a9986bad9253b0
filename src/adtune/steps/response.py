"""`adtune tune --task response`: a client's campaign rows and the response base become an adapter with its codebook and its gate."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, Interrupted, SettingError, did_you_mean
from ..progress import Progress, silent
from ..records import hash_of
from ..settings import ResponseSettings, TuneSettings, resolve

if TYPE_CHECKING:
    import pyarrow as pa

    from ..engine.response.base import ResponseBase
    from ..engine.response.columns import Columns
    from ..engine.response.encode import Codebook
    from ..engine.response.rules import Rule
    from ..engine.tasks.response import Block
    from ..tune.response import TunedResponse
    from ..tune.response_split import Split
    from ..workspace import Workspace

KIND = "response"  # of the artifact: an adapter of campaign rows, its codebook and its gate
METHODS = ("head", "lora", "full")


def load_columns(ws: Workspace, client: str) -> tuple[Columns, dict[str, int]]:
    """The client's campaign rows as columns, and how many are censored, derived or open. Raises InputError where there are none.

    Rows whose late conversions may still come are left out.
    """
    return load_rows(ws, client)[:2]


def load_rows(ws: Workspace, client: str) -> tuple[Columns, dict[str, int], pa.Table]:
    """What `load_columns` gives, and the table of the same rows."""
    import numpy as np

    ws.require_client(client)
    table = ws.campaigns(client)
    if not table.num_rows:
        raise InputError(f"client {client}", "no campaign rows", "an import of campaigns",
                         f"adtune import FILE --client {client} --as campaigns")
    columns, told = columns_from(table)
    still_open = np.array(table["open"].to_pylist(), dtype=object).astype(bool)
    told["open"] = int(still_open.sum())
    if not 0 < told["open"] < table.num_rows:
        return columns, told, table
    return columns.take(~still_open), told, table.filter(~still_open)


def columns_from(table: pa.Table, like: Columns | None = None) -> tuple[Columns, dict[str, int]]:
    """A table of campaign rows as columns, an input being of the kind that it has in `like`; a censored cell counts as the middle of its
    bounds."""
    import numpy as np

    from ..engine.response.columns import columns_of, left_out, numbers_of
    from ..workspace.campaigns import HIGH, INPUT, LOW, NAMES, NUMBERS

    told = {"rows": table.num_rows, "open": 0, "censored": 0}
    rows: dict[str, Any] = {name: table[name].to_pylist() for name in NAMES if name not in ("account", "currency")}
    for name in NUMBERS:
        values = numbers_of(table[name].to_pylist())
        if LOW + name in table.column_names:
            low, high = (numbers_of(table[end + name].to_pylist()) for end in (LOW, HIGH))
            hidden = np.isnan(values) & ~np.isnan(low)
            told["censored"] += int(hidden.sum())
            values = np.where(hidden, (low + np.minimum(high, 2 * low + 10)) / 2, values)
        if not np.isnan(values).all():
            rows[name] = values
    inputs = {name[len(INPUT):]: name for name in table.column_names if name.startswith(INPUT)}
    told["derived"] = len(left_out(inputs))
    rows |= {name if name not in rows else f"{name} (column)": table[column].to_pylist() for name, column in inputs.items()}
    days = [0 if day is None else day.toordinal() for day in table["date"].to_pylist()]
    return columns_of(rows, days, like), told


def choose_outcome(columns: Columns, wanted: str | None) -> str:
    """The outcome asked for, else conversions where there are enough of them beside an exposure, else clicks."""
    import numpy as np

    from ..engine.response.columns import EXPOSURES, OUTCOMES

    if wanted is not None:
        if wanted not in OUTCOMES:
            raise SettingError("--outcome", f"'{wanted}'", "one of " + ", ".join(OUTCOMES), did_you_mean(wanted, OUTCOMES))
        return wanted
    exposed = {name: np.nan_to_num(columns.counts[name]) > 0 for name in EXPOSURES if name in columns.counts}
    enough = {}
    for name in (one for one in ("conversions", "clicks", "value") if one in columns.counts):  # rows that have both, as wide files may not
        there = np.logical_or.reduce([flags for other, flags in exposed.items() if other != name] or [np.zeros(len(columns), bool)])
        enough[name] = float(np.nansum(columns.counts[name][there]))
    return next((name for name, total in enough.items() if total >= 50), next(iter(enough), "conversions"))


def only_campaigns(ws: Workspace, client: str) -> bool:
    """Whether a client has campaign rows and no pieces: then verbs without --task mean response."""
    return client in ws.clients() and not ws.count_assets(client) and bool(ws.campaign_imports(client))


def means_response(ws: Workspace, client: str, task: str | None, adapter: str | None) -> bool:
    """Whether a verb means campaign rows: by its task, by the adapter's name, else because nothing but campaigns was imported."""
    if task is not None or adapter:
        return task == "response" or bool(adapter and adapter.startswith("response-"))
    return only_campaigns(ws, client)


def newest_response(ws: Workspace, client: str, outcome: str | None = None) -> str | None:
    """The client's newest response adapter, for this outcome where one is named."""
    for row in ws.listing(KIND, client):
        if outcome in (None, row["record"]["outcome"]):
            return row["id"]
    return None


def watched(count: int = 6) -> list[Block]:
    """Generated advertisers that tell what a run forgets of the general pattern."""
    from ..engine.tasks.response import generated_blocks
    from ..pretrain.advertisers import Draw, generate

    batch, _ = generate(Draw(9_000_001), count, 100, 60)
    return generated_blocks(batch, 60)


def tune_response(ws: Workspace, client: str, options: Mapping[str, Any], resume: str | None = None, progress: Progress = silent,
                  stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Fine-tune the response base on a client's rows; the contract's object of `tune`, with the gate and the split beside it.

    `options` are TuneSettings and ResponseSettings by name. Raises InputError where there is too little to learn from.
    """
    own = {name: options.get(name) for name in ResponseSettings.__dataclass_fields__}
    chosen, _ = resolve(ResponseSettings, ("option", own))
    settings, origins = resolve(TuneSettings, ("option", {k: v for k, v in options.items() if k not in own}))
    if settings.method == "auto":
        settings, origins = replace(settings, method="head"), {**origins, "method": "default"}
    if settings.method not in METHODS:
        known = ("auto", *METHODS)
        raise SettingError("--method", f"'{settings.method}' for response", "one of " + ", ".join(known),
                           did_you_mean(settings.method, known))
    from ..engine.base_places import response_place

    response_place(settings.base)
    columns, told = load_columns(ws, client)
    from ..tune.response_split import read_rows

    book, split = read_rows(columns, choose_outcome(columns, chosen.outcome), chosen.exposure, chosen.country)
    data_hash = rows_hash(columns, book)
    record = {"client": client, "task": "response", "dataset_hash": data_hash, "settings": asdict(settings), "response": asdict(chosen),
              "origins": origins, "base_hash": None}
    run = _run_of(ws, client, record, resume)
    with ws.lock(run):
        ws.update_run(run, "running")
        try:
            answer = _execute(ws, run, (columns, book, split, told), record, (progress, stop))
        except Interrupted:
            answer = _interrupted(run, settings)
        except BaseException as error:
            ws.update_run(run, "failed", {"error": str(error)[:500]})
            raise
        ws.update_run(run, "interrupted" if answer["stopped"] == "interrupted" else "done", answer)
    return answer


def rows_hash(columns: Columns, book: Codebook) -> str:
    """Hex sha256 over codebook and rows, in their order."""
    import hashlib

    digest = hashlib.sha256(hash_of(book.as_dict()).encode())
    for part in (columns.day, *columns.counts.values(), *columns.numbers.values()):
        digest.update(part.tobytes())
    for part in (*columns.named.values(), *columns.words.values()):
        digest.update("\x1f".join(part).encode())
    return digest.hexdigest()


def _run_of(ws: Workspace, client: str, record: dict[str, Any], resume: str | None) -> str:
    """A new run, or the unfinished one to go on with. Raises InputError where rows or settings are no longer those of the run."""
    if resume is None:
        return ws.create_run(client, record)
    rows = [row for row in ws.runs(client) if row["settings"].get("task") == "response" and row["state"] in ("running", "interrupted")]
    if resume != "last":
        rows = [row for row in rows if row["id"] == ws.find(resume)]
    if not rows:
        if resume == "last":
            return ws.create_run(client, record)
        raise InputError(f"--resume {resume}", "no unfinished run of this task", "an unfinished run", "See `adtune ls`.")
    if {k: rows[0]["settings"].get(k) for k in ("dataset_hash", "settings", "response")} != {
            k: record[k] for k in ("dataset_hash", "settings", "response")}:
        raise InputError(f"--resume {resume}", "other rows or options than the run was started with", "those of the run",
                         "Start a new run without --resume.")
    return rows[0]["id"]


def _execute(ws: Workspace, run: str, rows: tuple[Columns, Codebook, Split, dict[str, int]], record: dict[str, Any],
             ears: tuple[Progress, Callable[[], bool]]) -> dict[str, Any]:
    from ..engine.response.base import load_response
    from ..tune.response import run_response
    from ..tune.response_split import readable

    columns, book, split, told = rows
    settings = TuneSettings(**record["settings"])
    ears[0]("load the base", 0, 1)
    base = load_response(settings.base)
    batch = readable(columns, book)
    tuned = run_response(base, (batch, split, watched()), settings, ws.run_dir(run), *ears)
    try:
        return _publish(ws, run, (base, book, split, told), {**record, "base_hash": base.hash}, tuned)
    finally:
        tuned.method.detach()


def _publish(ws: Workspace, run: str, parts: tuple[ResponseBase, Codebook, Split, dict[str, int]], record: dict[str, Any],
             tuned: TunedResponse) -> dict[str, Any]:
    from ..tune.card import framework_versions
    from ..tune.response import UNSURE

    (base, book, split, told), outcome, gate = parts, tuned.outcome, tuned.gate
    first, best = outcome.evaluations[0], outcome.best
    kept = best.step > 0 and not gate.reason.startswith(UNSURE)
    forgot = None if best.general_loss is None or first.general_loss is None else (best.general_loss - first.general_loss) * kept
    sizes = {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}
    answer = {
        "run": run, "adapter": None, "base": base.name, "method": record["settings"]["method"], "trainable_parameters": tuned.method.count,
        "total_parameters": base.parameters, "trained_tokens": outcome.trained_tokens, "tokens_per_second": outcome.tokens_per_second,
        "lost_tokens": 0, "evaluations": [asdict(one) for one in outcome.evaluations],
        "best": {"step": best.step, "epoch": best.epoch, "validation_loss": best.validation_loss}, "stopped": str(outcome.stopped),
        "seconds": outcome.seconds, "peak_memory_bytes": outcome.peak_memory_bytes, "rate": tuned.rate, "replay": 0.0, "probe": [],
        "dial": {"chosen": gate.blend, "curve": gate.curve}, "task": "response", "outcome": book.outcome, "exposure": book.exposure,
        "rows": {**told, **sizes}, "gate": asdict(gate), "forgetting": forgot, "servable": [], "licence": base.licence, "estimate": None,
        "rules": (rules := told_rules(gate.rules, book)),
        "notes": [gate.reason, *([NOTHING] if best.step == 0 else []), *([TELLING] if gate.own_tau or gate.own_words else []),
                  *sure_rules(rules), *outcome.problems]}
    about = {**{k: v for k, v in answer.items() if k != "adapter"}, **record, "codebook": book.as_dict(), "base_place": base.place,
             "starter": base.starter, "frameworks": framework_versions()}
    with tempfile.TemporaryDirectory(dir=ws.run_dir(run)) as aside:
        tuned.method.save(Path(aside))
        files: dict[str, bytes | Path] = {p.name: p for p in sorted(Path(aside).iterdir())}
        files["codebook.json"] = json.dumps(book.as_dict(), sort_keys=True, ensure_ascii=False).encode()
        files["gate.json"] = json.dumps(asdict(gate), sort_keys=True).encode()
        files["README.md"] = _card(about).encode()
        answer["adapter"] = ws.publish(KIND, record["client"], files, about)
    return answer


SURE = 0.8  # probability from which a rule is told as one


def told_rules(rules: Sequence[Rule], book: Codebook) -> list[dict[str, Any]]:
    """The rules that a tuned model found, in the client's words: {rule, lift (a share of the rate), probability}, the likeliest first."""
    import math

    from ..engine.response.encode import rules_in_words

    return [{"rule": one.words, "lift": math.expm1(one.lift), "probability": one.probability} for one in rules_in_words(rules, book)
            if one.probability >= 0.05]


def sure_rules(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each rule that is likely."""
    return [f"{one['rule']}: the response is {abs(one['lift']):.0%} {'higher' if one['lift'] > 0 else 'lower'} than its channels, products "
            f"and prices alone tell ({one['probability']:.0%} sure)." for one in rules if one["probability"] >= SURE]


TELLING = "Words of names and tags tell more of the response here than is usual: `adtune evaluate` lists those that move it."
NOTHING = ("Fine-tuning changed nothing: the lowest validation loss is that of step 0, the base that reads the client's own rows. "
           "Its predictions hold; more rows may teach more.")


def _card(about: Mapping[str, Any]) -> str:
    rows = about["rows"]
    return "\n".join([
        "---", "library_name: adtune", f"tags: [adtune, response, {about['method']}]", "---", f"# Response model of {about['client']}", "",
        f"Made for the client {about['client']}, and for nobody else: {about['outcome']} for {about['exposure']}.", "",
        f"- Base: `{about['base']}`, weights sha256 `{about['base_hash'][:16]}`; rows `{about['dataset_hash'][:16]}`",
        f"- Rows: {rows['train']:,} to train, {rows['validation']:,} to validate, {rows['test']:,} later ones held out",
        f"- Best validation loss {about['best']['validation_loss']:.4f} nats per row at step {about['best']['step']}; {about['stopped']}",
        f"- {about['gate']['reason']}", ""])


def _interrupted(run: str, settings: TuneSettings) -> dict[str, Any]:
    keys = ("adapter", "trainable_parameters", "total_parameters", "trained_tokens", "tokens_per_second", "lost_tokens", "best", "seconds",
            "peak_memory_bytes", "gate", "rules", "rows", "outcome", "exposure", "forgetting")
    return {"run": run, **dict.fromkeys(keys), "base": settings.base, "method": settings.method, "evaluations": [],
            "stopped": "interrupted",
            "task": "response", "servable": [], "notes": []}


@contextmanager
def response_model(ws: Workspace, id: str | None, name: str = "starter") -> Iterator[ResponseBase]:
    """The base with the adapter `id` on it (None: as it is) for as long as the block runs. Raises BaseModelError for another base."""
    from ..engine.methods import attach_saved
    from ..engine.response.base import load_response
    from ..engine.response.rules import Rule
    from ..errors import BaseModelError

    if id is None:
        yield load_response(name)
        return
    record = ws.record(id)["record"]
    base = load_response(record["base_place"] or record["base"])
    if base.hash != record["base_hash"]:
        raise BaseModelError(f"base {record['base']}", f"weights {base.hash[:12]}…", f"weights {record['base_hash'][:12]}…, as trained on",
                             "Put the base back as it was, or tune again on the new one.")
    method = attach_saved(base, ws.path(id))  # type: ignore[arg-type]
    base.model.rules, base.model.own_words = (tuple(Rule(**one) for one in record["gate"].get(name, ())) for name in ("rules", "own_words"))
    base.model.own_tau, base.model.own_level = dict(record["gate"].get("own_tau", {})), record["gate"].get("own_level", 0.0)
    try:
        yield base
    finally:
        method.detach()
