"""Business rules: a lift that holds only where two things meet, such as free returns above a basket value. Tuning looks for them.

    f ~ GP + b z,   z = 1 where both conditions hold,   b ~ N(0, SIZE^2) with probability `prior`, else 0
    log odds = log prior / (1 - all priors) + s^2 / 2 (i + 1 / SIZE^2) - log(1 + SIZE^2 i) / 2,   s = z' V^-1 y,   i = z' V^-1 z

V is the covariance of the working outcomes y of history.py (effects and noise), so that what channels, products, prices and seasons explain
already counts for no rule (spike and slab: George and McCulloch 1993; one rule at a time, averaged over all that are possible). Smooth
effects drawn to zero, as history.py has them, lose such rules: they are rare, and large where they are. C = context rows, K = candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .batch import FIELDS, NUMBERS, Batch
from .calendar import YEARLY
from .history import exact_fit

WORD = "word"
CONDITIONS = ("channel", "placement", "device", "audience", "product", "other1", "other2", "other3")
TERMS = {"other1": 4, "other2": 2, "other3": 1}  # what no rule of the trade knows, such as terms of sale: the first tells most
AMOUNTS = ("price", "spend", "number1", "number2", "number3")
WEEKEND = "weekend"
CUTS = np.linspace(0.2, 0.8, 9)     # quantiles of a number from which a rule may hold; prices of few products lie in clumps
FEWEST, MOST_VALUES = 6, 12         # rows on which a rule holds, and does not; values of a field that are looked at
READ = 1200                         # newest rows that are looked at
SIZE = 0.7                          # standard deviation of a rule's lift, in logs
EXISTS, ON_PRICE = 0.75, 0.7        # probability that there is a rule, and that it is one of terms and price
ROUNDS, SETTLED = 3, 0.9            # rules one after another, and how sure one must be before the next is looked for
KEPT, LEAST = 24, 0.01              # candidates that are kept, and their probability


@dataclass(frozen=True)
class Rule:
    """Where `field` has the value `value` and `by` lies above `limit` (a number), is `limit` (a field's value), the row names the word
    number `limit` or it is the weekend, the log rate is `size` higher, with this probability.

    `sd` is how unsure that size is; 0 where other rules share the probability.
    """

    field: str
    value: int
    by: str
    limit: float
    size: float
    probability: float
    sd: float = 0.0

    def holds(self, batch: Batch) -> Tensor:
        """(B, N) whether both conditions hold."""
        own = batch.ids[..., FIELDS.index(self.field)] == self.value
        if self.by == WEEKEND:
            return own & (batch.calendar[..., YEARLY + 5:YEARLY + 7].sum(-1) > 0)
        if self.by == WORD:
            return own & (batch.words == int(self.limit)).any(-1)
        if self.by in NUMBERS:
            n = NUMBERS.index(self.by)
            return own & (batch.numbers[..., n] > self.limit) & (batch.told[..., n] > 0)
        return own & (batch.ids[..., FIELDS.index(self.by)] == int(self.limit))


def lift_of(rules: tuple[Rule, ...], batch: Batch) -> Tensor:
    """(B, N) what the rules add to the log rate: each its size times its probability."""
    found = torch.zeros_like(batch.age)
    for rule in rules:
        found = found + rule.holds(batch) * (rule.size * rule.probability)
    return found


def variance_of(rules: tuple[Rule, ...], batch: Batch) -> Tensor:
    """(B, N) variance of what the rules add, each being its own."""
    found = torch.zeros_like(batch.age)
    for rule in rules:
        found = found + rule.holds(batch) * rule.sd**2
    return found


def read_rows(batch: Batch, context: np.ndarray) -> Batch:
    """Of one advertiser's rows `context` (in the order of time) the newest that may be read: what rules are looked for in."""
    part = batch.rows(torch.from_numpy(context[-READ:].astype(np.int64)))
    return part if bool(part.context.all()) else part.rows(part.context[0].nonzero()[:, 0])


def find_rules(part: Batch, general: Tensor, log_tau: Tensor) -> tuple[Rule, ...]:
    """Rules that one advertiser's rows speak for. `general` (1, N) is the log of the general pattern, `log_tau` as in history.py."""
    candidates = list(_candidates(part))
    if not candidates:
        return ()
    held = torch.stack([rule.holds(part)[0] for rule in candidates], 1).double()
    prior = torch.from_numpy(_priors(candidates))
    found: list[Rule] = []
    for _ in range(ROUNDS):
        alpha, inner = exact_fit(part, general + lift_of(tuple(found), part), log_tau)
        size, probability = _posterior(alpha, (held * (inner @ held)).sum(0), held, prior)
        best = [int(n) for n in (-probability).argsort()[:KEPT] if probability[n] >= LEAST]
        found += [replace(candidates[n], size=float(size[n]), probability=float(probability[n])) for n in best]
        if float(probability.sum()) < SETTLED:
            break
    return tuple(found)


def _posterior(alpha: Tensor, information: Tensor, held: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
    """(expected size (K,) where the rule holds, probability (K,)), at most one rule being true."""
    score = held.T @ alpha
    odds = log_odds(score, information, prior.log() - np.log(1 - EXISTS), SIZE)
    return score / (information + 1 / SIZE**2), torch.softmax(torch.cat([odds, odds.new_zeros(1)]), 0)[:-1]


def log_odds(score: Tensor, information: Tensor, before: Tensor, size: float) -> Tensor:
    """(K,) that each lift is there, N(0, size^2), and not 0; `before` are the log odds without the rows."""
    return before + score**2 / (2 * (information + 1 / size**2)) - torch.log1p(size**2 * information) / 2


def _priors(candidates: list[Rule]) -> np.ndarray:
    """(K,) probabilities that sum to EXISTS: ON_PRICE of it for terms by price, TERMS to one another, the rest for all others."""
    usual = np.array([TERMS.get(rule.field, 0) * (rule.by == "price") for rule in candidates], float)
    others = usual == 0
    share = (ON_PRICE if others.any() else 1.0) if usual.any() else 0.0
    return EXISTS * (share * usual / max(usual.sum(), 1) + (1 - share) * others / max(others.sum(), 1))


def _candidates(part: Batch) -> Iterator[Rule]:
    """Every rule that enough rows could tell, of size and probability zero."""
    ids, rows = part.ids[0], part.ids.shape[1]
    values: list[tuple[str, int]] = []
    for field in CONDITIONS:
        found, counts = ids[:, FIELDS.index(field)].unique(return_counts=True)
        many = counts.argsort(descending=True, stable=True)[:MOST_VALUES]
        values += [(field, int(found[n])) for n in many if found[n] > 0 and 2 * FEWEST <= counts[n] <= rows - FEWEST]
    limits = {name: _cuts(part, NUMBERS.index(name)) for name in AMOUNTS}
    for field, value in values:
        pairs = [(name, limit) for name in AMOUNTS for limit in limits[name]] + [(WEEKEND, 0.0)]
        pairs += [(other, float(one)) for other, one in values if CONDITIONS.index(other) > CONDITIONS.index(field)]
        own = int((ids[:, FIELDS.index(field)] == value).sum())
        for by, limit in pairs:
            rule = Rule(field, value, by, limit, 0.0, 0.0)
            if FEWEST <= int(rule.holds(part).sum()) <= own - FEWEST:
                yield rule


def _cuts(part: Batch, n: int) -> list[float]:
    """Limits of a number that enough rows have."""
    there = part.numbers[0, part.told[0, :, n] > 0, n].double().numpy()
    return [] if len(there) < 4 * FEWEST else [float(one) for one in np.unique(np.quantile(there, CUTS))]
