"""What a caller asks of the token engine and what it gets back: requests, tickets and events. Nothing here loads torch."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import AdtuneError, InputError

MOST_TOP = 20       # alternatives of one token that may be asked for, as OpenAI allows
MOST_STOPS = 16
LONGEST_STOP = 256  # characters


@dataclass(frozen=True)
class AdapterRef:
    """One version of one adapter: `key` names its content and scale, and with the client every cache; `folder` None is the base itself.

    `scale` multiplies what a LoRA adds. A key stands for one content for ever: a new version has a new key.
    """

    key: str
    folder: Path | None
    scale: float = 1.0


@dataclass(frozen=True)
class TokenRequest:
    """Tokens after `ids`, in the voice of `adapter`, for `client`.

    `temperature` 0 is greedy; `seed` decides the draws, whatever else is in the batch; the text ends before any of `stop`; `logprobs` is
    how many alternatives of each token are told (0: the token's own); `schema` is a JSON schema that the text obeys.
    """

    ids: tuple[int, ...]
    adapter: AdapterRef
    client: str
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    schema: str | None = None

    def check(self) -> None:
        """Raises InputError for values that mean nothing."""
        scale = self.adapter.scale
        for fine, where, found, expected in (
            (bool(self.ids), "prompt", "no token", "at least one token"),
            (self.max_tokens >= 1, "max_tokens", str(self.max_tokens), "at least 1"),
            (math.isfinite(self.temperature) and 0 <= self.temperature <= 100, "temperature", str(self.temperature), "from 0 to 100"),
            (0 <= self.top_p <= 1, "top_p", str(self.top_p), "from 0 to 1"),
            (0 <= self.seed < 2**63, "seed", str(self.seed), "a whole number from 0 to 2^63 - 1"),
            (len(self.stop) <= MOST_STOPS, "stop", f"{len(self.stop)} sequences", f"at most {MOST_STOPS}"),
            (all(0 < len(one) <= LONGEST_STOP for one in self.stop), "stop", "an empty or very long sequence",
             f"1 to {LONGEST_STOP} characters each"),
            (self.logprobs is None or 0 <= self.logprobs <= MOST_TOP, "logprobs", str(self.logprobs), f"from 0 to {MOST_TOP}"),
            (math.isfinite(scale) and 0 <= scale <= 4, "adapter scale", str(scale), "from 0 to 4"),
        ):
            if not fine:
                raise InputError(where, found, expected, "Change the request.")


@dataclass(frozen=True)
class Logprob:
    """Natural log of a token's probability before temperature and top_p, and of the likeliest at its place, likeliest first."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class TokenEvent:
    """New ids and the text that is certain by now; the last event of a ticket has a `finish_reason`: stop, length, cancelled or error.

    `text` lags behind `ids` while they end within a character, or might be the beginning of a stop sequence.
    """

    ids: tuple[int, ...] = ()
    text: str = ""
    logprobs: tuple[Logprob, ...] | None = None
    finish_reason: str | None = None
    error: AdtuneError | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of one request; `cached_tokens` are those of the prompt whose keys and values were there already."""

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """All events of a ticket put together."""

    ids: tuple[int, ...]
    text: str
    finish_reason: str
    logprobs: tuple[Logprob, ...] | None
    usage: Usage


class Ticket:
    """A request that was taken: iterate it for its events, or give `listen` to `submit`, which is then called by the engine's thread
    with each of them and must return at once. There are never more events than the request has tokens, and one."""

    def __init__(self, request: TokenRequest, listen: Callable[[TokenEvent], None] | None = None,
                 wake: Callable[[], None] = lambda: None):
        self.request = request
        self.usage = Usage(len(request.ids))
        self._events: queue.SimpleQueue[TokenEvent] = queue.SimpleQueue()
        self._listen, self._wake = listen, wake
        self._cancelled, self._done = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[TokenEvent]:
        while True:
            event = self._events.get()
            yield event
            if event.finish_reason is not None:
                return

    def cancel(self) -> None:
        """Give the row up; it is free within a step. The last event says `cancelled`, or how it ended before."""
        self._cancelled.set()
        self._wake()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def result(self) -> Answer:
        """Wait for the end, where nobody else listens. Raises the error that ended it."""
        events = list(self)
        if events[-1].error is not None:
            raise events[-1].error
        told = None if self.request.logprobs is None else tuple(one for event in events for one in event.logprobs or ())
        return Answer(tuple(id for event in events for id in event.ids), "".join(event.text for event in events),
                      events[-1].finish_reason or "", told, self.usage)

    def put(self, event: TokenEvent) -> None:
        """For the engine: hand an event over. A listener that fails is a caller that left."""
        if event.finish_reason is not None:
            self._done.set()
        if self._listen is None:
            self._events.put(event)
            return
        try:
            self._listen(event)
        except Exception:
            self.cancel()
