"""Drafts from a base with or without an adapter, many briefs in one batch, each row with its own seed.

Rows are padded on the left, so that all of them continue at the right edge; finished rows leave the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..errors import InputError
from ..progress import Progress, silent
from .bases import Base
from .draws import drawn
from .growing import growing
from .methods.base import AbstractMethod

PER_BATCH = 36  # drafts that are written at the same time: as many as an evaluation asks for, or three more would take as long again


@dataclass(frozen=True)
class Sampling:
    """temperature 0 is greedy; `top_p` keeps the smallest set of tokens with that probability."""

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 512


def sampling_for(base: Base | None, temperature: float | None, top_p: float | None, max_tokens: int) -> Sampling:
    """What is left open is as the base's own generation settings have it, and 0.7 and 0.95 where they say nothing. An adapter drafts
    without them (no base): it does not go round in circles as a small base alone does, and keeps its voice when cool
    (docs/decisions/0010)."""
    own = getattr(base.model, "generation_config", None) if base is not None else None
    usual = Sampling()
    heat = next(one for one in (temperature, getattr(own, "temperature", None), usual.temperature) if one is not None)
    share = next(one for one in (top_p, getattr(own, "top_p", None), usual.top_p) if one is not None)
    return Sampling(float(heat), float(share), max_tokens)


def pick(logits: torch.Tensor, sampling: Sampling, generators: Sequence[torch.Generator]) -> list[int]:
    """One token for each row of `logits` (B, vocabulary)."""
    if sampling.temperature <= 0:
        return logits.argmax(-1).tolist()
    probabilities = torch.softmax(logits.float() / sampling.temperature, -1)
    return drawn(probabilities, torch.full((len(logits),), sampling.top_p, device=logits.device), generators)


class _Batch:
    """Rows that are being written at the same time. A prompt that several of them have is read once."""

    def __init__(self, base: Base, method: AbstractMethod | None, rows: Sequence[Sequence[int]], seeds: Sequence[int]):
        self.model, self.device = base.model, base.device
        self.words = base.renderer.words
        places = {prompt: n for n, prompt in enumerate(dict.fromkeys(tuple(row) for row in rows))}
        prompts = list(places)
        self.prompt_of = torch.tensor([places[tuple(row)] for row in rows], device=self.device)
        start = method.cache(len(prompts)) if method is not None else None
        before = method.context_tokens if method is not None and start is not None else 0
        self.cache = growing(start)
        width = max(len(p) for p in prompts)
        self.ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=self.device)
        text = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.device)
        self.mask = torch.cat([torch.ones(len(prompts), before, dtype=torch.long, device=self.device), text], 1)
        self.positions = (text.cumsum(1) - 1).clamp(min=0) + before
        self.generators = [torch.Generator(self.device).manual_seed(seed) for seed in seeds]
        self.rows = list(range(len(rows)))

    def advance(self, sampling: Sampling) -> list[int]:
        """Run the model over the newest ids and pick one token a row."""
        out = self.model(input_ids=self.ids, attention_mask=self.mask, position_ids=self.positions,
                         past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        logits = out.logits[:, -1, :self.words]  # rows of a padded embedding stand for no word
        if len(logits) < len(self.rows):
            logits = logits[self.prompt_of]
            self._take(self.prompt_of)
        tokens = pick(logits, sampling, self.generators)
        self.ids = torch.tensor(tokens, device=self.device)[:, None]
        self.mask = torch.cat([self.mask, torch.ones(len(tokens), 1, dtype=torch.long, device=self.device)], 1)
        self.positions = self.positions[:, -1:] + 1
        return tokens

    def keep(self, alive: Sequence[int]) -> None:
        """Drop every row of the batch but those at the indices `alive`."""
        self._take(torch.tensor(alive, device=self.device))
        self.generators = [self.generators[i] for i in alive]
        self.rows = [self.rows[i] for i in alive]

    def _take(self, index: torch.Tensor) -> None:
        """Go on with the states at `index`, one for each row."""
        self.cache.batch_select_indices(index)
        self.ids, self.mask, self.positions = self.ids[index], self.mask[index], self.positions[index]


def _groups(base: Base, prompts: Sequence[Sequence[int]], limits: Sequence[int], taken: int) -> list[list[int]]:
    """Prompts that share a batch, near-equal lengths together.

    Padding lies between a prefix and the text. Where attention slides, that would move the prefix out of a short row's window
    too early: drafts that outgrow the window then share a batch with prompts of their own length only.
    """
    order = sorted(range(len(prompts)), key=lambda n: len(prompts[n]))
    window = getattr(base.model.config.get_text_config(), "sliding_window", None)
    longest = max((taken + len(prompts[n]) + limits[n] for n in order), default=0)
    alike = bool(taken and window and longest > window)
    groups: list[list[int]] = []
    for n in order:
        if groups and len(groups[-1]) < PER_BATCH and not (alike and len(prompts[n]) != len(prompts[groups[-1][0]])):
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups


def generate(base: Base, method: AbstractMethod | None, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling,
             progress: Progress = silent) -> list[list[int]]:
    """New ids for each prompt, the end of the draft included where it was reached within `max_tokens`.

    Raises InputError where a prompt leaves no room in the base's context.
    """
    taken = method.context_tokens if method is not None else 0
    room = base.context - taken
    for n, prompt in enumerate(prompts):
        if len(prompt) >= room:
            raise InputError(f"brief {n + 1}", f"{len(prompt)} tokens", f"fewer than {room} tokens, the base's context",
                             "Shorten the brief or its sources.")
    written: list[list[int]] = [[] for _ in prompts]
    limits = [min(sampling.max_tokens, room - len(prompt)) for prompt in prompts]
    end, done = base.renderer.end[-1], 0
    for group in _groups(base, prompts, limits, taken):
        batch = _Batch(base, method, [prompts[n] for n in group], [seeds[n] for n in group])
        limit = max(limits[n] for n in group)
        with torch.inference_mode():
            for step in range(limit):
                alive = []
                for place, token in enumerate(batch.advance(sampling)):
                    number = group[batch.rows[place]]
                    written[number].append(token)
                    if token != end and len(written[number]) < limits[number]:
                        alive.append(place)
                if not alive:
                    break
                if len(alive) < len(batch.rows):
                    batch.keep(alive)
                progress("draft", done + len(group) * (step + 1) / limit, len(prompts))
        done += len(group)
        progress("draft", done, len(prompts))
    return written


def write_texts(base: Base, method: AbstractMethod | None, prompts: Sequence[Sequence[int]], sampling: Sampling, seed: int,
                progress: Progress = silent) -> list[str]:
    """The texts of `generate`, that of row n from seed 1000 * `seed` + n, so that arms which answer the same prompts draw alike."""
    seeds = [1000 * seed + n for n in range(len(prompts))]
    return [base.renderer.text(ids) for ids in generate(base, method, prompts, seeds, sampling, progress)]
