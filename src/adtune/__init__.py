"""adtune turns a general, pre-trained model into a client's own model, and measures that it was worth it.

The public names; each is loaded when it is first used, so that `import adtune` stays instant. The verbs are functions of
`adtune.steps`, because packages of some of their names (`curate`, `tune`) stand here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Workspace": "workspace",
    "CurateSettings": "settings", "AdviseSettings": "settings", "TuneSettings": "settings", "EvaluateSettings": "settings",
    "DraftSettings": "settings",
    "Asset": "records", "Rejected": "records", "Brief": "records", "Example": "records", "Dataset": "records", "Finding": "records",
    "TunePlan": "records", "Interval": "records",
    "AdtuneError": "errors", "InputError": "errors", "Interrupted": "errors",
    "Progress": "progress",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'adtune' has no attribute '{name}'")
    return getattr(import_module(f"adtune.{_PUBLIC[name]}"), name)
