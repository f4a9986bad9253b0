"""Who calls, and what that caller may do. Every route names the scope that it asks for; a test reads it off the routes.

Who calls is told by one function, `Identify`: from a request's headers to a Principal, or None for nobody. `by_key`, the only one here,
reads an API key. A sign-in (OIDC, for people at a studio) is a second such function, given to `app.guarded(service, identify=...)`: it
checks a session and gives a client and scopes; routes, limits, logs and the matrix of who may do what stay as they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from ..serve.keys import SCOPES
from .errors import ApiError, api_error, no_key

if TYPE_CHECKING:
    from ..steps.serving import Service


class Principal(Protocol):
    """Who calls: an id for logs and limits (never a secret), one client, and scopes; None of the limits is the server's own."""

    @property
    def id(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def per_minute(self) -> int | None: ...
    @property
    def concurrent(self) -> int | None: ...


Identify = Callable[[Mapping[str, str]], Awaitable[Principal | None]]  # from headers in lower case; quick: asked twice a request


@dataclass(frozen=True)
class Caller:
    """A request's client, by who calls."""

    key: Principal
    service: Service
    request: str

    @property
    def client(self) -> str:
        return self.key.client


def bearer(authorization: str) -> str:
    """The key of an Authorization header; empty where there is none."""
    kind, _, key = authorization.partition(" ")
    return key.strip() if kind.lower() == "bearer" else ""


def by_key(service: Service) -> Identify:
    """Tells callers by the API key of their Authorization header."""

    async def identify(headers: Mapping[str, str]) -> Principal | None:
        text = bearer(headers.get("authorization", ""))
        known, key = service.doorkeeper.remembered(text)
        return key if known else await run_in_threadpool(partial(service.doorkeeper.check, text))

    return identify


async def caller_of(request: Request, scope: str) -> Caller:
    """Raises ApiError: 401 where the key opens nothing, 403 where it may not do this."""
    service: Service = request.app.state.service
    key = await request.app.state.identify(request.headers)
    if key is None:
        raise no_key(request.headers.get("authorization", ""))
    request.state.key, request.state.client = key.id, key.client
    if scope not in key.scopes and "admin" not in key.scopes:
        raise ApiError(403, f"This key has no scope '{scope}', which is needed here.", "insufficient_permissions")
    return Caller(key, service, request.state.request_id)


def needs(scope: str) -> Any:
    """The dependency of a route that asks for a scope; each call counts against the key's limits while it is answered."""
    assert scope in SCOPES

    async def dependency(request: Request) -> AsyncIterator[Caller]:
        caller = await caller_of(request, scope)
        try:
            caller.service.limits.enter(caller.key)
        except Exception as error:
            raise api_error(error) from None
        try:
            yield caller
        finally:
            caller.service.limits.leave(caller.key)

    dependency.scope = scope  # type: ignore[attr-defined]  # read by the test of the whole matrix
    return Depends(dependency)


def scope_of(route: Any) -> str | None:
    """The scope that a route asks for; None where it asks for none."""
    found: list[str] = []
    todo: list[Any] = [route.dependant]
    while todo:
        one = todo.pop()
        todo += one.dependencies
        if (scope := getattr(one.call, "scope", None)) is not None:
            found.append(scope)
    return found[0] if found else None


Reads, Writes, Trains, Serves, Admins = (
    Annotated[Caller, needs(scope)] for scope in ("read", "write", "train", "serve", "admin"))
threaded = run_in_threadpool  # blocking work of the Service, away from the loop
