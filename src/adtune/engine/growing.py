"""A key/value cache with room for coming tokens: one more token moves none of those that are there.

transformers' own grows by concatenation, which copies every key and value of every row for each token: behind a prompt of 1,700 tokens
that was half of a draft's time.
"""

from __future__ import annotations

import torch
from transformers import Cache
from transformers.cache_utils import DynamicLayer

ROOM = 256  # tokens


class GrowingLayer(DynamicLayer):
    """Keys and values (rows, heads, tokens, size) as views of larger tensors."""

    def __init__(self, *args: object, **given: object):
        super().__init__(*args, **given)
        self._room: dict[str, torch.Tensor] = {}

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object,
               **given: object) -> tuple[torch.Tensor, torch.Tensor]:
        """The states of all tokens so far, these behind the others."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys, self.values = self._put("keys", self.keys, key_states), self._put("values", self.values, value_states)
        return self.keys, self.values

    def _put(self, name: str, known: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        before = known.shape[-2] if known.numel() else 0
        after, room = before + new.shape[-2], self._room.get(name)
        # rows that were selected lie in tensors of their own, without room
        if room is None or room.data_ptr() != known.data_ptr() or room.shape[0] != new.shape[0] or after > room.shape[-2]:
            room = self._room[name] = new.new_empty(*new.shape[:-2], after + ROOM, new.shape[-1])
            if before:
                room[..., :before, :] = known
        room[..., before:after, :] = new
        return room[..., :after, :]


def growing(start: Cache | None = None) -> Cache:
    """An empty cache, or one that begins with the states of `start`."""
    cache = Cache(layer_class_to_replicate=GrowingLayer)
    for n, layer in enumerate(start.layers if start is not None else ()):
        cache.update(layer.keys, layer.values, n)
    return cache
