"""Which version goes live, and which one was live before: rules over the steps of a client's ladder.

A version is an artifact that never changes: an adapter, a prompt profile (guide, examples, base) or a rule set. Going live asks for
passed gates and a person's name; rolling back goes to the version that was live before, past those that were withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..workspace.ladder import DOWN, LIVE, ROLLBACK, Rung

KINDS = ("adapter", "profile", "rules")


@dataclass(frozen=True)
class Evidence:
    """Why a version may go live: the artifact that measured it, and what each of its gates said."""

    id: str
    passed: bool
    gates: dict[str, Any]


def approver(name: str | None, said: str) -> str:
    """The name of the person who answers for it. Raises InputError where there is none."""
    name = " ".join((name or "").split())
    if not name:
        raise InputError(said, "no name", "the name of who approves it", f"Say who answers for it: {said} --by NAME.")
    return name[:200]


def stack_of(history: Sequence[Rung], withdrawn: Collection[str] = ()) -> list[str]:
    """The versions that were live, the one that is live last; a rollback takes the last one off. Withdrawn versions are passed over."""
    stack: list[str] = []
    for step in history:
        if step.what == LIVE and step.version is not None and stack[-1:] != [step.version]:
            stack.append(step.version)
        elif step.what == ROLLBACK and step.version in stack:
            while stack[-1] != step.version:
                stack.pop()
        elif step.what == DOWN:
            stack.append("")
    held: list[str] = []
    for version in stack:
        if version not in withdrawn and held[-1:] != [version]:
            held.append(version)
    return held


def version_before(client: str, history: Sequence[Rung], withdrawn: Collection[str] = ()) -> str:
    """The version that a rollback goes to. Raises InputError where there is none."""
    stack = stack_of(history, withdrawn)
    before = [version for version in stack[:-1] if version]
    if not before or not stack:
        raise InputError(f"client {client}", "no version that was live before", "two versions that went live, one after the other",
                         f"See the client's versions with `adtune ls --client {client}`, and make one live with `adtune go-live`.")
    return before[-1]


def judge_adapter(id: str, reports: Sequence[Mapping[str, Any]]) -> Evidence:
    """The newest evaluation of an adapter, of `reports` with the newest first. Raises InputError where it was not evaluated."""
    report = next((one for one in reports if one["record"].get("adapter") == id), None)
    if report is None:
        raise InputError(f"adapter {id}", "no evaluation", "an evaluation whose gates passed", "Run `adtune evaluate` on it first.")
    gates = report["record"].get("gates") or {}
    failed = any(gate.get("passed") is False for gate in gates.values())
    return Evidence(report["id"], bool(report["record"].get("passed")) and not failed, gates)


def judge_challenger(live: str, id: str, comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A gate: whether the newest comparison of a version with the live one, on pieces that neither has seen, shows that the live one is
    better. Null where they were not compared."""
    for one in comparisons:
        record = one["record"]
        sides = {name: side for name, side in record.items() if side in (live, id) and name not in ("choice", "by")}
        if set(sides.values()) == {live, id}:
            better = sides.get(str(record.get("choice")))
            return {"passed": better != live, "value": better, "limit": live, "reason": str(record.get("reason") or "")}
    return {"passed": None, "value": None, "limit": live, "reason": "not measured: `adtune compare` measures it against the live version"}


def judge_by_plan(kind: str, dataset: str, plans: Sequence[Mapping[str, Any]]) -> Evidence:
    """What the newest advice about a dataset says of a prompt profile (verdict prompt) or a rule set (verdict rules), which was measured
    there beside tuning. Raises InputError where there is no advice."""
    wanted = {"profile": "prompt", "rules": "rules"}[kind]
    plan = next((one for one in plans if one["record"].get("dataset") == dataset), None)
    if plan is None:
        raise InputError(f"{kind} of dataset {dataset[:12]}…", "no advice about this dataset", f"advice that says {wanted}",
                         "Run `adtune advise` first: it measures the prompt beside tuning.")
    verdict = plan["record"]["method"]
    return Evidence(plan["id"], verdict == wanted, {"advice": {"passed": verdict == wanted, "value": verdict, "limit": wanted}})
