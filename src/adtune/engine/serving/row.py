"""One request on its way: what it has read and written, what may come next, and what its caller is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ...errors import AdtuneError
from .adapters import Loaded
from .prompts import block_names
from .requests import Logprob, Ticket, TokenEvent, Usage
from .schema import Matcher
from .speech import Speech


class Row:
    """`length` counts the places of its keys and values, a prefix included; `held` are those of its prompt while it is read."""

    def __init__(self, ticket: Ticket, matcher: Matcher | None, decode: Callable[[Sequence[int]], str]):
        self.ticket, self.request, self.matcher = ticket, ticket.request, matcher
        self.blocks = block_names(self.request)
        self.adapter: Loaded | None = None
        self.held: torch.Tensor | None = None
        self.read = self.length = 0  # tokens of the prompt that were read; places taken
        self.limit = self.request.max_tokens
        self.written: list[int] = []
        self.generator: Any = None
        self._speech = Speech(decode, self.request.stop)

    @property
    def prompt(self) -> tuple[int, ...]:
        return self.request.ids

    @property
    def gathered(self) -> Loaded | None:
        """The adapter, where it is one of the gathered kind."""
        return self.adapter if self.adapter is not None and self.adapter.lora else None

    def begin(self, adapter: Loaded, held: torch.Tensor, cached: int, device: torch.device) -> None:
        """Its adapter is there, a prefix and what the prompt cache knew stand in `held`."""
        self.adapter, self.held, self.read = adapter, held, cached
        self.length = adapter.context_tokens + cached
        self.generator = torch.Generator(device).manual_seed(self.request.seed) if self.request.temperature > 0 else None
        self.ticket.usage = Usage(len(self.prompt), 0, cached)

    def take(self, id: int, told: Logprob | None, ends: frozenset[int]) -> bool:
        """Write a token and tell of it; True where it was the last."""
        self.written.append(id)
        usage = self.ticket.usage
        self.ticket.usage = Usage(usage.prompt_tokens, len(self.written), usage.cached_tokens)
        logprobs = None if told is None else (told,)
        ended = id in ends
        if not ended and self.matcher is not None:
            ended = self.matcher.take(id)
        text, stopped = ("", False) if id in ends else self._speech.feed(id)
        reason = "stop" if ended or stopped else "length" if len(self.written) >= self.limit else None
        if reason and not stopped:
            more, stopped = self._speech.rest()
            text, reason = text + more, "stop" if stopped else reason
        self.ticket.put(TokenEvent((id,), text, logprobs, reason))
        return reason is not None

    def leave(self, reason: str, error: AdtuneError | None = None) -> None:
        """The last event of a row that did not end by itself."""
        if not self.ticket.done:
            self.ticket.put(TokenEvent((), self._speech.rest()[0] if reason == "cancelled" else "", None, reason, error))
