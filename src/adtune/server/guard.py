"""What every request passes, whatever its route: an id, the host's name, the size of its body, headers on the answer, a line in the log.

Plain ASGI, so that an answer that streams is never held back and a caller who leaves is seen. The log has no text of a client, and no key.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import ApiError

LOG = logging.getLogger("adtune.server")
HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer", "cache-control": "no-store"}
REQUEST_ID = re.compile(r"[\w.\-]{1,64}")
FILES, KEYED = "/v1/files", "/v1/"


SEND_SECONDS = 60.0  # a caller who takes nothing for so long is cut off


class SlowReader(OSError):
    """A caller who does not take what is sent."""


class TooLarge(Exception):  # noqa: N818 - it is a refusal, not an error
    """More came than a body may hold."""


def host_of(header: str) -> str:
    """The name in a Host header, without its port."""
    name = header.strip().lower()
    return name if name.endswith("]") else re.sub(r":\d{1,5}$", "", name)


class Guard:
    """Stands before the application. `hosts` are the names under which it may be called, `refuses` says why a caller with these headers is
    not let in (asked before a byte of the body is read), `seen` is told (path, status, seconds)."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], sizes: tuple[int, int],
                 refuses: Callable[[Mapping[str, str]], Awaitable[ApiError | None]], seen: Callable[[str, int, float], None]):
        self.app, self.hosts, self.refuses, self.seen = app, set(hosts), refuses, seen
        self.body, self.file = sizes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        id = given if REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        state = scope.setdefault("state", {})
        state["request_id"] = id
        answer, meter = _Answer(send, id), _Meter(receive, self.file if scope["path"].rstrip("/") == FILES else self.body)

        async def tell(message: Message) -> None:
            if not meter.over:  # nothing that the application says of half a body
                await answer.send(message)

        try:
            refused = self._refusal(headers, meter.most)
            if refused is None and scope["path"].startswith(KEYED):
                refused = await self.refuses(headers)
            if refused is not None:
                await refused.answer()(scope, receive, answer.send)
                return
            with suppress(TooLarge, SlowReader, ClientDisconnect):
                await self.app(scope, meter.receive, tell)
            if meter.over:
                await _too_large(meter.most).answer()(scope, receive, answer.send)
        except Exception as error:  # a bug of ours: its words may be a client's, so only its kind and place are told
            last = traceback.extract_tb(error.__traceback__)[-1]
            LOG.error(json.dumps({"request": id, "bug": type(error).__name__, "place": f"{Path(last.filename).name}:{last.lineno}"}))
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self.seen(route, answer.status, answer.seconds)
            LOG.info(json.dumps({"request": id, "method": scope["method"], "route": route, "status": answer.status,
                                 "ms": round(answer.seconds * 1000), "key": state.get("key"), "client": state.get("client")}))

    def _refusal(self, headers: dict[str, str], most: int) -> ApiError | None:
        if "*" not in self.hosts and host_of(headers.get("host", "")) not in self.hosts:
            return ApiError(421, "This server is not called by that name; the operator may allow it with `adtune serve --set hosts=...`.",
                            "host_not_allowed")
        length = headers.get("content-length", "0")
        return _too_large(most) if not length.isdigit() or int(length) > most else None


class _Answer:
    """Sends an answer with the headers that every answer has, and remembers its status; 500 where none was sent."""

    def __init__(self, send: Send, id: str):
        self._send, self.id, self.status, self.began = send, id, 500, time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name for name, _ in message["headers"]}
            extra = {**HEADERS, "x-request-id": self.id, "openai-processing-ms": str(round(self.seconds * 1000))}
            message["headers"] = [*message["headers"], *((name.encode(), value.encode()) for name, value in extra.items()
                                                         if name.encode() not in own)]
        try:
            await asyncio.wait_for(self._send(message), SEND_SECONDS)
        except TimeoutError:
            raise SlowReader(f"nothing taken for {SEND_SECONDS:.0f} s") from None


class _Meter:
    """Counts what comes; `over` once it is more than `most` bytes."""

    def __init__(self, receive: Receive, most: int):
        self._receive, self.most, self.read, self.over = receive, most, 0, False

    async def receive(self) -> Message:
        message = await self._receive()
        self.read += len(message.get("body", b""))
        if self.read > self.most:
            self.over = True
            raise TooLarge
        return message


def _too_large(most: int) -> ApiError:
    return ApiError(413, f"The request is larger than {most} bytes.", "request_too_large", None, {"connection": "close"})


def log_plainly(level: str = "INFO") -> None:
    """One JSON object a line on stderr, from the server alone."""
    handler: Any = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOG.handlers, LOG.propagate = [handler], False
    LOG.setLevel(level)
