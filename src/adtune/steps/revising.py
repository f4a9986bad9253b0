"""How an import changes pieces that are there already: a row of a corrections file, or the same piece again with other content."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from ..records import Asset, Change, Rejected, Source

if TYPE_CHECKING:
    from ..archive import Correction
    from ..workspace import Workspace
    from ..workspace.versions import Revision

RELATED = 0.5     # share of common words from which a text under the same id, in another file, is a new version of the piece
OUR_ID = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Says:
    """Who says that a piece changes, where and why; `back` whether an earlier version may come in force again."""

    who: str
    source: Source
    reason: str | None = None
    back: bool = True


class Reviser:
    """Revises pieces of one client during one import, which is stored afterwards: what was revised here stands in for what is stored.

    Of a corrections file the new versions stay in memory, because a later row may name the same piece.
    """

    def __init__(self, ws: Workspace, client: str):
        self.ws, self.client, self.user = ws, client, user_name()
        self._latest: dict[str, Asset] = {}   # the version in force, by the id of the stored one
        self._taken: set[str] = set()         # pieces that were renewed
        self._ahead: dict[str, Asset] = {}    # pieces that were looked up together
        self._single: set[str] = set()        # those of them that have one version only
        self.counts = {"corrected": 0, "withdrawn": 0, "restored": 0, "unchanged": 0}

    def corrected(self, correction: Correction) -> list[Revision] | Rejected:
        """What a row of a corrections file does; Rejected where it names no piece, or several."""
        stored = self._named(correction)
        if isinstance(stored, Rejected):
            return stored
        says = Says(correction.who or self.user, correction.source, correction.reason)
        version = self._version(stored, correction.fields, says)
        made = [version] if version else []
        wanted, now = correction.withdrawn, bool(self._latest.get(stored.id, stored).withdrawn)
        if wanted is not None and wanted != now:
            made.append(self._withdrawal(stored, wanted, says))
        self.counts["unchanged"] += not made
        return made

    def withdrawn(self, id: str, source: Source) -> Revision | None:
        """The withdrawal of a piece whose row says so when it is imported again."""
        stored = self._in_force(id)
        return None if self._latest.get(stored.id, stored).withdrawn else self._withdrawal(stored, True, Says(self.user, source))

    def look_up(self, ids: Sequence[str]) -> None:
        """Gets the pieces that `renewed` is asked about next."""
        self._ahead = self.ws.pieces(self.client, ids)
        self._single = self._ahead.keys() - self.ws.changed_assets(self.client, ids)

    def renewed(self, id: str, again: Asset) -> Revision | Asset | None:
        """What it means that a file holds `again` under the source id of the piece `id`: a new version of it, another piece whose
        id is not unique, or nothing new (None). Fields that the file does not have stay as they were."""
        stored = self._ahead.get(id) or self._in_force(id)
        if id in self._taken or id in self._latest or not same_piece(stored, again):
            return again
        fields = {name: value for name in (*Asset.CONTENT, "language") if (value := getattr(again, name)) not in (None, ())}
        version = self._version(stored, fields, Says(self.user, again.source, back=False))
        self._latest.pop(id, None)   # no later row of this import may name it
        self._taken.add(id)
        self.counts["unchanged"] += version is None
        return version

    def _version(self, stored: Asset, fields: Mapping[str, Any], says: Says) -> Revision | None:
        """The revision that gives a piece these fields; None where it has them, or where an earlier version would come back unasked."""
        from ..archive import with_language
        from ..workspace.versions import Revision

        old = self._latest.get(stored.id, stored)
        content = {name: fields.get(name, getattr(old, name)) for name in Asset.CONTENT}
        changed = [name for name in Asset.CONTENT if content[name] != getattr(old, name)]
        if not changed:
            return None
        earlier = {old.id} if old.id in self._single else {*self.ws.versions(self.client, stored.id), old.id}
        id = next(id for id in (Asset.identity(content, number) for number in count())
                  if id in earlier or not self.ws.known_assets(self.client, [id]))
        if id in earlier and not says.back:
            return None
        language = fields.get("language") or (None if "text" in changed else old.language)
        source = replace(says.source, id=old.source.id)
        piece = with_language(replace(old, id=id, language=language, source=source, replaced_by=None, **content))
        self._latest[stored.id] = piece
        self.counts["corrected"] += 1
        before, after = ({name: getattr(one, name) for name in changed} for one in (old, piece))
        return Revision(Change(old.id, "corrected", id, before, after, says.who, says.source, says.reason), piece)

    def _withdrawal(self, stored: Asset, wanted: bool, says: Says) -> Revision:
        from ..archive import now
        from ..workspace.versions import Revision

        piece = self._latest.get(stored.id, stored)
        what, moment = "withdrawn" if wanted else "restored", now()
        self._latest[stored.id] = replace(piece, withdrawn=moment if wanted else None)
        self.counts[what] += 1
        before, after = {"withdrawn": piece.withdrawn}, {"withdrawn": moment if wanted else None}
        return Revision(Change(piece.id, what, piece.id, before, after, says.who, says.source, says.reason, moment))

    def _named(self, correction: Correction) -> Asset | Rejected:
        """The version in force of the piece that a row names, by our id or by the id of its file."""
        word = correction.piece or correction.own or ""
        own = [] if correction.piece else self.ws.assets_in_force(self.client, [word]).get(word, [])
        if len(own) == 1:
            return own[0]
        if own:
            return Rejected(correction.where, f"the id '{word[:60]}' is that of {len(own)} pieces; name the one meant by its asset id")
        ids = [id for _, id in self.ws.find_asset(word, self.client)] if OUR_ID.fullmatch(word) else []
        if len(ids) == 1:
            return self._in_force(ids[0])
        if ids:
            return Rejected(correction.where, f"several pieces have an id that begins with '{word}'; give more of it")
        return Rejected(correction.where, f"{self.client} has no piece with the id '{word[:60]}'")

    def _in_force(self, id: str) -> Asset:
        piece = self.ws.asset(id, self.client)
        while piece.replaced_by:
            piece = self.ws.asset(piece.replaced_by, self.client)
        return piece


def same_piece(one: Asset, other: Asset) -> bool:
    """Whether two texts under one id are versions of one piece: of the same file or title, or with half their words in common."""
    if one.source.file == other.source.file or (one.title and other.title and one.title.casefold() == other.title.casefold()):
        return True
    words, others = (set(piece.text.casefold().split()) for piece in (one, other))
    return len(words & others) >= RELATED * len(words | others)


def user_name() -> str:
    """The name under which the person is logged in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):   # a container may have no name for its user
        return "unknown"
