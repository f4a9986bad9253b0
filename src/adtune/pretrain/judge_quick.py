"""The judge while a base is being trained: a few held-out documents of each source, in seconds, on the raw model.

`quick_rows` is made once from the held-out documents of a token store; `quick` is called every few minutes.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import log
from typing import Any, Protocol

import torch

from ..engine.devices import bf16_is_faster
from ..engine.head import head_nats
from .judge import modern, text_bytes

BATCH_TOKENS = 4096  # padded tokens that are read at the same time


class HeldOutIds(Protocol):
    """A held-out document as ids: the end of text and the prompt (`prompt_length` of them), then the text."""

    @property
    def ids(self) -> Sequence[int]: ...

    @property
    def prompt_length(self) -> int: ...

    @property
    def title(self) -> str: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class QuickRow:
    """A document's prompt with the first tokens of its text, `size` bytes of it; `other` is the prompt of another title, or empty."""

    source: str
    prompt: tuple[int, ...]
    text: tuple[int, ...]
    size: int
    other: tuple[int, ...] = ()


def quick_rows(held_out: Mapping[str, Sequence[HeldOutIds]], decode: Callable[[Sequence[int]], str], each: int = 4, tokens: int = 320,
               seed: int = 0) -> list[QuickRow]:
    """`each` documents of every source, drawn from `seed`, the first `tokens` tokens of their texts; the same rows every time.

    `decode` gives the text of ids, special tokens kept. The other title is of the same source.
    """
    rows = []
    for source, documents in sorted(held_out.items()):
        rng, usable = random.Random(f"{seed}/{source}"), [one for one in documents if len(one.ids) > one.prompt_length]
        for one in rng.sample(usable, min(each, len(usable))):
            prompt, text = [int(i) for i in one.ids[:one.prompt_length]], [int(i) for i in one.ids[one.prompt_length:]]
            taken, size = text_bytes(decode, one.text, text, tokens)
            others = [other for other in usable if one.title and other.title and other.title != one.title]
            other = rng.choice(others) if others else None
            against = tuple(int(i) for i in other.ids[:other.prompt_length]) if other else ()
            rows.append(QuickRow(source, tuple(prompt), tuple(text[:taken]), size, against))
    return rows


def quick(model: Any, rows: Sequence[QuickRow], dtype: torch.dtype | None = None) -> dict[str, Any]:
    """Bits per byte by source, their mean over the modern sources, and the share of texts whose own title gives the lower loss.

    `model` is a causal language model whose logits are its head over its last hidden states; its mode is left as it was. Products
    are in bf16 where that is faster, or in `dtype`. None where nothing was measured; no intervals, so few are the documents.
    """
    dtype = dtype or (torch.bfloat16 if bf16_is_faster() else torch.float32)
    pairs = [row for row in rows if row.other]
    with _reading(model):
        nats = _nats(model, [(row.prompt, row.text) for row in rows] + [(row.other, row.text) for row in pairs], dtype)
    own = [some for row, some in zip(rows, nats, strict=False) if row.other]
    better = sum(mine < other for mine, other in zip(own, nats[len(rows):], strict=True))
    bits, sizes = defaultdict(float), defaultdict(int)
    for row, some in zip(rows, nats, strict=False):
        bits[row.source] += some / log(2)
        sizes[row.source] += row.size
    by_source = {source: bits[source] / size for source, size in sizes.items() if size}
    new = [score for source, score in by_source.items() if modern(source)]
    return {"by_source": by_source, "modern": sum(new) / len(new) if new else None, "documents": len(rows),
            "own_title_better": better / len(pairs) if pairs else None, "titles": len(pairs)}


@contextmanager
def _reading(model: Any):
    """Evaluation mode without gradients; the mode before is put back."""
    before = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(before)


def _nats(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], dtype: torch.dtype) -> list[float]:
    """Summed nats of each text after its prompt: near-equal lengths together, padded on the right, where causal attention never looks."""
    found = [0.0] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda n: len(pairs[n][0]) + len(pairs[n][1]), reverse=True)
    head = model.get_output_embeddings()
    device = head.weight.device
    while order:
        width = sum(map(len, pairs[order[0]]))
        group, order = order[:max(1, BATCH_TOKENS // width)], order[max(1, BATCH_TOKENS // width):]
        ids = torch.zeros(len(group), width, dtype=torch.long)
        wanted = torch.zeros(len(group), width - 1, dtype=torch.bool)  # position t predicts token t + 1
        for place, n in enumerate(group):
            prompt, text = pairs[n]
            ids[place, :len(prompt) + len(text)] = torch.tensor([*prompt, *text])
            wanted[place, len(prompt) - 1:len(prompt) + len(text) - 1] = True
        ids, wanted = ids.to(device), wanted.to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][wanted]
            nats = head_nats(hidden, head, ids[:, 1:][wanted])
        owner = torch.arange(len(group), device=device)[:, None].expand_as(wanted)[wanted]
        sums = torch.zeros(len(group), device=device).index_add(0, owner, nats)
        for n, some in zip(group, sums.tolist(), strict=True):
            found[n] = some
    return found
