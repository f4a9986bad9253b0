"""The words that go with every verb: `--json` and `--workspace DIR`, wherever they stand on the line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError


@dataclass(frozen=True)
class Globals:
    """The words that go with every verb."""

    json: bool
    workspace: Path
    named: bool                              # --workspace was given, so that a next step must repeat it


def wants_json(argv: list[str]) -> bool:
    """Whether `--json` stands before a `--`; known before anything of the line is checked."""
    return "--json" in (argv[:argv.index("--")] if "--" in argv else argv)


def read_globals(argv: list[str]) -> tuple[Globals, list[str]]:
    """Take `--json` and `--workspace DIR` out of `argv`, wherever they stand before a `--`.

    Raises InputError for a `--workspace` without a folder.
    """
    json, folder, rest, words = False, None, [], list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            rest += [word, *words]
            break
        if word == "--json":
            json = True
        elif word == "--workspace" or word.startswith("--workspace="):
            folder = word.partition("=")[2] if "=" in word else (words.pop(0) if words and not words[0].startswith("--") else "")
            if not folder:
                raise InputError("--workspace", "no folder", "a folder", "Write --workspace DIR.")
        else:
            rest.append(word)
    chosen = folder or os.environ.get("ADTUNE_WORKSPACE") or ".adtune"
    return Globals(json, Path(chosen).expanduser(), folder is not None), rest
