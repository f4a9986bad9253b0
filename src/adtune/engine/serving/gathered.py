"""LoRA of many adapters in one batch: for each linear layer the A and B of the adapters in use lie stacked, and a token has an index.

    y_n = W x_n + B_{a(n)} A_{a(n)} x_n          a(n): the adapter of token n's row, none for rows without

Tokens of rows that are written are sorted by adapter and padded to the most that one adapter has, so that two batched products serve all
of them (`bmm`); a run of a prompt is two plain products. Ranks differ: A and B are padded with zeros to the highest. The scale alpha / r
times the request's own lies in B. U = adapters in use, I and O = inputs and outputs of a layer, r = highest rank, N = tokens, k = layers
that read the same input, whose A stand side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..bases import Base, ends
from .products import Product, packs

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
        self.even = 0                          # rows that stand in that order already, as many of each adapter
        if not used:
            return
        groups = [[row for row, slot in enumerate(slots) if slot == number] for number in range(self.used)]
        if len(used) == 1 and groups[used[0]] == list(range(groups[used[0]][0], groups[used[0]][-1] + 1)):
            self.runs.append((groups[used[0]][0], groups[used[0]][-1] + 1, used[0]))
            return
        self.most, self.written = max(len(group) for group in groups), len(slots)
        if [row for group in groups for row in group] == list(range(self.used * self.most)):
            self.even = self.used * self.most
            return
        order = [row for group in groups for row in [*group, *[0] * (self.most - len(group))]]
        real = [number * self.most + n for number, group in enumerate(groups) for n in range(len(group))]
        back = {order[place]: place for place in real}
        self.pick = torch.tensor(order, device=device)
        self.home = None if len(back) == len(slots) else torch.tensor(sorted(back), device=device)  # the rows that have an adapter
        self.back = torch.tensor([back[row] for row in sorted(back)], device=device)

    def add(self, x: torch.Tensor, y: torch.Tensor, stack: Stack) -> None:
        """Add to y (N, O of all k) what the adapters make of x (N, I)."""
        a, rank = stack.a.flatten(2), stack.a.shape[3]
        parts = [y] if len(stack.b) == 1 else y.split(stack.outputs, 1)
        for start, stop, slot in self.runs:
            low = x[start:stop] @ a[slot]
            for n, (b, part) in enumerate(zip(stack.b, parts, strict=True)):
                part[start:stop].addmm_(low[:, n * rank:(n + 1) * rank], b[slot])
        if not self.even and self.pick is None:
            return
        sorted_ = x[:self.even] if self.even else x.index_select(0, self.pick)  # type: ignore[arg-type]
        low = torch.bmm(sorted_.reshape(self.used, self.most, -1), a[:self.used])
        for n, (b, part) in enumerate(zip(stack.b, parts, strict=True)):
            more = torch.bmm(low[:, :, n * rank:(n + 1) * rank], b[:self.used]).flatten(0, 1)
            if self.even:
                part[:self.even].add_(more)
            elif self.home is None:
                part[:self.written].add_(more.index_select(0, self.back))
            else:
                part.index_add_(0, self.home, more.index_select(0, self.back))


class Stack:
    """Layers that read the same input: their product, and A (capacity, I, k, r) and B (capacity, r, O) of the adapters in use.

    The first of them that is called computes all; the others find their part, told by the very tensor that was given.
    """

    def __init__(self, names: Sequence[str], product: Product, current: threading.local):
        self.names, self.product, self.current = names, product, current
        self.inputs, self.outputs = ends(product.modules[0])[0], [ends(module)[1] for module in product.modules]
        self.adapters = 0                  # how many in use change one of these layers
        self.a: torch.Tensor | None = None
        self.b: list[torch.Tensor] = []

    def part(self, index: int, x: torch.Tensor) -> torch.Tensor:
        """What the layer at this index makes of x (…, I)."""
        last = getattr(self.current, "last", None)
        if last is not None and last[0] is self and last[1] is x:
            return last[2][index]
        y, mix = self.product(x), getattr(self.current, "mix", None)
        if mix is not None and self.adapters:
            rows = x.flatten(0, -2)
            if len(rows) != mix.tokens:
                raise NotImplementedError("a layer that sees a part of the tokens")
            mix.add(rows, y.view(len(rows), -1), self)
        if len(self.outputs) == 1:
            return y
        parts = y.split(self.outputs, -1)
        self.current.last = (self, x, parts)
        return parts[index]

    def reserve(self, slots: int, rank: int, like: torch.Tensor) -> None:
        """Room for so many adapters of this rank."""
        old = self.a
        if old is not None and len(old) >= slots and old.shape[3] >= rank:
            return
        former, self.b = self.b, [like.new_zeros(slots, rank, outputs) for outputs in self.outputs]
        self.a = like.new_zeros(slots, self.inputs, len(self.outputs), rank)
        if old is not None:
            self.a[:len(old), :, :, :old.shape[3]] = old
            for now, then in zip(self.b, former, strict=True):
                now[:len(then), :then.shape[1]] = then

    def put(self, slot: int, parts: Sequence[tuple[torch.Tensor, torch.Tensor] | None]) -> None:
        """An adapter's A and B in a slot; zeros for layers that it leaves alone, and for what a former one left there."""
        assert self.a is not None
        self.a[slot] = 0
        for n, (b, part) in enumerate(zip(self.b, parts, strict=True)):
            b[slot] = 0
            if part is not None:
                self.a[slot, :, n, :part[0].shape[1]], b[slot, :part[1].shape[0]] = part


class Gathered(nn.Module):
    """A linear layer of the base that computes with its neighbours and for many adapters."""

    def __init__(self, inner: nn.Module, stack: Stack, index: int):
        super().__init__()
        self.inner, self.index = inner, index
        self._stack = [stack]  # no module of its own

    @property
    def weight(self) -> torch.Tensor:
        """The base's own weight, for models that look at it."""
        return self.inner.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._stack[0].part(self.index, x)


class Bank:
    """The adapters in use, in slots 0 to U - 1 of every stack; attached to a base until `detach`.

    `groups` names the base's linear layers, those that are multiplied together in one list. The mix of a pass is the engine thread's
    own: other threads see the base alone.
    """

    def __init__(self, base: Base, most: int, groups: Sequence[Sequence[str]]):
        self.base, self.most, self.current = base, most, threading.local()
        self.used: list[Loaded] = []
        self._rows: list[int] = []  # how many rows each slot has
        self._rank = 0
        self._layers: dict[str, nn.Module] = {}
        pack = packs(base)
        self.stacks = [Stack(names, Product([base.linears[name] for name in names], pack), self.current) for names in groups]
        head = base.model.get_output_embeddings()
        called = next((name for name, module in base.model.named_modules() if module is head), None)
        more = [Stack([called], Product([head], pack), self.current)] if called and pack else []
        for stack in [*self.stacks, *more]:
            for index, (name, module) in enumerate(zip(stack.names, stack.product.modules, strict=True)):
                self._layers[name] = module
                base.model.set_submodule(name, Gathered(module, stack, index))

    def detach(self) -> None:
        """The base as it was before."""
        for stack in self.stacks:
            stack.product.detach()
        for name, module in self._layers.items():
            self.base.model.set_submodule(name, module)

    def enter(self, adapter: Loaded) -> None:
        """One more row of this adapter; the first one copies it into a slot."""
        if adapter in self.used:
            self._rows[self.used.index(adapter)] += 1
            return
        slot, like = len(self.used), torch.empty(0, dtype=self.base.dtype, device=self.base.device)
        size = self.most if like.device.type != "cpu" else min(self.most, max(4, 1 << slot.bit_length()))
        self._rank = max(self._rank, adapter.rank)
        parts = {stack: [adapter.lora.get(name) for name in stack.names] for stack in self.stacks}
        changed = {stack for stack, some in parts.items() if any(part is not None for part in some)}
        for stack in self.stacks:  # first what may find no memory, then what counts
            if stack in changed or stack.a is not None:  # else nothing of a former adapter lies there
                stack.reserve(size, self._rank, like)
                stack.put(slot, parts[stack])
        for stack in changed:
            stack.adapters += 1
        self.used.append(adapter)
        self._rows.append(1)

    def leave(self, adapter: Loaded) -> None:
        """One row less; with the last one the adapter's slot is taken by the last adapter."""
        slot = self.used.index(adapter)
        self._rows[slot] -= 1
        if self._rows[slot]:
            return
        last = len(self.used) - 1
        for stack in self.stacks:
            stack.adapters -= any(name in adapter.lora for name in stack.names)
            if slot != last and stack.a is not None:
                for some in (stack.a, *stack.b):
                    some[slot] = some[last]
        self.used[slot], self._rows[slot] = self.used[last], self._rows[last]
        self.used.pop()
        self._rows.pop()

    def slot(self, adapter: Loaded | None) -> int:
        return -1 if adapter is None or not adapter.lora else self.used.index(adapter)
