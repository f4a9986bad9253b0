"""`adtune go-live` and `rollback`: which version of a client's answers, on whose word and on what evidence."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError, with_article
from ..progress import Progress, silent
from ..records import Split, canonical_json
from .curation import read_dataset
from .versions import PROFILE, RULES

if TYPE_CHECKING:
    from ..serve.ladder import Evidence
    from ..workspace import Workspace



def go_live(ws: Workspace, version: str, by: str | None, share: float | None = None, reason: str | None = None) -> dict[str, Any]:
    """Make a version the one that answers for its client; with `share`, the one that answers that share of the requests (a canary).

    Gives `client version kind live passed gates evidence by previous share moment`; where a gate says no, `passed` is false and nothing
    has changed. Raises InputError for what is no version, was withdrawn or not measured, and where no person is named.
    """
    from ..serve.ladder import KINDS, approver
    from ..workspace.ladder import CANARY, LIVE, Rung

    by = approver(by, f"adtune go-live {version}")
    id = ws.find(version)
    row = ws.record(id) if id not in ws.clients() and not id.startswith(("run-", "draft-")) else {"kind": "client", "client": id}
    if row["kind"] not in KINDS:
        raise InputError(f"adtune go-live {version}", with_article(row['kind']), f"a version: one of {', '.join(KINDS)}",
                         "See `adtune ls`; a client's prompt goes live with `adtune go-live CLIENT --profile --by NAME`.")
    client = row["client"]
    if id in ws.ladder.withdrawn(client):
        raise InputError(f"adtune go-live {version}", "a version that was withdrawn", "one that may be served", "Tune again.")
    if share is not None and not 0 < share < 1:
        raise InputError("--share", str(share), "a share above 0 and below 1", "Leave it out to make the version live for all requests.")
    height, live = ws.ladder.height(client), ws.ladder.live(client)
    if share is not None and live is None:
        raise InputError("--share", "no live version beside it", "a live version that answers the rest", "Leave --share out.")
    ws.path(id)  # what goes live is whole
    evidence = _evidence(ws, row, live.version if live and share is None else None)
    if evidence.passed:
        what = LIVE if share is None else CANARY
        ws.ladder.step(Rung(client, what, id, by, evidence.id, reason, share or 1.0), height)
    return _answer(ws, client, id, evidence, by, live.version if live else None)


def go_live_profile(ws: Workspace, client: str, by: str | None, reason: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Make the client's prompt (guide and approved pieces of its newest dataset, on the base that was advised on) a version, and make it
    live. Where the advice is not `prompt`, nothing is made. Answers and raises as `go_live`."""
    return _go_live_made(ws, client, "profile", (by, reason), progress)


def go_live_rules(ws: Workspace, client: str, by: str | None, reason: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """The same for the rules that the training pieces of the newest dataset teach, where the advice is `rules`."""
    return _go_live_made(ws, client, "rules", (by, reason), progress)


def _go_live_made(ws: Workspace, client: str, kind: str, said: tuple[str | None, str | None], progress: Progress) -> dict[str, Any]:
    from ..serve.ladder import approver, judge_by_plan

    by, reason = approver(said[0], f"adtune go-live {client} --{kind}"), said[1]
    ws.require_client(client)
    dataset = ws.newest("dataset", client)
    if dataset is None:
        raise InputError(f"client {client}", "no dataset", "a curated dataset with advice", f"Run `adtune advise {client}` first.")
    plans = ws.listing("plan", client)
    evidence = judge_by_plan(kind, ws.record(dataset)["record"]["hash"], plans)
    live = ws.ladder.live(client)
    if not evidence.passed:
        return _answer(ws, client, None, evidence, by, live.version if live else None)
    plan = next(one for one in plans if one["id"] == evidence.id)["record"]
    made = make_profile(ws, client, dataset, plan, progress) if kind == "profile" else make_rules(ws, client, dataset, plan)
    return go_live(ws, made, by, reason=reason)


def make_rules(ws: Workspace, client: str, dataset: str, plan: Mapping[str, Any]) -> str:
    """Publish a rule set: the training pieces that its rules are learned from, in the same way every time. Raises InputError for none."""
    from ..advise.rules import learn_rules

    held = read_dataset(ws, dataset)
    examples = [item.example for item in held.split(Split.TRAIN)]
    rules = learn_rules(examples)
    if not rules.count:
        raise InputError(f"dataset {dataset}", "pieces that share no structure", "pieces that rules can be learned from", "Tune instead.")
    record = {"client": client, "dataset": dataset, "dataset_hash": held.hash, "base": plan["base"], "base_hash": plan["base_hash"],
              "examples": len(examples), "templates": rules.count}
    content = canonical_json({"examples": [asdict(one) for one in examples]}).encode()
    return ws.publish("rules", client, {RULES: content}, record, [dataset])


def make_profile(ws: Workspace, client: str, dataset: str, plan: Mapping[str, Any], progress: Progress = silent) -> str:
    """Publish a prompt profile: the guide, the training pieces that may stand in the prompt, and the base they were measured on."""
    from .adapters import base_of

    progress("load the base", 0, 1)
    form = {"settings": plan.get("settings") or {}}
    base = base_of({"base": plan["base"], "base_hash": plan["base_hash"], **form})
    progress("load the base", 1, 1)
    held = read_dataset(ws, dataset)
    examples = [asdict(item.example) for item in held.split(Split.TRAIN)]
    record = {"client": client, "dataset": dataset, "dataset_hash": held.hash, "base": base.name, "base_hash": base.hash,
              "base_place": base.place, "revision": base.revision, "starter": base.starter, "rendering": base.renderer.describe(),
              "guide_words": len(held.guide.split()), "examples": len(examples), **form}
    content = canonical_json({"guide": held.guide, "examples": examples}).encode()
    return ws.publish("profile", client, {PROFILE: content}, record, [dataset])


def rollback(ws: Workspace, client: str, by: str | None = None, reason: str | None = None) -> dict[str, Any]:
    """Go back to the version that was live before; a canary ends first. Gives the object of `go_live`. Raises InputError."""
    from ..serve.ladder import version_before
    from ..workspace.ladder import ROLLBACK, Rung

    ws.require_client(client)
    height, live, canary = ws.ladder.height(client), ws.ladder.live(client), ws.ladder.canary(client)
    if canary is not None and live is not None:
        target = str(live.version)
    else:
        target = version_before(client, ws.ladder.history(client), ws.ladder.withdrawn(client))
    by = by or _login()
    ws.ladder.step(Rung(client, ROLLBACK, target, by, reason=reason), height)
    return _answer(ws, client, target, None, by, live.version if live else None)


def versions(ws: Workspace, client: str) -> dict[str, Any]:
    """`client live canary versions[{id kind created live names gates}] history[…]`, the newest version first."""
    from ..serve.ladder import KINDS

    live, canary, withdrawn = ws.ladder.live(client), ws.ladder.canary(client), ws.ladder.withdrawn(client)
    names: dict[str, list[str]] = {}
    for one in ws.ladder.names(client):
        names.setdefault(one.version, []).append(one.name)
    rows = [row for row in ws.listing(None, client) if row["kind"] in KINDS]
    return {"client": client, "live": live.version if live else None, "canary": None if canary is None else asdict(canary),
            "versions": [{"id": row["id"], "kind": row["kind"], "created": row["created"], "names": names.get(row["id"], []),
                          "live": bool(live and live.version == row["id"]), "withdrawn": row["id"] in withdrawn} for row in rows],
            "history": [asdict(step) for step in ws.ladder.history(client)]}


def _evidence(ws: Workspace, row: Mapping[str, Any], live: str | None) -> Evidence:
    """What speaks for a version; `live` is the one whose place it would take."""
    from ..serve.ladder import Evidence, judge_adapter, judge_by_plan, judge_challenger

    if row["kind"] == "adapter":
        found = judge_adapter(row["id"], ws.listing("report", row["client"]))
        if live is None or live == row["id"] or ws.record(live)["kind"] != "adapter":
            return found
        gate = judge_challenger(live, row["id"], ws.listing("comparison", row["client"]))
        return Evidence(found.id, found.passed and gate["passed"] is not False, {**found.gates, "challenger": gate})
    return judge_by_plan(row["kind"], row["record"]["dataset_hash"], ws.listing("plan", row["client"]))


def _answer(ws: Workspace, client: str, version: str | None, evidence: Evidence | None, by: str, previous: str | None) -> dict[str, Any]:
    live, canary = ws.ladder.live(client), ws.ladder.canary(client)
    held = canary if canary is not None and canary.version == version else live
    return {"client": client, "version": version, "kind": version.partition("-")[0] if version else None,
            "live": live.version if live else None, "passed": evidence.passed if evidence else True,
            "gates": evidence.gates if evidence else {}, "evidence": evidence.id if evidence else None, "by": by, "previous": previous,
            "share": held.share if held is not None and held.version == version else 0.0, "moment": held.moment if held else None}


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "the command line"


def withdraw(ws: Workspace, client: str, version: str, by: str, reason: str | None = None) -> dict[str, Any]:
    """Take a version out of service for good: it answers to no name any more, and nobody rolls back to it. Raises InputError where it is
    live, because nothing takes its place by itself."""
    from ..workspace.ladder import WITHDRAWN, Rung

    live, canary = ws.ladder.live(client), ws.ladder.canary(client)
    if version in (live.version if live else None, canary.version if canary else None):
        raise InputError(f"version {version}", "the version that is live", "one that is not live",
                         "Make another version live first, or roll back.")
    if version not in ws.ladder.withdrawn(client):
        ws.ladder.step(Rung(client, WITHDRAWN, version, by, reason=reason), ws.ladder.height(client))
    return {"client": client, "version": version, "withdrawn": True}
