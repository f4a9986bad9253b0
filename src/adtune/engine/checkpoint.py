"""Checkpoints that survive a kill, a full disk and a flipped bit.

Protocol: write into `.tmp-<step>-<pid>/`, fsync every file, write `MANIFEST.json` (sha256 and size of every file) last,
fsync it, rename to `step-<step>/`, fsync the parent. Only then is the step acknowledged. A reader takes the newest
checkpoint whose manifest verifies, and never a directory without one. Tensors are stored as safetensors, everything else
as JSON: nothing here can execute code.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..errors import DiskFullError, IntegrityError, WorkspaceError

MANIFEST = "MANIFEST.json"


def fsync_path(path: Path) -> None:
    """Flush one file or directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def save_checkpoint(root: Path, step: int, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any], keep: int = 2) -> Path:
    """Write one checkpoint atomically and delete all but the `keep` newest up to it.

    Raises DiskFullError or WorkspaceError; on failure the older checkpoints stay as they were.
    """
    final, aside = root / f"step-{step:08d}", root / f".tmp-{step:08d}-{os.getpid()}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        save_file({name: t.detach().contiguous().cpu() for name, t in tensors.items()}, aside / "state.safetensors")
        (aside / "meta.json").write_text(json.dumps(meta, sort_keys=True), encoding="utf-8")
        manifest = {}
        for name in ("state.safetensors", "meta.json"):
            fsync_path(aside / name)
            manifest[name] = {"sha256": sha256_file(aside / name), "size": (aside / name).stat().st_size}
        (aside / MANIFEST).write_text(json.dumps({"step": step, "files": manifest}, sort_keys=True), encoding="utf-8")
        fsync_path(aside / MANIFEST)
        fsync_path(aside)
        if final.exists():  # the same step written again after a resume: the new one is equally good
            shutil.rmtree(final)
        os.rename(aside, final)
        fsync_path(root)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise _disk_error(root, error) from error
    except Exception as error:  # safetensors wraps an OSError in its own exception
        shutil.rmtree(aside, ignore_errors=True)
        if "No space left" in str(error) or "os error 28" in str(error):
            raise _disk_error(root, OSError(errno.ENOSPC, "No space left on device")) from error
        raise
    _prune(root, keep, final)
    return final


def _disk_error(root: Path, error: OSError) -> WorkspaceError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFullError(str(root), "no space left on the disk", "room for one more checkpoint",
                             "Free some space and run again with --resume last: the last checkpoint is safe.")
    return WorkspaceError(str(root), f"{error.strerror or error}", "a directory that can be written",
                          "Check the permissions of the workspace, or choose another one with --workspace.")


def _prune(root: Path, keep: int, written: Path) -> None:
    """Keep the step just written and those before it; a later one did not verify, or the run would have gone on from it."""
    steps = sorted(p for p in root.glob("step-*") if p.is_dir())
    until = steps.index(written) + 1
    for old in steps[:max(0, until - keep)] + steps[until:]:
        shutil.rmtree(old, ignore_errors=True)
    for left in root.glob(".tmp-*"):
        shutil.rmtree(left, ignore_errors=True)


def verify(directory: Path) -> None:
    """Raise IntegrityError, naming the file, unless every byte is the one that was written."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        files = {name: (str(entry["sha256"]), entry["size"]) for name, entry in manifest["files"].items()}
        if f"step-{manifest['step']:08d}" != directory.name or set(files) != {"state.safetensors", "meta.json"}:
            raise ValueError("names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(str(directory / MANIFEST), "an unreadable manifest", "the manifest written last",
                             "The previous checkpoint is used where there is one.") from error
    for name, (digest, size) in files.items():
        path = directory / name
        if not path.is_file() or path.stat().st_size != size or sha256_file(path) != digest:
            raise IntegrityError(str(path), "bytes that differ from the manifest", f"sha256 {digest[:12]}…",
                                 "The previous checkpoint is used where there is one.")


def load_latest(root: Path, problems: list[str] | None = None) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
    """The newest checkpoint that verifies, as (step, tensors, meta), or None.

    `problems` collects one line for every newer checkpoint that was passed over.
    """
    for directory in sorted((p for p in root.glob("step-*") if p.is_dir()), reverse=True):
        try:
            verify(directory)
        except IntegrityError as error:
            if problems is not None:
                problems.append(str(error))
            continue
        meta = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
        return int(directory.name[5:]), load_file(directory / "state.safetensors"), meta
    return None


def pack_optimizer(optimizer: torch.optim.Optimizer, prefix: str = "optimizer") -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """An optimiser's full state as named tensors and JSON (no pickle)."""
    state = optimizer.state_dict()
    tensors, scalars = {}, {}
    for index, values in state["state"].items():
        for key, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{prefix}.{index}.{key}"] = value
            else:
                scalars[f"{index}.{key}"] = value
    return tensors, {"groups": state["param_groups"], "scalars": scalars}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], packed: Mapping[str, Any],
                     prefix: str = "optimizer") -> None:
    """The inverse of pack_optimizer, in place."""
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix + "."):
            index, key = name[len(prefix) + 1:].split(".", 1)
            state.setdefault(int(index), {})[key] = tensor
    for name, value in packed["scalars"].items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": packed["groups"]})
