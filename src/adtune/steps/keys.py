"""`adtune keys`: keys for clients' tools, and what each client may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from ..workspace import Workspace
    from ..workspace.keys import Key

SHOWN = ("id", "client", "scopes", "label", "per_minute", "concurrent", "created", "expires", "revoked", "replaces")
GRACE_HOURS = 24.0


def create_key(ws: Workspace, client: str, scopes: Sequence[str] | None = None, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A new key, whose words stand in this answer and nowhere else; creates the client where it is new.

    Options: `days` until it expires (None: never), `label`, `per_minute` (requests), `concurrent` (requests at a time) and
    `monthly_tokens` of the client. Raises InputError.
    """
    from ..serve.keys import DEFAULT_SCOPES, check_scopes, make_key, moment_in
    from ..workspace.keys import Key

    options = {name: value for name, value in (options or {}).items() if value is not None}
    chosen = check_scopes(scopes or DEFAULT_SCOPES)
    ws.ensure_client(client)
    days = options.get("days")
    made = Key("", client, "", chosen, options.get("label"), options.get("per_minute"), options.get("concurrent"),
               expires=None if days is None else moment_in(days * 86400))
    text, key = make_key(made)
    ws.keys.add(key)
    if "monthly_tokens" in options:
        ws.keys.allow(client, {"monthly_tokens": options["monthly_tokens"]})
    return {"key": text, **_shown(ws.keys.require(key.id))}


def rotate_key(ws: Workspace, id: str, hours: float | None = None) -> dict[str, Any]:
    """A new key in the place of another, with its client, scopes and limits; the old one opens doors for `hours` more (24)."""
    from ..serve.keys import make_key, moment_in

    old = ws.keys.require(id)
    _check_live(old)
    until = moment_in((GRACE_HOURS if hours is None else hours) * 3600)
    text, key = make_key(type(old)(**{**vars(old), "created": "", "revoked": None, "replaces": old.id}))
    ws.keys.add(key, old.id, min(until, old.revoked or until))
    return {"key": text, **_shown(ws.keys.require(key.id)), "old": old.id, "old_until": min(until, old.revoked or until)}


def revoke_key(ws: Workspace, id: str) -> dict[str, Any]:
    """The key opens nothing from now on; a running server knows within a second."""
    key = ws.keys.require(id)
    ws.keys.revoke(key.id)
    return _shown(ws.keys.require(key.id))


def list_keys(ws: Workspace, client: str | None = None) -> dict[str, Any]:
    """`keys[{id client scopes … state}]` and `clients{name:{monthly_tokens used_tokens requests}}`; no key's words: nobody has them."""
    if client is not None:
        ws.require_client(client)
    keys = ws.keys.all(client)
    named = sorted({key.client for key in keys} | ({client} if client else set()))
    return {"keys": [_shown(key) for key in keys], "clients": {name: used(ws, name) for name in named}}


def limit_client(ws: Workspace, client: str, monthly_tokens: int | None) -> dict[str, Any]:
    """Sets how many tokens the client may read and write in a calendar month; None is no limit."""
    ws.require_client(client)
    ws.keys.allow(client, {"monthly_tokens": monthly_tokens})
    return list_keys(ws, client)


def used(ws: Workspace, client: str) -> dict[str, Any]:
    """What a client may use and has used this month."""
    month = ws.keys.used(client)
    return {**asdict(ws.keys.allowance(client)), "used_tokens": month.tokens, "requests": month.requests}


def _check_live(key: Key) -> None:
    from ..serve.keys import moment_in

    if not key.live(moment_in(0)):
        raise InputError(f"key {key.id}", "a key that was revoked or has expired", "a key that opens doors",
                         f"Create a new one: adtune keys create --client {key.client}")


def _shown(key: Key) -> dict[str, Any]:
    from ..serve.keys import moment_in

    now = moment_in(0)
    state = "revoked" if key.revoked and key.revoked <= now else "expired" if not key.live(now) else "live"
    return {**{name: getattr(key, name) for name in SHOWN}, "scopes": list(key.scopes), "state": state}
