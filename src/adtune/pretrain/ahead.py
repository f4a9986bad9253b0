"""Rows made by a thread while a GPU computes: the rows and states of their source, one batch ahead of the run."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch

from .mixture import Mixture

Batch = tuple[torch.Tensor, torch.Tensor]


class Ahead:
    """Stands in for `source`. A batch of another shape than the one before is made when it is asked for."""

    def __init__(self, source: Mixture):
        self._source, self._state = source, source.state()
        self._pool = ThreadPoolExecutor(1)
        self._shape: tuple[int, int] | None = None
        self._made: Future[tuple[Batch, dict[str, Any]]] | None = None

    def rows(self, count: int, width: int) -> Batch:
        """The next rows, as `source.rows` gives them."""
        if self._made is not None and self._shape == (count, width):
            batch, self._state = self._made.result()
        else:
            self._settle()
            batch, self._state = self._make(count, width)
        self._shape, self._made = (count, width), self._pool.submit(self._make, count, width)
        return batch

    def _make(self, count: int, width: int) -> tuple[Batch, dict[str, Any]]:
        return self._source.rows(count, width), self._source.state()

    def _settle(self) -> None:
        """Put the source back to where the run is."""
        if self._made is not None:
            self._made.result()
            self._made = None
            self._source.restore(self._state)

    def state(self) -> dict[str, Any]:
        return self._state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises InputError where the state is of another store, seed or weights."""
        self._settle()
        self._source.restore(state)
        self._state = self._source.state()

    @property
    def drawn(self) -> dict[str, int]:
        self._settle()
        return self._source.drawn

    @property
    def epochs(self) -> dict[str, float]:
        self._settle()
        return self._source.epochs
