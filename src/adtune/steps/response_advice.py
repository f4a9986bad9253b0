"""`adtune advise --task response`: does fine-tuning pay on these campaign rows, or would a rule do, or more rows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import Progress, silent
from ..settings import ResponseSettings, resolve
from .response import choose_outcome, load_columns
from .response_evaluation import rows_of_split

if TYPE_CHECKING:
    from ..advise.response import RowFacts
    from ..engine.response.columns import Columns
    from ..engine.response.encode import Codebook
    from ..tune.response_split import Split
    from ..workspace import Workspace


def advise_response(ws: Workspace, client: str, options: Mapping[str, Any], progress: Progress = silent) -> dict[str, Any]:
    """The contract's object of `advise` for campaign rows. Training and validation rows only; the test rows stay unread."""
    import numpy as np

    from ..advise.response import explained, judge_rows, row_findings
    from ..engine.response.encode import make_codebook
    from ..tune.response_split import read_rows, usable

    base_name = options.get("base") or "starter"
    own = {name: options.get(name) for name in ResponseSettings.__dataclass_fields__}
    chosen, _ = resolve(ResponseSettings, ("option", own))
    columns, told = load_columns(ws, client)
    asked = choose_outcome(columns, chosen.outcome), chosen.exposure, chosen.country
    try:
        book, split = read_rows(columns, *asked)
        good = split.learned
    except InputError:
        book, split = make_codebook(columns, *asked), None
        good = np.flatnonzero(usable(columns, book))
    progress("advise", 0, 2, f"{len(good):,} rows")
    outcome, exposure = columns.counts[book.outcome][good] / book.unit, columns.counts[book.exposure][good]
    day = columns.day[good]
    groups = {"channel": columns.named["channel"][good], "campaign": columns.named["campaign"][good]}
    if (day > 0).any():
        groups |= {"weekday": day % 7, "season": (day % 365.25) // 30.44}
    shares = {name: explained(group, outcome, exposure) for name, group in groups.items()} if len(good) > 10 else {}
    deviance, noise = _measured(base_name, columns, book, split) if split is not None else ({}, None)
    dated = day[day > 0]
    facts = _facts((len(good), float(outcome.sum())), dated, shares, deviance, noise)
    verdict, reason = judge_rows(facts)
    candidates = [{"name": name, "metric": "deviance a row, negated", "score": -value, "interval": None, "minutes_per_piece": None,
                   "cost_per_month": None} for name, value in deviance.items()]
    needed = max(0, 100 - len(good)) or None if str(verdict) == "collect" else None  # with more rows it is days or outcomes that lack
    return {"task": "response", "verdict": str(verdict), "reason": reason, "findings": [asdict(one) for one in row_findings(facts)],
            "candidates": candidates, "examples_needed": needed, "estimate": {"seconds": None,
                                                                              "peak_memory_bytes": None}, "base": base_name,
            "outcome": book.outcome, "exposure": book.exposure, "rows": told, "notes": []}


def _facts(totals: tuple[int, float], dated: Any, shares: dict[str, float], deviance: dict[str, float], noise: float | None) -> RowFacts:
    import numpy as np

    from ..advise.response import RowFacts

    cycles = float((dated.max() - dated.min()) / 365.25) if len(dated) else 0.0
    days = len(np.unique(dated)) if len(dated) or not totals[0] else None  # undated rows are held out by ad
    return RowFacts(*totals, days, cycles, shares, deviance, noise)


def _measured(name: str, columns: Columns, book: Codebook, split: Split) -> tuple[dict[str, float], float]:
    """(deviance a row on validation rows of each way, standard error of the model's difference to the best rule)."""
    import numpy as np
    import torch

    from ..engine.response.base import load_response
    from ..engine.response.likelihood import as_rate, deviance, kind_of
    from ..engine.tasks.response import predict_rows
    from ..evaluate.response import capped, cell_rates, own_mean
    from ..tune.response_split import readable

    batch = readable(columns, book)
    rows = rows_of_split(columns, book, (split.train, split.validation))
    with torch.no_grad():
        eta, _, _ = predict_rows(load_response(name), batch, split.train, split.validation)
    arms = {"own mean": own_mean(rows), "cell rates": cell_rates(rows), "base that reads the rows": as_rate(eta.double().numpy(),
                                                                                                            book.family)}
    outcome, exposure = rows.outcome[rows.learned:], rows.exposure[rows.learned:]
    found = {arm: deviance(kind_of(book.family), outcome, exposure, capped(rate, book.family)) for arm, rate in arms.items()}
    best = min(("own mean", "cell rates"), key=lambda arm: found[arm].sum())
    gain = found[best] - found["base that reads the rows"]
    parts = np.array([part.sum() for part in np.array_split(gain, min(12, len(gain)))])
    return {arm: float(one.mean()) for arm, one in found.items()}, float(parts.std(ddof=1) * np.sqrt(len(parts)) / len(gain))
