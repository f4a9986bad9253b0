"""An endless stream of documents from several sources, cut into rows: the same for a seed, and resumed to the bit.

Share of source s: p_s = w_s n_s / sum of w_t n_t, for weights w and tokens n; the next document is of the source whose drawn tokens
lag most behind its share, p_s D - d_s with D tokens drawn in all and d_s of the source. Each source is permuted anew each epoch, so
that every document is drawn once an epoch. After D tokens, a source has been read w_s D / sum of w_t n_t times.

B = rows of a batch, T = tokens of a row that are predicted.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ..errors import InputError, did_you_mean
from .documents import weight_of
from .store import TokenStore

LEAST_BATCHES = 20        # a run on fewer has hardly a warm-up
MOST_EPOCHS = 8           # up to about 4 passes are nearly as good as fresh text, up to about 8 still help (Muennighoff et al. 2023)
LEAST_A_PARAMETER = 0.02  # tokens: with fewer a model holds its corpus by heart (a parameter holds about 2 bits, Allen-Zhu & Li 2024)


class Mixture:
    """Rows from a store; `weights` by source, those of documents.WEIGHTS where a source is not named. A weight of 0 leaves it out.

    Raises InputError for a weight that is no number of at least 0, for a source that the store does not have, and where nothing is left.
    """

    def __init__(self, store: TokenStore, weights: Mapping[str, float] | None = None, seed: int = 0):
        self.store, self.seed = store, seed
        self.shares = shares_of(store, weights)
        self._drawn = dict.fromkeys(self.shares, 0)      # tokens
        self._epochs = dict.fromkeys(self.shares, 0)     # the epoch that a source is in
        self._places = dict.fromkeys(self.shares, 0)     # documents of it that are drawn
        self._orders: dict[str, np.ndarray] = {}
        self._open: tuple[str, int, int] | None = None   # (source, document, token) where the next row begins

    @property
    def drawn(self) -> dict[str, int]:
        """Tokens drawn so far, by source, the document that is open counted whole."""
        return dict(self._drawn)

    @property
    def epochs(self) -> dict[str, float]:
        """How many times each source has been read."""
        return {source: self._epochs[source] + self._places[source] / self.store.documents[source] for source in self.shares}

    def rows(self, count: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next rows: ids (B, T+1) int64 and documents (B, T+1) int32, B = `count`, T = `width`.

        `documents` numbers the documents of a row from 0. The last token of a row is the first of the next, so that each token but the
        very first is predicted once.
        """
        need = count * width + 1
        pieces, lengths = [], []
        while need:
            source, number, start = self._open or (*self._next(), 0)
            ids = self.store.document(source, number)[start:start + need]
            pieces.append(ids)
            lengths.append(len(ids))
            need -= len(ids)
            # the last token opens the next row too, so its document stays open at it
            self._open = (source, number, start + len(ids) - 1) if not need else None
        flat = np.concatenate(pieces).astype(np.int64)
        owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        index = np.arange(count)[:, None] * width + np.arange(width + 1)[None, :]  # (B, T+1)
        documents = owner[index]
        return torch.from_numpy(flat[index]), torch.from_numpy(documents - documents[:, :1])

    def _next(self) -> tuple[str, int]:
        """The source that lags most behind its share (the first of equals), and its next document."""
        total = sum(self._drawn.values())
        source = max(self.shares, key=lambda name: self.shares[name] * total - self._drawn[name])
        number = int(self._order(source)[self._places[source]])
        self._places[source] += 1
        if self._places[source] == self.store.documents[source]:
            self._epochs[source] += 1
            self._places[source] = 0
            self._orders.pop(source)
        starts = self.store.starts_of(source)
        self._drawn[source] += int(starts[number + 1] - starts[number])
        return source, number

    def _order(self, source: str) -> np.ndarray:
        """The documents of a source as this epoch reads them."""
        if source not in self._orders:
            name = int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], "big")
            # raw bits, for numpy keeps their stream the same from version to version, but not its permutations
            bits = np.random.PCG64(np.random.SeedSequence([self.seed, name, self._epochs[source]]))
            self._orders[source] = np.argsort(bits.random_raw(self.store.documents[source]), kind="stable")
        return self._orders[source]

    def state(self) -> dict[str, Any]:
        """Where the stream is, as JSON holds it."""
        return {"store": self.store.fingerprint, "seed": self.seed, "shares": dict(self.shares), "drawn": dict(self._drawn),
                "epochs": dict(self._epochs), "places": dict(self._places), "open": list(self._open) if self._open else None}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state. Raises InputError where it is of another store, seed or weights."""
        for name, word, here in (("store", "another corpus", self.store.fingerprint), ("seed", "another seed", self.seed),
                                 ("shares", "other weights", self.shares)):
            if state[name] != here:
                raise InputError("--resume", word, "the corpus, seed and weights that the run was started with",
                                 "Give the same options again, or start a new run.")
        self._drawn, self._epochs, self._places = dict(state["drawn"]), dict(state["epochs"]), dict(state["places"])
        self._orders = {}
        opened = state["open"]
        self._open = (opened[0], opened[1], opened[2]) if opened else None


def shares_of(store: TokenStore, weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """The share of the drawn tokens that each source gets, those with none left out. Raises what Mixture raises."""
    weights = weights or {}
    for source, weight in weights.items():
        if source not in store.sources:
            raise InputError("weights", f"'{source}'", "a source of the corpus", did_you_mean(source, store.sources))
        if not (math.isfinite(weight) and weight >= 0):
            raise InputError("weights", f"{source} = {weight}", "a number of at least 0", "Give 0 to leave a source out.")
    sizes = {source: weights.get(source, weight_of(source)) * store.counts[source] for source in store.sources}
    total = sum(sizes.values())
    if not total:
        raise InputError("weights", "no source with a weight above 0", "text to draw from", f"The corpus has {', '.join(store.sources)}.")
    return {source: size / total for source, size in sizes.items() if size}


def enough(store: TokenStore, weights: Mapping[str, float] | None, parameters: int, batch_tokens: int, planned_tokens: int) -> list[str]:
    """Whether a corpus is large enough for a run of `planned_tokens`; gives what should be told before it starts, in words.

    Raises InputError for a corpus of fewer tokens than 20 batches, or than one to 50 parameters, with the number that is needed.
    """
    shares = shares_of(store, weights)
    have = sum(store.counts[source] for source in shares)
    batches, held = LEAST_BATCHES * batch_tokens, math.ceil(LEAST_A_PARAMETER * parameters)
    if have < max(batches, held):
        why = f"{LEAST_BATCHES} batches of {batch_tokens:,}" if batches >= held else f"one to 50 of {parameters:,} parameters"
        raise InputError("--corpus", f"{have:,} tokens to train on", f"at least {max(batches, held):,} tokens ({why})",
                         "Give more text, or a smaller --size or batch.")
    told = []
    epochs = {source: share * planned_tokens / store.counts[source] for source, share in shares.items()}
    often = {source: count for source, count in epochs.items() if count > MOST_EPOCHS}
    if planned_tokens > MOST_EPOCHS * have:
        told.append(f"The run would read the corpus {planned_tokens / have:.1f} times; beyond {MOST_EPOCHS} passes text hardly helps. "
                    f"{math.ceil(planned_tokens / MOST_EPOCHS):,} tokens are needed for {planned_tokens:,}, and there are {have:,}.")
    elif often:
        names = ", ".join(f"{source} {count:.1f} times" for source, count in sorted(often.items(), key=lambda one: -one[1]))
        told.append(f"The run would read {names}; beyond {MOST_EPOCHS} passes text hardly helps. Give these sources a smaller weight.")
    return told
