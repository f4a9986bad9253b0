"""A token engine somewhere else: vLLM, or any server of OpenAI's completions, asked by one loop in a thread of its own.

Every answer is asked for as a stream: words are passed on as they come, and a caller who leaves closes the connection, upon which the
engine frees the row. At most `rows` are asked for at a time; of those that wait, clients with fewer under way come first.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx2

from ..engine.serving import Logprob, TokenEvent, Usage
from ..errors import AdtuneError, BusyError, InputError

LOOK_SECONDS = 5.0      # between two looks whether the engine is there
CONNECT_SECONDS = 5.0
LOCAL = {"localhost", "127.0.0.1", "::1"}
ENDS = {"stop", "length"}
TOO_LONG = ("context length", "context window", "maximum model length", "too long")
GONE = "model_gone"      # the engine does not know a name that it was told of: it was started anew
Listen = Callable[[TokenEvent], None]


class EngineError(AdtuneError):
    """The engine does not answer, or not as it should; `status` and `code` are the API's words for it, `after` when to try again."""

    def __init__(self, found: str, do: str, status: int = 502, code: str = "engine_error", after: int | None = None):
        super().__init__("token engine", found, "an answer of the engine", do)
        self.status, self.code, self.after = status, code, after


def away(found: str) -> EngineError:
    """503: nobody answers at the engine's address."""
    return EngineError(found, "Try again in a moment; the operator starts the engine.", 503, "engine_unavailable", 2)


class RemoteTicket:
    """An answer under way. Its `words` are what the ids of its logprobs stand for: a stream tells words, not ids."""

    def __init__(self, prompt_tokens: int):
        self.usage = Usage(prompt_tokens)
        self.words: list[str] = []
        self.end: Callable[[], None] = lambda: None

    def cancel(self) -> None:
        """Close the connection to the engine, where it is still open."""
        self.end()

    def logprob(self, word: str, value: float, top: Mapping[str, float], most: int) -> Logprob:
        """What the engine said of one token."""
        def known(one: str) -> int:
            self.words.append(one)
            return len(self.words) - 1

        ordered = sorted(top.items(), key=lambda pair: -pair[1])[:most]
        return Logprob(known(word), value, tuple((known(one), each) for one, each in ordered))


class RemoteEngine:
    """The engine at `url`, which serves one base as `model` (empty: the only one it lists). Raises InputError for an address or a key that
    may not be used, and where the engine is there and has no such model."""

    def __init__(self, url: str, model: str, key: str | None = None, rows: int = 16, seconds: float = 60.0):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InputError("--engine", f"'{url[:80]}'", "local, or an address such as http://127.0.0.1:8000/v1",
                             "Name the engine's base.")
        if key and parts.scheme == "http" and parts.hostname not in LOCAL:
            raise InputError("--engine", f"a key for {parts.hostname} over plain http", "https", "Use https, or unset the key.")
        self.url, self.host, self.model, self.rows = url.rstrip("/"), parts.hostname, model, rows
        self.context: int | None = None
        self.starts = 0          # how often it was found alive after it was not: what is known of an engine holds until it went away
        self._alive = False
        self._running: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._count = Counter({name: 0 for name in ("requests", "finished", "cancelled", "failed", "prompt_tokens", "completion_tokens")})
        self.loaded = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="adtune-engine", daemon=True)
        self._http = httpx2.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"} if key else {}, trust_env=False, follow_redirects=False,
            timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS, pool=None), limits=httpx2.Limits(max_connections=rows + 8))
        self._thread.start()
        try:
            self.wait(self.look())
        except BaseException:
            self.close()
            raise
        self._looking = self.spawn(self._look_often())

    # what callers do, from any thread

    def spawn(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Work in the engine's loop; gives its future."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of work in the loop."""
        return self.spawn(work).result()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """(status, the answer's object or words). Raises EngineError where there is no answer."""
        return self.wait(self._call(method, path, body))

    def ask(self, path: str, body: Mapping[str, Any], listen: Listen, client: str, prompt_tokens: int = 0) -> RemoteTicket:
        """Begin an answer; `listen` is called by the engine's thread. Raises EngineError at once where the engine is known to be away."""
        if not self._alive:
            raise away("nobody at its address")
        ticket = RemoteTicket(prompt_tokens)
        self._count["requests"] += 1
        task = self.spawn(self._answer(ticket, path, body, listen, client))
        ticket.end = task.cancel
        return ticket

    def all(self) -> dict[str, RemoteEngine]:
        """The engines that there are, as `Engines` tells them."""
        return {f"{self.host}/{self.model}": self}

    def live(self) -> bool:
        """Whether the engine answered when it was looked at last."""
        return self._alive

    def stats(self) -> dict[str, Any]:
        """What is going on, under the names of the own engine."""
        return {"alive": self._alive, "rows": self.rows, "writing": sum(self._running.values()), "reading": 0,
                "waiting": len(self._waiting), **self._count, "steps": 0, "seconds": 0.0,
                "adapters": {"in_memory": self.loaded, "hits": 0, "loads": self.loaded, "evictions": 0}}

    def close(self) -> None:
        """End what is under way."""
        if self._loop.is_closed():
            return

        async def end() -> None:
            others = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
            for one in others:
                one.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._http.aclose()

        self.wait(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # what runs in the loop

    async def look(self) -> None:
        """Whether the engine is there and has the model. Raises InputError where it is there and has not."""
        try:
            status, found = await self._call("GET", "/models", None)
        except EngineError:
            self._alive = False
            return
        listed = found.get("data") if status == 200 and isinstance(found, dict) else None
        if not isinstance(listed, list):
            self._alive = False
            if status in (401, 403):
                raise InputError(f"--engine {self.host}", f"HTTP {status}", "a key in $ADTUNE_ENGINE_KEY that it takes", "Set the key.")
            return
        rows = [one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]
        bases = [one for one in rows if not one.get("parent")]  # vLLM names an adapter's base as its parent
        if not self.model and len(bases) == 1:
            self.model = bases[0]["id"]
        row = next((one for one in rows if one["id"] == self.model), None)
        if row is None:
            self._alive = False
            raise InputError("--engine-model", f"'{self.model}'" if self.model else f"{len(bases)} models and no choice",
                             f"a model of the engine: {', '.join(one['id'] for one in bases)[:300] or 'none'}", "Name one of them.")
        self.context = row["max_model_len"] if isinstance(row.get("max_model_len"), int) else None
        self.starts += not self._alive
        self._alive = True

    async def _look_often(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(InputError):
                await self.look()

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, Any]:
        with _told():
            answer = await self._http.request(method, path, json=body)
        with suppress(ValueError, RecursionError):
            return answer.status_code, answer.json()
        return answer.status_code, answer.text

    async def _answer(self, ticket: RemoteTicket, path: str, body: Mapping[str, Any], listen: Listen, client: str) -> None:
        """One answer from its turn to its last event."""
        last = TokenEvent(finish_reason="cancelled")
        try:
            async with self._turn(client):
                last = await self._streamed(ticket, path, body, listen)
        except asyncio.CancelledError:
            pass  # the caller left, or the server stops
        except AdtuneError as error:
            if isinstance(error, EngineError) and error.code == "engine_unavailable":
                self._alive = False  # until the next look
            last = TokenEvent(finish_reason="error", error=error)
        except Exception as error:  # whatever the engine sent: told to its caller, and the loop goes on
            last = TokenEvent(finish_reason="error", error=EngineError(f"an answer of another form ({type(error).__name__})",
                                                                       "Check what serves at its address."))
        self._count[{"error": "failed", "cancelled": "cancelled"}.get(last.finish_reason or "", "finished")] += 1
        self._count["prompt_tokens"] += ticket.usage.prompt_tokens
        self._count["completion_tokens"] += ticket.usage.completion_tokens
        with suppress(Exception):  # a caller that is no longer there
            listen(last)

    @asynccontextmanager
    async def _turn(self, client: str) -> AsyncIterator[None]:
        """Wait until fewer than `rows` are under way and no client with fewer waits."""
        if self._running.total() >= self.rows:
            mine = (client, self._loop.create_future())
            self._waiting.append(mine)
            try:
                await mine[1]
            except asyncio.CancelledError:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                else:
                    self._next(client)  # it had just been given its turn
                raise
        else:
            self._running[client] += 1
        try:
            yield
        finally:
            self._next(client)

    def _next(self, left: str) -> None:
        """A client's answer has ended: the turn goes to the one who waits with the fewest under way."""
        self._running[left] -= 1
        if not self._running[left]:
            del self._running[left]
        if self._waiting:
            one = min(self._waiting, key=lambda waiting: self._running[waiting[0]])
            self._waiting.remove(one)
            self._running[one[0]] += 1
            one[1].set_result(None)

    async def _streamed(self, ticket: RemoteTicket, path: str, body: Mapping[str, Any], listen: Listen) -> TokenEvent:
        """The last event, once all others have been told. Raises EngineError, InputError, BusyError."""
        finish, most = None, body.get("top_logprobs") or (body.get("logprobs") if path == "/completions" else 0) or 0
        with _told():
            async with self._http.stream("POST", path, json={**body, "stream": True, "stream_options": {"include_usage": True}}) as answer:
                if answer.status_code != 200:
                    raise refusal(answer.status_code, await answer.aread())
                async for line in answer.aiter_lines():
                    if not line.startswith("data:") or line[5:].strip() == "[DONE]":
                        continue
                    chunk = json.loads(line[5:])
                    if chunk.get("error"):
                        raise EngineError("an error in the middle of an answer", "Try again.")
                    ticket.usage = _usage(chunk.get("usage"), ticket.usage)
                    for choice in chunk.get("choices") or ():
                        event = _event(ticket, choice, int(most))
                        finish = choice.get("finish_reason") or finish
                        if event.text or event.logprobs:
                            if not chunk.get("usage"):  # an engine that counts nothing: a chunk is about a token
                                ticket.usage = Usage(ticket.usage.prompt_tokens, ticket.usage.completion_tokens + 1)
                            listen(event)
        if finish is None:
            raise EngineError("an answer that broke off", "Try again.")
        return TokenEvent(finish_reason=finish if finish in ENDS else "stop")


class _told:  # noqa: N801 - reads as what it does
    """Errors of the connection become EngineErrors; no address and no key stands in them."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, httpx2.ReadTimeout):
            raise EngineError("no word of it in time", "Try again in a moment.", 503, "engine_timeout", 5) from error
        if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.WriteError, httpx2.WriteTimeout)):
            raise away("nobody at its address") from error
        if isinstance(error, httpx2.HTTPError):
            raise EngineError(f"a broken connection ({type(error).__name__})", "Try again.", 502, "engine_error") from error


def refusal(status: int, raw: bytes) -> AdtuneError:
    """What an answer that is no answer means for the caller."""
    said = ""
    with suppress(ValueError, AttributeError, RecursionError):
        told = json.loads(raw)
        error = told.get("error") or told
        said = " ".join(str(error.get("message") if isinstance(error, dict) else error).split())[:300]
    if status == 404:
        return EngineError("no such model at the engine", "Try again: it is asked to load it.", 503, GONE, 1)
    if status == 429:
        return BusyError("token engine", "an engine that is full", "a row that is free", "Try again in a moment.")
    if status in (400, 413, 422):
        long = any(words in said.lower() for words in TOO_LONG)
        return InputError("prompt" if long else "request", said or f"HTTP {status}", "what the engine's context holds" if long else
                          "what the engine takes", "Change the request.")
    if status in (401, 403):
        return EngineError("an engine that refuses the server's key", "The operator sets ADTUNE_ENGINE_KEY.")
    return EngineError(f"HTTP {status}", "Try again in a moment.", 503 if status == 503 else 502, "engine_error", 2)


def _usage(given: Any, before: Usage) -> Usage:
    """Tokens as the engine counts them."""
    if not isinstance(given, dict):
        return before
    details = given.get("prompt_tokens_details") or {}
    return Usage(int(given.get("prompt_tokens") or before.prompt_tokens), int(given.get("completion_tokens") or 0),
                 int(details.get("cached_tokens") or 0))


def _event(ticket: RemoteTicket, choice: Mapping[str, Any], most: int) -> TokenEvent:
    """One choice of a chunk, of either kind of completion."""
    text = (choice.get("delta") or {}).get("content") if "delta" in choice else choice.get("text")
    told, out = choice.get("logprobs") or {}, []
    for one in told.get("content") or ():
        out.append(ticket.logprob(one["token"], one["logprob"], {each["token"]: each["logprob"] for each in one["top_logprobs"]}, most))
    tops = told.get("top_logprobs") or []
    for n, word in enumerate(told.get("tokens") or ()):
        value = told["token_logprobs"][n]
        out.append(ticket.logprob(word, 0.0 if value is None else value, (tops[n] if n < len(tops) else None) or {}, most))
    return TokenEvent(text=text or "", logprobs=tuple(out) if out else None)
