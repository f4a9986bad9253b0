"""What a model's name stands for, for one client: a base, or a version of that client's own. Nothing else can be named.

    starter …                    a base that the server offers
    live, or the client's name   the client's live version (or its canary, for a share of the requests)
    adapter-…, profile-…, rules-…  a version by its id
    ft:BASE:CLIENT:SUFFIX:ID     a version by the name that a fine-tuning job gave it

The client is known before the name is looked at. An unknown name and another client's are one answer, None; there is no fallback.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from ..workspace import Workspace
    from ..workspace.ladder import Standing

LIVE = "live"
SERVED = ("adapter", "profile", "rules")
LONGEST_NAME = 200


@dataclass(frozen=True)
class Target:
    """What answers: `kind` is base, adapter, profile or rules, `id` the version (a base's public name), `base` what it stands on."""

    kind: str
    id: str
    client: str
    base: str
    key: str
    created: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True)
class Listed:
    """One line of a client's list of models."""

    name: str
    created: str
    owner: str


def read_bases(text: str) -> dict[str, str]:
    """`NAME=BASE` or `BASE`, with commas between, as {public name: base}. Raises InputError."""
    bases: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, base = (word.strip() for word in part.partition("="))
        base = base if equals else name
        if not name or not base or name in bases or name == LIVE or name.startswith("ft:"):
            raise InputError("--set bases", f"'{part}'", "BASE or NAME=BASE, each name once",
                             "Write for example bases=starter,small=starter.")
        bases[name] = base
    return bases


def _drawn(standing: Standing, lot: str) -> str | None:
    """The live version, or the canary for those on whom the lot falls."""
    canary = standing.canary
    if canary is not None and zlib.crc32(lot.encode("utf-8", "replace")) / 2**32 < canary.share:
        return canary.version
    return standing.live.version if standing.live else None


class Registry:
    """Names of models for one client at a time. `bases` are the public names of bases."""

    def __init__(self, ws: Workspace, bases: Mapping[str, str]):
        self.ws, self.bases = ws, dict(bases)
        self._whole: dict[str, Path] = {}  # folders whose every byte was checked

    def find(self, client: str, name: str, lot: str = "") -> Target | None:
        """What the client's word `name` stands for; `lot` decides who gets a canary."""
        if not name or len(name) > LONGEST_NAME:
            return None
        if name in self.bases:
            return Target("base", name, client, self.bases[name], f"base/{name}")
        standing = self.ws.ladder.standing(client)
        if name in (LIVE, client):
            return self._version(client, _drawn(standing, lot), standing)
        named = self.ws.ladder.named(client, name) if name.startswith("ft:") else None
        return self._version(client, named.version if named else name, standing)

    def _version(self, client: str, id: str | None, standing: Standing) -> Target | None:
        row = self.ws.owned(id, client) if id else None
        if row is None or row["kind"] not in SERVED or row["id"] in standing.withdrawn:
            return None
        record = row["record"]
        return Target(row["kind"], row["id"], client, record["base"], row["hash"], row["created"], record, self._folder(row["id"]))

    def _folder(self, id: str) -> Path:
        """Where a version's files lie, every byte checked at the first use. Raises IntegrityError."""
        if id not in self._whole:
            self._whole[id] = self.ws.path(id)
        return self._whole[id]

    def listing(self, client: str) -> list[Listed]:
        """What the client may name: bases, then its versions with their names, the newest first."""
        found = [Listed(name, "", "adtune") for name in self.bases]
        if self.ws.ladder.live(client) is not None:
            found.append(Listed(LIVE, "", client))
        withdrawn = self.ws.ladder.withdrawn(client)
        names: dict[str, list[str]] = {}
        for one in self.ws.ladder.names(client):
            names.setdefault(one.version, []).append(one.name)
        for row in self.ws.listing(None, client):
            if row["kind"] in SERVED and row["id"] not in withdrawn:
                found += [Listed(name, row["created"], client) for name in (row["id"], *names.get(row["id"], ()))]
        return found
