"""What a response model has learned of a client, in a buyer's terms: seasons, channels and words, what is new, what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .response import sure_rules, told_rules

if TYPE_CHECKING:
    import numpy as np

    from ..engine.response.base import ResponseBase
    from ..engine.response.batch import Batch
    from ..engine.response.columns import Columns
    from ..engine.response.encode import Codebook
    from ..tune.response_split import Split

PATTERN_ROWS = 30        # latest rows of a product or of all, that stand for a usual row
SHOWN = 4                # products and channels of the report
WORD_ROWS, FEWEST_WORDED, ASKED_WORDS, TOLD_WORDS = 10, 8, 60, 12  # rows of a pattern; rows with a word, and without; words asked, and told


def understanding(base: ResponseBase, batch: Batch, split: Split, parts: tuple[Columns, Codebook]) -> dict[str, Any]:
    """Season by product and differences between channels, tuned beside the general pattern, and what is new and not known."""
    columns, book = parts
    season = _seasons(base, batch, split, parts) if (columns.day > 0).any() else []
    channels = _channels(base, batch, split, parts)
    rules = told_rules(base.model.rules, book)
    words = _words(base, batch, split, parts)
    return {"season": season, "channels": channels, "rules": rules, "words": words,
            "new_here": _new_here(season, channels) + sure_rules(rules) + _new_words(words),
            "not_known": _not_known(season, channels, columns)}


def arranged_with(batch: Batch, split: Split, made: Batch) -> tuple[Batch, int, int]:
    """The learned rows as context with made-up rows behind them, ages from the newest learned one."""
    import numpy as np

    from ..engine.response.batch import join_rows
    from ..engine.tasks.response import arranged

    part, seen = arranged(batch, split.learned, np.zeros(0, np.int64))
    made = type(made)(**{**vars(made), "context": made.context & False})
    return join_rows([part, made]), len(split.learned), seen


def _seasons(base: ResponseBase, batch: Batch, split: Split, parts: tuple[Columns, Codebook]) -> list[dict[str, Any]]:
    """For all rows and for each of the largest products: log ratio to the year's mean on 24 days, with the base's expectation."""
    from datetime import date

    import numpy as np

    from ..engine.response.contrasts import SEASON_STEPS, SEASONS, contrasts, season_rows
    from ..engine.response.encode import words_of_field

    columns, book = parts
    learned = split.learned
    groups: list[tuple[str, np.ndarray]] = [("all rows", learned)]
    told = words_of_field(columns, "product", book.sources)
    if told is not None:
        words = told[learned]
        names, counts = np.unique(words[words != ""].astype(str), return_counts=True)
        groups += [(str(name), learned[words == name]) for name in names[np.argsort(-counts)][:SHOWN] if (words == name).sum() >= 5]
    year = date.fromordinal(int(columns.day[learned].max())).year
    cycles = float((columns.day[learned].max() - columns.day[learned][columns.day[learned] > 0].min()) / 365.25)
    found = []
    for name, rows in groups:
        made, weights = season_rows(batch, rows[-PATTERN_ROWS:], year, book.country)
        one = contrasts(base, arranged_with(batch, split, made), weights, SEASONS)
        mean, low, high, general = one.told()
        days = [round((step + 0.5) * 365 / SEASON_STEPS) for step in range(SEASON_STEPS)]
        found.append({"product": name, "days": days, "tuned": mean.tolist(), "low": low.tolist(), "high": high.tolist(),
                      "base": general.tolist(), "peak": _month(days[int(mean.argmax())]),
                      "base_peak": _month(days[int(general.argmax())]), "cycles_seen": cycles,
                      "peak_is_sure": bool(low[mean.argmax()] > 0)})
    return found


def _month(day: int) -> str:
    from datetime import date, timedelta

    return (date(2023, 1, 1) + timedelta(day)).strftime("%B")


def _channels(base: ResponseBase, batch: Batch, split: Split, parts: tuple[Columns, Codebook]) -> list[dict[str, Any]]:
    """Each channel against the mean of all: log ratio, interval, the base's expectation, and the probability to lie above the mean."""
    import numpy as np
    from scipy.stats import norm

    from ..engine.response.contrasts import contrasts, swapped_rows
    from ..engine.response.names import known_number

    columns, book = parts
    names = book.values.get("channel", [])
    words = columns.named["channel"][split.learned]
    names = [name for name in names if (words == name).sum() >= 5][:12]
    if len(names) < 2:
        return []
    values = [(book.values["channel"].index(name) + 1, known_number("channel", name)) for name in names]
    made, weights = swapped_rows(batch, split.learned[-PATTERN_ROWS:], "channel", values)
    one = contrasts(base, arranged_with(batch, split, made), weights)
    mean, low, high, general = one.told()
    order = np.argsort(-mean)
    return [{"channel": names[n], "log_ratio": float(mean[n]), "interval": [float(low[n]), float(high[n])],
             "base": float(general[n]),
             "probability_above_mean": float(norm.cdf(one.mean[n] / max(one.sd[n],
                                                                        1e-9))), "rows": int((words == names[n]).sum())} for n in order]


def _words(base: ResponseBase, batch: Batch, split: Split, parts: tuple[Columns, Codebook]) -> list[dict[str, Any]]:
    """Words of names and tags whose rows respond otherwise than the same rows without them, by more than the interval; the surest first.

    A single word that tells much at one channel is asked there (`channel`), all others at the latest rows of any.
    """
    from collections import Counter

    from ..engine.response.encode import texts_of
    from ..engine.response.names import word_number, words_of

    columns, book = parts
    texts = texts_of(columns, book)[split.learned]
    channels = columns.named["channel"][split.learned]
    told = Counter(word for text in texts for word in words_of(text))
    spoken: dict[int, list[str]] = {}
    for word, _ in told.most_common():
        spoken.setdefault(word_number(word), []).append(word)
    many = {bucket: max(told[word] for word in words) for bucket, words in spoken.items()}
    single: dict[str, list[int]] = {}
    for rule in base.model.own_words:
        channel = book.values["channel"][rule.value - 1] if rule.value else ""
        single.setdefault(channel, []).append(int(rule.limit))
    alone = {bucket for buckets in single.values() for bucket in buckets}
    usual = [bucket for bucket in spoken
             if FEWEST_WORDED <= many[bucket] <= len(split.learned) - FEWEST_WORDED and bucket not in alone][:ASKED_WORDS]
    found = _asked_words(base, batch, split, split.learned, usual)
    rows = {bucket: many[bucket] for bucket in usual}
    for channel, buckets in single.items():
        there = channels == channel
        named = Counter(bucket for text in texts[there] for bucket in {word_number(word) for word in words_of(text)})
        rows |= {bucket: named[bucket] for bucket in buckets}
        found += [{**one, "channel": channel or None} for one in _asked_words(base, batch, split, split.learned[there], buckets)]
    found.sort(key=lambda one: -one.pop("surprise"))
    return [{**one, "word": " / ".join(spoken.get(bucket, ["?"])[:3]), "rows": rows[bucket]} for one in found
            if (bucket := one.pop("bucket")) in spoken and (one["interval"][0] > 0 or one["interval"][1] < 0)][:TOLD_WORDS]


def _asked_words(base: ResponseBase, batch: Batch, split: Split, rows: np.ndarray, buckets: list[int]) -> list[dict[str, Any]]:
    """Each word in the latest of `rows` against the same rows without it; `surprise` is how many standard deviations it is from no
    difference."""
    from ..engine.response.contrasts import contrasts, worded_rows

    if not buckets:
        return []
    made, weights = worded_rows(batch, rows[-WORD_ROWS:], buckets)
    one = contrasts(base, arranged_with(batch, split, made), weights)
    mean, low, high, general = one.told()
    return [{"bucket": bucket, "surprise": abs(float(one.mean[n])) / max(float(one.sd[n]), 1e-9), "channel": None,
             "log_ratio": float(mean[n]), "interval": [float(low[n]), float(high[n])], "base": float(general[n])}
            for n, bucket in enumerate(buckets)]


def _new_words(words: list[dict[str, Any]]) -> list[str]:
    """A sentence for each word that tells otherwise than the general pattern expects, by more than its interval; three at most."""
    import math

    found = []
    for one in words:
        low, high = one["interval"]
        if not low <= one["base"] <= high:
            more = math.expm1(one["log_ratio"])
            rows = f"Rows of {one['channel']}" if one["channel"] else "Rows"
            found.append(f"{rows} that name '{one['word']}' respond {abs(more):.0%} {'above' if more > 0 else 'below'} the same rows "
                         f"without it ({math.expm1(low):+.0%} to {math.expm1(high):+.0%}; {one['rows']} rows).")
    return found[:3]


def _new_here(season: list[dict[str, Any]], channels: list[dict[str, Any]]) -> list[str]:
    """Where the client's own pattern departs from the general one by more than its interval."""
    import math

    found = []
    for one in season:
        if one["peak"] != one["base_peak"] and one["peak_is_sure"]:
            found.append(f"{one['product']}: the response is highest in {one['peak']}; the general pattern expects {one['base_peak']}.")
    for one in channels:
        low, high = one["interval"]
        if not low <= one["base"] <= high:
            more = math.expm1(one["log_ratio"] - one["base"])
            found.append(f"{one['channel']}: {abs(more):.0%} {'above' if more > 0 else 'below'} what the general pattern "
                         "expects of it here.")
    return found


def _not_known(season: list[dict[str, Any]], channels: list[dict[str, Any]], columns: Columns) -> list[str]:
    """What the rows cannot tell, and the test that would."""
    found = []
    if season and season[0]["cycles_seen"] < 2:
        found.append(f"The rows hold {season[0]['cycles_seen']:.1f} years: a season that was seen once cannot be told from a trend. A "
                     "second year of history would settle it.")
    if not season:
        found.append("The rows have no dates: seasons and trends are not known. Export with a daily breakdown.")
    for one in channels:
        if one["interval"][0] < 0 < one["interval"][1]:
            found.append(f"Whether {one['channel']} responds above or below the others is open ({one['probability_above_mean']:.0%} for "
                         "above). A test with the same product and audience in both, budget split at random by day or region, would "
                         "settle it.")
    found.append("Delivery was not randomised: differences between audiences and channels are associations, not effects of the choice.")
    return found
