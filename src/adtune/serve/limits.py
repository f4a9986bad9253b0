"""How much a key and a client may ask for: requests a minute, requests at the same time, tokens a month.

A refusal is decided in memory within microseconds, so that it stays quick when everything else is slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from ..errors import BusyError
from ..settings import ServeSettings
from ..workspace.keys import Key, Keys

SPEND_SECONDS = 1.0  # for so long a client's spending is remembered


class Refused(BusyError):
    """Over a limit; `after` is in how many seconds it may be tried again, `code` the API's word for it."""

    def __init__(self, found: str, expected: str, after: float, code: str = "rate_limit_exceeded"):
        super().__init__("request", found, expected, f"Try again in {max(1, round(after))} s.")
        self.after, self.code = after, code


@dataclass
class _Bucket:
    """Requests that may come at once; one more every 60 / per_minute seconds, up to a minute's worth."""

    left: float
    seen: float
    running: int = 0


class Limits:
    """Counts what is asked, for all keys of a server."""

    def __init__(self, keys: Keys, settings: ServeSettings, clock: Callable[[], float] = time.monotonic):
        self.keys, self.per_minute, self.concurrent, self.clock = keys, settings.per_minute, settings.concurrent, clock
        self.most, self.running = settings.rows + settings.queue, 0  # of all keys together
        self._buckets: dict[str, _Bucket] = {}
        self._spent: dict[str, tuple[float, int | None]] = {}
        self._lock = Lock()

    def full(self) -> Refused | None:
        """Why nobody may come in now; None where there is room."""
        if self.running < self.most:
            return None
        return Refused(f"{self.running} requests at the same time", f"at most {self.most} of all keys", 1.0, "server_busy")

    def enter(self, key: Key) -> None:
        """One more request. Raises Refused where the key has too many at the same time, or in this minute."""
        rate, most = key.per_minute or self.per_minute, key.concurrent or self.concurrent
        with self._lock:
            now = self.clock()
            bucket = self._buckets.setdefault(key.id, _Bucket(rate, now))
            bucket.left, bucket.seen = min(rate, bucket.left + (now - bucket.seen) * rate / 60), now
            full = self.full()
            if full is not None:
                raise full
            if bucket.running >= most:
                raise Refused(f"{bucket.running} requests at the same time", f"at most {most} of a key", 1.0)
            if bucket.left < 1:
                raise Refused(f"more than {rate} requests in a minute", f"at most {rate} of a key", (1 - bucket.left) * 60 / rate)
            bucket.left -= 1
            bucket.running += 1
            self.running += 1

    def leave(self, key: Key) -> None:
        """One request less at the same time."""
        with self._lock:
            self._buckets[key.id].running -= 1
            self.running -= 1

    def spend(self, client: str) -> None:
        """Raises Refused where the client has used what it may use this month."""
        now = self.clock()
        with self._lock:
            seen, left = self._spent.get(client, (-SPEND_SECONDS, None))
        if now - seen >= SPEND_SECONDS:
            most = self.keys.allowance(client).monthly_tokens
            left = None if most is None else most - self.keys.used(client).tokens
            with self._lock:
                self._spent[client] = (now, left)
        if left is not None and left <= 0:
            raise Refused("a month's tokens used up", "tokens left of the client's limit", 3600.0, "insufficient_quota")

    def used(self, client: str, tokens: int) -> None:
        """Takes tokens off what the client has left, before the database is asked again."""
        with self._lock:
            seen, left = self._spent.get(client, (-SPEND_SECONDS, None))
            if left is not None:
                self._spent[client] = (seen, left - tokens)
