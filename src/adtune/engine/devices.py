"""Which device a base lies on, in which precision, and what memory that device has left; chosen once, with the reason.

torch loads inside the functions: `adtune doctor` asks here on machines where it may be missing.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SettingError, did_you_mean

if TYPE_CHECKING:
    import torch

KINDS = ("auto", "cpu", "cuda", "mps")
LEAST_CUDA = (8, 0)  # compute capability from which tensor cores multiply bf16


@dataclass(frozen=True)
class Device:
    """A kind of device (cpu, cuda or mps) and why it was taken."""

    kind: str
    reason: str

    @property
    def bf16(self) -> bool:
        """True where products in bf16 are fast: measured on a CPU, known of a GPU."""
        return _cpu_bf16() if self.kind == "cpu" else _gpu_bf16(self.kind)


@dataclass(frozen=True)
class Form:
    """How a base is to be loaded: `device` and `quantise` as in TuneSettings, `fp32` for weights in fp32 on every device."""

    device: str = "auto"
    quantise: str = "none"
    fp32: bool = False

    def dtype(self, device: Device) -> torch.dtype:
        """Precision of the weights: fp32 on a CPU; bf16 on a GPU that multiplies it fast, unless fp32 is asked for."""
        import torch

        return torch.bfloat16 if device.kind != "cpu" and not self.fp32 and device.bf16 else torch.float32


@cache
def choose(asked: str = "auto") -> Device:
    """The device for `--set device=...`: the first of cuda, mps and cpu that is there, or the one named. Raises SettingError."""
    if asked not in KINDS:
        raise SettingError("--set device", asked, "one of " + ", ".join(KINDS), did_you_mean(asked, KINDS))
    if asked == "cpu":
        return Device("cpu", "the CPU, as asked")
    for kind in ("cuda", "mps"):
        if asked in ("auto", kind):
            name = _name(kind)
            if name:
                return Device(kind, f"{name}, {'as asked' if asked == kind else 'the fastest device here'}")
            if asked == kind:
                raise SettingError("--set device", f"{kind}, which torch does not find here", "a device of this machine",
                                   "Use device=auto, or install the torch for this device: https://pytorch.org.")
    return Device("cpu", "the CPU: torch finds no CUDA and no MPS device")


def _name(kind: str) -> str | None:
    """What torch calls the device of this kind, or None where there is none."""
    import torch

    if kind == "cuda":
        return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return "Apple MPS" if torch.backends.mps.is_available() else None


@cache
def _gpu_bf16(kind: str) -> bool:
    """CUDA from compute capability 8.0; MPS where the system knows the type (macOS 14)."""
    import torch

    if kind == "cuda":
        return torch.cuda.get_device_capability(0) >= LEAST_CUDA
    try:
        one = torch.ones(2, 2, dtype=torch.bfloat16, device=kind)
        return bool(torch.isfinite(one @ one).all().item())
    except (RuntimeError, TypeError):
        return False


def best_seconds(work: Callable[[], object], repeats: int = 5, enough: float = 0.1) -> float:
    """The shortest of several times of `work`, after a warm-up; a slow one is not repeated once `enough` seconds went into it."""
    work()
    times: list[float] = []
    while len(times) < repeats and sum(times) < enough:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


@cache
def _cpu_bf16() -> bool:
    """True where this CPU multiplies bf16 at least 1.5 times as fast as fp32 (measured once; half a second where bf16 is slow)."""
    import torch

    def seconds(dtype: torch.dtype) -> float:
        a = torch.ones(512, 512, dtype=dtype)
        return best_seconds(lambda: a @ a)

    return seconds(torch.float32) > 1.5 * seconds(torch.bfloat16)


@cache
def bf16_is_faster() -> bool:
    """True where bf16 pays on the device that `auto` takes."""
    return choose().bf16


def product_dtype(x: torch.Tensor) -> torch.dtype:
    """The precision in which a layer multiplies `x`: autocast's where it is on, else that of `x`."""
    import torch

    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the CPU on the device; on CUDA by pinned memory, so that the processor does not wait until the card gets to it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def random_states(kind: str) -> dict[str, torch.Tensor]:
    """What decides the next random numbers, by the name in a checkpoint: of the CPU, and of the device where it is another."""
    import torch

    return {"rng": torch.get_rng_state()} | ({} if kind == "cpu" else {f"rng.{kind}": getattr(torch, kind).get_rng_state()})


def restore_random(kind: str, states: Mapping[str, torch.Tensor]) -> None:
    """The inverse of `random_states`; a state that was written on another kind of device is left alone."""
    import torch

    torch.set_rng_state(states["rng"])
    if f"rng.{kind}" in states:
        getattr(torch, kind).set_rng_state(states[f"rng.{kind}"])


def available_memory(kind: str = "cpu") -> int | None:
    """Bytes that a new process can take of the device's memory, or None where nobody tells.

    A CPU's is Linux's MemAvailable, elsewhere what is installed.
    """
    if kind == "cuda":
        import torch

        return torch.cuda.mem_get_info()[0]
    if kind == "mps":
        import torch

        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def peak_memory_bytes(kind: str = "cpu") -> int:
    """Largest memory so far: what torch allocated on CUDA, else what of this process was resident."""
    if kind == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
