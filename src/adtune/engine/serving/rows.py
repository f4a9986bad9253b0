"""Keys and values of the rows that are being written, and one forward pass over ragged rows laid end to end.

The tokens of a pass stand in one line, first one of every row that is being written, then runs of prompts: no padding, and whoever joins
does not stall the others. Attention is the only place where tokens meet, so it alone knows of rows:

    o = softmax(q K^T s + hidden) V      K, V: what the token's own row holds up to the token, a prefix first

A row's keys stand from 0 on, one place a position. L = layers, R = rows, K = key/value heads, G = query heads for each of them, D = head
size, S = places, N = tokens of a pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .. import attention

NAME = "adtune_rows"
FEWEST_PLACES = 128


class Rows:
    """Keys and values of at most R rows, (L, 2, R, K, S, D), S growing with the longest."""

    def __init__(self, shape: tuple[int, int, int], rows: int, like: torch.Tensor):
        self.layers, self.heads, self.size = shape
        self.rows, self.places = rows, 0
        self.stored = like.new_zeros(self.layers, 2, rows, self.heads, 0, self.size)

    def reserve(self, places: int) -> None:
        """Room for rows of that many places."""
        if places <= self.places:
            return
        grown = max(FEWEST_PLACES, self.places)
        while grown < places:
            grown *= 2
        wider = self.stored.new_zeros(self.layers, 2, self.rows, self.heads, grown, self.size)
        wider[..., :self.places, :] = self.stored
        self.stored, self.places = wider, grown

    def release(self) -> None:
        """Give the memory back while nobody has a row."""
        if self.places > FEWEST_PLACES:
            self.stored, self.places = self.stored.new_zeros(self.layers, 2, self.rows, self.heads, 0, self.size), 0

    def settle(self, row: int, held: torch.Tensor, count: int) -> None:
        """Begin a row with the first `count` places of `held` (L, 2, K, S, D)."""
        self.stored[:, :, row, :, :count] = held[:, :, :, :count]

    def move(self, source: int, target: int, count: int) -> None:
        """Put the first `count` places of a row into another's."""
        self.stored[:, :, target, :, :count] = self.stored[:, :, source, :, :count]

    def wipe(self, row: int) -> None:
        """Forget a row whose numbers are no numbers: nothing times them is nothing."""
        self.stored[:, :, row] = 0


@dataclass(frozen=True)
class Run:
    """Tokens `start` to `stop` of a pass, a part of one prompt: they go to the places from `past` on in `held` (L, 2, K, S, D)."""

    start: int
    stop: int
    past: int
    held: torch.Tensor


class Pass:
    """What attention has to know in one pass: `lengths` (W,) of the W rows that are written, before this token, and the runs of prompts.

    `at` says which of the first W rows each token of the line belongs to, where they do not stand in order.
    """

    def __init__(self, rows: Rows, lengths: Sequence[int], runs: Sequence[Run], at: Sequence[int] | None = None):
        self.rows, self.runs = rows, runs
        self.written, self.longest = len(lengths), max(lengths, default=0) + 1
        device = rows.stored.device
        self.at = torch.tensor(range(self.written) if at is None else at, dtype=torch.long, device=device)
        self.lengths = torch.tensor(lengths, dtype=torch.long, device=device)
        moved = at is not None and list(at) != list(range(self.written))
        self.order = self.at.argsort() if moved else None  # the token of each row
        self.ends = self.lengths if self.order is None else self.lengths[self.order]
        self.windows: set[int | None] = set()  # what the layers were seen to ask for
        self._hidden: dict[Any, torch.Tensor] = {}

    def attend(self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, given: Mapping[str, Any]) -> torch.Tensor:
        """(1, H, N, D), (1, K, N, D) and (1, K, N, D) -> (1, N, H, D)."""
        if given.get("s_aux") is not None or given.get("position_bias") is not None or value.shape[-1] != self.rows.size:
            raise NotImplementedError("attention beyond softmax(q k + mask) v")
        q, k, v = query[0].transpose(0, 1), key[0].transpose(0, 1), value[0].transpose(0, 1)
        scale = q.shape[-1] ** -0.5 if given.get("scaling") is None else given["scaling"]
        window, bend = given.get("sliding_window"), given.get("softcap")
        self.windows.add(window)
        keys, values = self.rows.stored[module.layer_idx]
        out = torch.empty_like(q)
        if self.written:
            W, M = self.written, self.longest
            keys[self.at, :, self.lengths], values[self.at, :, self.lengths] = k[:W], v[:W]
            held = [some[:W, :, :M].flatten(0, 1) for some in (keys, values)]
            hidden = self._hide((0, window), self.ends[:, None, None])
            queries = q[:W] if self.order is None else q.index_select(0, self.order)
            seen = _softmax(queries.reshape(W * self.rows.heads, -1, self.rows.size), *held, hidden, scale, bend)
            seen = seen.view(W, -1, self.rows.size)
            out[:W] = seen if self.order is None else seen.index_select(0, self.at)
        for run in self.runs:
            T, end = run.stop - run.start, run.past + run.stop - run.start
            run.held[module.layer_idx, 0, :, run.past:end] = k[run.start:run.stop].transpose(0, 1)
            run.held[module.layer_idx, 1, :, run.past:end] = v[run.start:run.stop].transpose(0, 1)
            hidden = self._hide((run.start, window), torch.arange(run.past, end, device=q.device)[None, :, None], end)
            queries = q[run.start:run.stop].view(T, self.rows.heads, -1, self.rows.size).permute(1, 2, 0, 3)  # (K, G, T, D)
            held = [some[:, :end] for some in run.held[module.layer_idx]]
            seen = _softmax(queries.reshape(self.rows.heads, -1, self.rows.size), *held, hidden, scale, bend)
            out[run.start:run.stop] = seen.view(-1, T, self.rows.size).transpose(0, 1)
        return out[None]

    def _hide(self, what: tuple[int, int | None], at: torch.Tensor, end: int | None = None) -> torch.Tensor:
        """True where a query at position `at` (B, T, 1) does not see a place, (B, T, S); the same for every layer with this window."""
        found = self._hidden.get(what)
        if found is None:
            places = torch.arange(self.longest if end is None else end, device=at.device)
            found = places > at
            if what[1] is not None:
                found |= places <= at - what[1]
            self._hidden[what] = found
        return found


def _softmax(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, hidden: torch.Tensor, scale: float, bend: float | None) -> torch.Tensor:
    """Attention of q (n, G T, D) to k and v (n, S, D) where `hidden` (B, T, S) says what is not seen; n = B K, and G the slow of (G, T)."""
    scores = torch.bmm(q, k.transpose(1, 2)).mul_(scale)
    if bend is not None:
        scores = scores.div_(bend).tanh_().mul_(bend)
    B, T, S = hidden.shape
    scores.view(B, -1, T, S).masked_fill_(hidden[:, None], -torch.inf)
    return torch.bmm(torch.softmax(scores, -1, dtype=torch.float32).to(v.dtype), v)


def _forward(module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None,
             **given: Any) -> tuple[torch.Tensor, None]:
    """Attention of a model that rows run through; without rows (its embeddings are wanted, say) the engine's usual one."""
    rows = given.pop("rows", None)
    if rows is not None:
        return rows.attend(module, query, key, value, given), None
    if given.get("softcap") is None:
        return ALL_ATTENTION_FUNCTIONS[attention.NAME](module, query, key, value, attention_mask, **given)
    B, H, T, D = query.shape  # torch's own attention knows no bend
    K, S = key.shape[1:3]
    if attention_mask is None:
        attention_mask = torch.ones(T, S, dtype=torch.bool, device=query.device).tril(S - T)[None, None]
    scale = D ** -0.5 if given.get("scaling") is None else given["scaling"]
    hidden = ~attention_mask.expand(B, 1, T, S)[:, 0]
    seen = _softmax(query.reshape(B * K, -1, D), key.reshape(B * K, S, D), value.reshape(B * K, S, -1), hidden, scale, given["softcap"])
    return seen.view(B, H, T, -1).transpose(1, 2), None


AttentionInterface.register(NAME, _forward)
AttentionMaskInterface.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS[attention.NAME])
