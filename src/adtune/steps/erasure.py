"""`adtune takedown CLIENT --erase`: everything of a client's is taken off the disk, looked for in every byte that is left, and certified.

Keys first, so that nobody comes in; then jobs are cancelled and waited for; then files and rows. The certificate has names, counts and ids,
and no text. It belongs to no client, since that one is gone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import WorkspaceError
from ..progress import Progress, silent
from .certificate import certified

if TYPE_CHECKING:
    from ..workspace import Workspace

CANARIES = 20            # stretches of the client's texts that are looked for afterwards
STRETCH = 40             # characters of one
WAIT_SECONDS = 45.0      # for workers to let go: longer than a lease, so that a dead worker holds nothing
LOOK_SECONDS = 0.2


def erase_client(ws: Workspace, client: str, by: str | None, reason: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Erase a client: the object of `takedown` with `erased{rows artifacts files bytes published canaries found searched_bytes passed}`.

    `found` says which files still hold a stretch of the client's texts. Raises InputError for an unknown client and where no person is
    named, WorkspaceError where somebody still works for the client; what was begun is ended by saying it again.
    """
    from ..serve.ladder import approver
    from ..workspace.erasing import erase, search
    from .remote_serving import published_name

    by = approver(by, f"adtune takedown {client} --erase")
    ws.require_client(client)
    live = ws.ladder.live(client)
    made = [one for one in ws.listing(None, client) if one["kind"] in ("adapter", "profile", "rules")]
    published = sorted(published_name(one["hash"]) for one in made if one["kind"] == "adapter")
    canaries = canaries_of(ws, client)
    _let_go(ws, client, progress)
    progress("erase", 0, 2)
    gone = erase(ws, client, published)
    progress("erase", 1, 2)
    found, total = search(ws.root, [one.encode() for one in canaries])
    progress("erase", 2, 2)
    answer: dict[str, Any] = {
        "client": client, "by": by, "reason": reason, "pieces": [], "held_by": [], "withdrawn": [one["id"] for one in made],
        "live": None, "previous": live.version if live else None, "logs": [], "alike": [], "retune": None, "check": None,
        "erased": {**asdict(gone), "published": published, "canaries": len(canaries), "found": found, "searched_bytes": total,
                   "passed": not found}}
    return certified(ws, None, answer, {"erased": client, "by": by, "passed": not found})  # it is nobody's: the client is gone


def canaries_of(ws: Workspace, client: str) -> list[str]:
    """Stretches of the client's own texts that stand in no other client's."""
    texts = _texts(ws, client)
    order = random.Random(f"canaries/{client}")
    found: list[str] = []
    for text in order.sample(texts, min(len(texts), 10 * CANARIES)):
        stretch = _stretch(text)
        if stretch and stretch not in found:
            found.append(stretch)
    for other in ws.clients():
        if other != client and found:
            held = _texts(ws, other)
            found = [one for one in found if not any(one in text for text in held)]
    return found[:CANARIES]


def _texts(ws: Workspace, client: str) -> list[str]:
    """A client's pieces, drafts and edited texts."""
    return [one.text for one in ws.assets(client)] + [one["text"] for one in ws.drafts(client)] + [one.final for one in ws.edits(client)]


def _stretch(text: str) -> str | None:
    """A stretch from the middle that has the same bytes in a plain file and in JSON; None where there is none."""
    parts = [part for line in text.split("\n") for part in line.replace("\\", '"').split('"') if len(part) >= STRETCH and part.isascii()]
    longest = max(parts, key=len, default="")
    start = max(0, (len(longest) - STRETCH) // 2)
    return longest[start:start + STRETCH] or None


def _let_go(ws: Workspace, client: str, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> None:
    """Nobody comes in any more, and no worker works for the client. Raises WorkspaceError where one does not stop."""
    from ..workspace.erasing import running
    from ..workspace.jobs import CANCEL, DONE

    for key in ws.keys.all(client):
        ws.keys.revoke(key.id)
    for job in ws.jobs.all(client):
        if job.status not in DONE:
            ws.jobs.ask(job.id, CANCEL)
    waited = 0.0
    while left := running(ws, client):
        if waited >= WAIT_SECONDS:
            raise WorkspaceError(f"client {client}", f"job {left[0]}, which a worker still does", "a client for whom nobody works",
                                 "Its keys are revoked. Stop the worker, then say it again.")
        progress("wait for workers", waited, WAIT_SECONDS)
        sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
