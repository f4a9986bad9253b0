"""How much an advertiser's words tell: names of campaigns and ads, keywords, tags of users. Tuning asks its own rows.

In pre-training words of names tell little, and an audience's tags or a shop's keywords may tell nearly all. So the variances of the two
groupings of words, at every channel and at each, are those under which the client's outcomes are likeliest (type II maximum likelihood,
Rasmussen and Williams 2006, chapter 5), less what departing from the pre-trained ones costs: a normal prior over logs of standard
deviations.

A single word may tell far more than all others: a brand's own name among the keywords, the tag of users who came back. Variances that all
words share draw it to the rest. So words are then looked for one by one, as rules.py looks for rules (spike and slab: George and McCulloch
1993), and each that is found gets a variance of its own:

    f ~ GP + sum_k b_k z_k,   z_k = 1 where a row of this channel names word k,   b_k ~ N(0, SIZE^2)

the likeliest next word first, until none is likelier there than not. N = rows that are asked, K = words of channels that could be.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from .batch import FIELDS, Batch
from .history import covariance_fit, evidence, power_of
from .kernels import GROUPINGS, WORDS, covariance_of, kernel_of
from .names import BUCKETS
from .rules import WORD, Rule, log_odds

LOG_TAUS = (-1.0, -0.5, 0.0, 0.5)  # logs of standard deviations that are tried
EACH_CHANNEL = -1.0                # the usual one of words at each channel, where it is on at all
COSTS, LEAST = 2.0, 2.0            # nats for bringing the words at each channel in; nats of gain under which nothing is changed
READ = 800                         # newest rows that are asked
FEWEST = 12                        # rows with words, at least
SIZE = 2.0                         # standard deviation of what a single word tells, in logs
EXPECTED, LIKELY = 5.0, 0.3        # words of a channel that are expected to tell so much; probability of each at most
HELD, MOST = 3, 16                 # rows of the channel that name a word, and that do not; words that are found


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


def find_single_words(part: Batch, general: Tensor, log_tau: Tensor) -> tuple[Rule, ...]:
    """Words that tell much at a channel, as rules for it, by what the rows of one advertiser say; arguments as in `find_words`."""
    places, held = _candidates(part)
    if not places:
        return ()
    many = {channel: sum(one == channel for one, _ in places) for channel, _ in places}
    prior = torch.tensor([min(LIKELY, EXPECTED / many[channel]) for channel, _ in places], dtype=torch.float64)
    covariance = covariance_of(power_of(log_tau), part, part)
    found: dict[int, float] = {}
    with torch.no_grad():
        while True:
            alpha, inner = covariance_fit(covariance, part, general)
            odds = log_odds(held.T @ alpha, (held * (inner @ held)).sum(0), (prior / (1 - prior)).log(), SIZE)
            odds[list(found)] = -torch.inf
            best = int(odds.argmax())
            if len(found) == MOST or odds[best] <= 0:
                break
            found[best] = float(odds[best].sigmoid())
            covariance = covariance + SIZE**2 * torch.outer(held[:, best], held[:, best])
    sizes = SIZE**2 * (held.T @ alpha)
    spread = (SIZE**2 - SIZE**4 * (held * (inner @ held)).sum(0)).clamp(min=0).sqrt()
    return tuple(Rule("channel", places[n][0], WORD, float(places[n][1]), float(sizes[n]), probability, float(spread[n]))
                 for n, probability in found.items())


def _candidates(part: Batch) -> tuple[list[tuple[int, int]], Tensor]:
    """(channel and bucket of every word that enough rows could tell of, (N, K) which rows of the channel name it)."""
    channels = part.ids[0, :, FIELDS.index("channel")]
    named = torch.zeros(len(channels), BUCKETS, dtype=torch.float64).scatter_(-1, part.words[0], 1.0)
    named[:, 0] = 0
    places, held = [], []
    for channel in channels.unique():
        own = named * (channels == channel)[:, None]
        counts, rows = own.sum(0), int((channels == channel).sum())
        good = ((counts >= HELD) & (counts <= rows - HELD)).nonzero()[:, 0]
        places += [(int(channel), int(bucket)) for bucket in good]
        held.append(own[:, good])
    return places, torch.cat(held, 1)
