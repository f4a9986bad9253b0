"""Token engines, one for each base in memory: loaded when first asked for, the least lately used leaving first when it is idle.

An engine whose thread has died is found by a watcher within a second: those who wait for it are told, and its base is loaded anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread

from ..engine.bases import Base
from ..engine.serving import TokenEngine
from ..errors import BusyError
from ..settings import ServeSettings

WATCH_SECONDS = 1.0


class _Place:
    """One base's place: the lock of who loads it, how, and its engine once it is there; `dead` while another is made for one that died."""

    def __init__(self, load: Callable[[], Base]) -> None:
        self.lock, self.load = Lock(), load
        self.engine: TokenEngine | None = None
        self.dead = False

    def alive(self) -> bool:
        return not self.dead and (self.engine is None or bool(self.engine.stats()["alive"]))


class Engines:
    """At most `settings.loaded` engines."""

    def __init__(self, settings: ServeSettings):
        self.settings = settings
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._lock, self._ending = Lock(), Event()
        self._watcher: Thread | None = None

    def get(self, key: str, load: Callable[[], Base]) -> TokenEngine:
        """The engine of a base, loaded by `load` where it is not there; who asks meanwhile waits. Raises what `load` raises, and
        BusyError where every base in memory is at work."""
        with self._lock:
            place = self._places.get(key)
            if place is None:
                self._make_room()
                place = self._places[key] = _Place(load)
            self._places.move_to_end(key)
            if self._watcher is None:
                self._watcher = Thread(target=self._watch, name="adtune-engines", daemon=True)
                self._watcher.start()
        try:
            return self._living(place)
        except BaseException:
            with self._lock:
                if self._places.get(key) is place:
                    del self._places[key]
            raise

    def _living(self, place: _Place) -> TokenEngine:
        """The engine of a place, loaded where there is none, or where its thread died."""
        with place.lock:
            if place.engine is not None and not place.engine.stats()["alive"]:
                place.dead = True
                place.engine.close()  # whoever waits for it is told
                place.engine = None
            if place.engine is None:
                place.engine = TokenEngine(place.load(), rows=self.settings.rows, adapters=self.settings.adapters,
                                           queue=self.settings.queue).start()
                place.dead = False
            return place.engine

    def _watch(self) -> None:
        while not self._ending.wait(WATCH_SECONDS):
            with self._lock:
                dead = [place for place in self._places.values() if not place.alive()]
            for place in dead:
                with suppress(Exception):  # a base that cannot be loaded now: tried again at the next look, and told to whoever asks
                    self._living(place)

    def live(self) -> bool:
        """Whether no engine is dead."""
        with self._lock:
            return all(place.alive() for place in self._places.values())

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
        self._ending.set()
        if self._watcher is not None:
            self._watcher.join()
        with self._lock:
            places, self._places = list(self._places.values()), OrderedDict()
        for place in places:
            if place.engine is not None:
                place.engine.close()
