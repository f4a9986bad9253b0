"""Who calls, and what that key may do. Every route names the scope that it asks for; a test reads it off the routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from ..serve.keys import SCOPES
from .errors import ApiError, api_error

if TYPE_CHECKING:
    from ..steps.serving import Service
    from ..workspace.keys import Key


@dataclass(frozen=True)
class Caller:
    """A request's client, by its key."""

    key: Key
    service: Service
    request: str

    @property
    def client(self) -> str:
        return self.key.client


def bearer(request: Request) -> str:
    """The key of a request; empty where there is none."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else ""


async def caller_of(request: Request, scope: str) -> Caller:
    """Raises ApiError: 401 where the key opens nothing, 403 where it may not do this."""
    service: Service = request.app.state.service
    text = bearer(request)
    known, key = service.doorkeeper.remembered(text)
    if not known:
        key = await run_in_threadpool(service.doorkeeper.check, text)
    if key is None:
        raise ApiError(401, "Incorrect API key provided, or one that was revoked or has expired." if text else
                       "You didn't provide an API key. Send it as `Authorization: Bearer KEY`.", "invalid_api_key", None,
                       {"WWW-Authenticate": "Bearer"})
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
