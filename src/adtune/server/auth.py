"""Who calls, and what that key may do. Every route names the scope that it asks for; a test reads it off the routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from ..serve.keys import SCOPES
from .errors import ApiError, api_error, no_key

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


def bearer(authorization: str) -> str:
    """The key of an Authorization header; empty where there is none."""
    kind, _, key = authorization.partition(" ")
    return key.strip() if kind.lower() == "bearer" else ""


async def key_of(service: Service, authorization: str) -> Key | None:
    """The key that a header holds; None where it opens nothing."""
    text = bearer(authorization)
    known, key = service.doorkeeper.remembered(text)
    return key if known else await run_in_threadpool(service.doorkeeper.check, text)


async def caller_of(request: Request, scope: str) -> Caller:
    """Raises ApiError: 401 where the key opens nothing, 403 where it may not do this."""
    service: Service = request.app.state.service
    authorization = request.headers.get("authorization", "")
    key = await key_of(service, authorization)
    if key is None:
        raise no_key(authorization)
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
