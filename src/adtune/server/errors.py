"""Errors in OpenAI's shape: {"error": {message, type, param, code}}, with the status that its clients act upon.

The SDK repeats 408, 409, 429 and 5xx by itself; what repeating does not mend says `x-should-retry: false`.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..errors import AdtuneError, BaseModelError, BusyError, DiskFullError, InputError, IntegrityError, WorkspaceError
from ..serve.limits import Refused
from ..serve.remote import EngineError
from ..steps.serving import UnknownModel

TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "invalid_request_error",
         405: "invalid_request_error", 409: "invalid_request_error", 413: "invalid_request_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """An answer that is an error, with the parts that OpenAI's clients read."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status, self.message, self.code, self.param, self.headers = status, message, code, param, headers or {}

    def body(self) -> dict[str, Any]:
        kind = "insufficient_quota" if self.code == "insufficient_quota" else TYPES.get(self.status, "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def answer(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status, self.headers)


def no_key(authorization: str) -> ApiError:
    """401: no key, or one that opens nothing."""
    told = ("Incorrect API key provided, or one that was revoked or has expired." if authorization else
            "You didn't provide an API key. Send it as `Authorization: Bearer KEY`.")
    return ApiError(401, told, "invalid_api_key", None, {"WWW-Authenticate": "Bearer"})


def unknown_model(name: str) -> ApiError:
    return ApiError(404, f"The model '{name[:100]}' does not exist or you do not have access to it.", "model_not_found", "model")


def missing(what: str, id: str) -> ApiError:
    """404 for what does not exist and for what is another client's."""
    return ApiError(404, f"No such {what}: {id[:100]}", None, "id")


def api_error(error: BaseException) -> ApiError:
    """The answer that an exception of ours becomes; texts of clients and places of this machine stay out of it."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, UnknownModel):
        return unknown_model(error.name)
    if isinstance(error, Refused):
        after = max(1, round(error.after))
        retry = {"x-should-retry": "false"} if error.code == "insufficient_quota" else {}
        return ApiError(429, f"{error.found}; {error.expected}. {error.do}", error.code, None, {"Retry-After": str(after), **retry})
    if isinstance(error, EngineError):
        again = {"x-should-retry": "false"} if error.after is None else {"Retry-After": str(error.after)}
        return ApiError(error.status, f"The token engine: {error.found}. {error.do}", error.code, None, again)
    if isinstance(error, BusyError):
        return ApiError(429, f"The server is busy: {error.found}. {error.do}", "server_busy", None, {"Retry-After": "1"})
    if isinstance(error, InputError):
        code = "context_length_exceeded" if error.where == "prompt" and "context" in error.expected else "invalid_value"
        param = "messages" if code == "context_length_exceeded" else error.where
        return ApiError(400, f"{error.where}: {error.found}; expected {error.expected}. {error.do}", code, param)
    if isinstance(error, (BaseModelError, IntegrityError)):
        return ApiError(503, "This model cannot be served as it is: its base or files are not what it was made on.", "model_unavailable",
                        "model", {"x-should-retry": "false"})
    if isinstance(error, DiskFullError):
        return ApiError(507, "No space left on the server's disk.", "disk_full", None, {"x-should-retry": "false"})
    if isinstance(error, WorkspaceError):
        return ApiError(503, "The workspace cannot be reached at the moment.", "workspace_unavailable", None, {"Retry-After": "2"})
    if isinstance(error, AdtuneError):
        return ApiError(500, error.found, "server_error")
    return ApiError(500, "The server made an error; it has been noted under this request's id.", "server_error")


def validation_error(error: RequestValidationError) -> ApiError:
    """400, as OpenAI answers, where FastAPI would say 422; the first thing that is wrong."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    param = ".".join(where) or None
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"Unknown parameter: '{param}'.", "unknown_parameter", param)
    if first["type"] == "missing":
        return ApiError(400, f"Missing required parameter: '{param}'.", "missing_required_parameter", param)
    if first["type"] == "json_invalid":
        return ApiError(400, "The body is no valid JSON.", "invalid_json")
    code = "invalid_type" if "type" in first["type"] or first["type"].endswith("_parsing") else "invalid_value"
    return ApiError(400, f"Invalid value for '{param}': {first['msg']}.", code, param)


def http_error(error: HTTPException, request: Request) -> ApiError:
    """What the router itself refuses: unknown paths and methods."""
    if error.status_code == 404:
        return ApiError(404, f"Unknown request URL: {request.method} {request.url.path[:200]}.", "unknown_url")
    if error.status_code == 405:
        return ApiError(405, f"Not allowed: {request.method} {request.url.path[:200]}.", "method_not_supported", None,
                        dict(error.headers or {}))
    return ApiError(error.status_code, str(error.detail)[:300], None)
