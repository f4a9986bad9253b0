"""The verbs around serving: `keys`."""

from __future__ import annotations

from types import SimpleNamespace

from ..errors import InputError, did_you_mean
from . import show_serve
from .desk import Answer, Desk, Job
from .words import Verb, argument, option

ACTIONS = ("create", "ls", "revoke", "rotate", "limit")


def _keys(said: SimpleNamespace) -> Job:
    action = said.action
    if action not in ACTIONS:
        raise InputError("adtune keys", f"'{action}'", f"one of {', '.join(ACTIONS)}", did_you_mean(action, ACTIONS))
    needed = {"create": "client", "limit": "client", "revoke": "id", "rotate": "id"}.get(action)
    if needed and not getattr(said, needed):
        what = "a client: --client CLIENT" if needed == "client" else "the id of a key: adtune keys ls"
        raise InputError(f"adtune keys {action}", f"no {needed}", what, f"See adtune keys --help: adtune keys {action} "
                         + ("--client CLIENT" if needed == "client" else "ID"))
    if said.id and needed != "id":
        raise InputError(f"adtune keys {action}", f"'{said.id}'", "no further word", f"A client is named with --client {said.id}.")
    options = {name: getattr(said, name) for name in ("days", "label", "per_minute", "concurrent", "monthly_tokens")}

    def run(desk: Desk) -> Answer:
        from ..steps import keys

        if action == "create":
            return keys.create_key(desk.workspace, said.client, said.scope, options)
        if action == "rotate":
            return keys.rotate_key(desk.workspace, said.id, said.hours)
        if action == "revoke":
            return keys.revoke_key(desk.workspace, said.id)
        if action == "limit":
            return keys.limit_client(desk.workspace, said.client, said.monthly_tokens)
        return keys.list_keys(desk.workspace, said.client)

    show = {"create": show_serve.new_key, "rotate": show_serve.new_key, "revoke": show_serve.one_key}.get(action, show_serve.keys)
    return Job("keys", run, show, lambda answer: "serve" if action in ("create", "rotate") else "keys ls")


KEYS = Verb(
    "keys", "Make, list, revoke and rotate the API keys of clients.", _keys,
    (argument("action", "ACTION", "create, ls, revoke, rotate or limit."),
     argument("id", "ID", "The key's id, or its beginning (revoke, rotate).", None),
     option("--client", str, "CLIENT", "The client whose key it is; create makes the client where it is new."),
     option("--scope", list[str], "SCOPE", "What the key may do: read, write, train, serve or admin; may be repeated. By default all but "
                                           "admin."),
     option("--days", float, "N", "The key expires after so many days; by default never.", min=0),
     option("--label", str, "WORDS", "What the key is for."),
     option("--per-minute", int, "N", "Requests a minute at most.", min=1),
     option("--concurrent", int, "N", "Requests at the same time at most.", min=1),
     option("--monthly-tokens", int, "N", "Tokens a calendar month that the client may read and write (create, limit); without it, limit "
                                          "takes the limit away.", min=0),
     option("--hours", float, "N", "For how long the old key still opens doors (rotate, 24).", min=0)),
    ("adtune keys create --client acme", "adtune keys create --client acme --scope serve --days 90 --label 'the writers'",
     "adtune keys ls", "adtune keys rotate 1a2b3c4d", "adtune keys revoke 1a2b3c4d",
     "adtune keys limit --client acme --monthly-tokens 2000000"),
    ("A key is shown once, when it is made: only its sha256 is kept.", "A running server refuses a revoked key within a second."))
