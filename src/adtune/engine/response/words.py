"""How much an advertiser's words tell: names of campaigns and ads, keywords, tags of users. Tuning asks its own rows.

In pre-training words of names tell little, and an audience's tags or a shop's keywords may tell nearly all. So the variances of the two
groupings of words, at every channel and at each, are those under which the client's outcomes are likeliest (type II maximum likelihood,
Rasmussen and Williams 2006, chapter 5), less what departing from the pre-trained ones costs: a normal prior over logs of standard
deviations. N = rows that are asked.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from .batch import FIELDS, Batch
from .history import evidence, power_of
from .kernels import GROUPINGS, WORDS, covariance_of, kernel_of

LOG_TAUS = (-1.0, -0.5, 0.0, 0.5)  # logs of standard deviations that are tried
EACH_CHANNEL = -1.0                # the usual one of words at each channel, where it is on at all
COSTS, LEAST = 2.0, 2.0            # nats for bringing the words at each channel in; nats of gain under which nothing is changed
READ = 800                         # newest rows that are asked
FEWEST = 12                        # rows with words, at least


def find_words(part: Batch, general: Tensor, log_tau: Tensor) -> tuple[dict[str, float], float]:
    """(logs of the standard deviations of the groupings WORDS that the rows of one advertiser speak for, nats by which they do), ({}, 0)
    where they speak for none.

    All rows of `part` (1, N) may be read; `general` (1, N) is the log of the general pattern, `log_tau` (G,) as in history.py.
    """
    worded = part.words[0].amax(-1) > 0
    if int(worded.sum()) < FEWEST or len(part.words[0].unique(dim=0)) < 2:
        return {}, 0.0
    power = power_of(log_tau).clone()
    places = [GROUPINGS.index(name) for name in WORDS]
    usual = [float(log_tau[place]) for place in places]
    power[places] = 0.0
    rest = covariance_of(power, part, part)
    shared = [kernel_of(name, part, part).double() for name in WORDS]

    def gain(tried: tuple[float, ...]) -> float:
        covariance = rest + sum(torch.exp(torch.tensor(2 * tau)) * kernel for tau, kernel in zip(tried, shared, strict=True))
        cost = 0.5 * (tried[0] - usual[0]) ** 2
        if tried[1] != usual[1]:
            cost += COSTS + 0.5 * (tried[1] - EACH_CHANNEL) ** 2
        return evidence(covariance, part, general) - cost

    choices = [(usual[0], *(one for one in LOG_TAUS if one > usual[0])), (usual[1], *(one for one in LOG_TAUS if one > usual[1]))]
    if len(part.ids[0, :, FIELDS.index("channel")].unique()) < 2:
        choices[1] = (usual[1],)  # one channel: both groupings are the same
    with torch.no_grad():
        found = {tried: gain(tried) for tried in product(*choices)}
    best = max(found, key=lambda tried: found[tried])
    more = found[best] - found[(usual[0], usual[1])]
    if more < LEAST:
        return {}, 0.0
    return {name: tau for name, tau, before in zip(WORDS, best, usual, strict=True) if tau != before}, more
