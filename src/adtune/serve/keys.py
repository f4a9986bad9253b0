"""API keys: made once and shown once; what is kept is an id, scopes and a sha256.

    adt_<id, 8>_<43 letters and digits, 256 bits of chance>_<crc32 of what stands before it, 6>

A random key of 256 bits needs no slow hash. The checksum turns typing errors and wrong keys away before the database is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock

from ..errors import InputError, did_you_mean
from ..workspace.keys import Key, Keys

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
SCOPES = {
    "read": "list and read models, files, jobs and usage", "write": "hand in and delete files and edits",
    "train": "start, pause and cancel jobs", "serve": "completions and embeddings",
    "admin": "all of these, and which version is live"}
DEFAULT_SCOPES = ("read", "write", "train", "serve")
SECRET, CHECKSUM = 43, 6
REMEMBERED_SECONDS = 0.5  # for so long a key may open a door after it was revoked
REMEMBERED_KEYS = 10_000


def moment_in(seconds: float) -> str:
    """ISO 8601 in UTC, `seconds` from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def digest_of(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def check_scopes(scopes: Sequence[str]) -> tuple[str, ...]:
    """The scopes in their usual order, each once. Raises InputError for an unknown one or none."""
    for scope in scopes:
        if scope not in SCOPES:
            raise InputError("--scope", f"'{scope}'", f"one of {', '.join(SCOPES)}", did_you_mean(scope, SCOPES))
    if not scopes:
        raise InputError("--scope", "no scope", f"one of {', '.join(SCOPES)}", "A key without a scope opens nothing.")
    return tuple(scope for scope in SCOPES if scope in scopes)


def _checksum(body: str) -> str:
    number, out = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM):
        number, place = divmod(number, len(LETTERS))
        out = LETTERS[place] + out
    return out


def make_key(made: Key) -> tuple[str, Key]:
    """(the key in words, to be shown once; what is kept of it): `made` with an id and a digest."""
    id = "".join(secrets.choice(LETTERS) for _ in range(8))
    body = f"adt_{id}_{''.join(secrets.choice(LETTERS) for _ in range(SECRET))}"
    text = f"{body}_{_checksum(body)}"
    return text, Key(**{**vars(made), "id": id, "digest": digest_of(text)})


def id_of(text: str) -> str | None:
    """The id that a key names; None for what is no key of ours."""
    parts = text.split("_") if text.isascii() and len(text) < 100 else []
    if len(parts) != 4 or parts[0] != "adt" or (len(parts[1]), len(parts[2])) != (8, SECRET):
        return None
    return parts[1] if hmac.compare_digest(_checksum("_".join(parts[:3])), parts[3]) else None


class Doorkeeper:
    """Tells which key a caller holds. The database's word is remembered for half a second: a revoked key is refused within a second."""

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.monotonic):
        self.keys, self.clock = keys, clock
        self._seen: dict[str, tuple[float, Key | None]] = {}
        self._lock = Lock()

    def remembered(self, text: str) -> tuple[bool, Key | None]:
        """(whether the answer is known without the database, the key)."""
        id = id_of(text)
        if id is None:
            return True, None
        with self._lock:
            found = self._seen.get(id)
        if found is None or self.clock() - found[0] > REMEMBERED_SECONDS:
            return False, None
        return True, self._opens(text, found[1])

    def check(self, text: str) -> Key | None:
        """The key that `text` is; None where it opens nothing: unknown, wrong, revoked or expired."""
        known, key = self.remembered(text)
        if known:
            return key
        id = id_of(text)
        assert id is not None
        asked = self.clock()
        key = self.keys.get(id)
        with self._lock:
            if len(self._seen) >= REMEMBERED_KEYS:
                self._seen.clear()
            self._seen[id] = (asked, key)
        return self._opens(text, key)

    def _opens(self, text: str, key: Key | None) -> Key | None:
        """The key where `text` is its secret; an unknown id takes as long as a wrong secret."""
        right = hmac.compare_digest(digest_of(text), key.digest if key else "0" * 64)
        return key if key is not None and right and key.live(moment_in(0)) else None
