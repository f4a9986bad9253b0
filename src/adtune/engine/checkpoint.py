"""Checkpoints that survive a kill, a full disk and a flipped bit.

Protocol: write into `.tmp-<step>-<pid>/`, fsync every file, write `MANIFEST.json` (sha256 and size of every file) last,
fsync it, rename to `step-<step>/`, fsync the parent. Only then is the step acknowledged. A reader takes the newest
checkpoint whose manifest verifies, and never a directory without one. Tensors are stored as safetensors, everything else
as JSON: nothing here can execute code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..durable import FULL, make_folder, os_error, remove_tree, rename, sha256_file, sync, told, write_synced
from ..errors import DiskFullError, IntegrityError, WorkspaceError

MANIFEST, STATE, META = "MANIFEST.json", "state.safetensors", "meta.json"


def save_checkpoint(root: Path, step: int, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any], keep: int = 2) -> Path:
    """Write one checkpoint atomically and delete all but the `keep` newest up to it.

    Raises DiskFullError or WorkspaceError; on failure the older checkpoints stay as they were.
    """
    final, aside = root / f"step-{step:08d}", root / f".tmp-{step:08d}-{os.getpid()}"
    try:
        if not root.is_dir():
            root.mkdir(parents=True, exist_ok=True)
        if aside.exists():
            remove_tree(aside)
        make_folder(aside)
        _fill(aside, step, tensors, meta)
        if not _kept(final):
            rename(aside, final)
        sync(root)
    except Exception as error:
        remove_tree(aside)
        failed = os_error(error)  # safetensors wraps one in an exception of its own
        if failed is None:
            raise
        raise _disk_error(root, failed) from error
    _prune(root, keep, final)
    return final


def _fill(aside: Path, step: int, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
    """Write the files and, last, the manifest that vouches for them."""
    told("write", aside / STATE)
    save_file({name: t.detach().contiguous().cpu() for name, t in tensors.items()}, aside / STATE)
    sync(aside / STATE)
    write_synced(aside / META, json.dumps(meta, sort_keys=True).encode())
    files = {name: {"sha256": sha256_file(aside / name), "size": (aside / name).stat().st_size} for name in (STATE, META)}
    said = {"step": step, "files": files}
    write_synced(aside / MANIFEST, json.dumps({**said, "sha256": _own_hash(said)}, sort_keys=True).encode())
    sync(aside)


def _own_hash(manifest: Mapping[str, Any]) -> str:
    """sha256 of what a manifest says, so that damage to it is told from damage to a file that it names."""
    return hashlib.sha256(json.dumps({name: manifest[name] for name in ("step", "files")}, sort_keys=True).encode()).hexdigest()


def _kept(final: Path) -> bool:
    """Whether this step is there already and sound, which is then as good as its equal; one that is not makes room."""
    if not final.exists():
        return False
    try:
        verify(final)
        return True
    except IntegrityError:
        remove_tree(final)
        return False


def _disk_error(root: Path, error: OSError) -> WorkspaceError:
    if error.errno in FULL:
        return DiskFullError(str(root), "no space left on the disk", "room for one more checkpoint",
                             "Free some space and run again with --resume last: the last checkpoint is safe.")
    return WorkspaceError(str(root), f"{error.strerror or error}", "a directory that can be written",
                          "Check the permissions of the workspace, or choose another one with --workspace.")


def _prune(root: Path, keep: int, written: Path) -> None:
    """Keep the step just written and those before it; a later one did not verify, or the run would have gone on from it."""
    steps = sorted(p for p in root.glob("step-*") if p.is_dir())
    until = steps.index(written) + 1
    for old in (*steps[:max(0, until - keep)], *steps[until:], *root.glob(".tmp-*")):
        remove_tree(old)


def verify(directory: Path) -> None:
    """Raise IntegrityError, naming the file, unless every byte is the one that was written."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        files = {name: (str(entry["sha256"]), entry["size"]) for name, entry in manifest["files"].items()}
        if f"step-{manifest['step']:08d}" != directory.name or set(files) != {STATE, META}:
            raise ValueError("names")
        if set(manifest) != {"step", "files"} and manifest["sha256"] != _own_hash(manifest):  # the first checkpoints had no hash of it
            raise ValueError("hash")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(str(directory / MANIFEST), "an unreadable manifest", "the manifest written last",
                             "The previous checkpoint is used where there is one.") from error
    for name, (digest, size) in files.items():
        path = directory / name
        try:
            found = None if path.stat().st_size == size and sha256_file(path) == digest else "bytes that differ from the manifest"
        except OSError as error:  # gone, or a sector that cannot be read
            found = "no file" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        if found:
            raise IntegrityError(str(path), found, f"sha256 {digest[:12]}…", "The previous checkpoint is used where there is one.")


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
        meta = json.loads((directory / META).read_text(encoding="utf-8"))
        return int(directory.name[5:]), load_file(directory / STATE), meta
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
