"""The drafting task: examples become rows of ids with their targets, rows become batches, batches a loss.

B = rows of a batch, T = longest row of the batch. Rows are padded on the right; causal attention never looks there, so
no mask is needed and the loss counts target positions only.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ...errors import InputError
from ...records import Example
from ...voice.prompt import Renderer
from ...voice.single import Span
from ..bases import Base
from ..devices import sent
from ..head import head_nats
from ..methods.base import AbstractMethod
from ..packing import MASKED, Packed, without_masked

# Widths of batches are multiples of a step, up to this width: the fewer shapes, the fewer kernels a CPU's library makes and keeps.
WIDTH_STEPS = ((512, 32), (1024, 64), (math.inf, 128))
OVERLAP_TOKENS = 64  # of the window before, shown again as context to the next window of a long piece


@dataclass(frozen=True)
class Row:
    """Ids of one training row; targets are `ids[first:]`. `piece` is the index of the example, `general` marks replay; `labels` are learned
    in the targets' place where the base's own predictions are replayed (echo.py), or some are MASKED."""

    ids: tuple[int, ...]
    first: int
    piece: int
    general: bool = False
    labels: tuple[int, ...] | None = None

    @property
    def targets(self) -> int:
        """How many are learned."""
        return len(self.ids) - self.first - (self.labels.count(MASKED) if self.labels is not None else 0)

    @property
    def learned(self) -> tuple[int, ...]:
        """What is learned at the places of the loss, MASKED where nothing is: of a row without anything before it, from the second token
        on."""
        return self.ids[max(self.first, 1):] if self.labels is None else self.labels


@dataclass(frozen=True)
class Ledger:
    """Where every target token went: read = trained + masked + lost."""

    pieces: int
    windows: int
    read_tokens: int
    trained_tokens: int
    masked_tokens: int = 0

    @property
    def lost_tokens(self) -> int:
        return self.read_tokens - self.trained_tokens - self.masked_tokens


def rows_of(renderer: Renderer, example: Example, piece: int, limit: int, general: bool = False,
            masked: Collection[int] = ()) -> list[Row]:
    """Consecutive windows of one example, every target in exactly one; the end of the draft only in the last. Targets that are `masked`,
    by their number, are read and not learned.

    Raises InputError where the brief alone leaves no room for a useful window.
    """
    prompt, targets = renderer.example(example)
    if len(prompt) > limit - OVERLAP_TOKENS:
        raise _too_long(renderer, example, len(prompt), OVERLAP_TOKENS, limit)
    rows, at, room = [], 0, limit - len(prompt)
    overlap = min(OVERLAP_TOKENS, room // 2)  # behind a long brief, so that every window still trains as much as it shows again
    while at < len(targets):
        shown = targets[max(0, at - overlap):at]
        part = targets[at:at + room - len(shown)]
        labels = tuple(MASKED if n in masked else id for n, id in enumerate(part, at))
        rows.append(Row((*prompt, *shown, *part), len(prompt) + len(shown), piece, general, labels if MASKED in labels else None))
        at += len(part)
    return rows


def _too_long(renderer: Renderer, example: Example, found: int, room: int, limit: int) -> InputError:
    least, holds = found + room, renderer.context
    other = f"raise the window with --set window_tokens={least} or more" if holds is None or least <= holds else \
        f"choose a base that holds {least} tokens: the base's context of {holds} tokens bounds the window"
    return InputError(f"piece '{(example.brief.title or example.text)[:60]}'", f"a brief of {found} tokens",
                      f"at most {limit - room} tokens in a window of {limit}", f"Shorten the brief's summary and facts, or {other}.")


def _check_briefs(renderer: Renderer, examples: Sequence[Example], briefs: Sequence[int], room: int, limit: int) -> None:
    """Raise InputError for the longest brief where it leaves less than `room` of the window: what it tells holds for all of them."""
    longest = max(range(len(briefs)), key=briefs.__getitem__, default=None)
    if longest is not None and briefs[longest] > limit - room:
        raise _too_long(renderer, examples[longest], briefs[longest], room, limit)


def make_rows(renderer: Renderer, examples: Sequence[Example], limit: int, general: bool = False,
              masked: Sequence[Sequence[Span]] | None = None) -> tuple[list[Row], Ledger]:
    """Rows of all examples and the ledger of their tokens; what stands at the `masked` spans of each text is read and not learned.

    Raises InputError where a brief leaves no room for a useful window.
    """
    rendered = [renderer.example(example) for example in examples]
    _check_briefs(renderer, examples, [len(prompt) for prompt, _ in rendered], OVERLAP_TOKENS, limit)
    read = sum(len(targets) for _, targets in rendered)
    held_back = [at_spans(renderer, example.text, spans) for example, spans in zip(examples, masked or [()] * len(examples), strict=True)]
    rows = [row for n, example in enumerate(examples) for row in rows_of(renderer, example, n, limit, general, held_back[n])]
    trained = sum(row.targets for row in rows)
    return rows, Ledger(len(examples), len(rows), read, trained, sum(len(row.ids) - row.first for row in rows) - trained)


def at_spans(renderer: Renderer, text: str, spans: Sequence[Span]) -> set[int]:
    """The numbers of the text's ids that hold a letter of a span; none where the tokenizer can't say where its ids stand."""
    offsets = (renderer.offsets(text) if spans else None) or ()
    starts = [start for start, _ in spans]
    found = set()
    for n, (start, end) in enumerate(offsets):
        before = bisect_left(starts, end) - 1  # the last span that begins before the id ends
        if before >= 0 and spans[before][1] > start:
            found.add(n)
    return found


def held_out_rows(renderer: Renderer, examples: Sequence[Example], loss_tokens: int, limit: int) -> list[Row]:
    """One row a piece with its first `loss_tokens` targets: the same targets in every arm.

    Raises InputError where a brief leaves no room for a target.
    """
    rows, rendered = [], [renderer.example(example) for example in examples]
    _check_briefs(renderer, examples, [len(prompt) for prompt, _ in rendered], 1, limit)
    for n, (prompt, targets) in enumerate(rendered):
        room = min(loss_tokens, limit - len(prompt))
        rows.append(Row((*prompt, *targets[:room]), len(prompt), n))
    return rows


def plan_epoch(rows: Sequence[Row], budget: int, seed: int, epoch: int) -> list[list[int]]:
    """Row indices of every optimiser step of one epoch: shuffled, near-equal lengths together, `budget` padded tokens a step."""
    rng = random.Random(f"{seed}/{epoch}")
    order = list(range(len(rows)))
    rng.shuffle(order)
    steps: list[list[int]] = []
    for start in range(0, len(order), 128):
        block = sorted(order[start:start + 128], key=lambda i: len(rows[i].ids))
        steps += split_by_budget(rows, block, budget)
    rng.shuffle(steps)
    return steps


def split_by_budget(rows: Sequence[Row], order: Sequence[int], budget: int) -> list[list[int]]:
    """Consecutive groups of at most `budget` padded tokens (at least one row each)."""
    groups: list[list[int]] = []
    longest = 0
    for i in order:
        longest = max(longest, len(rows[i].ids))
        if not groups or longest * (len(groups[-1]) + 1) > budget:
            groups.append([i])
            longest = len(rows[i].ids)
        else:
            groups[-1].append(i)
    return groups


def ceiling(base: Base) -> float:
    """Nats per token of guessing uniformly."""
    return math.log(base.model.config.get_text_config().vocab_size)


def stepped(longest: int) -> int:
    """A width of at least `longest`, from few: about 5 % of padding at most, over all lengths of a step."""
    step = next(step for until, step in WIDTH_STEPS if longest <= until)
    return -(-longest // step) * step


def _width(base: Base, method: AbstractMethod | None, rows: Sequence[Row]) -> int:
    """T: the longest row, rounded up as far as the context allows."""
    longest = max(len(row.ids) for row in rows)
    most = base.context - (method.context_tokens if method is not None else 0)
    return max(longest, min(stepped(longest), most))


def row_nats(base: Base, method: AbstractMethod | None, rows: Sequence[Row], dtype: torch.dtype = torch.float32,
             packed: Packed | None = None) -> torch.Tensor:
    """Summed nats over the targets of each row, shape (B,), differentiable; `packed` holds the same rows laid end to end."""
    nats, owner = target_nats(base, method, rows, dtype, packed)
    return torch.zeros(len(rows), device=base.device).index_add(0, owner, nats)


def target_nats(base: Base, method: AbstractMethod | None, rows: Sequence[Row], dtype: torch.dtype = torch.float32,
                packed: Packed | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Nats of every target, shape (N,), differentiable, row by row, and the row of each, shape (N,)."""
    if packed is not None:
        arguments, places, targets, owner = packed.arguments(), packed.places, packed.targets, packed.owner
    else:
        arguments, places, targets, owner = _padded(base, method, rows)
    with torch.autocast(base.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        if base.plain_head:
            hidden = base.model.base_model(**arguments).last_hidden_state.flatten(0, 1).index_select(0, places)
            nats = head_nats(hidden, base.model.get_output_embeddings(), targets)
        else:
            logits = base.model(**arguments).logits.flatten(0, 1).index_select(0, places)
            nats = F.cross_entropy(logits.float(), targets, reduction="none")
    return nats, owner


def target_states(base: Base, rows: Sequence[Row]) -> tuple[torch.Tensor, np.ndarray]:
    """(N, D) hidden states (logits (N, V) of a base without a plain head) at the places of the rows' targets, and the row of each, (N,)."""
    arguments, places, _, owner = _padded(base, None, rows)
    if base.plain_head:
        return base.model.base_model(**arguments).last_hidden_state.flatten(0, 1).index_select(0, places), owner.cpu().numpy()
    return base.model(**arguments).logits.flatten(0, 1).index_select(0, places), owner.cpu().numpy()


def _padded(base: Base, method: AbstractMethod | None,
            rows: Sequence[Row]) -> tuple[dict[str, Any], torch.Tensor, torch.Tensor, torch.Tensor]:
    """The model's arguments for rows one under another, the places and targets of the loss, and the row of each."""
    width, shown = _width(base, method, rows), [(max(row.first, 1), len(row.ids)) for row in rows]
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    for n, row in enumerate(rows):
        ids[n, :len(row.ids)] = torch.tensor(row.ids)
    targets = torch.tensor([token for row in rows for token in row.learned])
    # position t predicts token t + 1; places are told by number, because a mask on a GPU makes the processor wait for the card
    places = torch.cat([torch.arange(n * width + first - 1, n * width + end - 1) for n, (first, end) in enumerate(shown)])
    owner = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([end - first for first, end in shown]))
    places, targets, owner = without_masked(places, targets, owner)
    ids, targets, places, owner = (sent(some, base.device) for some in (ids, targets, places, owner))
    cache = method.cache(len(rows)) if method is not None else None
    return {"input_ids": ids, "past_key_values": cache, "use_cache": cache is not None}, places, targets, owner


def measure(base: Base, method: AbstractMethod | None, rows: Sequence[Row], budget: int = 8192,
            dtype: torch.dtype = torch.float32) -> list[tuple[float, int]]:
    """(nats, target tokens) of each row, in the rows' order."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    found: list[tuple[float, int]] = [(0.0, 0)] * len(rows)
    with torch.no_grad():
        for group in split_by_budget(rows, order, budget):
            for i, nats in zip(group, row_nats(base, method, [rows[i] for i in group], dtype).tolist(), strict=True):
                found[i] = (nats, rows[i].targets if rows[i].first else rows[i].targets - 1)
    return found
