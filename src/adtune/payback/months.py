"""When tuning pays for itself.

    saved a month   = V (m_before - m_after + r k) / 60 * w
    one-off         = c P / 60 * w + (1 + R) T + R h w
    months          = one-off / (saved a month - serving a month), never where that is not above zero

V pieces a month, m minutes of editing a piece, r rounds saved and k minutes a round, w the hourly rate; P pieces of the dataset and c
minutes of curation each; T one tuning, R rounds of iteration after it and h hours of a person for each. Throughput is
(o + m_before) / (o + m_after) - 1 with o other minutes a piece (61.4 others and 18 minutes instead of 45 are +34 %). Intervals are 95 %
over the draws of the minutes.

Over sizes of data: minutes saved are taken in proportion to the gain in loss that the learning curve has at a size; curation and tuning
grow with the pieces. That is an assumption, and its figures carry it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..records import Interval
from .prices import Provider

YEAR = 12
ASSUMES = "minutes saved grow with the pieces as the learning curve's gain in loss does"


@dataclass(frozen=True)
class Terms:
    """What a client says: pieces a month, other minutes a piece, hourly rate, and what curation and iteration take of a person."""

    volume: float
    hourly_rate: float | None
    other_minutes: float | None = None
    curation_minutes: float = 2.0
    rounds: int = 3
    iteration_hours: float = 4.0
    piece_drafts: int = 3
    serving_hours: float = 40.0


@dataclass(frozen=True)
class Work:
    """What is tuned and served: pieces of the dataset, seconds of a run here and tokens that it trains, tokens read and written for a
    draft; None where it was not measured."""

    pieces: int
    tuning_seconds: float | None = None
    training_tokens: float | None = None
    read_tokens: float | None = None
    written_tokens: float | None = None


@dataclass(frozen=True)
class Minutes:
    """Minutes of editing a piece before and after, and minutes of revision saved, as draws of one and the same length."""

    before: Interval
    after: Interval
    before_draws: np.ndarray = field(repr=False)
    after_draws: np.ndarray = field(repr=False)
    revision: float = 0.0
    revision_draws: np.ndarray | float = field(repr=False, default=0.0)

    @property
    def saved(self) -> Interval:
        value = (self.before.value or 0.0) - (self.after.value or 0.0) + self.revision
        return interval(value, self.saved_draws)

    @property
    def saved_draws(self) -> np.ndarray:
        return self.before_draws - self.after_draws + self.revision_draws

    def throughput(self, other: float) -> Interval:
        value = (other + (self.before.value or 0.0)) / (other + (self.after.value or 0.0)) - 1
        return interval(value, (other + self.before_draws) / (other + self.after_draws) - 1)


def interval(value: float, draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))


def tuning_cost(provider: Provider, work: Work, share: float = 1.0) -> float | None:
    """One run on a share of the pieces; None where what it is billed by was not measured."""
    parts = []
    if provider.tuning_per_hour is not None:
        speed = provider.tuning_tokens_per_second
        seconds = work.training_tokens / speed if speed and work.training_tokens is not None else None if speed else work.tuning_seconds
        parts.append(None if seconds is None else seconds / 3600 * provider.tuning_per_hour)
    if provider.tuning_per_million_tokens is not None:
        parts.append(None if work.training_tokens is None else work.training_tokens / 1e6 * provider.tuning_per_million_tokens)
    if any(part is None for part in parts):
        return None
    return max(provider.tuning_least or 0.0, share * sum(part or 0.0 for part in parts))


def serving_cost(provider: Provider, work: Work, terms: Terms) -> float | None:
    """A month of drafting; None where it is billed by tokens that were not measured."""
    drafts = terms.volume * terms.piece_drafts
    parts = [provider.serving_per_month or 0.0, (provider.serving_per_hour or 0.0) * terms.serving_hours]
    for price, tokens in ((provider.read_per_million_tokens, work.read_tokens), (provider.written_per_million_tokens, work.written_tokens)):
        if price is not None:
            if tokens is None:
                return None
            parts.append(drafts * tokens / 1e6 * price)
    return sum(parts)


def by_provider(providers: Sequence[Provider], work: Work, terms: Terms, minutes: Minutes, exchange: float) -> list[dict[str, Any]]:
    """A row for each provider: what it costs once and a month, what is left of what is saved, and the months until it is paid back."""
    return [_row(one, work, terms, minutes, exchange) for one in providers]


def _row(provider: Provider, work: Work, terms: Terms, minutes: Minutes, exchange: float) -> dict[str, Any]:
    tuning, serving = tuning_cost(provider, work), serving_cost(provider, work, terms)
    row: dict[str, Any] = {"provider": provider.provider, "date": provider.date, "note": provider.note,
                           "tuning": None if tuning is None else tuning * exchange,
                           "serving_per_month": None if serving is None else serving * exchange}
    rate = terms.hourly_rate
    if rate is None or tuning is None or serving is None:
        return row | dict.fromkeys(("one_off", "net_per_month", "net_per_month_interval", "months", "months_interval", "pays_back"))
    once = one_off(work.pieces, terms, rate, tuning * exchange)
    value, draws = (terms.volume * saved / 60 * rate - serving * exchange for saved in (minutes.saved.value or 0.0, minutes.saved_draws))
    return row | {"one_off": once, "net_per_month": value, "net_per_month_interval": interval(value, draws).as_list(),
                  **months_of(once, value, draws)}


def one_off(pieces: float, terms: Terms, rate: float, tuning: float) -> float:
    """Curation, the first tuning, and the rounds of iteration after it."""
    people = pieces * terms.curation_minutes / 60 + terms.rounds * terms.iteration_hours
    return people * rate + (1 + terms.rounds) * tuning


def months_of(once: float, net: float, draws: np.ndarray) -> dict[str, Any]:
    """`months` (None: never), its interval (an upper end of None: maybe never), and the share of draws in which it pays back."""
    months = np.divide(once, draws, out=np.full(len(draws), np.inf), where=draws > 0)
    low, high = np.quantile(months, 0.025, method="lower"), np.quantile(months, 0.975, method="higher")
    ends = [None if np.isinf(end) else float(end) for end in (low, high)]
    return {"months": once / net if net > 0 else None, "months_interval": ends, "pays_back": float((draws > 0).mean())}


def over_sizes(curve: Mapping[str, Any], work: Work, terms: Terms, minutes: Minutes, costs: tuple[float, float]) -> list[dict[str, Any]]:
    """Payback at the sizes of a learning curve and at twice and four times its largest: `costs` are one tuning and a month of serving.

    Rows are `{pieces minutes_saved one_off net_per_month months after_a_year}`. Empty where the curve has no power law, or no gain.
    """
    power, base = curve.get("power"), (curve.get("distance") or {}).get("archive")
    sizes = [point["pieces"] for point in curve.get("points") or ()]
    if not power or base is None or not sizes or terms.hourly_rate is None:
        return []
    whole = base - _loss(power, sizes[-1])
    if whole <= 0:
        return []
    rows = []
    for size in [*sizes, 2 * sizes[-1], 4 * sizes[-1]]:
        share = size / sizes[-1]
        saved = (minutes.saved.value or 0.0) * max(0.0, base - _loss(power, size)) / whole
        once = one_off(work.pieces * share, terms, terms.hourly_rate, costs[0] * share)
        net = terms.volume * saved / 60 * terms.hourly_rate - costs[1]
        rows.append({"pieces": size, "minutes_saved": saved, "one_off": once, "net_per_month": net,
                     "months": once / net if net > 0 else None, "after_a_year": YEAR * net - once})
    return rows


def _loss(power: Mapping[str, float], pieces: int) -> float:
    return power["c"] + power["a"] * pieces ** -power["b"]
