"""From tickets of the token engine, which speak in their own thread, to one answer or a stream of events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from ..steps.serving import Begun, Service, Wanted
from .auth import Caller, threaded
from .errors import ApiError, api_error

if TYPE_CHECKING:
    from ..engine.serving import Logprob, TokenEvent

LOOK_SECONDS = 0.25  # how often a caller who waits for a whole answer is looked for


@dataclass
class Part:
    """What has been said so far in one of n answers."""

    text: str = ""
    finish: str | None = None
    logprobs: list[Logprob] = field(default_factory=list)


class Conversation:
    """One request's answers: begins them, waits for their events, and notes in the client's log what was served."""

    def __init__(self, caller: Caller, model: str):
        self.caller, self.model = caller, model
        self.created = int(time.time())
        self.begun: list[Begun] = []
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[tuple[int, TokenEvent]] = asyncio.Queue()
        self.parts: list[Part] = []
        self.logged: list[str] = []  # ids of the answers in the client's log, once they are noted
        self._given_up = False

    async def begin(self, prompts: Sequence[Any], wanted: Wanted) -> None:
        """Start n answers to each prompt. Raises ApiError."""
        service = self.caller.service
        try:
            self.parts = [Part() for _ in range(wanted.n * len(prompts))]
            await threaded(self._begin, service, prompts, wanted)
        except BaseException as error:
            self.cancel()
            if isinstance(error, Exception):
                raise api_error(error) from error
            raise

    def _begin(self, service: Service, prompts: Sequence[Any], wanted: Wanted) -> None:
        target = service.target(self.caller.client, self.model, self.caller.request)
        for place, prompt in enumerate(prompts):
            self.begun.append(service.begin(target, prompt, wanted, partial(self._hear, place * wanted.n)))

    def _hear(self, first: int, n: int, event: TokenEvent) -> None:
        self._loop.call_soon_threadsafe(self._events.put_nowait, (first + n, event))

    def cancel(self) -> None:
        """Give all answers up."""
        self._given_up = True
        for begun in self.begun:
            begun.cancel()

    @property
    def fingerprint(self) -> str:
        return self.begun[0].fingerprint

    async def events(self) -> AsyncIterator[tuple[int, TokenEvent]]:
        """(which answer, event) until all have ended; a caller who leaves cancels them. Raises ApiError for an answer that failed."""
        open_ = len(self.parts)
        try:
            while open_:
                place, event = await self._events.get()
                part = self.parts[place]
                part.text += event.text
                part.logprobs += event.logprobs or ()
                if event.finish_reason is not None:
                    open_, part.finish = open_ - 1, event.finish_reason
                if event.error is not None:
                    raise api_error(event.error)
                if event.finish_reason == "cancelled" and not self._given_up:
                    raise ApiError(503, "The token engine stopped in the middle of an answer; it is started again.", "engine_stopped",
                                   headers={"Retry-After": "5"})
                yield place, event
        finally:
            if open_:
                self.cancel()

    async def whole(self, request: Request) -> None:
        """Wait for all answers. Raises ApiError, and cancels where the caller has gone."""
        waiting = asyncio.create_task(self._drain())
        try:
            while not (await asyncio.wait({waiting}, timeout=LOOK_SECONDS))[0]:
                if await request.is_disconnected():
                    raise ApiError(499, "The caller has gone.", "cancelled")
            waiting.result()
        finally:
            waiting.cancel()
            self.cancel()
        await self.note()

    async def _drain(self) -> None:
        async for _ in self.events():
            pass

    async def note(self) -> None:
        """Write the client's own log."""
        first = 0
        for begun in self.begun:
            parts = self.parts[first:first + len(begun.tickets)]
            first += len(begun.tickets)
            self.logged += await threaded(self.caller.service.served, begun, self.caller.key, self.caller.request,
                                          [part.text for part in parts], [part.finish or "cancelled" for part in parts])

    def usage(self) -> dict[str, Any]:
        """Tokens read and written, as OpenAI counts them: a prompt once, however many answers."""
        read = sum(begun.prompt_tokens for begun in self.begun)
        tickets = [ticket.usage for begun in self.begun for ticket in begun.tickets]
        written = sum(one.completion_tokens for one in tickets)
        cached = sum(begun.tickets[0].usage.cached_tokens for begun in self.begun)
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
                "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                                              "rejected_prediction_tokens": 0}}

    def word(self, id: int) -> str:
        """The text of one token."""
        return self.begun[0].word(id)


def reason(finish: str | None) -> str | None:
    """The engine's word for how an answer ended, as OpenAI says it."""
    return "stop" if finish in ("cancelled", "stop") else finish


def line(value: Any) -> str:
    """One event of a stream."""
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def _told(talk: Conversation, chunks: AsyncIterator[Any]) -> AsyncIterator[str]:
    """The events of a stream; an answer that fails in the middle is told as an event, and the log is written however it ends."""
    try:
        async for chunk in chunks:
            yield line(chunk)
        await talk.note()
        yield "data: [DONE]\n\n"
    except ApiError as error:
        await talk.note()
        yield line(error.body())
    except BaseException:  # the caller has gone, or the server stops: what was said was served
        talk.cancel()
        await asyncio.shield(talk.note())
        raise


class _Stream(StreamingResponse):
    """A stream whose generator is ended with it, not when somebody collects it."""

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        finally:
            await self.body_iterator.aclose()  # type: ignore[union-attr]  # `_told` is a generator


def streamed(talk: Conversation, chunks: AsyncIterator[Any]) -> StreamingResponse:
    return _Stream(_told(talk, chunks), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
