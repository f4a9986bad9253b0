"""The application: all routes, one shape of error, and the guard in front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from . import adtune, artifacts, chat, completions, decisions, files, health, jobs, models, verb_jobs
from .auth import Identify, by_key
from .errors import ApiError, api_error, http_error, no_key, validation_error
from .guard import Guard

if TYPE_CHECKING:
    from ..steps.serving import Service

ROUTERS = (health.router, models.router, chat.router, completions.router, decisions.router, files.router, jobs.router, adtune.router,
           verb_jobs.router, artifacts.router)
MEGABYTE = 1 << 20
ABOUT = "OpenAI's interface over a client's own models, and adtune's own part. Every route but /health, /ready and /metrics asks for a key."


def build(service: Service, identify: Identify | None = None) -> FastAPI:
    """The application without its guard, for tests that look at routes. `identify` tells who calls, by default by API key."""
    from .. import __version__

    app = FastAPI(title="adtune", version=__version__, description=ABOUT, docs_url=None, redoc_url=None)
    app.state.service, app.state.metrics, app.state.identify = service, health.Metrics(service), identify or by_key(service)
    for router in ROUTERS:
        app.include_router(router)

    async def ours(request: Request, error: Exception) -> JSONResponse:
        return api_error(error).answer()

    async def wrong(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return validation_error(error).answer()

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return http_error(error, request).answer()

    app.add_exception_handler(ApiError, ours)
    app.add_exception_handler(RequestValidationError, wrong)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, ours)
    return app


def guarded(service: Service, hosts: list[str] | None = None, identify: Identify | None = None) -> Any:
    """The application that a server runs."""
    app, settings = build(service, identify), service.settings
    names = hosts if hosts is not None else [one.strip().lower() for one in settings.hosts.split(",") if one.strip()]

    async def refuses(headers: Mapping[str, str]) -> ApiError | None:
        if await app.state.identify(headers) is None:
            return no_key(headers.get("authorization", ""))
        full = service.limits.full()
        return None if full is None else api_error(full)

    sizes = int(settings.body_megabytes * MEGABYTE), int(settings.file_megabytes * MEGABYTE)
    return Guard(app, names, sizes, refuses, app.state.metrics.seen)
