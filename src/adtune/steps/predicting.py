"""`adtune predict`: rates of response for rows to come, with intervals, support and what moved them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AdtuneError, InputError, SettingError, with_article
from ..progress import Progress, silent
from .campaigns import day_order
from .response import KIND, choose_outcome, columns_from, load_columns, newest_response, response_model

if TYPE_CHECKING:
    import numpy as np

    from ..engine.response.base import ResponseBase
    from ..engine.response.batch import Batch
    from ..engine.response.columns import Columns
    from ..engine.response.encode import Codebook
    from ..engine.tasks.response import Reader
    from ..workspace import Workspace

CHUNK = 4096            # rows that are predicted together
EXPLAINED = 500         # rows whose drivers are told one by one; beyond them only those of all
DRIVERS = 3
MOVED = 0.15            # error in logs that the newest rows may share; beyond twice as much, and their noise, the level is said to move
UNSUPPORTED_R = 1.0     # concentration at most where an advertiser has no history: the interval is wide
UNTUNED = "No tuned model of this outcome: the base answers from the client's own rows, untuned. `adtune tune CLIENT --task response`."


def predict(ws: Workspace, client: str, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """Predict the rows of `path`. Options: outcome, map, out (a CSV path), adapter, level (share that an interval should cover).

    Gives {outcome, exposure, rows[{row rate interval supported …}], total, …}; the rate is per unit of exposure, the total counts the
    outcomes of all rows and is None where the file has no exposure. Raises InputError.
    """
    from ..archive.plans import read_plan
    from ..engine.response.columns import join
    from ..engine.response.encode import Codebook, make_codebook, unsupported
    from ..tune.response_split import readable, usable

    level = options.get("level") or 0.8
    if not 0 < level < 1:
        raise SettingError("--level", str(level), "a share between 0 and 1", "Leave it out for 0.8.")
    progress("predict", 0, 3, "the client's own rows")
    history, _ = load_columns(ws, client)
    id = _adapter(ws, client, options)
    record = ws.record(id)["record"] if id else None
    book = Codebook(**record["codebook"]) if record else make_codebook(history, choose_outcome(history, options.get("outcome")))
    good = usable(history, book)
    import numpy as np
    import torch

    exposures = history.counts[book.exposure][good]
    usual = (book.exposure, float(np.median(exposures)) if len(exposures) else 1.0)
    plan = read_plan(path, options.get("map"), usual, [*history.words, *history.numbers], day_order(ws, client))
    asked, _ = columns_from(ws.planned_campaigns(client, plan.table), history)
    if not len(asked):
        raise InputError(str(path), f"no usable row of {plan.total}", "rows to predict", f"The first reason: {_first(plan.rejected)}")
    batch = readable(join(history, asked), book)
    rows = np.arange(len(history), len(history) + len(asked))
    context = np.flatnonzero(np.append(good, np.zeros(len(asked), bool)))
    order = np.argsort(history.day[context], kind="stable")
    progress("predict", 1, 3, f"{len(asked):,} rows from {len(context):,} of before")
    gate = (record or {}).get("gate") or {"blend": 1.0}
    from ..engine.tasks.response import Reader

    with response_model(ws, id) as base, torch.no_grad():
        reader = Reader(base, batch, context[order])
        found = _rates(reader, context[order], rows, gate, book)
        told = _drivers(reader, (rows, found["rate"]), gate["blend"], book)
        drift = _latest(base, batch, context[order], gate, book)
    found["reason"] = unsupported(asked, book, history)
    found["supported"] = found["reason"] == ""
    exposure = batch.exposure[0, rows].numpy()
    total = None if plan.assumed else _total(found, book, exposure, level, gate)
    _widen(found, book, exposure, level)
    for name in ("rate", "low", "high"):  # value was counted in typical orders
        found[name] = found[name] * book.unit
    answer = {"client": client, "adapter": id, "outcome": book.outcome, "exposure": book.exposure, "level": level,
              "rows": _rows(plan, found, told["each"]), "total": total, "drivers": told["all"], "drift": drift, "gate": gate, "out": None,
              "rejected": [{"row": row, "reason": reason} for row, reason in plan.rejected],
              "notes": [*plan.notes, *_notes(plan.assumed, book, id, found, drift), *_silent(asked, book)]}
    if options.get("out"):
        answer["out"] = str(_write(Path(options["out"]), answer))
    progress("predict", 3, 3)
    return answer


def _first(rejected: list[tuple[int, str]]) -> str:
    return rejected[0][1] if rejected else "the file is empty"


def _adapter(ws: Workspace, client: str, options: Mapping[str, Any]) -> str | None:
    if not options.get("adapter"):
        return newest_response(ws, client, options.get("outcome"))
    id = ws.find(options["adapter"])
    row = ws.record(id)
    if row["kind"] != KIND or row["client"] != client:
        raise InputError(f"--adapter {options['adapter']}", f"{with_article(row['kind'])} of {row['client'] or 'no client'}",
                         f"a response adapter of {client}", "See `adtune ls`.")
    if options.get("outcome") not in (None, row["record"]["outcome"]):
        raise InputError("--outcome", options["outcome"], f"{row['record']['outcome']}, as the adapter was tuned for",
                         "Leave one of them out.")
    return id


def _rates(reader: Reader, context: np.ndarray, asked: np.ndarray, gate: Mapping[str, Any], book: Codebook) -> dict[str, Any]:
    """rate and r of the rows asked for: (Q,) arrays per unit of exposure. Rows of a day and campaign are read together: they are alike."""
    import numpy as np

    from ..engine.response.batch import FIELDS
    from ..engine.response.likelihood import as_rate
    from ..tune.response_gate import own_rate

    batch = reader.batch
    order = np.lexsort((batch.ids[0, asked, FIELDS.index("campaign")].numpy(), batch.age[0, asked].numpy()))
    eta, r = np.zeros(len(asked)), np.ones(len(asked))
    for chunk in np.array_split(order, -(-len(asked) // CHUNK)):
        found, log_r, _ = reader(asked[chunk])
        eta[chunk], r[chunk] = found.double().cpu().numpy(), log_r.double().exp().cpu().numpy()
    eta = gate["blend"] * eta + (1 - gate["blend"]) * own_rate(batch, context)
    return {"rate": as_rate(eta, book.family), "r": r * gate.get("sharpness", 1.0)}


def _widen(found: dict[str, Any], book: Codebook, exposure: np.ndarray, level: float) -> None:
    """Adds `low` and `high`, per unit of exposure; a row without support has a wide interval."""
    import numpy as np

    from ..engine.response.likelihood import interval, kind_of

    ends = interval(found["rate"], _concentrations(found), exposure, kind_of(book.family), level)
    found["low"], found["high"] = (end / exposure for end in ends)
    found["low"], found["high"] = np.minimum(found["low"], found["rate"]), np.maximum(found["high"], found["rate"])


def _concentrations(found: Mapping[str, Any]) -> np.ndarray:
    """(Q,) those of the rows; at most UNSUPPORTED_R without support."""
    import numpy as np

    return np.where(found["supported"], found["r"], np.minimum(found["r"], UNSUPPORTED_R))


def _total(found: Mapping[str, Any], book: Codebook, exposure: np.ndarray, level: float, gate: Mapping[str, Any]) -> dict[str, Any]:
    """What all rows bring together, and its interval: their errors do not cancel, for the level that they share may move."""
    import numpy as np

    from ..engine.response.likelihood import group_interval, kind_of
    from ..tune.response_gate import LEVEL

    due = exposure * found["rate"]
    _, (low, high) = group_interval((due, exposure, found["rate"]), _concentrations(found), np.zeros(len(due), int),
                                    gate.get("drift", LEVEL), kind_of(book.family), level)
    return {"expected": float(due.sum()) * book.unit, "interval": [float(low[0]) * book.unit, float(high[0]) * book.unit], "rows": len(due)}


def _drivers(reader: Reader, asked_rows: tuple[np.ndarray, np.ndarray], blend: float, book: Codebook) -> dict[str, Any]:
    """`each`: for the first rows, the groupings that move them most, in words; `all`: how much each moves rows on average. A change is
    that of the rate, beside what it would be without. `asked_rows` are their numbers and their rates."""
    import numpy as np

    from ..engine.response.kernels import GROUPINGS
    from ..engine.response.likelihood import as_rate, log_rate

    asked, rates = asked_rows
    eta = log_rate(rates[:EXPLAINED], book.family)

    def change(moved: np.ndarray, eta: np.ndarray) -> np.ndarray:
        return as_rate(eta, book.family) / np.maximum(as_rate(eta - moved, book.family), 1e-300) - 1

    general, effects = reader.base.model.explain(reader.memory, reader.rows(asked[:EXPLAINED]))
    pattern, before = general[0].double().cpu().numpy(), reader.memory.general[0].double().cpu().numpy()
    usual = float(before.mean()) if len(before) else float(pattern.mean())
    moved = np.column_stack([pattern - usual, effects[0].double().cpu().numpy()]) * blend
    names = ("the general pattern", *(f"own {_named(name, book)}" for name in GROUPINGS), "own rules")
    each, changes = [], change(moved, eta[:, None])
    for row, changed in zip(moved, changes, strict=True):
        top = [n for n in np.argsort(-np.abs(row))[:DRIVERS] if abs(row[n]) > 0.01]
        each.append([{"what": names[n], "change": float(changed[n]), "words": _in_words(names[n], changed[n])} for n in top])
    mean = np.abs(moved).mean(0)
    whole = change(mean, np.asarray(eta.mean()))
    return {"each": each, "all": [{"what": names[n], "mean_change": float(whole[n])} for n in np.argsort(-mean)[:8]]}


def _named(grouping: str, book: Codebook) -> str:
    """A grouping by the names of the client's own columns."""
    from ..engine.response.encode import named

    return " x ".join(named(part, book) for part in grouping.split(" x "))


def _in_words(what: str, change: float) -> str:
    return f"{what} {'raises' if change > 0 else 'lowers'} it by {abs(change):.0%}"


def _latest(base: ResponseBase, batch: Batch, context: np.ndarray, gate: Mapping[str, Any], book: Codebook) -> dict[str, Any]:
    """Whether the newest 14 days came as the rows before them foretell: their outcomes over those expected."""
    import numpy as np

    from ..engine.tasks.response import Reader

    age = batch.age[0, context].numpy()
    newest = age.min(initial=0)
    late = context[age < newest + 14]
    before = context[age >= newest + 14]
    if len(late) < 5 or len(before) < 30 or (age == newest).all():
        return {"ratio": None, "drifted": None, "days": 14}
    rate = _rates(Reader(base, batch, before), before, late, gate, book)["rate"]
    outcome, exposure = (one[0, late].numpy() for one in (batch.outcome, batch.exposure))
    due, seen = float((rate * exposure).sum()), float(outcome.sum())
    ratio = (seen + 0.5) / (due + 0.5)
    allowed = 2 * (np.hypot(MOVED, 1 / np.sqrt(due + 0.5)) if book.family != 4 else MOVED)
    return {"ratio": ratio, "drifted": bool(abs(np.log(ratio)) > allowed), "days": 14}


def _rows(plan: Any, found: dict[str, Any], drivers: list[Any]) -> list[dict[str, Any]]:
    """One object a row of the file, in its order; a row that could not be read has no rate, and it and one without
    support say why."""
    rows: list[dict[str, Any]] = [{"row": n, "rate": None, "interval": None, "supported": False} for n in range(plan.total)]
    for at, n in enumerate(plan.rows):
        rows[n] |= {"rate": float(found["rate"][at]), "interval": [float(found["low"][at]), float(found["high"][at])],
                    "supported": bool(found["supported"][at])} | ({"reason": found["reason"][at]} if found["reason"][at] else {})
        if at < len(drivers):
            rows[n]["drivers"] = drivers[at]
    for n, reason in plan.rejected:
        rows[n]["reason"] = reason
    return rows


def _notes(assumed: bool, book: Codebook, id: str | None, found: dict[str, Any], drift: Mapping[str, Any]) -> list[str]:
    notes = [] if id else [UNTUNED]
    if assumed:
        notes.append(f"The file has no {book.exposure}: intervals are those of rows with the client's usual {book.exposure}.")
    out = int((~found["supported"]).sum())
    if out:
        notes.append(f"{out:,} rows lie outside of what the client's history holds (a new channel, product or audience, or a number far "
                     "from all seen): their rate leans on the general pattern, their interval is wide.")
    if drift["drifted"]:
        notes.append(f"The last {drift['days']} days ran at {drift['ratio']:.0%} of what the rows before them foretold: the level moves. "
                     "Import newer rows, and tune again.")
    return notes


def _silent(asked: Columns, book: Codebook) -> list[str]:
    """A note where columns that the model reads are not in the file at all."""
    there = {*asked.words, *asked.numbers}
    missing = sorted({*(name for field, name in book.sources.items() if field not in asked.named), *book.texts} - there)
    if not missing:
        return []
    return [f"The file does not tell {', '.join(missing)}, which the model reads: its rates are those of rows of which that is not known. "
            "Add it where it is known before the ads run; where it is only known afterwards, leave it out of the import and tune again."]


def _write(path: Path, answer: Mapping[str, Any]) -> Path:
    """The rows as CSV. Raises InputError where the file cannot be written."""
    from ..durable import replace_file

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "rate", "low", "high", "supported", "reason"])
    for one in answer["rows"]:
        low, high = one["interval"] or (None, None)
        writer.writerow([one["row"], one["rate"], low, high, one["supported"], one.get("reason", "")])
    try:
        replace_file(path, text.getvalue().encode())
    except (OSError, AdtuneError) as error:
        raise InputError("--out", f"{path}: {error}", "a file that can be written", "Name another place.") from error
    return path
