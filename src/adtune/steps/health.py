"""`adtune doctor`: what this machine and this workspace can do, measured here and offline."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from ..errors import AdtuneError
from ..progress import Progress, silent

Check = dict[str, str]
LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "sqlalchemy", "typer", "jinja2", "huggingface_hub")
EXTRAS = {"gguf": ("gguf", "accelerate"), "quantised": ("torchao",)}  # extra -> its libraries; guides say what for
LEAST_MEMORY, LEAST_DISK = 4 * 2**30, 2 * 2**30
PRODUCT = (512, 1024, 1024)                  # rows, inner and columns of the measured matrix product
STARTERS = ("text", "response")              # the starter bases that ship


def doctor(root: Path, progress: Progress = silent) -> dict[str, Any]:
    """`checks[{check status message do}]` for the machine and the workspace at `root`; status is ok, warn or stop.

    Nothing is created and no network is asked. `stop` marks what must be put right before adtune can work.
    """
    looks: tuple[tuple[str, Callable[[], list[Check]]], ...] = (
        ("libraries", lambda: [_python(), _libraries(), _extras()]), ("memory and disk", lambda: [_cores(), _memory(), _disk(root)]),
        ("torch", _torch_checks), ("workspace", lambda: _workspace(root)), ("starter bases", lambda: [_starters(), _hub()]))
    checks: list[Check] = []
    for done, (name, look) in enumerate(looks):
        progress("check this machine", done, len(looks), name)
        checks += look()
    progress("check this machine", len(looks), len(looks))
    return {"workspace": str(root), "checks": checks}


def _check(name: str, status: str, message: str, do: str = "") -> Check:
    return {"check": name, "status": status, "message": message, "do": do}


def _python() -> Check:
    return _check("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _libraries() -> Check:
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return _check("libraries", "stop", f"missing: {', '.join(missing)}", "Install adtune again: pip install adtune.")
    return _check("libraries", "ok", ", ".join(found))


def _extras() -> Check:
    """Which optional parts are installed; none of them is missed where it is not used."""
    said = []
    for extra, names in EXTRAS.items():
        try:
            said.append(f"{extra}: " + ", ".join(f"{name} {metadata.version(name)}" for name in names))
        except metadata.PackageNotFoundError:
            said.append(f"{extra}: not installed (pip install 'adtune[{extra}]')")
    return _check("extras", "ok", "; ".join(said))


def _cores() -> Check:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _check("cores", "ok" if usable > 1 else "warn", f"{usable}", "" if usable > 1 else "Training on one core is slow.")


def _memory() -> Check:
    from ..engine.devices import available_memory

    free = available_memory()
    if free is None:
        return _check("memory", "warn", "not measured", "Keep at least 4 GiB free for training.")
    if free < LEAST_MEMORY:
        return _check("memory", "warn", _gib(free) + " free", "Close other programs: training a small base takes about 4 GiB.")
    return _check("memory", "ok", _gib(free) + " free")


def _gib(count: float) -> str:
    return f"{count / 2**30:.1f} GiB"


def _nearest(root: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    root = root.absolute()
    return next(folder for folder in (root, *root.parents) if folder.exists())


def _disk(root: Path) -> Check:
    free = shutil.disk_usage(_nearest(root)).free
    if free < LEAST_DISK:
        return _check("disk", "warn", _gib(free) + " free", "Free some space: checkpoints and merged models are written whole.")
    return _check("disk", "ok", _gib(free) + " free")


def _torch_checks() -> list[Check]:
    try:
        import torch
    except (ImportError, OSError) as error:
        return [_check("torch", "stop", f"cannot be loaded: {error}", "Install torch for this machine: https://pytorch.org.")]
    return [_check("torch", "ok", f"{torch.get_num_threads()} threads"), _precision(torch), _device()]


def _precision(torch: Any) -> Check:
    """Compares the speed of one matrix product in float32 and bfloat16 on the CPU; the best of several, after a warm-up."""
    from ..engine.devices import best_seconds

    rows, inner, columns = PRODUCT
    speed = {}
    for name in ("float32", "bfloat16"):
        kind = getattr(torch, name)
        left, right = torch.ones(rows, inner, dtype=kind), torch.ones(inner, columns, dtype=kind)
        speed[name] = 2 * rows * inner * columns / best_seconds(lambda left=left, right=right: left @ right) / 1e9
    ratio = speed["bfloat16"] / speed["float32"]
    message = f"bf16 {speed['bfloat16']:.0f} GFLOP/s, fp32 {speed['float32']:.0f} GFLOP/s on the CPU: {ratio:.1f} times as fast"
    return _check("precision", "ok", message, "" if ratio > 1 else "precision=auto will take fp32 here.")


def _device() -> Check:
    """What `--set device=auto` takes, what that device has free, and in which precision tuning would hold a base and multiply."""
    from ..engine.devices import Form, available_memory, choose

    device = choose()
    free, weights = available_memory(device.kind), str(Form().dtype(device)).removeprefix("torch.")
    products = f"products in {'bf16' if device.bf16 else 'fp32'}"
    said = f"{device.kind}, {device.reason}; {'memory not measured' if free is None else _gib(free) + ' free'}; " \
           f"tuning: weights in {weights}, {products}"
    do = "The CPU trains the starter; a larger base wants a GPU, or --set quantise=int8." if device.kind == "cpu" else ""
    return _check("device", "ok", said, do)


def _workspace(root: Path) -> list[Check]:
    if not root.exists():
        above = _nearest(root)
        if not os.access(above, os.W_OK):
            found = f"none at {root}, and {above} may not be written"
            return [_check("workspace", "stop", found, "Name another place with --workspace DIR.")]
        return [_check("workspace", "ok", f"none at {root} yet; the first import makes it")]
    from ..workspace import Workspace

    try:
        with Workspace.open(root) as ws:
            entries = ws.listing()
            return [_check("workspace", "ok", f"{root}: {len(ws.clients())} clients, {len(entries)} artifacts"), _integrity(ws, entries)]
    except AdtuneError as error:
        return [_check("workspace", "stop", f"{error.where}: {error.found}", error.do)]


def _integrity(ws: Any, entries: list[dict[str, Any]]) -> Check:
    damaged, advice = [], ""
    for entry in entries:
        try:
            ws.path(entry["id"])
        except AdtuneError as error:
            damaged.append(f"{entry['id']}: {error.found}")
            advice = advice or error.do
    if damaged:
        return _check("integrity", "stop", "; ".join(damaged), advice)
    return _check("integrity", "ok", f"all files of {len(entries)} artifacts match their hashes")


def _starters() -> Check:
    from ..starter import base_path

    missing = [kind for kind in STARTERS if not (base_path(kind) / "config.json").is_file()]
    if missing:
        return _check("starter bases", "warn", f"missing: {', '.join(missing)}", "Install adtune again, or name another base with --base.")
    return _check("starter bases", "ok", ", ".join(STARTERS))


def _hub() -> Check:
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    token = any(os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
    said = f"not asked (this check is offline); token {'set' if token else 'not set'}{', HF_HUB_OFFLINE set' if offline else ''}"
    return _check("Hugging Face hub", "ok", said, "" if token else "Gated bases need HF_TOKEN; the starter and local folders do not.")
