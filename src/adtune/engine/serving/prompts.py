"""Keys and values of prompts that were read before, in blocks, so that a guide or examples are read once for each client.

A block is found by the hash of everything before it: the adapter's content, its scale, the client, and all tokens up to its end. So no
client finds what another's prompt left, in content or in time. The least lately used block leaves first; a block is used together with all
before it, which are touched after it and so outlive it.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence

import torch

from .requests import TokenRequest

BLOCK = 16  # tokens


def block_names(request: TokenRequest) -> list[bytes]:
    """The name of every whole block of a prompt; its last token is always read, since the answer begins there."""
    root = hashlib.blake2b(digest_size=16)
    for part in (request.adapter.key, repr(request.adapter.scale), request.client):
        raw = part.encode("utf-8", "surrogatepass")
        root.update(len(raw).to_bytes(8, "little") + raw)
    names, last = [], root.digest()
    for start in range(0, len(request.ids) - BLOCK, BLOCK):
        last = hashlib.blake2b(last + array("q", request.ids[start:start + BLOCK]).tobytes(), digest_size=16).digest()
        names.append(last)
    return names


class Prompts:
    """At most `most_tokens` tokens' keys and values, (L, 2, K, BLOCK, D) a block."""

    def __init__(self, most_tokens: int):
        self.most = most_tokens // BLOCK
        self._blocks: OrderedDict[bytes, torch.Tensor] = OrderedDict()
        self.found_tokens = self.asked_tokens = 0

    def known(self, names: Sequence[bytes]) -> int:
        """How many blocks of the beginning are there."""
        return next((n for n, name in enumerate(names) if name not in self._blocks), len(names))

    def fill(self, names: Sequence[bytes], held: torch.Tensor, after: int) -> int:
        """Copy what is known of the beginning to the places from `after` on in `held` (L, 2, K, S, D); gives how many tokens that are."""
        count = self.known(names)
        if count:
            held[:, :, :, after:after + count * BLOCK] = torch.cat([self._blocks[name] for name in names[:count]], 3)
            self._touch(names[:count])
        self.found_tokens += count * BLOCK
        self.asked_tokens += len(names) * BLOCK
        return count * BLOCK

    def keep(self, names: Sequence[bytes], held: torch.Tensor, after: int) -> None:
        """Keep the blocks of a prompt that was read into `held`."""
        names = names[:self.most]
        for n, name in enumerate(names):
            if name not in self._blocks:
                start = after + n * BLOCK
                self._blocks[name] = held[:, :, :, start:start + BLOCK].clone()
        self._touch(names)
        while len(self._blocks) > self.most:
            self._blocks.popitem(last=False)

    def _touch(self, names: Sequence[bytes]) -> None:
        for name in reversed(names):
            self._blocks.move_to_end(name)

    def stats(self) -> dict[str, int | float | None]:
        """Tokens kept and asked for, in whole blocks, and the share that was found."""
        share = self.found_tokens / self.asked_tokens if self.asked_tokens else None
        size = sum(block.nbytes for block in tuple(self._blocks.values()))
        return {"tokens": len(self._blocks) * BLOCK, "most_tokens": self.most * BLOCK, "bytes": size, "found_tokens": self.found_tokens,
                "asked_tokens": self.asked_tokens, "hit_rate": share}
