"""The verbs around serving: `serve`, `keys`, `go-live`, `rollback`, `takedown`."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import typer

from ..errors import InputError, did_you_mean
from ..settings import ServeSettings, resolve
from . import show_serve
from .border import OK, REFUSED
from .desk import Answer, Desk, Job
from .words import CLIENT, Verb, Word, argument, option, read_sets, sets, switch

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


def _serve(said: SimpleNamespace) -> Job:
    given = read_sets(said.set, {"host": said.host, "port": said.port, "engine": said.engine, "engine_model": said.engine_model})
    settings, _ = resolve(ServeSettings, ("option", given))

    def told(address: str) -> None:
        sys.stderr.write(f"Serving on {address}/v1 (Ctrl-C ends it). A client's tools need a key: adtune keys create --client CLIENT\n")
        sys.stderr.flush()

    def run(desk: Desk) -> Answer:
        from ..server.run import serve

        return serve(desk.workspace, settings, told)

    return Job("serve", run, show_serve.ended, patient=True)


def _go_live(said: SimpleNamespace) -> Job:
    made = [name for name in ("profile", "rules") if getattr(said, name)]
    if len(made) > 1 or made and said.share is not None:
        raise InputError(f"adtune go-live --{made[0]}", "--share beside it" if len(made) == 1 else "--rules beside it", "one of them",
                         "Make the version first, then give its id with --share.")

    def run(desk: Desk) -> Answer:
        if said.profile:
            from ..steps.ladder import go_live_profile

            return go_live_profile(desk.workspace, said.version, said.by, said.reason, desk.progress)
        if said.rules:
            from ..steps.ladder import go_live_rules

            return go_live_rules(desk.workspace, said.version, said.by, said.reason, desk.progress)
        from ..steps.ladder import go_live

        return go_live(desk.workspace, said.version, said.by, said.share, said.reason)

    def follow(answer: Answer) -> str:
        return f'draft {answer["client"]} "BRIEF"' if answer["passed"] else f"advise {answer['client']}"

    return Job("go-live", run, show_serve.went_live, follow, lambda answer: OK if answer["passed"] else REFUSED)


def _rollback(said: SimpleNamespace) -> Job:
    def run(desk: Desk) -> Answer:
        from ..steps.ladder import rollback

        return rollback(desk.workspace, said.client, said.by, said.reason)

    return Job("rollback", run, show_serve.went_live, lambda answer: f"show {answer['version']}")


def _takedown(said: SimpleNamespace) -> Job:
    options = {"reason": said.reason, "expired": said.expired, "retune": said.retune}

    if said.erase and (said.pieces or said.check or said.expired or said.retune):
        raise InputError("adtune takedown --erase", "other words beside it", "a client, --by and --reason",
                         "It erases the client as a whole, for good.")

    def run(desk: Desk) -> Answer:
        if said.erase:
            from ..steps.erasure import erase_client

            return erase_client(desk.workspace, said.client, said.by, said.reason, desk.progress)
        if said.check:
            from ..steps.takedown import check

            return check(desk.workspace, said.client, said.pieces or (), said.adapter, desk.progress)
        from ..steps.takedown import takedown

        return takedown(desk.workspace, said.client, said.pieces or (), said.by, options, desk.progress)

    def follow(answer: Answer) -> str:
        if answer["check"] or answer["erased"]:
            return f"show {answer['certificate']['id']}"
        pieces = " ".join(one["asset"][:12] for one in answer["pieces"][:3])
        return f"takedown {said.client} {pieces} --check" if answer["retune"] else f"curate {said.client}"

    def code(answer: Answer) -> int:
        return REFUSED if any(one and one["passed"] is False for one in (answer["check"], answer["erased"])) else OK

    return Job("takedown", run, show_serve.taken_down, follow, code)


SERVE = Verb(
    "serve", "Serve every client's versions over HTTP, as OpenAI's API.", _serve,
    (option("--host", str, "HOST", "Address to listen on (127.0.0.1); any other than this machine's own asks for a key first."),
     option("--port", int, "PORT", "Port to listen on (8700); 0 takes a free one.", min=0, max=65535),
     option("--engine", str, "ENGINE", "local: tokens are made in this process (the default). Or the address of vLLM or another server of "
                                       "OpenAI's API; its key is read from ADTUNE_ENGINE_KEY."),
     option("--engine-model", str, "NAME", "What the engine calls its base; by default the only base that it lists."),
     sets(ServeSettings)),
    ("adtune serve", "adtune serve --port 9000 --set bases=starter,gpt-4o-mini=starter",
     "adtune serve --host 0.0.0.0 --set hosts=models.agency.example",
     "adtune serve --engine http://127.0.0.1:8000/v1 --set bases=Qwen/Qwen3-4B --set rows=128"),
    ("Starts one worker, which takes fine-tuning jobs (--set workers=0 starts none).",
     "Every request needs a key: adtune keys create --client CLIENT."))

REASON = option("--reason", str, "WORDS", "Why; kept in the client's history.")

GO_LIVE = Verb(
    "go-live", "Make a version the one that answers for its client.", _go_live,
    (argument("version", "VERSION", "An adapter, profile or rule set by its id; with --profile or --rules the client's name."),
     option("--by", str, "NAME", "Who approves it. Required."),
     switch("--profile", "Make the client's prompt a version (guide and approved pieces) and make that live."),
     switch("--rules", "Make the rules that the client's pieces teach a version and make that live: no model runs for it."),
     option("--share", float, "SHARE", "Let it answer this share of the requests only, beside the live version (a canary)."), REASON),
    ("adtune go-live adapter-1a2b --by 'Ann Lee'", "adtune go-live acme --profile --by 'Ann Lee'",
     "adtune go-live adapter-1a2b --by 'Ann Lee' --share 0.1"),
    ("An adapter needs an evaluation whose gates passed, a prompt or rules need the advice that says so. Where that says no, the exit code "
     "is 2; where there is none yet, it is 1, and the error says what to run.",))

ROLLBACK = Verb(
    "rollback", "Go back to the version that was live before.", _rollback,
    (CLIENT, option("--by", str, "NAME", "Who decided it; by default your login."), REASON),
    ("adtune rollback acme", "adtune rollback acme --by 'Ann Lee' --reason 'too loud'"),
    ("At once, and without a new start of the server. A canary ends first.",))

TAKEDOWN = Verb(
    "takedown", "Take pieces, and what learned from them, out of service.", _takedown,
    (CLIENT, Word("pieces", list[str], typer.Argument(None, metavar="PIECE", help="Pieces by our id or the id that their file gave them.")),
     option("--by", str, "NAME", "Who decided it. Required, but with --check."), REASON,
     switch("--expired", "Also every piece whose usage rights have ended."),
     switch("--retune", "Curate without the pieces at once, and queue the tuning for a worker."),
     switch("--check", "Measure that the pieces are gone: drafts for their own briefs hold no eight words of theirs alone."),
     option("--adapter", str, "ADAPTER", "The version to check; by default the live one, else the newest."),
     switch("--erase", "Erase the client: every row, file, adapter, log and key, for good.")),
    ("adtune takedown acme post-17 --by 'Ann Lee' --reason 'the author objects' --retune",
     "adtune takedown acme --expired --by 'Ann Lee'", "adtune takedown acme post-17 --check",
     "adtune takedown acme --erase --by 'Ann Lee' --reason 'the contract ended'"),
    ("Live falls back to the newest version that never learned from the pieces, else to nothing. A certificate tells all of it.",
     "Exit code 2 where a check finds the pieces' words, or an erasure leaves any."))

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
