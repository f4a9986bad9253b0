"""The response task: campaign rows become blocks to predict from the rows before them; the loss is nats per row, exposure inside.

A training row of the loop is one block: some rows of an advertiser to predict, and the rows whose outcomes may be read for it. Blocks are
cut from the advertiser's history the way it will be used (later rows from earlier ones) and, so that early rows teach too, at random.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..methods.base import AbstractMethod
from ..response.base import ResponseBase
from ..response.batch import Batch
from ..response.likelihood import nats

MOST_TOKENS = 256     # context rows that the network attends to; history.py reads them all
TRAIN_CONTEXT = 1200  # rows of history of a training block at most
LONG, ASKED = 1500, 384  # rows of a long history; rows that a block of it asks for
CEILING = 200.0       # nats per row from which a run has exploded, times three
FORWARD = (0.35, 0.5, 0.65, 0.8)  # shares of the history after which a forward block begins
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Block:
    """Rows `queries` of a batch of one advertiser, to predict from its rows `context`."""

    batch: Batch
    context: np.ndarray
    queries: np.ndarray
    piece: int
    general: bool = False
    first: int = 0

    @property
    def targets(self) -> int:
        return len(self.queries)

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """A number for each row to predict; together they stand for all that the block holds, so that a checkpoint is bound to it."""
        digest = hashlib.sha256()
        for one in (self.batch.ids, self.batch.numbers, self.batch.exposure, self.batch.outcome, self.batch.age):
            digest.update(one.contiguous().numpy().tobytes())
        digest.update(self.context.tobytes())
        mark = int.from_bytes(digest.digest()[:4], "big")
        return tuple(int(n) ^ mark for n in self.queries)


def blocks_of(batch: Batch, rows: np.ndarray, piece: int = 0, seed: int = 0, passes: int = 2) -> list[Block]:
    """Training blocks of the rows `rows` (in the order of time): later ones from earlier ones, and `passes` random fifths from the rest.

    Of a long history each block asks for ASKED rows at most, and one pass is enough.
    """
    found, many = [], len(rows)
    passes = passes if many <= LONG else 1
    rng = np.random.default_rng(seed)
    for start, end in zip(FORWARD, (*FORWARD[1:], 1.0), strict=True):
        a, b = round(start * many), round(end * many)
        if b > a >= 8:
            found.append(Block(batch, trimmed(rows[:a], rng), rows[a:b], piece))
    for _ in range(passes):
        for fold in np.array_split(rng.permutation(many), FOLDS):
            rest = np.delete(np.arange(many), fold)
            if len(fold) and len(rest) >= 8:
                found.append(Block(batch, trimmed(rows[np.sort(rest)], rng), rows[np.sort(fold)], piece))
    return [replace(block, queries=np.sort(rng.choice(block.queries, ASKED, replace=False))) if len(block.queries) > ASKED else block
            for block in found]


def trimmed(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """At most TRAIN_CONTEXT rows: the newer half of them the newest, the rest at random. What a run measures again and again."""
    if len(rows) <= TRAIN_CONTEXT:
        return rows
    half = TRAIN_CONTEXT // 2
    return np.concatenate([np.sort(rng.choice(rows[:-half], TRAIN_CONTEXT - half, replace=False)), rows[-half:]])


def generated_blocks(batch: Batch, known: int, general: bool = True) -> list[Block]:
    """A block for each generated advertiser of a batch whose first `known` rows are the context."""
    batch = replace(batch, context=batch.real)  # which rows may be read is said by the block
    alone = [Batch(**{name: getattr(batch, name)[n:n + 1] for name in batch.__dataclass_fields__}) for n in range(len(batch.family))]
    rows = np.arange(batch.age.shape[1])
    return [Block(one, rows[:known], rows[known:], n, general) for n, one in enumerate(alone)]


def plan_epoch(rows: Sequence[Block], budget: int, seed: int, epoch: int) -> list[list[int]]:
    """Block indices of every step of one epoch: shuffled, at most `budget` rows to predict a step."""
    order = list(range(len(rows)))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return split_by_budget(rows, order, budget)


def split_by_budget(rows: Sequence[Block], order: Sequence[int], budget: int) -> list[list[int]]:
    """Consecutive groups of at most `budget` rows to predict (at least one block each)."""
    groups: list[list[int]] = []
    held = 0
    for i in order:
        if not groups or held + rows[i].targets > budget:
            groups.append([])
            held = 0
        groups[-1].append(i)
        held += rows[i].targets
    return groups


def ceiling(base: Any) -> float:
    """Nats per row beyond three times which a run has exploded."""
    return CEILING


def attended(context: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(rows that are looked at one by one, the others): the newest half of MOST_TOKENS, and an even spread over the rest."""
    if len(context) <= MOST_TOKENS:
        return context, context[:0]
    half = MOST_TOKENS // 2
    older = context[:-half]
    spread = np.unique(np.linspace(0, len(older) - 1, half).round().astype(int))
    chosen = np.concatenate([older[spread], context[-half:]])
    return chosen, np.delete(older, spread)


class Reader:
    """One advertiser's rows `context` of `batch`, read once; `reader(queries)` gives (eta, log_r, plain), (Q,) each, differentiable."""

    def __init__(self, base: ResponseBase, batch: Batch, context: np.ndarray):
        self.base, self.batch = base, batch
        earlier, seen = arranged(batch, context, context[:0])
        self.memory = base.model.remember(earlier.to(base.device), seen)
        self.newest = float(batch.age[0, context].min()) if len(context) else 0.0

    def rows(self, queries: np.ndarray) -> Batch:
        """The rows to predict, their ages from the newest context row."""
        part = self.batch.rows(torch.from_numpy(queries.astype(np.int64)))
        return replace(part, context=torch.zeros_like(part.context), age=part.age - self.newest).to(self.base.device)

    def __call__(self, queries: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(one[0] for one in self.base.model.recall(self.memory, self.rows(queries)))  # type: ignore[return-value]


def predict_rows(base: ResponseBase, batch: Batch, context: np.ndarray, queries: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """(eta, log_r, plain) of the rows `queries` of one advertiser, (Q,) each, differentiable."""
    return Reader(base, batch, context)(queries)


def arranged(batch: Batch, context: np.ndarray, queries: np.ndarray) -> tuple[Batch, int]:
    """(rows of one advertiser with the context first and ages from its newest row, how many of them the blocks look at)."""
    looked_at, rest = attended(context)
    index = torch.from_numpy(np.concatenate([looked_at, rest, queries]).astype(np.int64))
    part = batch.rows(index)
    earlier = (torch.arange(len(index)) < len(context))[None]
    newest = part.age[:, :len(context)].amin(1, keepdim=True) if len(context) else torch.zeros(1, 1)
    return replace(part, context=earlier & part.context, age=part.age - newest), len(looked_at)


def row_nats(base: ResponseBase, method: AbstractMethod | None, rows: Sequence[Block],
             dtype: torch.dtype = torch.float32) -> Tensor:
    """Summed nats over the rows of each block, shape (blocks,), differentiable."""
    return torch.stack([_block_nats(base, block).sum() for block in rows]).float()


def _block_nats(base: ResponseBase, block: Block) -> Tensor:
    eta, log_r, _ = predict_rows(base, block.batch, block.context, block.queries)
    kind = torch.where(block.batch.family <= 2, 0, block.batch.family - 2).to(eta.device)
    queries = torch.from_numpy(block.queries)
    outcome, exposure = (one[0, queries].to(eta.device) for one in (block.batch.outcome, block.batch.exposure))
    return nats(kind, outcome, exposure, eta, log_r)


def measure(base: ResponseBase, method: AbstractMethod | None, rows: Sequence[Block], budget: int = 8192,
            dtype: torch.dtype = torch.float32) -> list[tuple[float, int]]:
    """(nats, rows) of each block; neighbours with one context are predicted together."""
    found: list[tuple[float, int]] = []
    with torch.no_grad():
        for _, group in groupby(rows, key=lambda block: (id(block.batch), id(block.context))):
            same = list(group)
            whole = _block_nats(base, replace(same[0], queries=np.concatenate([block.queries for block in same])))
            found += [(float(part.sum()), len(part)) for part in whole.split([block.targets for block in same])]
    return found
