"""Rows that cut no sequence: a context of guide, examples and brief is of use only where its examples stand before its text.

Each row begins with the sequence that has waited longest; then comes the longest of those waiting that still fits with the end of text
behind it, until none does. What is left of the row is the beginning of the one that waits longest, which comes whole in a later row.

T = tokens of a row that are predicted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from .mixture import Mixture
from .store import TokenStore

WAITING = 32  # sequences among which the next one is chosen: the more, the fewer beginnings are read twice


class WholeRows(Mixture):
    """A mixture whose rows hold whole sequences; the order is that of a Mixture, but for the few that wait.

    A sequence has at most T ids, the next opening id being its last target; one of T + 1 ids goes on elsewhere and fills a row alone.
    """

    def __init__(self, store: TokenStore, weights: Mapping[str, float] | None = None, seed: int = 0):
        super().__init__(store, weights, seed)
        self._waiting: list[tuple[str, int]] = []
        self.repeated = 0  # tokens of beginnings

    def rows(self, count: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next rows: ids (B, T+1) int64 and documents (B, T+1) int32, B = `count`, T = `width`.

        Raises InputError for a longer sequence.
        """
        ids, documents = zip(*(self._row(width) for _ in range(count)), strict=True)
        return torch.from_numpy(np.stack(ids)), torch.from_numpy(np.stack(documents))

    def _row(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """ids (T+1,) and documents (T+1,) of one row."""
        self._fill()
        parts = [self._take(0)]
        free = width + 1 - len(parts[0])
        if free < 0:
            raise InputError("token files", f"a sequence of {len(parts[0]):,} tokens", f"rows of {len(parts[0]):,} tokens or more",
                             "Give rows of the context that the sequences were made for.")
        while free:
            self._fill()
            fitting = [(self._size(n), -n) for n in range(len(self._waiting)) if self._size(n) < free]
            if fitting:
                parts.append(self._take(-max(fitting)[1]))
            else:
                parts.append(self.store.document(*self._waiting[0])[:free])
                self.repeated += free
            free -= len(parts[-1])
        lengths = [len(part) for part in parts]
        return np.concatenate(parts).astype(np.int64), np.repeat(np.arange(len(parts), dtype=np.int32), lengths)

    def _fill(self) -> None:
        while len(self._waiting) < WAITING:
            self._waiting.append(self._next())

    def _take(self, place: int) -> np.ndarray:
        return self.store.document(*self._waiting.pop(place))

    def _size(self, place: int) -> int:
        source, number = self._waiting[place]
        starts = self.store.starts_of(source)
        return int(starts[number + 1] - starts[number])

    def state(self) -> dict[str, Any]:
        """Where the stream is, as JSON holds it."""
        return {**super().state(), "waiting": [list(one) for one in self._waiting], "repeated": self.repeated}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state. Raises InputError where it is of another store, seed or weights."""
        super().restore(state)
        self._waiting = [(source, number) for source, number in state["waiting"]]
        self.repeated = state["repeated"]
