"""The table of methods. A new method is one file and one row; `tests/engine/test_methods.py` holds every row to the same terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import BaseModelError, SettingError, did_you_mean
from ..adapter_files import check_adapter
from ..bases import Base
from .base import AbstractMethod, read_adapter
from .full import Full
from .head import Head
from .lora import Lora
from .prefix import Prefix

METHODS: dict[str, type[AbstractMethod]] = {"full": Full, "lora": Lora, "prefix": Prefix, "head": Head}
_SAVED: dict[str, type[AbstractMethod]] = {"LORA": Lora, "PREFIX_TUNING": Prefix, "FULL": Full, "HEAD": Head}


def attach(name: str, base: Base, options: Mapping[str, Any], prompt: Sequence[int]) -> AbstractMethod:
    """A fresh method on a base; `prompt` holds the ids that a prefix starts from."""
    if name not in METHODS:
        raise SettingError("--method", name, "one of " + ", ".join(METHODS), did_you_mean(name, METHODS))
    return METHODS[name].fresh(base, options, prompt)


def attach_saved(base: Base, folder: Path) -> AbstractMethod:
    """Attach an adapter folder (ours or PEFT's) to its base; names and shapes are checked before a weight is read."""
    check_adapter(base, folder)
    config, weights = read_adapter(folder)
    try:
        return _SAVED[config.get("adtune_type") or config["peft_type"]].from_saved(base, config, weights)
    except (KeyError, TypeError, ValueError) as error:
        raise BaseModelError(f"{folder}/adapter_config.json", f"a value that is missing or wrong ({error})", "PEFT's folder format",
                             "Export the adapter again.") from error
