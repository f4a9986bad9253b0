"""What the raters of a blind sheet said: on-brand rates by arm, paired by brief, beside how far they agree with each other and the scorer.

A draft's value is the share of its raters who took it for the client's. An arm's rate is the mean over its drafts, with Wilson's interval
for as many independent answers as the spread between drafts leaves (raters of one draft count as one where they agree). Arms are compared
over the briefs that both have, by a bootstrap over briefs. In the ratio a resample in which the other arm has no on-brand draft counts as
infinite; an interval without upper end says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from ..records import Interval, Rating
from ..stats import paired_difference, rate_interval
from ..voice.on_brand import auc_interval
from .agreement import NOMINAL, ORDINAL, alpha, in_words
from .blind import Item

ON_BRAND = 0.5     # scores and shares of raters from which a draft is taken for the client's
DRAWS = 4000
Z = 1.959964

Votes = dict[str, dict[str, bool]]   # by item and rater


def in_force(ratings: Sequence[Rating]) -> dict[tuple[str, str], Rating]:
    """The latest rating of each item by each rater, without those that were taken back."""
    latest = {(one.item, one.rater): one for one in ratings}
    return {key: one for key, one in latest.items() if one.on_brand is not None or one.grade is not None}


def results(items: Sequence[Item], ratings: Sequence[Rating], scores: Mapping[str, float] | None = None,
            pair: tuple[str, str] = ("tuned", "prompted"), seed: int = 0) -> dict[str, Any]:
    """The object under `ratings`; null is not measured. `scores` are the on-brand scorer's, by item."""
    said = in_force(ratings)
    votes, again = _votes(items, said)
    raters = sorted({rater for given in votes.values() for rater in given})
    found = alpha([[float(vote) for vote in given.values()] for given in votes.values()], NOMINAL, seed)
    graded = alpha(_grades(items, said), ORDINAL, seed)
    shares = {arm: {one.brief: sum(votes[one.code].values()) / len(votes[one.code]) for one in items
                    if one.arm == arm and one.repeats is None and votes.get(one.code)} for arm in dict.fromkeys(one.arm for one in items)}
    each = sum(map(len, votes.values())) / max(1, len(votes))
    arms = {arm: _arm(list(of.values()), each) for arm, of in shares.items()}
    return {"raters": [_rater(name, votes, again) for name in raters], "rated": sum(map(len, votes.values())),
            "drafts": sum(one.repeats is None for one in items), "alpha": found.value, "alpha_interval": found.as_list(),
            "alpha_grade": graded.value, "alpha_grade_interval": graded.as_list(),
            "agreement": in_words(found, len(raters)) if raters else None, "arms": arms, **_compared(shares, pair, seed),
            "scorer": _beside(votes, scores or {}, seed)}


def _votes(items: Sequence[Item], said: Mapping[tuple[str, str], Rating]) -> tuple[Votes, Votes]:
    """(what raters said of each draft the first time, what they said of it again)."""
    votes: Votes = {}
    again: Votes = {}
    of = {one.code: one for one in items}
    for (code, rater), rating in sorted(said.items(), key=lambda pair: of[pair[0][0]].repeats is not None):
        if rating.on_brand is None:
            continue
        shown = of[code].repeats
        if shown is None or rater not in votes.get(shown, {}):
            votes.setdefault(shown or code, {})[rater] = rating.on_brand
        else:
            again.setdefault(shown, {})[rater] = rating.on_brand
    return votes, again


def _grades(items: Sequence[Item], said: Mapping[tuple[str, str], Rating]) -> list[list[float]]:
    first = [one.code for one in items if one.repeats is None]
    return [[float(rating.grade) for (item, _), rating in said.items() if item == code and rating.grade is not None] for code in first]


def _rater(name: str, votes: Votes, again: Votes) -> dict[str, Any]:
    own = [given[name] for given in votes.values() if name in given]
    twice = [votes[code][name] == given[name] for code, given in again.items() if name in given]
    same = rate_interval(sum(twice), len(twice))
    return {"rater": name, "rated": len(own), "on_brand": sum(own) / len(own) if own else None, "repeated": len(twice),
            "self_agreement": same.value, "self_agreement_interval": same.as_list()}


def _arm(shares: Sequence[float], raters: float) -> dict[str, Any]:
    """The rate of an arm from the share of on-brand answers of each draft, given by so many raters on average."""
    told = wilson(sum(shares), effective(shares, raters)) if shares else Interval(None)
    return {"drafts": len(shares), "on_brand": told.value, "interval": told.as_list()}


def effective(shares: Sequence[float], raters: float) -> tuple[float, float]:
    """(as many drafts as there are, as many single answers as they are worth): p (1 - p) / variance of the drafts' shares, between one
    answer a draft, where raters always agree, and one answer a rater, where they do not depend on the draft."""
    n, share = len(shares), sum(shares) / len(shares)
    spread = float(np.var(shares, ddof=1)) if n > 1 else 0.0
    return n, n * min(max(share * (1 - share) / spread if spread > 0 else 1.0, 1.0), max(raters, 1.0))


def wilson(successes: float, counts: tuple[float, float]) -> Interval:
    """The rate with Wilson's interval; `counts` are how many there were, and how many independent answers they are worth."""
    there, n = counts
    if there == 0:
        return Interval(None)
    share = successes / there
    middle, half = share + Z**2 / (2 * n), Z * sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low, high = ((middle + side) / (1 + Z**2 / n) for side in (-half, half))
    return Interval(share, max(0.0, min(low, share)), min(1.0, max(high, share))) if n > 1 else Interval(share)


def _compared(shares: Mapping[str, Mapping[int, float]], pair: tuple[str, str], seed: int) -> dict[str, Any]:
    """Difference and ratio of two arms over the briefs that both have."""
    first, second = (shares.get(name, {}) for name in pair)
    both = sorted(first.keys() & second.keys())
    a, b = [first[brief] for brief in both], [second[brief] for brief in both]
    less = paired_difference(a, b, seed=seed) if both else Interval(None)
    times = ratio(a, b, seed)
    name = f"{pair[0]}_less_{pair[1]}", f"{pair[0]}_over_{pair[1]}"
    return {name[0]: less.value, f"{name[0]}_interval": less.as_list(), name[1]: times.value,
            f"{name[1]}_interval": None if times.low is None else [times.low, times.high]}


def ratio(a: Sequence[float], b: Sequence[float], seed: int = 0) -> Interval:
    """mean(a) / mean(b) over the same briefs. The value is None where b is 0 throughout, the upper end where it has none."""
    if len(a) < 2 or not (sum(a) or sum(b)):
        return Interval(sum(a) / sum(b) if a and sum(b) else None)
    drawn = np.random.default_rng(seed).integers(len(a), size=(DRAWS, len(a)))
    top, bottom = np.asarray(a)[drawn].sum(axis=1), np.asarray(b)[drawn].sum(axis=1)
    known = (top > 0) | (bottom > 0)
    times = np.divide(top[known], bottom[known], out=np.full(int(known.sum()), np.inf), where=bottom[known] > 0)
    low, high = np.quantile(times, 0.025, method="lower"), np.quantile(times, 0.975, method="higher")
    value = float(sum(a) / sum(b)) if sum(b) else None
    return Interval(value, None if np.isinf(low) else float(low), None if np.isinf(high) else float(high))


def _beside(votes: Votes, scores: Mapping[str, float], seed: int) -> dict[str, Any]:
    """The on-brand scorer beside the raters' majority: share of drafts judged alike, alpha, and its AUC for what the majority says."""
    judged = {code: sum(given.values()) / len(given) for code, given in votes.items() if code in scores and given}
    majority = {code: share > ON_BRAND for code, share in judged.items() if share != ON_BRAND}
    alike = [majority[code] == (scores[code] >= ON_BRAND) for code in majority]
    same = rate_interval(sum(alike), len(alike))
    agreed = alpha([[float(says), float(scores[code] >= ON_BRAND)] for code, says in majority.items()], NOMINAL, seed)
    yes, no = ([scores[code] for code, says in majority.items() if says is side] for side in (True, False))
    auc = auc_interval(np.asarray(yes), np.asarray(no)) if yes and no else Interval(None)
    return {"drafts": len(majority), "agreement": same.value, "agreement_interval": same.as_list(), "alpha": agreed.value,
            "alpha_interval": agreed.as_list(), "auc": auc.value, "auc_interval": auc.as_list()}
