"""Payback for advice: minutes from the log of edits, prices from the table, and when tuning pays for itself.

`economics` is what `advise` calls: it gives the answer's `payback`, what each candidate takes in minutes and costs a month, and a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SettingError, did_you_mean
from ..records import Finding, Interval
from ..settings import PaybackSettings, resolve
from .minutes import NO_EDITS, TUNED, UNTUNED, best_of, minutes_model

if TYPE_CHECKING:
    import numpy as np

    from ..payback.months import Minutes, Terms, Work
    from ..payback.prices import Prices, Provider
    from ..rate.minutes import Entry, Estimate, MinutesModel
    from ..workspace import Workspace

OPTIONS = tuple(one.name for one in fields(PaybackSettings))   # the options of `advise` that are meant for this
ARM_OF = {"prompt": "prompted"}                                 # what a log calls a candidate's drafts, where it is another word
FIGURES = ("minutes_before", "minutes_after", "minutes_saved", "throughput_change")


@dataclass(frozen=True)
class Spend:
    """What advice knows of a run and of drafting: pieces of the dataset, seconds of a run and tokens that it trains, tokens read and
    written for a draft; and the learning curve as its answer holds it. None where it was not measured."""

    pieces: int
    tuning_seconds: float | None = None
    training_tokens: float | None = None
    read_tokens: float | None = None
    written_tokens: float | None = None
    curve: Mapping[str, Any] | None = None
    payback_months: float = 12.0


@dataclass(frozen=True)
class Economics:
    """`payback` is the key of the answer; `minutes` and `costs` are by candidate, None where not measured; `finding` says it in words."""

    payback: dict[str, Any]
    minutes: dict[str, float | None]
    costs: dict[str, float | None]
    finding: Finding

    def filled(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of `candidates` with what is known of it; a cost that it has already stays."""
        name, cost = row["name"], row["cost_per_month"]
        return {**row, "minutes_per_piece": self.minutes.get(name), "cost_per_month": self.costs.get(name) if cost is None else cost}


def economics(ws: Workspace, client: str, options: Mapping[str, Any], volume: float | None, spend: Spend) -> Economics:
    """Everything about money; `options` are fields of PaybackSettings, None meaning "not said". Raises SettingError, InputError."""
    from ..payback.months import ASSUMES, by_provider, over_sizes, serving_cost, tuning_cost
    settings, _ = resolve(PaybackSettings, ("option", options))
    prices = read_table(settings)
    currency, exchange = _currency(settings, prices)
    provider = _provider(settings, prices)
    log, model = minutes_model(ws, client)
    before, after = best_of(model.arms, UNTUNED), best_of(model.arms, TUNED)
    missing = _missing(settings, model, (before, after), volume, exchange)
    terms, work = _terms(settings, volume or 0.0), _work(spend)
    payback: dict[str, Any] = {"volume": volume, "other_minutes": settings.other_minutes, "hourly_rate": settings.hourly_rate,
                               "currency": currency, "prices": {"source": prices.source, "currency": prices.currency,
                                                                "dates": sorted({one.date for one in prices.providers})},
                               "missing": missing, "over": before, "under": after, "providers": [], "curve": [], "best_size": None,
                               "assumes": ASSUMES,
                               "hours_saved_per_month": None, "saved_per_month": None, "saved_per_month_interval": None,
                               **{name: None for key in FIGURES for name in (key, f"{key}_interval")}}
    found = _minutes(model, log, before, after, settings)
    if found is not None:
        payback |= _saved(found, settings, volume)
        rows = by_provider(prices.providers, work, terms, found, exchange or 1.0) if volume and exchange else []
        tuning, serving = tuning_cost(provider, work), serving_cost(provider, work, terms)
        payback["providers"] = rows
        if rows and spend.curve and tuning is not None and serving is not None:
            payback["curve"] = over_sizes(spend.curve, work, terms, found, (tuning * (exchange or 1.0), serving * (exchange or 1.0)))
            payback["best_size"] = max(payback["curve"], key=lambda row: row["after_a_year"], default={}).get("pieces")
    each = _candidates(model, _with_methods(ws, client, log))
    serving = serving_cost(provider, work, terms) if volume is not None and exchange else None
    costs = {name: _month(one, settings.hourly_rate, volume, None if serving is None else serving * (exchange or 1.0))
             for name, one in each.items()}
    return Economics(payback, {name: None if one is None else one.interval.value for name, one in each.items()}, costs,
                     _finding(payback, provider.provider, spend.payback_months))


def read_table(settings: PaybackSettings) -> Prices:
    """The user's table of prices, else ours. Raises InputError, and SettingError for numbers that make no sense."""
    from ..payback.prices import read_prices
    from ..starter import price_table

    limits = {"other_minutes": (0, 10_000), "hourly_rate": (0, 1e6), "exchange": (1e-9, 1e9), "curation_minutes": (0, 1e4),
              "rounds": (0, 100), "iteration_hours": (0, 1e4), "revision_minutes": (0, 1e4), "piece_drafts": (1, 1000),
              "serving_hours": (0, 744)}
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            raise SettingError(f"--set {name}", f"{value:g}", f"{low:g} to {high:g}", "Leave it out for the default.")
    return read_prices(Path(settings.prices) if settings.prices else price_table())


def _currency(settings: PaybackSettings, prices: Prices) -> tuple[str, float | None]:
    """(the currency of the answer, units of it for one of the table's; None where nobody said)."""
    from ..units import CURRENCIES

    wanted = (settings.currency or prices.currency).strip().upper()
    if wanted not in CURRENCIES:
        raise SettingError("--currency", f"'{settings.currency}'", "the code of a currency, such as EUR", did_you_mean(wanted, CURRENCIES))
    return wanted, 1.0 if wanted == prices.currency else settings.exchange


def _provider(settings: PaybackSettings, prices: Prices) -> Provider:
    names = [one.provider for one in prices.providers]
    if settings.provider not in names:
        if settings.provider == PaybackSettings.provider:   # a table of one's own need not name this machine
            return prices.providers[0]
        raise SettingError("--set provider", f"'{settings.provider}'", f"a provider of the table: {', '.join(names)}",
                           did_you_mean(settings.provider, names))
    return prices.providers[names.index(settings.provider)]


def _missing(settings: PaybackSettings, model: MinutesModel, arms: tuple[str | None, str | None], volume: float | None,
             exchange: float | None) -> list[str]:
    """What would have to be known for a payback, in words."""
    before, after = arms
    wanted = {
        "pieces a month (--volume)": volume is not None,
        "pieces: at 0 a month nothing is saved": volume is None or volume > 0,
        (NO_EDITS if not model.log else model.reason or "") + ": adtune rate CLIENT --edits FILE": model.calibrated,
        "logged edits of drafts that no tuned model wrote (prompted, base, or none named)": not model.calibrated or before is not None,
        "logged edits of tuned drafts: tune, draft, edit and log some": not model.calibrated or after is not None,
        "what an hour costs (--hourly-rate)": settings.hourly_rate is not None,
        "the minutes that a piece takes beside editing (--other-minutes), for throughput": settings.other_minutes is not None,
        "the rate of exchange to the price table's currency (--set exchange=...)": exchange is not None}
    return [what for what, there in wanted.items() if not there]


def _terms(settings: PaybackSettings, volume: float) -> Terms:
    from ..payback.months import Terms

    return Terms(volume, **{name: getattr(settings, name) for name in (
        "hourly_rate", "other_minutes", "curation_minutes", "rounds", "iteration_hours", "piece_drafts", "serving_hours")})


def _work(spend: Spend) -> Work:
    from ..payback.months import Work

    return Work(spend.pieces, spend.tuning_seconds, spend.training_tokens, spend.read_tokens, spend.written_tokens)


def _minutes(model: MinutesModel, log: list[Entry], before: str | None, after: str | None, settings: PaybackSettings) -> Minutes | None:
    """Minutes before and after, with what revision saves where its minutes a round are given."""
    from ..payback.months import Minutes

    if before is None or after is None:
        return None
    first, second = model.arms[before], model.arms[after]
    rounds, draws = _rounds_saved(log, before, after, len(first.draws)) if settings.revision_minutes else (0.0, 0.0)
    each = settings.revision_minutes or 0.0
    return Minutes(first.interval, second.interval, first.draws, second.draws, each * rounds, each * draws)


def _rounds_saved(log: list[Entry], before: str, after: str, count: int) -> tuple[float, np.ndarray | float]:
    """(rounds a piece saved, with editor and client, and its draws by a bootstrap over edits)."""
    import numpy as np

    chance = np.random.default_rng(0)
    sides = []
    for name in (before, after):
        known = np.array([float((one.rounds or 0) + (one.client_rounds or 0)) for one in log
                          if one.arm == name and (one.rounds is not None or one.client_rounds is not None)])
        if not len(known):
            return 0.0, 0.0
        sides.append((known.mean(), known[chance.integers(len(known), size=(count, len(known)))].mean(axis=1)))
    return float(sides[0][0] - sides[1][0]), sides[0][1] - sides[1][1]


def _saved(found: Minutes, settings: PaybackSettings, volume: float | None) -> dict[str, Any]:
    """Minutes, throughput, and what is saved a month in hours and money."""
    saved = found.saved
    more = found.throughput(settings.other_minutes) if settings.other_minutes is not None else Interval(None)
    row = {key: value for name, one in zip(FIGURES, (found.before, found.after, saved, more), strict=True)
           for key, value in ((name, one.value), (f"{name}_interval", one.as_list()))}
    if volume is None:
        return row
    rate = settings.hourly_rate
    money = None if rate is None else [volume * end / 60 * rate for end in (saved.value or 0.0, saved.low or 0.0, saved.high or 0.0)]
    return row | {"hours_saved_per_month": volume * (saved.value or 0.0) / 60, "saved_per_month": money[0] if money else None,
                  "saved_per_month_interval": money[1:] if money else None}


def _with_methods(ws: Workspace, client: str, log: list[Entry]) -> list[Entry]:
    """The log with tuned drafts under the method of the adapter that it names, else of the newest one."""
    from ..rate.minutes import in_force

    methods = {one["id"]: ws.record(one["id"])["record"].get("method") for one in ws.listing("adapter", client)}
    newest = next(iter(methods.values()), None)
    out = []
    for entry, edit in zip(log, in_force(ws.edits(client)), strict=True):
        named = next((method for id, method in methods.items() if edit.adapter and id.startswith(edit.adapter)), newest)
        out.append(replace(entry, arm=named) if entry.arm == "tuned" and named else entry)
    return out


def _candidates(model: MinutesModel, by_method: list[Entry]) -> dict[str, Estimate | None]:
    """Minutes of each candidate of the bake-off, as far as its drafts were edited and logged."""
    from ..rate.minutes import MinutesModel

    arms = MinutesModel(by_method).arms if model.calibrated else {}
    return {name: arms.get(ARM_OF.get(name, name)) for name in ("rules", "base", "prompt", "prefix", "lora", "full", "opponent")}


def _month(estimate: Estimate | None, rate: float | None, volume: float | None, serving: float | None) -> float | None:
    """A month of editing and serving; None where something of it is not known."""
    if estimate is None or rate is None or volume is None or serving is None:
        return None
    return volume * (estimate.interval.value or 0.0) / 60 * rate + serving


def _finding(payback: Mapping[str, Any], provider: str, horizon: float) -> Finding:
    """The payback in words, for the table of findings."""
    row = next((one for one in payback["providers"] if one["provider"] == provider), None)
    if payback["volume"] == 0:
        return Finding("payback", "warn", "0 pieces a month: nothing is saved, whatever tuning does.", "Say how many pieces are written.")
    if row is None or row["net_per_month"] is None:
        return Finding("payback", "not measured", f"Not known: {'; '.join(payback['missing']) or 'what tuning costs here'}.", "")
    cost = f"{row['one_off']:,.0f} {payback['currency']}"
    low, high = row["months_interval"]
    ends = f"{'never' if low is None else f'{low:.1f}'} to {'never' if high is None else f'{high:.1f}'}"
    if row["months"] is None:
        return Finding("payback", "stop", f"Never on {provider}: serving costs more than the minutes saved are worth.", "Keep the prompt.")
    told = f"{row['months']:.1f} months on {provider} ({ends}), for {cost} once."
    if row["months"] > horizon:
        return Finding("payback", "stop", told, f"That is more than {horizon:g} months: keep the prompt, or bring more work to it.")
    sure = high is not None and high <= horizon
    return Finding("payback", "ok" if sure else "warn", told, "" if sure else f"It may take more than {horizon:g} months: log more edits.")
