"""Which version of a client's is meant, and what it does with a brief where it is a prompt or a rule set."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, with_article
from ..records import Brief, Example

if TYPE_CHECKING:
    from ..advise.rules import RuleSet
    from ..engine.bases import Base
    from ..voice.prompt import Context, Nearest
    from ..workspace import Workspace

PROFILE = "profile.json"
RULES = "rules.json"
SERVED = ("adapter", "profile", "rules")


def find_version(ws: Workspace, client: str, word: str | None = None) -> tuple[str, dict[str, Any]]:
    """(id, record) of the version named, else of the live one, else of the newest adapter.

    Raises InputError where there is none, where it is another client's, and where it was withdrawn.
    """
    ws.require_client(client)
    live = None if word else ws.ladder.live(client)
    id = ws.find(word) if word else live.version if live else ws.newest("adapter", client)
    if id is None:
        raise InputError(f"client {client}", "no adapter", "a tuned adapter", f"Run `adtune tune {client}` first.")
    row = ws.record(id)
    if row["kind"] not in SERVED or row["client"] != client:
        raise InputError(f"--adapter {word or id}", f"{with_article(row['kind'])} of {row['client'] or 'no client'}",
                         f"an adapter, profile or rule set of {client}", "See `adtune ls`.")
    if id in ws.ladder.withdrawn(client):
        raise InputError(f"--adapter {word or id}", "a version that was withdrawn", "one that may be used", "Tune again.")
    return id, row["record"]


@lru_cache(maxsize=64)
def _read_profile(folder: Path) -> tuple[str, Nearest]:
    """(guide, index of the examples) of a profile; its files never change."""
    from ..voice.prompt import Nearest

    held = json.loads((folder / PROFILE).read_text(encoding="utf-8"))
    return held["guide"], Nearest(_examples(held))


def _examples(held: dict[str, Any]) -> list[Example]:
    return [Example(Brief(**{**one["brief"], "facts": tuple(one["brief"].get("facts") or ())}), one["text"]) for one in held["examples"]]


@lru_cache(maxsize=64)
def _read_rules(folder: Path) -> RuleSet:
    """The rules of a rule set, learned from its pieces in the same way every time; its files never change."""
    from ..advise.rules import learn_rules

    return learn_rules(_examples(json.loads((folder / RULES).read_text(encoding="utf-8"))))


def ruled_text(ws: Workspace, id: str, brief: Brief) -> str:
    """What a rule set writes to a brief. Raises InputError where it has no rule for it: nobody else answers in its place."""
    text = _read_rules(ws.path(id, verify=False)).draft(brief)
    if text is None:
        raise InputError("brief", f"the category '{(brief.category or 'none')[:60]}'", "a category that a rule was learned for",
                         "Name the category of the piece, or make an adapter live.")
    return text


def profile_context(ws: Workspace, id: str, base: Base, brief: Brief, room_for_text: int) -> Context:
    """The guide and the pieces nearest to the brief, as much as the base's context holds beside the brief and a text of so many tokens."""
    from ..voice.prompt import fill_context
    from .arms import NEAREST

    guide, nearest = _read_profile(ws.path(id, verify=False))
    room = base.context - min(room_for_text, base.context // 2) - 1
    return fill_context(base.renderer, brief, guide, nearest.to([brief], NEAREST)[0], room)
