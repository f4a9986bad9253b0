"""`adtune evaluate` for a response adapter: later weeks that training never saw, beside simple baselines and the untuned base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import Progress, silent
from .response import KIND, load_columns, newest_response, response_model
from .response_understanding import understanding

if TYPE_CHECKING:
    import numpy as np

    from ..engine.response.base import ResponseBase
    from ..engine.response.batch import Batch
    from ..engine.response.columns import Columns
    from ..engine.response.encode import Codebook
    from ..evaluate.response import Rows
    from ..tune.response_split import Split
    from ..workspace import Workspace

FORGETTING_LIMIT = 0.15  # nats a row of generated advertisers


def evaluate_response(ws: Workspace, client: str, adapter: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Measure a response adapter on the test rows; the contract's object, with what texts have as None. Raises InputError."""
    from ..engine.response.encode import Codebook
    from ..tune.response_split import readable, split_rows

    id = ws.find(adapter) if adapter else newest_response(ws, client)
    if id is None or ws.record(id)["kind"] != KIND or ws.record(id)["client"] != client:
        raise InputError(f"client {client}", "no response adapter" if id is None else f"{id}, which is none of this client's",
                         "a tuned response adapter", f"Run `adtune tune {client} --task response` first.")
    record = ws.record(id)["record"]
    columns, _ = load_columns(ws, client)
    book = Codebook(**record["codebook"])
    split = split_rows(columns, book)
    progress("evaluate", 0, 4, f"{len(split.test):,} later rows")
    batch = readable(columns, book)
    rows = rows_of_split(columns, book, (split.learned, split.test))
    with response_model(ws, None, record["base_place"] or record["base"]) as base:
        arms, losses, _ = _untuned(base, batch, split, book)
    progress("evaluate", 1, 4, "baselines")
    arms |= _baselines(rows)
    progress("evaluate", 2, 4, "tuned")
    with response_model(ws, id) as base:
        tuned, loss, r = _tuned(base, batch, split, record["gate"], book)
        shape = understanding(base, batch, split, (columns, book))
    arms = {"tuned": tuned, **arms}
    from ..evaluate.response import compare, coverage

    measured = compare(rows, arms, "tuned")
    covered = coverage(rows, tuned, r, record["gate"]["drift"])
    answer = _answer(id, record, measured, {**losses, "tuned": loss}, covered)
    from ..evaluate.response_report import response_report

    page = response_report(client, answer, shape)
    report = ws.publish("report", client, {"report.html": page.encode()}, {k: v for k, v in answer.items() if k != "report"}, [id])
    answer["report"] = str(ws.path(report) / "report.html")
    progress("evaluate", 4, 4)
    return {**answer, **{name: shape[name] for name in ("season", "channels", "rules", "words", "new_here", "not_known")}}


def rows_of_split(columns: Columns, book: Codebook, parts: tuple[np.ndarray, np.ndarray]) -> Rows:
    """What the baselines read: the rows to learn from, and behind them those to predict."""
    import numpy as np

    from ..engine.response.batch import FIELDS
    from ..engine.response.encode import words_of_field
    from ..evaluate.response import Rows

    order = np.concatenate(parts)
    fields = {name: words[order] for name in FIELDS if (words := words_of_field(columns, name, book.sources)) is not None}
    numbers = {name: columns.numbers[source][order] for name, source in book.sources.items() if source in columns.numbers}
    return Rows(columns.counts[book.outcome][order] / book.unit, columns.counts[book.exposure][order], columns.day[order], fields, numbers,
                len(parts[0]), book.family)


def _untuned(base: ResponseBase, batch: Batch, split: Split, book: Codebook) -> tuple[dict[str, Any], dict[str, float], Any]:
    """Rates and nats a row of the base: its general pattern at the own level, and the base that reads the client's rows."""
    import torch

    from ..engine.response.likelihood import as_rate
    from ..engine.tasks.response import predict_rows

    with torch.no_grad():
        eta, log_r, plain = predict_rows(base, batch, split.learned, split.test)
    arms = {"untuned base": as_rate(plain.double().numpy(), book.family), "base in context": as_rate(eta.double().numpy(), book.family)}
    return arms, {"base": _nats(batch, split, plain, log_r.clamp(max=1.0)), "prompted": _nats(batch, split, eta, log_r)}, None


def _nats(batch: Batch, split: Split, eta: Any, log_r: Any) -> float:
    import torch

    from ..engine.response.likelihood import kind_of, nats

    test = torch.from_numpy(split.test)
    kind = torch.tensor([kind_of(int(batch.family))])
    return float(nats(kind, batch.outcome[0, test], batch.exposure[0, test], eta, log_r).mean())


def _tuned(base: ResponseBase, batch: Batch, split: Split, gate: Mapping[str, Any], book: Codebook) -> tuple[np.ndarray, float, np.ndarray]:
    """(rates, nats a row, concentrations) of what answers, the gate applied."""
    import torch

    from ..engine.response.likelihood import as_rate
    from ..engine.tasks.response import predict_rows
    from ..tune.response_gate import own_rate

    with torch.no_grad():
        eta, log_r, _ = predict_rows(base, batch, split.learned, split.test)
    eta = gate["blend"] * eta.double() + (1 - gate["blend"]) * own_rate(batch, split.learned)
    log_r = log_r + torch.tensor(gate.get("sharpness", 1.0)).log()
    return as_rate(eta.numpy(), book.family), _nats(batch, split, eta, log_r), log_r.double().exp().numpy()


def _baselines(rows: Rows) -> dict[str, Any]:
    from ..evaluate.response import BASELINES

    return {name: made(rows) for name, made in BASELINES.items()}


def _answer(id: str, record: Mapping[str, Any], measured: Mapping[str, Any], losses: Mapping[str, float],
            covered: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's object; what only texts have is None."""
    rivals = {name: one for name, one in measured.items() if name not in ("tuned", "base in context")}
    best = min(rivals, key=lambda name: rivals[name]["deviance"])
    gates = {"below_own_rate": _gate(measured["own mean"]["tuned_below"], 0.0, at_least=True),
             "forgetting": _gate(record.get("forgetting"), FORGETTING_LIMIT, at_least=False)}
    none = {"base": None, "prompted": None, "tuned": None}
    return {
        "adapter": id, "held_out": {"loss_base": losses["base"], "loss_prompted": losses["prompted"], "loss_tuned": losses["tuned"],
                                    "gain": measured[best]["tuned_below"], "gain_interval": measured[best]["tuned_below_interval"],
                                    "best_baseline": best},
        "on_brand": {**none, "scorer_auc": None},
        "editing": {**{f"effort_{arm}": None for arm in none}, **{f"minutes_{arm}": None for arm in none}, "calibrated": None},
        "throughput_change": None,
        "forgetting": {"loss_before": record["evaluations"][0]["general_loss"], "loss_after": None if record.get("forgetting") is None else
                       record["evaluations"][0]["general_loss"] + record["forgetting"], "delta": record.get("forgetting")},
        "memorised": {"longest_run_words": None, "share_8gram": None},
        "measures": {"task": "response", "outcome": record["outcome"], "exposure": record["exposure"], "rows": record["rows"],
                     "arms": dict(measured), "coverage": dict(covered), "gate": record["gate"]},
        "gates": gates, "report": None, "notes": [record["gate"]["reason"]]}


def _gate(value: float | None, limit: float, at_least: bool) -> dict[str, Any]:
    passed = None if value is None else bool(value >= limit if at_least else value <= limit)
    return {"passed": passed, "value": value, "limit": limit}
