"""Token engines, one for each base in memory: loaded when first asked for, the least lately used leaving first when it is idle."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from ..engine.bases import Base
from ..engine.serving import TokenEngine
from ..errors import BusyError
from ..settings import ServeSettings


class _Place:
    """One base's place: the lock of who loads it, and its engine once it is loaded."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.engine: TokenEngine | None = None


class Engines:
    """At most `settings.loaded` engines."""

    def __init__(self, settings: ServeSettings):
        self.settings = settings
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._lock = Lock()
        self.failed: str | None = None

    def get(self, key: str, load: Callable[[], Base]) -> TokenEngine:
        """The engine of a base, loaded by `load` where it is not there; who asks meanwhile waits. Raises what `load` raises, and
        BusyError where every base in memory is at work."""
        with self._lock:
            place = self._places.get(key)
            if place is None:
                self._make_room()
                place = self._places[key] = _Place()
            self._places.move_to_end(key)
        with place.lock:
            if place.engine is not None and not place.engine.stats()["alive"]:
                place.engine = None  # its thread died: the base is loaded anew
            if place.engine is None:
                try:
                    place.engine = TokenEngine(load(), rows=self.settings.rows, adapters=self.settings.adapters,
                                               queue=self.settings.queue).start()
                except BaseException:
                    with self._lock:
                        if self._places.get(key) is place:
                            del self._places[key]
                    raise
            return place.engine

    def _make_room(self) -> None:
        if len(self._places) < self.settings.loaded:
            return
        for key, place in self._places.items():
            if place.engine is None:
                continue  # being loaded
            stats = place.engine.stats()
            if not any(stats[name] for name in ("waiting", "reading", "writing")):
                del self._places[key]
                place.engine.close()
                return
        raise BusyError("token engine", f"{len(self._places)} bases at work", "a base that is idle", "Try again in a moment.")

    def all(self) -> dict[str, TokenEngine]:
        """The engines in memory."""
        with self._lock:
            return {key: place.engine for key, place in self._places.items() if place.engine is not None}

    def close(self) -> None:
        with self._lock:
            places, self._places = list(self._places.values()), OrderedDict()
        for place in places:
            if place.engine is not None:
                place.engine.close()
