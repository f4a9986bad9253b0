"""A base by hub id: its files on this disk, pinned by the commit, or one clear sentence why not.

The token is the environment's (HF_TOKEN) or the one that `hf auth login` keeps. Small files come first, so that a base that will
be refused costs no download of weights.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from ..errors import BaseModelError
from .base_files import check_settings

SMALL = ["*.json", "*.txt", "*.model", "*.jinja", "README.md"]
LEFT_OUT = ["*/*", "consolidated*"]  # other formats' copies of the same weights


def fetch(name: str, revision: str | None) -> tuple[Path, str]:
    """(folder, commit) of a base with safetensors weights; what is in the cache already is not asked for again."""
    folder = _snapshot(name, revision, SMALL)
    check_settings(folder)
    folder = _snapshot(name, folder.name, ["*.safetensors"])  # of the very commit whose settings were looked at
    return folder, folder.name


def _snapshot(name: str, revision: str | None, patterns: list[str]) -> Path:
    import huggingface_hub
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()  # the doors draw their own
    try:
        return Path(huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=patterns, ignore_patterns=LEFT_OUT))
    except Exception as error:  # the client raises its own kinds, its transport's and the system's
        raise _sentence(name, revision, error) from error
    finally:
        if shown:
            enable_progress_bars()


def _sentence(name: str, revision: str | None, error: Exception) -> BaseModelError:
    """What a person can do about a base that could not be had."""
    from huggingface_hub import errors as hub

    def said(found: str, do: str, expected: str = "a base that can be downloaded, or one in the local cache") -> BaseModelError:
        return BaseModelError(f"--base {name}", found, expected, do)

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, hub.GatedRepoError):
        return said("a gated base, and no access to it", "Ask for access on the base's page of the hub, then set HF_TOKEN to a token of "
                    "that account; or use a local directory.", "a base that this token may read")
    if isinstance(error, hub.DisabledRepoError):
        return said("a base that the hub has disabled", "Choose another base, or use a local directory.")
    if isinstance(error, hub.RevisionNotFoundError):
        return said(f"no revision {revision}", "Name a revision that exists, or use a local directory.", "a revision of the base")
    if isinstance(error, hub.RepositoryNotFoundError) or status in (401, 403):
        return said("no base of this name that this token may see", "Check the name; for a private base set HF_TOKEN; or use a local "
                    "directory.", "a base on the hub")
    if isinstance(error, hub.HFValidationError):
        return said("no hub id", "Give OWNER/NAME, or use a local directory.", "an id such as Qwen/Qwen3-4B")
    if isinstance(error, hub.LocalEntryNotFoundError | hub.OfflineModeIsEnabled | hub.IncompleteSnapshotError):
        return said("no connection to the hub, and the base is not in the local cache", "Connect (and unset HF_HUB_OFFLINE), download it "
                    "beforehand, or use a local directory.")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return said("no space left on the disk of the cache", "Free some space, or set HF_HOME to a folder on another disk.",
                    "room for the base")
    first: Any = next(iter(str(error).strip().splitlines()), "")
    kind = f"the hub answered {status}" if status else type(error).__name__
    return said(f"{kind}: {first[:200]}", "Try again later, or use a local directory.")
