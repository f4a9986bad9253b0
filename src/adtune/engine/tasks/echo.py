"""What the base itself foretells at the places of replayed text: targets for general text that a run has learned TIMES times.

    E_{t ~ p} [-log q(t)] = H(p, q),   smallest where q is still p

General text teaches for some four times through (Muennighoff et al. 2023, arXiv 2305.16264); then it is known by heart, and holds nothing
in its place. So from then on each of its targets is drawn anew from p, the base's own prediction there: distillation of the base as it was
(Hinton et al. 2015, arXiv 1503.02531), which keeps what is not trained (Li and Hoiem 2017, arXiv 1606.09282). Draws in place of whole
distributions leave rows and loss as they are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..bases import Base
from .drafting import Row, split_by_budget, target_states

TIMES = 4       # that a text is learned as it is
KEPT = 64       # likeliest tokens of a place that are kept; their probabilities are scaled to one
BUDGET = 4096   # padded tokens that the base reads at a time
PLACES = 256    # places whose logits are made at a time


@dataclass(frozen=True)
class Echo:
    """Of each row the likeliest tokens at its targets, (targets, KEPT), and their probabilities summed up to each."""

    tokens: list[np.ndarray]
    summed: list[np.ndarray]

    def of(self, row: Row, number: int, seed: str) -> Row:
        """The row, which is `number` of those that were read, with targets drawn anew."""
        chance = np.random.default_rng(random.Random(seed).getrandbits(64)).random(len(self.tokens[number]))
        place = (self.summed[number] < chance[:, None]).sum(1).clip(max=KEPT - 1)
        return replace(row, labels=tuple(self.tokens[number][np.arange(len(place)), place].tolist()))


def read_echo(base: Base, rows: Sequence[Row]) -> Echo:
    """Read the rows by the base, to which nothing is attached."""
    tokens: list[np.ndarray] = [np.zeros((0, KEPT), np.int32)] * len(rows)
    summed = list(tokens)
    head = base.model.get_output_embeddings()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    with torch.no_grad():
        for group in split_by_budget(rows, order, BUDGET):
            states, owner = target_states(base, [rows[i] for i in group])
            found = [_likeliest(part if not base.plain_head else head(part)) for part in states.split(PLACES)]
            ids, shares = (np.concatenate(parts) for parts in zip(*found, strict=True))
            for n, i in enumerate(group):
                tokens[i], summed[i] = ids[owner == n], shares[owner == n]
    return Echo(tokens, summed)


def _likeliest(logits: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    values, ids = torch.softmax(logits.float(), -1).topk(min(KEPT, logits.shape[-1]), -1)
    shares = (values / values.sum(-1, keepdim=True)).cumsum(-1)
    return ids.to(torch.int32).cpu().numpy(), shares.cpu().numpy()
