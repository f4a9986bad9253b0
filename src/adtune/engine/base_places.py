"""Where a base lies, told before anything heavy loads: a wrong name is refused in a second, not after the libraries."""

from __future__ import annotations

from pathlib import Path

from ..errors import BaseModelError, did_you_mean
from ..starter import base_path

STARTER = "starter"


def base_place(name: str) -> Path | None:
    """The folder of a base by `starter` or local directory; None for a hub id. Raises BaseModelError for a name that can be neither."""
    starter = name == STARTER
    place = base_path("text") if starter else Path(name).expanduser()
    if place.is_dir():
        return place
    if starter:
        raise BaseModelError("starter base", "no shipped weights", "weights in the package",
                             "Run `adtune pretrain text`, or name another base with --base.")
    if place.exists() or name.startswith((".", "/", "~")) or name.count("/") != 1:
        siblings = [p.name for p in place.parent.iterdir() if p.is_dir()] if place.parent.is_dir() else []
        raise BaseModelError(f"--base {name}", "neither a directory nor a hub id", "`starter`, a model directory or an id such as "
                             "Qwen/Qwen3-4B", did_you_mean(place.name, [*siblings, STARTER]))
    return None


def response_place(name: str) -> Path:
    """The folder of a response base by `starter` or folder. Raises BaseModelError where none is there."""
    folder = base_path("response") if name == STARTER else Path(name).expanduser()
    if not (folder / "config.json").is_file() or not (folder / "model.safetensors").is_file():
        raise BaseModelError(f"--base {name}", "no config.json and model.safetensors", "a response base, such as `starter`",
                             "Make one with `adtune pretrain response`, or leave --base out.")
    return folder
