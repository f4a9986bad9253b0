"""From columns to the tensors of a Batch, and the codebook that says how: the same for training, evaluation and prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from . import names
from .batch import FIELDS, KNOWN, NUMBERS, Batch
from .calendar import day_table, rows_of_days
from .columns import MOST_VALUES, Columns, distinct, exposure_for, place_of
from .rules import WEEKEND, Rule

UNIT_SHARE = 0.5  # quantile of the value of a row that counts as one typical order
DENSE = 20_000_000  # cells of the table of daily spend, at most


@dataclass(frozen=True)
class Codebook:
    """How one advertiser's rows are read.

    `sources` names the input behind a field or number, `values` the known values of each field (their place + 1 is their id), `centre` and
    `scale` of each number, `texts` the inputs that count as words, `unit` of the outcome (value is counted in typical orders).
    """

    outcome: str
    exposure: str
    family: int
    unit: float
    country: str
    sources: dict[str, str]
    values: dict[str, list[str]]
    centre: dict[str, float]
    scale: dict[str, float]
    texts: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def family_of(outcome: str, exposure: str, above: bool) -> int:
    """The family of an outcome; `above` says that some row has more outcomes than exposure, so that no binomial can hold."""
    if outcome == "clicks" and exposure == "impressions" and not above:
        return 0
    if outcome == "conversions" and exposure in ("clicks", "impressions") and not above:
        return 1 if exposure == "clicks" else 2
    return 3


def make_codebook(columns: Columns, outcome: str, exposure: str | None = None, country: str = "US") -> Codebook:
    """A codebook for rows to learn from. Raises InputError where outcome or exposure are not there."""
    exposure = exposure_for(outcome, columns.counts, exposure)
    y, e = columns.counts[outcome], columns.counts[exposure]
    above = bool(np.nanmax(np.where(np.isnan(y) | np.isnan(e), -np.inf, y - e), initial=-np.inf) > 0)
    family = family_of(outcome, exposure, above)
    positive = y[np.nan_to_num(y) > 0]
    unit = float(np.quantile(positive, UNIT_SHARE)) if outcome == "value" and len(positive) else 1.0
    if outcome == "value" and "conversions" in columns.counts and np.nansum(columns.counts["conversions"]) > 0:
        unit = float(np.nansum(y) / np.nansum(columns.counts["conversions"])) or 1.0
    sources, texts = _places(columns, y, e)
    words = {name: words_of_field(columns, name, sources) for name in FIELDS}
    values = {name: sorted(set(one) - {""}) for name, one in words.items() if one is not None}
    raw = _numbers(columns, sources, exposure)
    centre, scale = {}, {}
    for name, one in raw.items():
        told = one[~np.isnan(one)]
        centre[name] = float(np.median(told)) if len(told) else 0.0
        plain = name.startswith("number")
        scale[name] = float(max(np.std(told), 1e-9)) if plain and len(told) else 1.0
    return Codebook(outcome, exposure, family, unit, country, sources, values, centre, scale, texts)


def _places(columns: Columns, y: np.ndarray, e: np.ndarray) -> tuple[dict[str, str], list[str]]:
    """(input behind each field and number, inputs that count as words): the inputs that tell most of the outcome get the places."""
    sources: dict[str, str] = {}
    others = []
    for name in columns.words:
        place = place_of(name)
        if place in ("placement", "device", "product") and place not in sources:
            sources[place] = name
        else:
            others.append(name)
    fits = [name for name in others if 2 <= len(set(columns.words[name]) - {""}) <= MOST_VALUES]
    fits.sort(key=lambda name: -_explained(columns.words[name], y, e))
    sources |= {f"other{n + 1}": name for n, name in enumerate(fits[:3])}
    numbers = list(columns.numbers)
    priced = next((name for name in numbers if place_of(name) == "price"), None)
    if priced:
        sources["price"] = priced
    rest = sorted((name for name in numbers if name != priced), key=lambda name: -_explained(_binned(columns.numbers[name]), y, e))
    sources |= {f"number{n + 1}": name for n, name in enumerate(rest[:3])}
    return sources, [name for name in others if name not in sources.values()]


def _binned(values: np.ndarray) -> np.ndarray:
    told = values[~np.isnan(values)]
    cuts = np.quantile(told, [0.2, 0.4, 0.6, 0.8]) if len(told) else np.zeros(4)
    return np.where(np.isnan(values), -1, np.searchsorted(cuts, np.nan_to_num(values)))


def _explained(groups: np.ndarray, y: np.ndarray, e: np.ndarray) -> float:
    """Poisson log-likelihood gained by a rate for each group, less half of a parameter for each: which input tells most."""
    good = ~(np.isnan(y) | np.isnan(e))
    found, index = np.unique(groups[good].astype(str), return_inverse=True)
    hit, due = np.bincount(index, y[good]), np.bincount(index, e[good])
    rate = y[good].sum() / max(e[good].sum(), 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(hit > 0, hit * np.log(hit / np.maximum(due * rate, 1e-12)), 0).sum()
    spread = max(1.0, float(((y[good] - e[good] * rate) ** 2 / np.maximum(e[good] * rate, 1e-9)).mean()))
    return float(gain / spread - 0.5 * len(found))


def words_of_field(columns: Columns, field: str, sources: Mapping[str, str]) -> np.ndarray | None:
    """The words of a field of FIELDS, None where the rows have none.

    A product that is understood has its general name, and where a row names none, its ad group, campaign or ad may tell.
    """
    if field == "product":
        return _products(columns, sources.get("product"))
    if field in columns.named:
        return columns.named[field]
    return columns.words.get(sources[field]) if field in sources else None


def _products(columns: Columns, source: str | None) -> np.ndarray | None:
    named = columns.words.get(source) if source else None
    told = [] if named is None else [named]
    found = np.full(len(columns), "", object)
    for words in (*told, *(columns.named[name] for name in ("ad_group", "campaign", "ad"))):
        found_words, index = distinct(words)
        meanings = np.array([names.PRODUCTS[names.known_number("product", value)] for value in found_words], object)[index]
        found = np.where(found == "", meanings, found)
    if named is not None:
        found = np.where(found == "", named, found)
    return found if (found != "").any() else None


def _numbers(columns: Columns, sources: Mapping[str, str], exposure: str) -> dict[str, np.ndarray]:
    """Raw numbers: logarithms of price and spend, others as they are.

    The day's own spend counts only where it is the exposure: clicks that are paid for tell the clicks. Else it is that of the week before.
    """
    found = {}
    if "price" in sources and sources["price"] in columns.numbers:
        price = columns.numbers[sources["price"]]
        found["price"] = np.log(np.where(price > 0, price, np.nan))
    if "spend" in columns.counts and np.nansum(columns.counts["spend"]) > 0:
        week = _past_spend(columns, np.full(7, 1 / 7))
        own = columns.counts["spend"] if exposure == "spend" else week
        if own is not None:
            found["spend"] = np.log(np.where(np.nan_to_num(own) > 0, own, np.nan))
        past = _past_spend(columns, 0.6 ** np.arange(1, 8) / 1.5)
        if past is not None:
            found["carry_over"] = np.log(np.where(past > 0, past, np.nan))
    for name in NUMBERS[3:]:
        if name in sources and sources[name] in columns.numbers:
            found[name] = columns.numbers[sources[name]]
    return found


def _past_spend(columns: Columns, weights: np.ndarray) -> np.ndarray | None:
    """(N,) the campaign's spend on the days before, `weights[l - 1]` for the l-th; NaN where its spend of before is not known."""
    dated = columns.day > 0
    if not dated.any():
        return None
    campaign = distinct(columns.named["campaign"])[1]
    first = columns.day[dated].min()
    days, campaigns = int(columns.day.max() - first + 1), int(campaign.max() + 1)
    if days * campaigns > DENSE:
        return None
    daily = np.zeros((campaigns, days + len(weights)))
    at = (campaign[dated], columns.day[dated] - first + len(weights))
    np.add.at(daily, at, np.nan_to_num(columns.counts["spend"][dated]))
    found = np.full(len(columns), np.nan)
    found[dated] = sum(weight * daily[at[0], at[1] - lag - 1] for lag, weight in enumerate(weights))
    return np.where(found > 0, found, np.nan)


def encode(columns: Columns, book: Codebook, context: np.ndarray) -> Batch:
    """(1, N) tensors of the rows; `context` (N,) flags those whose outcome may be read. Unknown values share the id behind the last."""
    many = len(columns)
    ids = np.zeros((many, len(FIELDS)), np.int64)
    known = np.zeros((many, len(KNOWN)), np.int64)
    for n, field in enumerate(FIELDS):
        words = words_of_field(columns, field, book.sources)
        if words is None or field not in book.values:
            continue
        told_words, index = distinct(words)
        place = {value: number + 1 for number, value in enumerate(book.values[field])}
        ids[:, n] = np.array([place.get(value, len(place) + 1 if value else 0) for value in told_words], np.int64)[index]
        if field in KNOWN:
            known[:, KNOWN.index(field)] = np.array([names.known_number(field, value) for value in told_words], np.int64)[index]
    numbers, told = _standard(columns, book)
    texts, index = distinct(texts_of(columns, book))
    bags = np.array([names.word_numbers(value) for value in texts], np.int64).reshape(len(texts), -1)[index]
    newest = columns.day[context & (columns.day > 0)].max(initial=0) or columns.day.max(initial=0)
    age = np.where(columns.day > 0, newest - columns.day, 0)
    outcome, exposure = columns.counts.get(book.outcome, np.zeros(many)), columns.counts[book.exposure]
    good = ~(np.isnan(outcome) | np.isnan(exposure)) & (exposure > 0)
    tensor = torch.from_numpy
    batch = Batch(tensor(ids), tensor(known), tensor(bags), tensor(day_table(book.country)[rows_of_days(columns.day)]), tensor(numbers),
                  tensor(told), tensor(age.astype(np.float32)), tensor(np.maximum(np.nan_to_num(exposure), 1e-6)),
                  tensor(np.maximum(np.nan_to_num(outcome), 0) / book.unit), torch.tensor([book.family]), tensor(context & good),
                  torch.ones(many, dtype=torch.bool))
    return Batch(*(getattr(batch, name) if name == "family" else getattr(batch, name)[None] for name in batch.__dataclass_fields__))


def texts_of(columns: Columns, book: Codebook) -> np.ndarray:
    """(N,) the texts whose words are read: names of campaign and ad, and every input that counts as words."""
    text = np.full(len(columns), "", object)
    for words in (columns.named["campaign"], columns.named["ad"], *(columns.words[name] for name in book.texts if name in columns.words)):
        text = text + " " + words
    return text


def _standard(columns: Columns, book: Codebook) -> tuple[np.ndarray, np.ndarray]:
    """(numbers, told): (N, M) float32 each."""
    numbers = np.zeros((len(columns), len(NUMBERS)), np.float32)
    told = np.zeros_like(numbers)
    for name, raw in _numbers(columns, book.sources, book.exposure).items():
        if name in book.centre:
            n = NUMBERS.index(name)
            there = ~np.isnan(raw)
            numbers[:, n] = np.where(there, (np.nan_to_num(raw) - book.centre[name]) / book.scale[name], 0).clip(-4, 4)
            told[:, n] = there
    return numbers, told


@dataclass(frozen=True)
class ToldRule:
    """A rule in a client's own words, the log of its lift where it holds, and the probability that there is one."""

    words: str
    lift: float
    probability: float


def rules_in_words(rules: Sequence[Rule], book: Codebook) -> list[ToldRule]:
    """Rules of one condition and one sign together, whatever their limits; the likeliest first."""
    groups: dict[tuple[str, int, str, bool, float], list[Rule]] = {}
    for rule in rules:
        one = 0.0 if rule.by in NUMBERS else rule.limit
        groups.setdefault((rule.field, rule.value, rule.by, rule.size > 0, one), []).append(rule)
    found = []
    for (field, value, by, _, one), same in groups.items():
        likeliest = max(same, key=lambda rule: rule.probability)
        total = sum(rule.probability for rule in same)
        other = "at the weekend" if by == WEEKEND else f"{named(by, book)} = {_value(by, int(one), book)}"
        if by in NUMBERS:
            limit = book.centre.get(by, 0.0) + likeliest.limit * book.scale.get(by, 1.0)
            other = f"{named(by, book)} above {np.exp(limit) if by in ('price', 'spend', 'carry_over') else limit:.3g}"
        found.append(ToldRule(f"{named(field, book)} = {_value(field, value, book)} and {other}",
                              sum(rule.size * rule.probability for rule in same) / total, min(total, 1.0)))
    return sorted(found, key=lambda told: -told.probability)


def named(place: str, book: Codebook) -> str:
    """A field or number by the name of the client's own column."""
    return book.sources.get(place, place.replace("_", " "))


def _value(field: str, value: int, book: Codebook) -> str:
    known = book.values.get(field, [])
    return known[value - 1] if 0 < value <= len(known) else str(value)


def unsupported(asked: Columns, book: Codebook, history: Columns) -> np.ndarray:
    """(N,) why a row lies outside of what the advertiser's history holds, empty where it does not: a channel, product, device, placement or
    audience that is new, or a number out of range.

    Products are told apart by their own words: two that mean the same to the general pattern may do as differently as any.
    """
    reasons = np.full(len(asked), "", object)

    def add(bad: np.ndarray, values: np.ndarray, place: str, what: str) -> None:
        for row in np.flatnonzero(bad & (reasons == "")):
            reasons[row] = f"the {named(place, book)} '{str(values[row])[:60]}' {what}"

    for field in (*KNOWN, "other1"):
        told, held = (_own_words(columns, field, book) for columns in (asked, history))
        if told is not None and (held is not None or field == "product"):
            there = {"", *(word.casefold() for word in (() if held is None else distinct(held)[0]))}
            add(np.array([word.casefold() not in there for word in told], bool), told, field, "is not in the client's history")
        words = words_of_field(asked, field, book.sources)
        if words is not None and book.values.get(field):
            add(~np.isin(words.astype(str), [*book.values[field], ""]), words, field, "is none that the model knows: tune again")
    numbers, given = _standard(asked, book)
    for row, column in np.argwhere((np.abs(numbers) > 3.5) & (given > 0)):
        reasons[row] = reasons[row] or f"its {named(NUMBERS[column], book)} is far from all in the client's history"
    return reasons


def _own_words(columns: Columns, field: str, book: Codebook) -> np.ndarray | None:
    """A field as the client writes it; None where the rows have no column for it."""
    if field in columns.named:
        return columns.named[field]
    source = book.sources.get(field) or next((name for name in columns.words if field == "product" == place_of(name)), None)
    return columns.words.get(source) if source else None
