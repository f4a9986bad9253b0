"""Adapters on disk, in memory and in use: at most so many in memory, the least lately used leaving first, never one that a row or a
waiting request has claimed. Loading happens in a thread of its own, so that nobody who writes waits for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import torch

from ...errors import AdtuneError, BaseModelError
from ..adapter_files import CONFIG, check_adapter
from ..bases import Base
from ..methods.base import read_adapter
from ..methods.lora import read_lora
from ..weight_files import read_object
from .requests import AdapterRef


@dataclass(eq=False)
class Loaded:
    """An adapter's tensors as rows need them, on the base's device and in its precision: for LoRA A (I, r) and B (r, O), scaled, by layer;
    for a prefix its keys and values (L, 2, K, P, D)."""

    key: str
    rank: int = 0
    lora: dict[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    prefix: torch.Tensor | None = None

    @property
    def context_tokens(self) -> int:
        return 0 if self.prefix is None else self.prefix.shape[3]

    @property
    def bytes(self) -> int:
        parts = [part for pair in self.lora.values() for part in pair] + ([] if self.prefix is None else [self.prefix])
        return sum(part.numel() * part.element_size() for part in parts)


@dataclass(eq=False)
class _Place:
    """One place in memory: loading while both are None."""

    claims: int = 0
    loaded: Loaded | None = None
    error: AdtuneError | None = None


class Adapters:
    """At most `most` adapters in memory. All but the loading runs in the engine's thread; `wake` is called when one has been loaded."""

    def __init__(self, base: Base, most: int, wake: Callable[[], None]):
        self.base, self.most, self._wake = base, most, wake
        self._places: OrderedDict[tuple[str, float], _Place] = OrderedDict()
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, "adtune-adapters")
        self._none = Loaded("")
        self.hits = self.loads = self.evictions = self.failures = 0

    def claim(self, ref: AdapterRef) -> bool:
        """Keep an adapter in memory until `release`, loading it where it is not there; False where every place is claimed by others."""
        if ref.folder is None:
            return True
        with self._lock:
            place = self._places.get(_name(ref))
            if place is not None:
                self.hits += place.loaded is not None
            else:
                if len(self._places) >= self.most and not self._evict():
                    return False
                self.loads += 1
                place = self._places[_name(ref)] = _Place()
                self._loader.submit(self._load, ref, place)
            place.claims += 1
            self._places.move_to_end(_name(ref))
            return True

    def _evict(self) -> bool:
        idle = next((name for name, place in self._places.items() if not place.claims), None)
        if idle is not None:
            del self._places[idle]
            self.evictions += 1
        return idle is not None

    def get(self, ref: AdapterRef) -> Loaded | None:
        """A claimed adapter, or None while it loads. Raises what made it fail."""
        if ref.folder is None:
            return self._none
        with self._lock:
            place = self._places[_name(ref)]
            if place.error is not None:
                raise place.error
            return place.loaded

    def release(self, ref: AdapterRef) -> None:
        """Give a claim back; an adapter that failed is forgotten with its last claim, and tried again when somebody asks."""
        if ref.folder is None:
            return
        with self._lock:
            place = self._places[_name(ref)]
            place.claims -= 1
            if place.error is not None and not place.claims:
                del self._places[_name(ref)]

    def close(self) -> None:
        self._loader.shutdown(wait=True, cancel_futures=True)

    def stats(self) -> dict[str, int | float | None]:
        """Counts, bytes in memory, and the share of requests that found their adapter there."""
        with self._lock:
            loaded = [place.loaded for place in self._places.values() if place.loaded is not None]
            asked = self.hits + self.loads
            return {"in_memory": len(loaded), "most": self.most, "claimed": sum(place.claims > 0 for place in self._places.values()),
                    "bytes": sum(one.bytes for one in loaded), "hits": self.hits, "loads": self.loads, "evictions": self.evictions,
                    "failures": self.failures, "hit_rate": self.hits / asked if asked else None}

    def _load(self, ref: AdapterRef, place: _Place) -> None:
        try:
            with torch.inference_mode():
                place.loaded = load(self.base, ref)
        except AdtuneError as error:
            place.error = error
        except Exception as error:  # a folder that vanished, a disk that fails: told to whoever asked, and the loader goes on
            place.error = BaseModelError(f"adapter {ref.key[:80]}", f"an unreadable folder ({str(error)[:120]})", "PEFT's folder format",
                                         "Export the adapter again.")
        self.failures += place.error is not None
        self._wake()


def _name(ref: AdapterRef) -> tuple[str, float]:
    return ref.key, ref.scale


def load(base: Base, ref: AdapterRef) -> Loaded:
    """Read and check one adapter. Raises BaseModelError, also for one that is no addition to the base."""
    assert ref.folder is not None
    if (ref.folder / CONFIG).is_file() and read_object(ref.folder / CONFIG).get("adtune_type") == "FULL":
        raise BaseModelError(f"adapter {ref.key[:80]}", "a full fine-tune", "a LoRA or a prefix, which share their base",
                             "Serve a full fine-tune as a base of its own: export --to merged.")
    config = check_adapter(base, ref.folder)
    _, weights = read_adapter(ref.folder)
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise BaseModelError(f"adapter tensor {name}", "values that are not finite", "finite numbers", "Train it again.")
    if config["peft_type"] == "PREFIX_TUNING":
        return _prefix(base, ref, weights["prompt_embeddings"])
    found, rank, alpha = read_lora(config, weights)
    scale, parts = alpha / rank * ref.scale, {}
    for layer in sorted({name.rsplit(".lora_", 1)[0] for name in found}):
        a, b = found[f"{layer}.lora_A"], found[f"{layer}.lora_B"] * scale
        parts[layer] = (a.T.to(base.device, base.dtype).contiguous(), b.T.to(base.device, base.dtype).contiguous())
    return Loaded(ref.key, rank, parts)


def _prefix(base: Base, ref: AdapterRef, stored: torch.Tensor) -> Loaded:
    if ref.scale != 1.0:
        raise BaseModelError(f"adapter {ref.key[:80]}", f"a prefix at scale {ref.scale}", "scale 1: a prefix has no dial",
                             "Serve it at full strength.")
    heads, size = base.kv_sites[0]
    held = stored.view(len(stored), len(base.kv_sites), 2, heads, size).permute(1, 2, 3, 0, 4)  # (L, 2, K, P, D)
    return Loaded(ref.key, prefix=held.to(base.device, base.dtype).contiguous())
