"""LoRA of many adapters in one batch: for each linear layer the A and B of the adapters in use lie stacked, and a token has an index.

    y_n = W x_n + B_{a(n)} A_{a(n)} x_n          a(n): the adapter of token n's row, none for rows without

Tokens of rows that are written are sorted by adapter and padded to the most that one adapter has, so that two batched products serve all
of them (`bmm`); a run of a prompt is two plain products. Ranks differ: A and B are padded with zeros to the highest. The scale alpha / r
times the request's own lies in B. U = adapters in use, I and O = inputs and outputs of a layer, r = highest rank, N = tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..bases import Base, ends

if TYPE_CHECKING:
    from .adapters import Loaded


class Mix:
    """Which adapter each token of a pass has: `slots` of the rows that are written, and (start, stop, slot) of the runs; -1 is none."""

    def __init__(self, slots: Sequence[int], runs: Sequence[tuple[int, int, int]], device: torch.device):
        used = sorted({slot for slot in slots if slot >= 0})
        self.tokens = runs[-1][1] if runs else len(slots)
        self.runs = [run for run in runs if run[2] >= 0]
        self.used = used[-1] + 1 if used else 0
        self.pick: torch.Tensor | None = None  # (U m,) rows in the order of their adapters
        if not used:
            return
        groups = [[row for row, slot in enumerate(slots) if slot == number] for number in range(self.used)]
        if len(used) == 1 and groups[used[0]] == list(range(groups[used[0]][0], groups[used[0]][-1] + 1)):
            self.runs.append((groups[used[0]][0], groups[used[0]][-1] + 1, used[0]))
            return
        self.most = max(len(group) for group in groups)
        order = [row for group in groups for row in [*group, *[0] * (self.most - len(group))]]
        real = [number * self.most + n for number, group in enumerate(groups) for n in range(len(group))]
        self.pick = torch.tensor(order, device=device)
        self.home = torch.tensor([order[place] for place in real], device=device)
        self.real = None if len(real) == len(order) else torch.tensor(real, device=device)

    def add(self, x: torch.Tensor, y: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> None:
        """Add to y (N, O) what the adapters make of x (N, I); `a` is (capacity, I, r), `b` (capacity, r, O)."""
        for start, stop, slot in self.runs:
            y[start:stop].addmm_(x[start:stop] @ a[slot], b[slot])
        if self.pick is None:
            return
        low = torch.bmm(x.index_select(0, self.pick).view(self.used, self.most, -1), a[:self.used])
        more = torch.bmm(low, b[:self.used]).flatten(0, 1)
        y.index_add_(0, self.home, more if self.real is None else more.index_select(0, self.real))


class Gathered(nn.Module):
    """A linear layer of the base with the stacked A and B of the adapters in use; `adapters` counts those that change this layer."""

    def __init__(self, inner: nn.Module, current: threading.local):
        super().__init__()
        self.inner, self.current = inner, current
        self.adapters = 0
        self.a = self.b = torch.empty(0)

    @property
    def weight(self) -> torch.Tensor:
        """The base's own weight, for models that look at it."""
        return self.inner.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.inner(x)
        mix = getattr(self.current, "mix", None)
        if mix is None or not self.adapters:
            return y
        rows = x.flatten(0, -2)
        if len(rows) != mix.tokens:
            raise NotImplementedError("a layer that sees a part of the tokens")
        mix.add(rows, y.view(len(rows), -1), self.a, self.b)
        return y


class Bank:
    """The adapters in use, in slots 0 to U - 1 of every layer's stack; attached to a base until `detach`.

    The mix of a pass is the engine thread's own: other threads see the base alone.
    """

    def __init__(self, base: Base, most: int):
        self.base, self.most, self.current = base, most, threading.local()
        self.used: list[Loaded] = []
        self._rows: list[int] = []  # how many rows each slot has
        self._rank = 0
        self.layers = {name: Gathered(module, self.current) for name, module in base.linears.items()}
        for name, layer in self.layers.items():
            base.model.set_submodule(name, layer)

    def detach(self) -> None:
        """The base as it was before."""
        for name, layer in self.layers.items():
            self.base.model.set_submodule(name, layer.inner)

    def enter(self, adapter: Loaded) -> None:
        """One more row of this adapter; the first one copies it into a slot."""
        if adapter in self.used:
            self._rows[self.used.index(adapter)] += 1
            return
        slot = len(self.used)
        self.used.append(adapter)
        self._rows.append(1)
        self._rank = max(self._rank, adapter.rank)
        for name, layer in self.layers.items():
            part = adapter.lora.get(name)
            if part is not None or layer.a.dim() == 3:  # else nothing of a former adapter lies there
                self._put(layer, slot, part)
            layer.adapters += part is not None

    def _put(self, layer: Gathered, slot: int, part: tuple[torch.Tensor, torch.Tensor] | None) -> None:
        if layer.a.dim() == 1 or layer.a.shape[0] <= slot or layer.a.shape[2] < self._rank:
            size = self.most if self.base.device.type != "cpu" else min(self.most, max(4, 2 * slot))
            (inputs, outputs), old = ends(layer.inner), (layer.a, layer.b)
            layer.a = torch.zeros(size, inputs, self._rank, dtype=self.base.dtype, device=self.base.device)
            layer.b = torch.zeros(size, self._rank, outputs, dtype=self.base.dtype, device=self.base.device)
            if old[0].dim() == 3:
                kept = min(len(old[0]), size)
                layer.a[:kept, :, :old[0].shape[2]], layer.b[:kept, :old[1].shape[1]] = old[0][:kept], old[1][:kept]
        layer.a[slot] = 0
        layer.b[slot] = 0
        if part is not None:
            layer.a[slot, :, :part[0].shape[1]], layer.b[slot, :part[1].shape[0]] = part

    def leave(self, adapter: Loaded) -> None:
        """One row less; with the last one the adapter's slot is taken by the last adapter."""
        slot = self.used.index(adapter)
        self._rows[slot] -= 1
        if self._rows[slot]:
            return
        last = len(self.used) - 1
        for name, layer in self.layers.items():
            layer.adapters -= name in adapter.lora
            if slot != last and layer.a.dim() == 3:
                layer.a[slot], layer.b[slot] = layer.a[last], layer.b[last]
        self.used[slot], self._rows[slot] = self.used[last], self._rows[last]
        self.used.pop()
        self._rows.pop()

    def slot(self, adapter: Loaded | None) -> int:
        return -1 if adapter is None or not adapter.lora else self.used.index(adapter)
